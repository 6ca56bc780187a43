"""Whether to run, and what for: pure decisions, apart from schedules and sensors that act on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.state.syncs import SyncRun


@dataclass(frozen=True)
class DayRange:
    """Days from `first` to `last`, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class LiveDecision:
    """Whether to run now, and why; a first sync reads everything."""

    run: bool
    reason: str
    is_first: bool = False


def days_to_sync(
    *,
    start_date: date,
    today: date,
    sweeps: Iterable[SyncRun],
    timezone: str,
    covered_before: Collection[date] = (),
) -> DayRange | None:
    """The range from the oldest day that no sweep has covered to yesterday; None when all are covered.

    A sweep covers a day only if it read the store after the day had ended, whenever it was pushed: a run that
    failed may be finished on another day. `covered_before` are days that sweeps which are no longer in the
    history have covered. On its very first day a source has no day before today.
    """
    yesterday = today - timedelta(days=1)
    covered = {
        day
        for sweep in sweeps
        for day in _days(sweep.first_day, sweep.last_day)
        if sweep.read_until is not None and sweep.read_until >= _last_second(day, timezone)
    }
    covered.update(covered_before)
    missing = [day for day in _days(start_date, yesterday) if day not in covered]
    return DayRange(missing[0], yesterday) if missing else None


def decide_live(*, is_known: bool, look: Look, obstacle: str | None, unsent: int) -> LiveDecision:
    """Whether the source has changed since it was last read, or something is left to be sent.

    `is_known`: whether it was ever read. `look` is what the source shows, `obstacle` what keeps it from being synced,
    `unsent` how many contacts a sync that failed has left.
    """
    if obstacle is not None:
        return LiveDecision(False, obstacle)
    if not is_known:
        return LiveDecision(True, "this source was never synced", is_first=True)
    if look.change is not None:
        return LiveDecision(True, look.change)
    if unsent:
        return LiveDecision(True, f"{unsent:,} contacts were not sent by the last sync, which failed")
    return LiveDecision(False, look.nothing)


def _last_second(day: date, timezone: str) -> datetime:
    # A reading never claims the second in which it ended; the window of the next day begins before it.
    return midnight(day + timedelta(days=1), timezone) - timedelta(seconds=1)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
