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


def _is_whole_number(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 20 and text.isascii() and text.isdigit()
