"""Values as WooCommerce, PHP and plugins write them: naive dates in GMT, lists with holes, numbers as texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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


SECOND = timedelta(seconds=1)


def naive_gmt(moment: datetime) -> str:
    """Write a tz-aware moment as the `_gmt` fields and the date filters (`dates_are_gmt=true`) want it.

    No offset and no `Z`: together with `dates_are_gmt` WooCommerce shifts such a value by the store's offset.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    # isoformat, since strftime("%Y") does not pad years before 1000 everywhere.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()


def parse_gmt(value: object) -> datetime | None:
    """Read a `_gmt` field as UTC; None for null, an empty text and WordPress' zero dates."""
    if not isinstance(value, str) or not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def floor_second(moment: datetime) -> datetime:
    """The whole second that holds `moment`, in UTC."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).replace(microsecond=0)


def ceil_second(moment: datetime) -> datetime:
    """The first whole second that is not before `moment`, in UTC."""
    floor = floor_second(moment)
    return floor if floor == moment else floor + SECOND
