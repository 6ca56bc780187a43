"""Values as people read them and as JSON has them: times in UTC, to the second; ids."""

from __future__ import annotations

import re
from datetime import date, datetime


def time_text(at: datetime | None) -> str:
    """`2026-11-01 10:00:00`; nothing without a time."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def interval_text(earliest: datetime | None, latest: datetime) -> str:
    """When something happened: a time, `between A and B`, or `before B` if nobody knows after which time."""
    end = time_text(latest)
    if earliest is None:
        return f"before {end}"
    begin = time_text(earliest)
    if begin == end:
        return end
    same_day = begin[:10] == end[:10]
    return f"between {begin} and {end[11:] if same_day else end}"


def plain_time(value: object) -> object:
    """A day or a time as JSON has it, for `json.dumps`; anything else raises `TypeError`."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


def shown_id(record_id: str | None) -> int | str | None:
    """An id as a number where it is written as whole numbers below 2^63 are, else as the text that it is."""
    if record_id is None or not _WHOLE_NUMBER.fullmatch(record_id) or int(record_id) >= 2**63:
        return record_id
    return int(record_id)
