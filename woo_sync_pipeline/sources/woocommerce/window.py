"""Which orders a sync reads: pure decisions about time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow
from woo_sync_pipeline.state.syncs import Watermark

OVERLAP = timedelta(minutes=5)
"""Windows overlap by this much: clocks differ a little, and a change may be saved later than it is dated."""

SEVENTHS = 7
"""Parts into which the known guest orders are divided, to be proven one a day."""


def order_window(
    *,
    range_start: datetime,
    range_end: datetime,
    is_sweep: bool,
    watermark: Watermark | None,
    orders_from: datetime | None,
    store_now: datetime,
    whole_history: bool = False,
) -> OrderWindow:
    """The window of modification times to read, its end frozen at the time of the store.

    A store of which nothing was ever committed is read from `orders_from` (None: all of its history), whatever
    range was asked for; so is any store when `whole_history` is asked for. Else a sweep reads the range, and an
    incremental reading goes on where the last one ended.
    """
    # The second that is under way is read as well; the next window begins before it.
    now = store_now.replace(microsecond=0) + timedelta(seconds=1)
    if watermark is None or whole_history:
        return OrderWindow(orders_from, now)
    if is_sweep:
        return OrderWindow(range_start - OVERLAP, max(min(range_end, now), range_start))
    return OrderWindow(min(watermark.read_until, now) - OVERLAP, now)


def sevenths_due(first_day: date, last_day: date) -> frozenset[int]:
    """Which sevenths of the known guest orders a daily sync of these days proves: those whose id leaves this, by 7.

    A seventh belongs to each day of a week. So each order is proven once a week, a day that was missed brings its own
    along with the others, and the same day once more proves the same.
    """
    days = min((last_day - first_day).days + 1, SEVENTHS)
    return frozenset((first_day.toordinal() + day) % SEVENTHS for day in range(days))


def read_until(window: OrderWindow) -> datetime:
    """The time up to which a window is surely read: its last second may still have been under way."""
    return window.end - timedelta(seconds=1)
