"""Values as PHP and its plugins write them: lists with holes, numbers as texts."""

from __future__ import annotations

from typing import Any, TypeGuard

LARGEST_INTEGER = 2**63 - 1
"""What a column of a database holds."""


def items_of(value: object) -> list[Any]:
    """The items of a list, also of one with holes: PHP writes that as an object whose keys are numbers."""
    if isinstance(value, list):
        return value
    return list(value.values()) if is_list_with_holes(value) else []


def is_list_with_holes(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is an object whose keys are numbers, at least one."""
    return isinstance(value, dict) and bool(value) and all(_is_whole_number(key) for key in value)


def whole_number(value: object) -> int | None:
    """A whole number of at most 64 bits, also one that is written as a text ("12") or as a float (12.0)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        # Beyond that a float no longer tells one whole number from the next.
        value = int(value) if value.is_integer() and abs(value) < 2**53 else None
    elif isinstance(value, str):
        digits = value.strip()
        value = int(digits) if _is_whole_number(digits.removeprefix("-")) else None
    return value if isinstance(value, int) and abs(value) <= LARGEST_INTEGER else None


def kind_of_number(value: object) -> str:
    """What a value is that should have been a whole number of at most 64 bits, in words without the value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a flag"
    if isinstance(value, str):
        digits = value.strip()
        is_number, is_negative = digits.removeprefix("-").isdecimal(), digits.startswith("-")
    else:
        is_number, is_negative = isinstance(value, int), isinstance(value, int) and value < 0
    if is_number:
        return "a negative number" if is_negative else "a number of more than 64 bits"
    kinds: dict[type, str] = {float: "a fraction", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "no number")


def _is_whole_number(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 20 and text.isascii() and text.isdigit()
