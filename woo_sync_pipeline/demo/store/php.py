"""The few habits of PHP that show through in WordPress's answers: query strings, booleans, id lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, unquote_plus

_KEY = re.compile(r"^(?P<name>[^\[]+)(?P<path>(?:\[[^\]]*\])*)")
_STEP = re.compile(r"\[([^\]]*)\]")
_LIST_SEPARATOR = re.compile(r"[\s,]+")

Query = dict[str, Any]
"""A parsed query: text to text, or to a nested dict whose keys are texts ("0", "1", … for lists)."""


def parse_query(raw: str) -> Query:
    """Parse a raw query string as PHP does: `a[]=1&a[]=2` and `a[0]=1&a[1]=2` both give `{"a": {"0": …}}`.

    A name given twice without brackets keeps its last value; `+` means a space.
    """
    query: Query = {}
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        found = _KEY.match(unquote_plus(name))
        if found is None:
            continue
        steps = [re.sub(r"[. ]", "_", found["name"].lstrip())]
        steps += _STEP.findall(found["path"])
        _put(query, steps, unquote_plus(value))
    return query


def _put(target: Query, steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        key = step or str(len(target))
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target = target[key]
    target[steps[-1] or str(len(target))] = value


def flatten(query: Query) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a parsed query again, nested names spelled `status[0]`."""
    for name, value in query.items():
        if isinstance(value, dict):
            yield from ((f"{name}{rest}", text) for rest, text in _branches(value))
        else:
            yield name, str(value)


def _branches(value: Query) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from ((f"[{key}]{rest}", text) for rest, text in _branches(inner))
        else:
            yield f"[{key}]", str(inner)


def build_query(query: Query) -> str:
    """Spell a parsed query as a query string, brackets percent-encoded."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in flatten(query))


def as_list(value: Any) -> list[str]:
    """Turn `"a,b c"` or a nested `x[]=a&x[]=b` into a list of texts, empty ones dropped."""
    if isinstance(value, dict):
        return [str(item) for item in value.values()]
    return [part for part in _LIST_SEPARATOR.split(str(value)) if part]


def numbered(items: list[Any]) -> Query:
    """Spell a list as PHP keeps it: `{"0": first, "1": second}`."""
    return {str(position): item for position, item in enumerate(items)}
