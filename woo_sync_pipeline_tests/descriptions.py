"""Published descriptions of APIs, made strict: an object has the described properties only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

from woo_sync_pipeline_tests.checkout import SHARED

Schema = dict[str, Any]


@dataclass(frozen=True)
class Description:
    """One description in a file. `undescribed` are statuses that HTTP itself, not the description, provides for.

    `may_be_null` are properties, by schema, of which the service says null where its description forgets it.
    """

    file: Path
    undescribed: frozenset[int] = frozenset()
    may_be_null: tuple[tuple[str, str], ...] = ()

    @cached_property
    def document(self) -> Schema:
        """The description, strict."""
        document: Schema = json.loads(self.file.read_text(encoding="utf-8"))
        schemas = document["components"]["schemas"]
        for schema, name in self.may_be_null:
            schemas[schema]["properties"][name]["nullable"] = True
        strict: Schema = _strict(document, schemas)
        strict["components"]["schemas"] = {
            name: _closed(schema) for name, schema in strict["components"]["schemas"].items()
        }
        return strict

    def operation(self, method: str, path: str) -> tuple[Schema | None, str]:
        """The operation at a path, and the template of the path; None and the path itself when there is none."""
        segments = path.split("/")
        for template, operations in self.document["paths"].items():
            expected = template.split("/")
            if len(expected) == len(segments) and all(
                e.startswith("{") or e == s for e, s in zip(expected, segments, strict=True)
            ):
                found: Schema | None = operations.get(method.lower())
                return found, template
        return None, path

    def errors(self, name: str, schema: Schema, value: object, *, sparse: bool = False) -> Iterator[str]:
        """What is wrong with a value: where, and by which rule, never the value.

        `sparse`: it holds only those attributes that were asked for, so none of them is required.
        """
        if self._quick(schema, sparse=sparse).is_valid(value):
            return
        # Its import builds grammars for seconds, and few tests have anything to tell of.
        from jsonschema import Draft202012Validator

        whole = self._whole(schema, sparse=sparse)
        telling = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for error in telling.iter_errors(value):
            rule = error.validator_value if error.validator in ("required", "enum", "format") else ""
            yield f"{name} at {error.json_path}: {error.validator} {rule}".rstrip()

    def _quick(self, schema: Schema, *, sparse: bool) -> jsonschema_rs.Draft202012Validator:
        """A validator that says whether something is wrong, and not what."""
        # The schema is kept beside its validator: so its place in memory stays its own.
        made, _ = self._made.get((id(schema), sparse), (None, schema))
        if made is None:
            made = jsonschema_rs.Draft202012Validator(
                self._whole(schema, sparse=sparse), validate_formats=True
            )
            self._made[id(schema), sparse] = made, schema
        return made

    def _whole(self, schema: Schema, *, sparse: bool) -> Schema:
        components = self.document["components"]
        if sparse:
            schemas = {name: _without_required(name, each) for name, each in components["schemas"].items()}
            components = {**components, "schemas": schemas}
        return {**schema, "components": components}

    @cached_property
    def _made(self) -> dict[tuple[int, bool], tuple[jsonschema_rs.Draft202012Validator, Schema]]:
        return {}


MESSAGEMEDIA = Description(
    SHARED / "messagemedia" / "contacts-openapi.json", frozenset({405, 413, 414, 415, 429})
)
KLAVIYO = Description(
    SHARED / "klaviyo" / "openapi.json",
    may_be_null=(("CollectionLinks", "next"), ("CollectionLinks", "prev")),
)


def _strict(node: Any, schemas: Schema) -> Any:
    """As JSON Schema says it: `nullable` is a type, and the members of `allOf` are one object."""
    if isinstance(node, list):
        return [_strict(each, schemas) for each in node]
    if not isinstance(node, dict):
        return node
    if "allOf" in node:
        merged: Schema = {name: value for name, value in node.items() if name != "allOf"}
        for member in node["allOf"]:
            merged = _merged(
                merged, schemas[member["$ref"].rpartition("/")[2]] if "$ref" in member else member
            )
        return _strict(merged, schemas)
    made = {name: _strict(value, schemas) for name, value in node.items() if name != "nullable"}
    if node.get("nullable") is not True:
        return made
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
        return made
    return {"anyOf": [made, {"type": "null"}]}


def _merged(one: Schema, other: Schema) -> Schema:
    """Both at once: properties of either, and of a property that both have what either says."""
    made = dict(one)
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(made.get(name), dict):
            made[name] = _merged(made[name], value)
        elif name == "required" and name in made:
            made[name] = [*made[name], *value]
        else:
            made[name] = value
    return made


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _closed(value) for name, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type", "object") != "string":
        made.setdefault("additionalProperties", False)
    return made


_NEVER_SPARSE = ("Links", "Collection", "Document", "ObjectResource")


def _without_required(name: str, schema: Schema) -> Schema:
    """The schema without required attributes, or, if it is that of an attribute, without required parts."""
    if any(part in name for part in _NEVER_SPARSE):
        sparse: Schema = _sparse(schema)
        return sparse
    return {key: value for key, value in schema.items() if key != "required"}


def _sparse(node: Any) -> Any:
    if isinstance(node, list):
        return [_sparse(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _sparse(value) for name, value in node.items()}
    if isinstance(made.get("attributes"), dict):
        made["attributes"] = {key: value for key, value in made["attributes"].items() if key != "required"}
    return made
