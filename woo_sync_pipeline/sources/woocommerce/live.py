"""Has a store changed? What the live sensor asks every few seconds, and what it remembers.

Who was active lately is a hint whose account may have changed, never a proof. WooCommerce's analytics note when a
registered user was last seen, at a login and at page views some minutes apart. What the shop's staff edits does not
show, and a store may have switched its analytics off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.sources.woocommerce.client import Params, Row, StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.customer_changes import changed_accounts
from woo_sync_pipeline.sources.woocommerce.errors import StoreError, StoreRequestRefusedError
from woo_sync_pipeline.sources.woocommerce.known import last_customer_id
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE, newest_page
from woo_sync_pipeline.sources.woocommerce.row_ids import row_id, settled
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.statuses import forget_order_statuses, known_order_statuses
from woo_sync_pipeline.sources.woocommerce.values import (
    SECOND,
    floor_second,
    naive_gmt,
    parse_gmt,
    whole_number,
)
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import Watermark, watermark_by


@dataclass(frozen=True)
class NewestChange:
    """The newest modification of an order (UTC, None: none since), and the highest customer id (None: nobody)."""

    order_modified_at: datetime | None
    customer_id: int | None


def newest_change(
    client: StoreClient,
    *,
    since: datetime | Callable[[datetime], datetime],
    statuses: Sequence[str] | None = None,
    registrations: bool = True,
) -> NewestChange:
    """Look for the newest order that was modified after the second of `since`, and for the newest customer.

    Without `registrations` not for the latter; then the client should have an answer already, which told the clock.

    `since` may be told by a function of the store's present time. Orders that are dated ahead of the store's clock are
    no changes yet, since no window reaches them; and if `since` is ahead of it, the orders of its present second are
    looked for. Two requests of one row each, and one more where the order statuses are not known, see
    `known_order_statuses`, and the caller gives none. Changes of existing customers cannot be seen this way. Raises
    StoreError.
    """
    everyone = {"role": "all", "_fields": "id"}
    customer = _newest(client, "customers", everyone) if registrations else None
    # The answer about customers has told the store's clock anew.
    now = floor_second(client.server_time or client.now())
    begin = since if isinstance(since, datetime) else since(now)
    bounds = {
        "orderby": "modified",
        "modified_after": naive_gmt(min(floor_second(begin), now - SECOND)),
        "modified_before": naive_gmt(now + SECOND),
        "dates_are_gmt": "true",
        "_fields": "id,date_modified_gmt",
    }
    asked = statuses if statuses is not None else known_order_statuses(client)
    try:
        order = _newest(client, "orders", {"status": ",".join(asked), **bounds})
    except StoreRequestRefusedError:
        # A status may have gone with the plugin that brought it.
        forget_order_statuses(client)
        asked = known_order_statuses(client)
        order = _newest(client, "orders", {"status": ",".join(asked), **bounds})
    return NewestChange(
        order_modified_at=parse_gmt(order.get("date_modified_gmt")) if order else None,
        customer_id=row_id(customer) or None if customer else None,
    )


def _newest(client: StoreClient, path: str, params: Params) -> Row | None:
    rows = settled(lambda: newest_page(client, path, params)).rows
    return rows[0] if rows else None


ACTIVITY_PATH = "/wc-analytics/reports/customers"
NOTED_EACH = timedelta(minutes=10)
"""Within this time a visit may not be noted, because an earlier one was; with some leeway."""

_MOST_PAGES = 3


def active_customers(client: StoreClient, *, since: datetime) -> frozenset[int]:
    """Ids of registered users who were active after `since` (tz-aware, by the store's clock), or a little before.

    One request; at most three, in a store with more than a hundred of them: who was active last comes first. Raises
    StoreError, also where the store has no such report.
    """
    asked: dict[str, str | int] = {
        "user_type": "registered",
        "last_active_after": naive_gmt(since - NOTED_EACH),
        "orderby": "date_last_active",
        "order": "desc",
        "per_page": PAGE_SIZE,
        "_fields": "user_id,date_last_active",
    }
    found: set[int] = set()
    for number in range(1, _MOST_PAGES + 1):
        page = client.get_list(ACTIVITY_PATH, {**asked, "page": number})
        ids = (whole_number(row.get("user_id")) for row in page.rows)
        found.update(user for user in ids if user is not None and user > 0)
        if len(page.rows) < PAGE_SIZE:
            break
    return frozenset(found)


ASK_AGAIN = timedelta(hours=1)
"""After this time a store that has told nobody's activity is asked for it once more."""


@dataclass(frozen=True)
class Looks:
    """What earlier ticks have seen.

    active_until: up to when, by the store's clock, everybody who was active
    has been looked at; None: nobody yet. was_activity: whether the last tick asked for activity, so that the next one
    asks for registrations. no_activity_until: until when the store is not asked for activity, which it did not tell.
    asked_for: customers whose account the last look found changed, and whom a sync was asked to read.
    """

    active_until: datetime | None = None
    was_activity: bool = True
    no_activity_until: datetime | None = None
    asked_for: frozenset[int] = frozenset()

    @classmethod
    def from_memory(cls, memory: Mapping[str, Any]) -> Looks:
        """What the tick before has kept; of an older version, or of nobody, that may be nothing."""
        if not memory:
            return cls()
        return cls(
            _read(memory["active_until"]),
            memory["was_activity"],
            _read(memory["no_activity_until"]),
            frozenset(memory["asked_for"]),
        )

    def to_memory(self) -> dict[str, Any]:
        """What the next tick is told, fit for JSON."""
        return {
            "active_until": _written(self.active_until),
            "was_activity": self.was_activity,
            "no_activity_until": _written(self.no_activity_until),
            "asked_for": sorted(self.asked_for),
        }

    def asks_for_activity(self, now: datetime) -> bool:
        """Whether this tick asks who was active; else it asks for registrations. `now` is by our clock."""
        return not self.was_activity and (self.no_activity_until is None or now >= self.no_activity_until)

    def after_registrations(self) -> Looks:
        """After a tick that asked for registrations."""
        return replace(self, was_activity=False)

    def after_activity(self, *, until: datetime, changed: frozenset[int]) -> Looks:
        """After a tick that looked at everybody who was active up to `until`, by the store's clock.

        Where accounts had changed, the same time is looked at once more after the sync that shall read them.
        """
        seen_until = self.active_until if changed else until
        return replace(self, was_activity=True, active_until=seen_until, asked_for=changed)

    def without_activity(self, now: datetime) -> Looks:
        """After a tick to which the store did not tell who was active; `now` is by our clock."""
        return replace(self, was_activity=True, no_activity_until=now + ASK_AGAIN)


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def look_at_store(
    source: WooCommerceSettings, database: Database, mark: Watermark, memory: Mapping[str, Any]
) -> Look:
    """Look for orders that changed, and by turns for registrations and for accounts that changed.

    Two requests where nothing happened, and one for each hundred customers who were active. Raises StoreError.
    """
    looks, now = Looks.from_memory(memory), database.now()
    accounts: frozenset[int] = frozenset()
    registrations = not looks.asks_for_activity(now)
    with connect(source, now=database.now) as client:
        if registrations:
            looks = looks.after_registrations()
        else:
            looks, accounts = _look_at_active(client, database, source, mark, looks, now)
        # Told by an answer: the store's own clock dates its orders.
        told: list[datetime] = []

        def since(store_now: datetime) -> datetime:
            told.append(store_now)
            read = watermark_by(database, source.key, mark, store_now=store_now)
            # The store's bound is exclusive, and the second of the watermark was perhaps not over.
            return read.read_until - timedelta(seconds=1)

        newest = newest_change(client, since=since, registrations=registrations)
    known = watermark_by(database, source.key, mark, store_now=told[0])
    return Look(
        looks.to_memory(),
        change_seen(known, newest, changed_accounts=len(accounts)),
        nothing=f"nothing changed in the store since {known.read_until:%Y-%m-%d %H:%M:%S} UTC",
        options={"customers": {"customer_ids": sorted(accounts)}} if accounts else {},
    )


def change_seen(mark: Watermark, newest: NewestChange, *, changed_accounts: int = 0) -> str | None:
    """What has changed in a store since it was last read, None: nothing.

    `changed_accounts` counts those of the customers who were active lately that are not known in their present form.
    """
    if newest.order_modified_at is not None and newest.order_modified_at >= mark.read_until:
        return "an order changed"
    if newest.customer_id is not None and newest.customer_id > last_customer_id(mark.cursor):
        return "a customer registered"
    return f"{changed_accounts:,} accounts of active customers changed" if changed_accounts else None


def _look_at_active(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    mark: Watermark,
    looks: Looks,
    now: datetime,
) -> tuple[Looks, frozenset[int]]:
    """Which accounts changed of the customers who were active. A store need not tell who was."""
    try:
        active = active_customers(client, since=looks.active_until or mark.read_until)
    except StoreError:
        return looks.without_activity(now), frozenset()
    until = client.server_time or now
    changed = changed_accounts(client, database, source, active) if active else frozenset()
    # What a sync was asked to read and is still not known as it is does not fit, or the sync failed: the night has it.
    accounts = changed - looks.asked_for
    return looks.after_activity(until=until, changed=accounts), accounts
