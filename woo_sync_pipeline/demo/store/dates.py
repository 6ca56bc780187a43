"""How a store reads the time in a date filter, right and wrong readings alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DATE = re.compile(
    r"^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?$",
    re.ASCII,
)


class InvalidDateError(ValueError):
    """The text is not a date and time as the store accepts it."""


def parse_bound(text: str, *, dates_are_gmt: bool, zone: ZoneInfo) -> datetime:
    """Return the UTC second that the store compares with when a client sends `text` as a bound.

    Without a suffix the value is the store's local time, or GMT with `dates_are_gmt`. With a suffix it is
    that instant; but with `dates_are_gmt` as well, the store first turns the instant into local time and
    then takes that for GMT: wrong by the store's offset, and reproduced here. Raises InvalidDateError.
    """
    wall, suffix = _read(text)
    if suffix is None:
        return wall.replace(tzinfo=UTC) if dates_are_gmt else from_local(wall, zone)
    instant = (wall - suffix).replace(tzinfo=UTC)
    return instant.astimezone(zone).replace(tzinfo=UTC) if dates_are_gmt else instant


def from_local(wall: datetime, zone: ZoneInfo) -> datetime:
    """Turn naive local time into UTC: of a repeated hour the second one, a skipped hour moves forward."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(first, second)


def to_local_text(moment: datetime, zone: ZoneInfo) -> str:
    """Spell a UTC moment as the store's wall time, without any suffix."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def to_gmt_text(moment: datetime) -> str:
    """Spell a UTC moment as GMT, without any suffix."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _read(text: str) -> tuple[datetime, timedelta | None]:
    found = _DATE.match(text)
    if found is None:
        raise InvalidDateError(text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if not (1 <= month <= 12 and day <= 31 and hour <= 24 and minute <= 59 and second <= 60):
        raise InvalidDateError(text)
    try:
        # 30 February is accepted and rolls over into March.
        first_day = datetime(year, month, 1, tzinfo=UTC).replace(tzinfo=None)
        wall = first_day + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError) as error:
        raise InvalidDateError(text) from error
    return wall, _offset(found["zone"])


def _offset(suffix: str | None) -> timedelta | None:
    if suffix is None:
        return None
    if suffix in "Zz":
        return timedelta(0)
    digits = suffix[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if suffix[0] == "-" else offset
