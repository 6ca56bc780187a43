"""Reading the orders that changed within a window of time.

A window is walked by moving its lower bound, never by page number: an order that changes while it is read
leaves the frozen window, and later pages would shift past rows that were not read yet. The whole history is
walked by id, with the proof that no row was passed over (`paging.py`), and without a filter by date: that would hide
orders that have no modification date, as imports leave them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER
from woo_sync_pipeline.sources.woocommerce.client import Params, Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreFilterIgnoredError
from woo_sync_pipeline.sources.woocommerce.fields import ORDER_FIELDS, keep_used
from woo_sync_pipeline.sources.woocommerce.page_walk import PageBound
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE, by_ids, newest_page, rows_after, walk
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, row_id, with_ids
from woo_sync_pipeline.sources.woocommerce.statuses import order_statuses as order_statuses
from woo_sync_pipeline.sources.woocommerce.values import (
    SECOND,
    ceil_second,
    floor_second,
    naive_gmt,
    parse_gmt,
)

_LONGEST_LEAD = timedelta(days=1)
"""What is dated further into the future was typed in: no clock is as wrong as that."""


@dataclass(frozen=True)
class OrderWindow:
    """Orders modified from `start` up to but not including `end`, tz-aware.

    Without a `start` all from the beginning are meant, those without a modification date too.

    The store keeps whole seconds, so a bound inside of a second takes in that second: windows that meet
    within a second overlap. Freeze `end` before the walk and not later than the store's own clock.
    """

    start: datetime | None
    end: datetime


@dataclass(frozen=True)
class NewestOrders:
    """What the newest five orders show.

    lead: by how much their newest creation date is ahead of the store's `server_time`; or zero. highest_id: the highest
    id of all orders, 0 where there is none.
    """

    lead: timedelta
    highest_id: int


def newest_orders(client: StoreClient, statuses: Sequence[str]) -> NewestOrders:
    """Look at the newest five orders.

    Behind a CDN the Date header is not of the clock that dates orders. Orders that are dated into the future show by
    how much that one is at least ahead of the other. A lead of more than a day is a date that somebody typed in, and
    does not count, nor does what is no date. One request; the orders are of `statuses`. Raises StoreError.
    """
    asked = {"status": ",".join(statuses), "_fields": "id,date_created_gmt"}
    rows = newest_page(client, "orders", asked, most=5).rows
    created = [parse_gmt(row.get("date_created_gmt")) for row in rows]
    now = _store_now(client)
    leads = [moment - now for moment in created if moment is not None]
    return NewestOrders(
        lead=max([timedelta(), *(lead for lead in leads if lead <= _LONGEST_LEAD)]),
        highest_id=max([0, *(row_id(row) or 0 for row in rows)]),
    )


def order_ids_after(
    client: StoreClient, last_id: int, *, statuses: Sequence[str], created_after: datetime | None = None
) -> Iterator[list[int]]:
    """The ids of the orders above `last_id`, newest first, in pages, whatever dates they bear. Raises StoreError.

    With `created_after` (tz-aware) those that were created before it are left out, and so are those that have no
    creation date. Orders whose id cannot be read are left out.
    """
    asked: dict[str, str | int] = {"status": ",".join(statuses), "_fields": "id"}
    if created_after is not None:
        asked |= {"after": naive_gmt(floor_second(created_after) - SECOND), "dates_are_gmt": "true"}
    for page in rows_after(client, "orders", asked, last_id, left_out=LeftOut()):
        yield [row["id"] for row in page]


def orders_by_id(
    client: StoreClient,
    ids: Collection[int],
    *,
    before: datetime,
    meta_keys: Collection[str],
    statuses: Sequence[str],
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Read the orders with these ids, up to 100 at a time, but those that were modified at or after `before`.

    Orders without a modification date are among them; those that no longer exist are simply absent. Raises StoreError.
    """
    asked: dict[str, str | int] = {"status": ",".join(statuses), "_fields": ORDER_FIELDS}
    for rows in by_ids(client, "orders", asked, ids, left_out=left_out or LeftOut()):
        yield [keep_used(row, meta_keys=meta_keys) for row in _modified_before(rows, ceil_second(before))]


