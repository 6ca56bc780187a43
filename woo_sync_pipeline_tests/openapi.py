"""Checks what passes between us and the demo platform against the published description of the API."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange
from woo_sync_pipeline_tests.checkout import SHARED

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

Hook = Callable[[Exchange], None]

DESCRIPTION = SHARED / "messagemedia" / "contacts-openapi.json"

# What HTTP itself, not the description, provides for.
_UNDESCRIBED = {405, 413, 414, 415, 429}


class OpenApiRecorder:
    """Attached to a DemoPlatform, collects every violation of the API's description.

    Properties and parameters that are not described are violations too, in requests and in answers. Texts name
    what is wrong and where, not the values. Skips the test when the description is not at hand.
    """

    def __init__(self, platform: DemoPlatform | None = None) -> None:
        if not DESCRIPTION.exists():
            pytest.skip(f"the published API description is not at hand ({DESCRIPTION.name})")
        self.request_violations: list[str] = []
        self.answer_violations: list[str] = []
        self.exchanges = 0
        self.operations: set[str] = set()
        self._lock = threading.Lock()
        if platform is not None:
            self.attach(platform)

    @property
    def violations(self) -> list[str]:
        """All violations so far."""
        return [*self.request_violations, *self.answer_violations]

    def attach(self, platform: DemoPlatform) -> None:
        """Check every exchange of this platform from now on."""
        platform.on_exchange = self.check

    def check(self, exchange: Exchange) -> None:
        """Check one exchange."""
        operation, path = _operation(exchange)
        where = f"{exchange.method} {path} ({exchange.status})"
        with self._lock:
            self.exchanges += 1
            if operation is None:
                self.request_violations.append(f"{where}: no such operation")
                return
            self.operations.add(operation["operationId"])
            self.request_violations += [f"{where}: {e}" for e in _request_errors(operation, path, exchange)]
            self.answer_violations += [f"{where}: {e}" for e in _answer_errors(operation, exchange)]


class EveryExchange:
    """Stands for the attribute `on_exchange` of all demo platforms: what a test hangs there, after a check of ours."""

    def __init__(self, recorder: OpenApiRecorder) -> None:
        self._recorder = recorder

    def __set__(self, platform: DemoPlatform, given: Hook | None) -> None:
        platform.__dict__["on_exchange"] = given

    def __get__(self, platform: DemoPlatform, _: type[DemoPlatform]) -> Hook:
        given: Hook | None = platform.__dict__["on_exchange"]

        def both(exchange: Exchange) -> None:
            self._recorder.check(exchange)
            if given is not None:
                given(exchange)

        return both


@cache
def description() -> dict[str, Any]:
    """Return the description, closed: an object has the described properties only."""
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    closed = copy.deepcopy(document)
    for schema in closed["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return closed


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """A quick validator of a schema, given as JSON; it says whether something is wrong, and not what."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)


@cache
def _telling_validator(schema: str) -> Draft202012Validator:
    # Its import builds grammars for seconds, and few tests have anything to tell of.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _is_uuid(text: str) -> bool:
    return _validator('{"type": "string", "format": "uuid"}').is_valid(text)


@cache
def _reference(reference: str) -> str:
    return json.dumps({"$ref": reference, "components": description()["components"]})


def _schema_errors(reference: str, value: object) -> Iterator[str]:
    schema = _reference(reference)
    if _validator(schema).is_valid(value):
        return
    for error in _telling_validator(schema).iter_errors(value):
        name = reference.rpartition("/")[2]
        rule = error.validator_value if error.validator in ("required", "enum", "format") else ""
        yield f"{name} at {error.json_path}: {error.validator} {rule}".rstrip()


def _operation(exchange: Exchange) -> tuple[dict[str, Any] | None, str]:
    segments = exchange.path.split("/")
    for template, operations in description()["paths"].items():
        expected = template.split("/")
        if len(expected) == len(segments) and all(
            e.startswith("{") or e == s for e, s in zip(expected, segments, strict=True)
        ):
            return operations.get(exchange.method.lower()), template
    return None, exchange.path


def _request_errors(operation: dict[str, Any], path: str, exchange: Exchange) -> Iterator[str]:
    for expected, given in zip(path.split("/"), exchange.path.split("/"), strict=True):
        if expected.startswith("{") and not _is_uuid(given):
            yield f"path parameter {expected} is no UUID"
    parameters = [p for p in operation.get("parameters", ()) if p["in"] == "query"]
    if parameters:
        reference = parameters[0]["schema"]["$ref"]
        yield from _schema_errors(reference, _query_object(reference, exchange))
    elif exchange.query:
        yield "query parameters where none are described"
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if exchange.request is None:
            yield "no JSON body where one is required"
        else:
            yield from _schema_errors(schema["$ref"], exchange.request)
    elif exchange.request is not None:
        yield "a body where none is described"


def _query_object(reference: str, exchange: Exchange) -> dict[str, object]:
    """Put the exploded query together again as the object that the description speaks of."""
    properties = description()["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
    query: dict[str, object] = {}
    for name, value in exchange.query:
        kind = properties.get(name, {}).get("type")
        if kind == "array":
            values = query.setdefault(name, [])
            assert isinstance(values, list)
            values.append(value)
        elif name in query:
            query[name] = [query[name], value]
        else:
            query[name] = int(value) if kind == "integer" and value.isdigit() else value
    return query


def _answer_errors(operation: dict[str, Any], exchange: Exchange) -> Iterator[str]:
    if exchange.status in _UNDESCRIBED:
        return
    answer = operation["responses"].get(str(exchange.status))
    if answer is None:
        yield "a status that is not described"
        return
    if "$ref" in answer:
        answer = description()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer.get("content")
    if content is None:
        if exchange.response is not None:
            yield "a body where none is described"
    else:
        (media,) = content.values()
        yield from _schema_errors(media["schema"]["$ref"], exchange.response)
