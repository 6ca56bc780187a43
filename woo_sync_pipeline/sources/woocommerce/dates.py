"""Dates as WooCommerce writes them: naive texts in GMT with whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