def walk_orders(
    client: StoreClient,
    window: OrderWindow,
    *,
    meta_keys: Collection[str],
    statuses: Sequence[str] | None = None,
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Read the orders modified within the window in pages: oldest change first, or by id where there is no start.

    They are of `statuses`, by default all but drafts. Each order comes once. One that changes during the walk
    moves past the window's end: the next window has it. Those whose id cannot be read are left out, and counted by
    `left_out` where it is given. Raises StoreError.
    """
    slugs = ",".join(statuses if statuses is not None else order_statuses(client))
    # The API's bounds are exclusive: to include a second, ask for what is after the one before.
    read = _WindowWalk(client, slugs, left_out or LeftOut(), before=ceil_second(window.end))
    seen: set[int] = set()
    start = window.start
    pages = read.of_history() if start is None else read.since(floor_second(start) - SECOND)
    for page in pages:
        fresh = [row for row in page if row["id"] not in seen]
        seen.update(row["id"] for row in fresh)
        if fresh:
            yield [keep_used(row, meta_keys=meta_keys) for row in fresh]


@dataclass
class _WindowWalk:
    """Reads orders of `statuses` (slugs, parted by commas) that were modified before `before`."""

    client: StoreClient
    statuses: str
    left_out: LeftOut
    before: datetime

    def __post_init__(self) -> None:
        self.began = _store_now(self.client)

    def since(self, after: datetime) -> Iterator[list[Row]]:
        """Those that were modified after `after`, oldest change first."""
        bound = PageBound(self.client.attempt("reading orders by modification date"))
        while after + SECOND < self.before:
            asked = {**self._bounds(after, self.before), "orderby": "modified", "order": "asc"}
            page = self.client.get_list("orders", {**asked, "per_page": PAGE_SIZE})
            bound.count(page, PAGE_SIZE)
            # What was selected says whether a page is full, also when some of it was edited before it was loaded.
            full = len(page.rows) >= PAGE_SIZE
            rows = with_ids(page.rows, self.client.attempt("GET orders"), left_out=self.left_out)
            rows, times = self._within(rows, after, self.before)
            if (
                len(times) < len(rows)
                or any(later < earlier for earlier, later in pairwise(times))
                or (not full and (page.total is None or page.total > len(page.rows)))
            ):
                # Old order tables sort by local time, which repeats an hour each year, plugins may hide rows or write
                # dates in a way of their own: then only the proof by ids tells what is complete.
                yield from self._by_id(after, self.before)
                return
            if not full:
                yield rows
                return
            if not times or times[-1] >= self.began - CLOCKS_MAY_DIFFER:
                # The last order says where to go on, but one that was edited on its way here bears a later time than
                # it was selected by: what lies between would be passed over.
                yield from self._by_id(after, self.before)
                return
            if times[0] == times[-1]:
                # More orders in one second (a bulk edit) than fit a page: time cannot part them, ids can.
                yield from self._by_id(times[0] - SECOND, times[0] + SECOND)
                after = times[0]
                continue
            yield rows
            # The last second may be incomplete on this page, so it is read again.
            after = times[-1] - SECOND

    def of_history(self) -> Iterator[list[Row]]:
        """All orders but those that were modified meanwhile, by ids: so several pages can be read at a time."""
        everything = {"status": self.statuses, "_fields": ORDER_FIELDS}
        for rows in walk(self.client, "orders", everything, page_size=PAGE_SIZE, left_out=self.left_out):
            yield _modified_before(rows, self.before)

    def _by_id(self, after: datetime, before: datetime) -> Iterator[list[Row]]:
        bounds = self._bounds(after, before)
        for rows in walk(self.client, "orders", bounds, page_size=PAGE_SIZE, left_out=self.left_out):
            yield self._within(rows, after, before)[0]

    def _bounds(self, after: datetime, before: datetime) -> Params:
        return {
            "status": self.statuses,
            "modified_after": naive_gmt(after),
            "modified_before": naive_gmt(before),
            "dates_are_gmt": "true",
            "_fields": ORDER_FIELDS,
        }

    def _within(self, rows: list[Row], after: datetime, before: datetime) -> tuple[list[Row], list[datetime]]:
        """The rows within the bounds that were asked for, and when each was modified that tells it.

        WooCommerce selects ids first and loads the orders after that: one that is edited in between bears a time from
        beyond the window. Those are left out if that may be what happened, after the walk began by the store's clock.
        Raises StoreError for any other row outside of the bounds.
        """
        first, last = self.began - CLOCKS_MAY_DIFFER, _store_now(self.client) + CLOCKS_MAY_DIFFER
        kept, times = [], []
        for row in rows:
            moment = parse_gmt(row.get("date_modified_gmt"))
            if moment is None:
                # The store has selected it by its date: what is shown in place of that is some plugin's.
                kept.append(row)
            elif after < moment < before:
                kept.append(row)
                times.append(moment)
            # An unknown parameter is ignored without a word: rows outside the bounds show that this one was.
            elif moment <= after or not first <= moment <= last:
                attempt = self.client.attempt("GET orders by modification date")
                raise attempt.failed(StoreFilterIgnoredError, "an order from outside of the window")
        return kept, times


def _modified_before(rows: list[Row], before: datetime) -> list[Row]:
    times = [parse_gmt(row.get("date_modified_gmt")) for row in rows]
    return [row for row, moment in zip(rows, times, strict=True) if moment is None or moment < before]


def _store_now(client: StoreClient) -> datetime:
    # The store's own clock dates its orders; its newest answer has told it.
    return client.server_time or client.now()
