"""Validation of query parameters, with the words of WordPress's error bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from woo_sync_pipeline.demo.store.dates import InvalidDateError, parse_bound
from woo_sync_pipeline.demo.store.php import Query, as_list, numbered

_INTEGER = re.compile(r"^\s*[+-]?\d+(\.0*)?\s*$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one parameter: a code, a sentence, and the detail's data."""

    code: str
    message: str
    data: dict[str, str] | None = None


class RefusedValueError(ValueError):
    """A parser's refusal of one value."""

    def __init__(self, code: str, message: str, data: dict[str, str] | None = None) -> None:
        self.complaint = Complaint(code, message, data)
        super().__init__(message)


Parser = Callable[[str, Any], Any]
"""Takes a parameter's name and raw value, returns the value or raises RefusedValueError."""


class InvalidParamsError(ValueError):
    """One or more parameters were refused, by name."""

    def __init__(self, complaints: Mapping[str, Complaint]) -> None:
        self.complaints = complaints
        super().__init__(f"Invalid parameter(s): {', '.join(complaints)}")


def read_params(query: Query, schema: Mapping[str, Parser]) -> dict[str, Any]:
    """Validate what the query says of the parameters in `schema`; all other parameters are ignored.

    The query keeps lists in numbered form afterwards, as WordPress's own does. Raises InvalidParamsError.
    """
    values: dict[str, Any] = {}
    complaints: dict[str, Complaint] = {}
    for name, parser in schema.items():
        if name not in query:
            continue
        try:
            values[name] = parser(name, query[name])
        except RefusedValueError as refused:
            complaints[name] = refused.complaint
            continue
        if isinstance(values[name], list):
            query[name] = numbered(values[name])
        elif isinstance(values[name], bool):
            query[name] = "1" if values[name] else ""
    if complaints:
        raise InvalidParamsError(complaints)
    return values


def text(name: str, raw: Any) -> str:
    """Accept any single text."""
    if isinstance(raw, dict):
        raise RefusedValueError("rest_invalid_type", f"{name} is not of type string.", {"param": name})
    return str(raw)


def integer(minimum: int | None = None, maximum: int | None = None) -> Parser:
    """Accept a whole number within the bounds (inclusive)."""

    def parse(name: str, raw: Any) -> int:
        if isinstance(raw, dict) or not _INTEGER.match(raw):
            raise RefusedValueError("rest_invalid_type", f"{name} is not of type integer.", {"param": name})
        value = int(float(raw))
        if minimum is not None and maximum is not None and not minimum <= value <= maximum:
            words = f"{name} must be between {minimum} (inclusive) and {maximum} (inclusive)"
            raise RefusedValueError("rest_out_of_bounds", words)
        if minimum is not None and value < minimum:
            raise RefusedValueError(
                "rest_out_of_bounds", f"{name} must be greater than or equal to {minimum}"
            )
        return value

    return parse


def one_of(allowed: Sequence[str]) -> Parser:
    """Accept one of the words."""

    def parse(name: str, raw: Any) -> str:
        if isinstance(raw, dict) or raw not in allowed:
            raise RefusedValueError("rest_not_in_enum", f"{name} is not one of {_sentence(allowed)}.")
        return str(raw)

    return parse


def list_of(parser: Parser) -> Parser:
    """Accept a comma list or repeated brackets, each item by `parser`."""

    def parse(name: str, raw: Any) -> list[Any]:
        return [parser(f"{name}[{position}]", item) for position, item in enumerate(as_list(raw))]

    return parse


def boolean(name: str, raw: Any) -> bool:
    """Accept true, false, 1, 0 and the empty text."""
    if isinstance(raw, dict) or raw.lower() not in _BOOLEANS:
        raise RefusedValueError("rest_invalid_type", f"{name} is not of type boolean.", {"param": name})
    return _BOOLEANS[raw.lower()]


def email(_name: str, raw: Any) -> str:
    """Accept what looks like an email address."""
    if isinstance(raw, dict) or not is_email(raw):
        raise RefusedValueError("rest_invalid_email", "Invalid email address.")
    return str(raw)


def is_email(value: str) -> bool:
    """Whether WordPress would take a text for an email address."""
    return bool(_EMAIL.match(value))


def date(_name: str, raw: Any) -> str:
    """Accept a date with a time to the second; it is read later, when the time zone rule is known."""
    try:
        parse_bound(str(raw), dates_are_gmt=True, zone=ZoneInfo("UTC"))
    except InvalidDateError:
        raise RefusedValueError("rest_invalid_date", "Invalid date.") from None
    return str(raw)


def _sentence(words: Sequence[str]) -> str:
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"
