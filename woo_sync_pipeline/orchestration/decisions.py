"""Whether to run, and what for: pure decisions, apart from schedules and sensors that act on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from woo_sync_pipeline.sources.woocommerce.known import last_customer_id
from woo_sync_pipeline.sources.woocommerce.probe import NewestChange
from woo_sync_pipeline.state.syncs import SyncRun, Watermark
from woo_sync_pipeline.steps.days import midnight


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


def decide_live(
    *,
    watermark: Watermark | None,
    newest: NewestChange | None,
    obstacle: str | None,
    unsent: int,
    changed_accounts: int = 0,
) -> LiveDecision:
    """Whether the store has changed since it was last read, or something is left to be sent.

    `newest` is what the store shows (None: not asked), `obstacle` what keeps the source from being synced, `unsent`
    how many contacts a sync that failed has left. `changed_accounts` counts those of the customers who were active
    lately that are not known in their present form.
    """
    if obstacle is not None:
        return LiveDecision(False, obstacle)
    if watermark is None:
        return LiveDecision(True, "this source was never synced", is_first=True)
    if newest is None:
        return LiveDecision(False, "the store was not asked")
    if newest.order_modified_at is not None and newest.order_modified_at >= watermark.read_until:
        return LiveDecision(True, "an order changed")
    if newest.customer_id is not None and newest.customer_id > last_customer_id(watermark.cursor):
        return LiveDecision(True, "a customer registered")
    if changed_accounts:
        return LiveDecision(True, f"{changed_accounts:,} accounts of active customers changed")
    if unsent:
        return LiveDecision(True, f"{unsent:,} contacts were not sent by the last sync, which failed")
    return LiveDecision(
        False, f"nothing changed in the store since {watermark.read_until:%Y-%m-%d %H:%M:%S} UTC"
    )


def _last_second(day: date, timezone: str) -> datetime:
    # A reading never claims the second in which it ended; the window of the next day begins before it.
    return midnight(day + timedelta(days=1), timezone) - timedelta(seconds=1)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
