"""Checks what passes between us and demo servers against the published descriptions of the APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline_tests.descriptions import MESSAGEMEDIA, Description, Schema

Hook = Callable[[Exchange], None]


class Server(Protocol):
    """A demo server that tells of its exchanges."""

    on_exchange: Hook | None


class OpenApiRecorder:
    """Attached to a demo server, collects every violation of its API's description.

    Properties and parameters that are not described are violations too, in requests and in answers. Texts name
    what is wrong and where, not the values. Skips the test when the description is not at hand.
    """

    def __init__(self, server: Server | None = None, *, description: Description = MESSAGEMEDIA) -> None:
        if not description.file.exists():
            pytest.skip(f"the published API description is not at hand ({description.file.name})")
        self.description = description
        self.request_violations: list[str] = []
        self.answer_violations: list[str] = []
        self.exchanges = 0
        self.operations: set[str] = set()
        self._lock = threading.Lock()
        if server is not None:
            self.attach(server)

    @property
    def violations(self) -> list[str]:
        """All violations so far."""
        return [*self.request_violations, *self.answer_violations]

    def attach(self, server: Server) -> None:
        """Check every exchange of this server from now on."""
        server.on_exchange = self.check

    def check(self, exchange: Exchange) -> None:
        """Check one exchange."""
        operation, path = self.description.operation(exchange.method, exchange.path)
        where = f"{exchange.method} {path} ({exchange.status})"
        with self._lock:
            self.exchanges += 1
            if operation is None:
                self.request_violations.append(f"{where}: no such operation")
                return
            self.operations.add(operation["operationId"])
            wrong = _request_errors(self.description, operation, path, exchange)
            self.request_violations += [f"{where}: {e}" for e in wrong]
            wrong = _answer_errors(self.description, operation, exchange)
            self.answer_violations += [f"{where}: {e}" for e in wrong]


class EveryExchange:
    """Stands for the attribute `on_exchange` of all demo servers: what a test hangs there, after a check of ours."""

    def __init__(self, recorder: OpenApiRecorder) -> None:
        self._recorder = recorder

    def __set__(self, server: object, given: Hook | None) -> None:
        server.__dict__["on_exchange"] = given

    def __get__(self, server: object, _: type[object]) -> Hook:
        given: Hook | None = server.__dict__["on_exchange"]

        def both(exchange: Exchange) -> None:
            self._recorder.check(exchange)
            if given is not None:
                given(exchange)

        return both


def _request_errors(
    description: Description, operation: Schema, path: str, exchange: Exchange
) -> Iterator[str]:
    parameters: dict[str, dict[str, Schema]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation.get("parameters", ()):
        parameters[parameter["in"]][parameter["name"]] = parameter
    for expected, given in zip(path.split("/"), exchange.path.split("/"), strict=True):
        if expected.startswith("{"):
            schema = parameters["path"][expected.strip("{}")]["schema"]
            yield from description.errors(f"path parameter {expected}", schema, given)
    yield from _query_errors(description, parameters["query"], exchange)
    for name, parameter in parameters["header"].items():
        if name in exchange.headers:
            yield from description.errors(f"header {name}", parameter["schema"], exchange.headers[name])
        elif parameter.get("required"):
            yield f"header {name} is missing"
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if exchange.request is None:
            yield "no JSON body where one is required"
        else:
            yield from description.errors(_name(schema), schema, exchange.request)
    elif exchange.request is not None:
        yield "a body where none is described"


def _query_errors(
    description: Description, parameters: dict[str, Schema], exchange: Exchange
) -> Iterator[str]:
    for parameter in parameters.values():
        if "$ref" in parameter["schema"]:
            schema = parameter["schema"]
            query = _query_object(description, schema["$ref"], exchange)
            yield from description.errors(_name(schema), schema, query)
            return
    if exchange.query and not parameters:
        yield "query parameters where none are described"
        return
    names = [name for name, _ in exchange.query]
    for name, value in exchange.query:
        if name not in parameters:
            yield f"query parameter {name[:60]} is not described"
        elif names.count(name) > 1:
            yield f"query parameter {name} is there more than once"
        else:
            schema = parameters[name]["schema"]
            yield from description.errors(f"query parameter {name}", schema, _read(schema, value))


def _read(schema: Schema, value: str) -> object:
    """What the text of a parameter means: a list is separated by commas."""
    if schema.get("type") == "array":
        return value.split(",")
    return int(value) if schema.get("type") == "integer" and value.isdecimal() else value


def _query_object(description: Description, reference: str, exchange: Exchange) -> dict[str, object]:
    """Put the exploded query together again as the object that the description speaks of."""
    schemas = description.document["components"]["schemas"]
    properties = schemas[reference.rpartition("/")[2]]["properties"]
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


def _answer_errors(description: Description, operation: Schema, exchange: Exchange) -> Iterator[str]:
    if exchange.status in description.undescribed:
        return
    answers = operation["responses"]
    answer = answers.get(str(exchange.status)) or answers.get(f"{exchange.status // 100}XX")
    if answer is None:
        yield "a status that is not described"
        return
    if "$ref" in answer:
        answer = description.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content: dict[str, Any] | None = answer.get("content")
    if content is None:
        if exchange.response is not None:
            yield "a body where none is described"
    else:
        (media,) = content.values()
        sparse = any(name.startswith("fields[") for name, _ in exchange.query)
        schema = media["schema"]
        yield from description.errors(_name(schema), schema, exchange.response, sparse=sparse)


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "body")).rpartition("/")[2]
