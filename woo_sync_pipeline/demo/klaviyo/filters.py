"""The filter language: `equals(email,"a@b.example"),greater-than(updated,2026-11-01T00:00:00Z)`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from woo_sync_pipeline.demo.klaviyo.answers import invalid

Operator = Literal["equals", "any", "greater-than", "greater-or-equal", "less-than", "less-or-equal"]

_OPENING = re.compile(r"(?P<operator>[a-z-]+)\((?P<field>[\w.]+),")
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_ANY_ITEM = rf"(?:{_QUOTED}|[^\s\"',()\[\]]+)"
_VALUE = re.compile(rf"(?P<list>\[\s*(?:{_ANY_ITEM}(?:\s*,\s*{_ANY_ITEM})*)?\s*\])|(?P<one>{_ANY_ITEM})")
_ITEM = re.compile(_ANY_ITEM)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class FilterRule:
    """What may be asked of one field: operators with one value, operators with a list, and what a value is."""

    single: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    kind: Literal["text", "moment", "flag"] = "text"


@dataclass(frozen=True)
class Condition:
    """One term of a filter. `value` is a list where a list was given."""

    operator: str
    field: str
    value: Any

    def holds(self, values: list[Any]) -> bool:
        """Whether any of the values that the field has is as asked."""
        compare = _COMPARE[self.operator]
        return any(value is not None and compare(value, self.value) for value in values)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, asked: value in asked if isinstance(asked, list) else value == asked,
    "any": lambda value, asked: value in asked,
    "greater-than": lambda value, asked: bool(value > asked),
    "greater-or-equal": lambda value, asked: bool(value >= asked),
    "less-than": lambda value, asked: bool(value < asked),
    "less-or-equal": lambda value, asked: bool(value <= asked),
}


def parse_filter(text: str, rules: Mapping[str, FilterRule]) -> tuple[Condition, ...]:
    """Read a filter; the comma between its terms is "and". Raises `ApiError` (400) for what is not allowed."""
    found: list[Condition] = []
    place = 0
    while True:
        condition, place = _term(text, place, rules)
        found.append(condition)
        if place == len(text):
            return tuple(found)
        if text[place] != ",":
            raise invalid("filter", f"The filter cannot be read at character {place + 1}.")
        place += 1


def _term(text: str, place: int, rules: Mapping[str, FilterRule]) -> tuple[Condition, int]:
    opening = _OPENING.match(text, place)
    value = _VALUE.match(text, opening.end()) if opening else None
    if opening is None or value is None or text[value.end() : value.end() + 1] != ")":
        raise invalid("filter", f"The filter cannot be read at character {place + 1}.")
    operator, field = opening["operator"], opening["field"]
    rule = rules.get(field)
    if rule is None:
        raise invalid("filter", f"'{field}' is not a field that can be filtered by.")
    if operator not in (rule.listed if value["list"] else rule.single):
        form = "a list" if value["list"] else "one value"
        raise invalid("filter", f"'{operator}' with {form} is not a filter of '{field}'.")
    if value["list"]:
        read: Any = [_read(item, rule) for item in _ITEM.findall(value["list"][1:-1])]
    else:
        read = _read(value["one"], rule)
    return Condition(operator, field, read), value.end() + 1


def _read(text: str, rule: FilterRule) -> Any:
    if rule.kind == "moment":
        if not _MOMENT.fullmatch(text):
            raise invalid("filter", "A moment is written in ISO 8601 with its zone: 2026-11-01T00:00:00Z.")
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise invalid("filter", "There is no such moment.") from None
    if rule.kind == "flag":
        if text not in ("true", "false"):
            raise invalid("filter", "The value is true or false.")
        return text == "true"
    if text[0] not in "\"'":
        raise invalid("filter", "A text stands between quotation marks.")
    quoted = text if text[0] == '"' else '"' + text[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'
    try:
        return json.loads(quoted)
    except ValueError:
        raise invalid("filter", "A text of the filter cannot be read.") from None
