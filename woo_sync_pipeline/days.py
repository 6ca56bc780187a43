"""Days of the project's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def midnight(day: date, timezone: str) -> datetime:
    """The beginning of a day in a time zone, as UTC."""
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


def today(timezone: str, now: datetime) -> date:
    """The day that it is in a time zone."""
    return now.astimezone(ZoneInfo(timezone)).date()
