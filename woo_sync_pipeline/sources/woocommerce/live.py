"""Has a store changed? What the live sensor asks, and what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.sources.woocommerce.activity import active_customers
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.customer_changes import changed_accounts
from woo_sync_pipeline.sources.woocommerce.errors import StoreError
from woo_sync_pipeline.sources.woocommerce.known import last_customer_id
from woo_sync_pipeline.sources.woocommerce.looks import Looks
from woo_sync_pipeline.sources.woocommerce.probe import NewestChange, newest_change
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import Watermark, watermark_by


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
