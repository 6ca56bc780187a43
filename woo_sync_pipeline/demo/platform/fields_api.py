"""The operations on custom fields."""

from __future__ import annotations

import re
from typing import Any

from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, Json, conflict, not_found
from woo_sync_pipeline.demo.platform.paging import parse_query
from woo_sync_pipeline.demo.platform.shapes import integer, is_uuid, record, text
from woo_sync_pipeline.demo.platform.store import FIELD_TYPES, FieldRecord, Store

_MERGE_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LABEL = text(max_length=100, not_blank=True)
_MAX_LENGTH = integer(1, 1000)

_CREATE = record(
    {
        "label": _LABEL,
        "mergeTag": text(max_length=100, form=lambda value: _MERGE_TAG.fullmatch(value) is not None),
        "maxLength": _MAX_LENGTH,
        "type": text(choices=FIELD_TYPES),
    },
    required=("label", "maxLength", "mergeTag", "type"),
)
_UPDATE = record({"label": _LABEL, "maxLength": _MAX_LENGTH})
_FILTERS = {"customFieldIds": text(form=is_uuid), "label": text(), "mergeTag": text()}


def get_page(account: Account, call: Call) -> Answer:
    """Answer the custom fields that match, ordered by id. Labels and tags match in part, in any case."""
    query = parse_query(call.query, _FILTERS, frozenset(("customFieldIds",)))
    ids = {each.lower() for each in query["customFieldIds"]} if "customFieldIds" in query else None
    label, tag = query.get("label", [""])[0].casefold(), query.get("mergeTag", [""])[0].casefold()
    matching = sorted(
        each.id
        for each in account.store.fields.values()
        if (ids is None or each.id in ids)
        and label in each.label.casefold()
        and tag in each.merge_tag.casefold()
    )
    page, data = account.pager.page(matching, query, "custom-fields")
    data["content"] = [_to_json(account, account.store.fields[each]) for each in page]
    return Answer(200, data)


def create(account: Account, call: Call) -> Answer:
    """Create a custom field."""
    body: dict[str, Any] = call.checked_body(_CREATE)
    _check_label(account.store, body["label"], owner=None)
    if account.store.field_with(merge_tag=body["mergeTag"]):
        raise conflict("A custom field with this merge tag already exists")
    added = account.store.add_field(body["label"], body["mergeTag"], body["type"], body["maxLength"])
    return Answer(201, _to_json(account, added))


def get(account: Account, call: Call) -> Answer:
    """Answer one custom field."""
    return Answer(200, _to_json(account, _existing(account, call)))


def update(account: Account, call: Call) -> Answer:
    """Change a custom field's label or length; values that are there already stay."""
    body: dict[str, Any] = call.checked_body(_UPDATE)
    existing = _existing(account, call)
    if "label" in body:
        _check_label(account.store, body["label"], owner=existing)
    existing.label = body.get("label", existing.label)
    existing.max_length = body.get("maxLength", existing.max_length)
    existing.touch()
    return Answer(200, _to_json(account, existing))


def delete(account: Account, call: Call) -> Answer:
    """Delete a custom field, and with it every value in it."""
    account.store.remove_field(_existing(account, call))
    return Answer(204)


def _existing(account: Account, call: Call) -> FieldRecord:
    existing = account.store.fields.get(call.ids[0])
    if existing is None:
        raise not_found("The custom field")
    return existing


def _check_label(store: Store, label: str, *, owner: FieldRecord | None) -> None:
    holder = store.field_with(label=label)
    if holder is not None and holder is not owner:
        raise conflict("A custom field with this label already exists")


def _to_json(account: Account, each: FieldRecord) -> Json:
    return {
        **account.common(each),
        "label": each.label,
        "mergeTag": each.merge_tag,
        "type": each.type,
        "maxLength": each.max_length,
    }
