"""Finds the operation for a request and carries it out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from woo_sync_pipeline.demo.platform import contacts_api, fields_api, lists_api
from woo_sync_pipeline.demo.platform.account import Account, Call, Operation
from woo_sync_pipeline.demo.platform.answers import (
    Answer,
    InvalidField,
    RefusalError,
    api_error,
    invalid,
    not_readable,
)
from woo_sync_pipeline.demo.platform.shapes import is_uuid

PREFIX = "/api/v1/contacts/"

_ID = "{id}"
_ID_NAMES = {"contacts": "contactId", "lists": "listId", "custom-fields": "customFieldId"}

_OPERATIONS: Mapping[tuple[str, ...], Mapping[str, Operation]] = {
    ("contacts",): {"GET": contacts_api.get_page, "POST": contacts_api.create},
    ("contacts", _ID): {
        "GET": contacts_api.get,
        "PATCH": contacts_api.update,
        "DELETE": contacts_api.delete,
    },
    ("lists",): {"GET": lists_api.get_page, "POST": lists_api.create},
    ("lists", _ID): {"GET": lists_api.get, "PATCH": lists_api.update, "DELETE": lists_api.delete},
    ("lists", _ID, "contacts"): {"PATCH": lists_api.change_members},
    ("lists", _ID, "contacts", _ID): {"POST": lists_api.add_member, "DELETE": lists_api.remove_member},
    ("custom-fields",): {"GET": fields_api.get_page, "POST": fields_api.create},
    ("custom-fields", _ID): {
        "GET": fields_api.get,
        "PATCH": fields_api.update,
        "DELETE": fields_api.delete,
    },
}
_WITHOUT_BODY = (lists_api.add_member,)


def perform(account: Account, method: str, path: str, query: str, content_type: str, body: bytes) -> Answer:
    """Carry out a request that has been authenticated, or refuse it and change nothing."""
    segments = path.removeprefix(PREFIX).split("/") if path.startswith(PREFIX) else []
    template = tuple(_ID if position % 2 else each for position, each in enumerate(segments))
    operations = _OPERATIONS.get(template)
    if operations is None:
        return api_error(404, "not_found", "Not found", "There is no such resource")
    operation = operations.get(method)
    if operation is None:
        refusal = api_error(405, "method_not_allowed", "Method not allowed", f"{method} is not allowed here")
        return replace(refusal, headers={"Allow": ", ".join(operations)})
    try:
        ids = _checked_ids(segments)
        parsed: object = None
        if method in ("POST", "PATCH") and operation not in _WITHOUT_BODY:
            if not body and not content_type:
                raise not_readable("There is no body")
            if content_type.partition(";")[0].strip().lower() != "application/json":
                return api_error(
                    415, "unsupported_media_type", "Unsupported media type", "Send application/json"
                )
            parsed = _parsed(body)
        return operation(account, Call(ids, query, parsed))
    except RefusalError as refusal:
        return refusal.answer


def _checked_ids(segments: list[str]) -> tuple[str, ...]:
    wrong = [
        InvalidField(_ID_NAMES[kind], "type_mismatch", "must be a UUID")
        for kind, each in zip(segments[::2], segments[1::2], strict=False)
        if not is_uuid(each)
    ]
    if wrong:
        raise invalid(wrong)
    return tuple(each.lower() for each in segments[1::2])


def _parsed(body: bytes) -> object:
    try:
        parsed: object = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise not_readable("The body is no JSON") from None
    return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
