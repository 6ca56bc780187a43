"""A source whose readings go into a state, as the assets do it, without Dagster and without a platform."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa

from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce import customer_changes, order_changes
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.customer_changes import CustomersRead
from woo_sync_pipeline.sources.woocommerce.known import (
    known_guest_orders,
    last_customer_id,
    last_order_id,
    next_cursor,
    replace_roles,
)
from woo_sync_pipeline.sources.woocommerce.order_changes import OrdersRead
from woo_sync_pipeline.sources.woocommerce.orders import order_statuses
from woo_sync_pipeline.sources.woocommerce.products import read_product_tags
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.window import order_window, read_until
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import Reading, commit_reading
from woo_sync_pipeline.state.syncs import Watermark, begin_sync, watermark
from woo_sync_pipeline_tests.sources.woocommerce.normalised import normalised_records

KEY = "shop"
CONSENT = "sms_marketing_consent"
ORDER_CONSENT = "_wc_other/woo/sms-opt-in"
TAGS = "customer_tags"

_runs = itertools.count(1)


def source_of(shop: DemoStore, **options: Any) -> WooCommerceSettings:
    key = shop.data.key()
    return WooCommerceSettings.model_validate(
        {
            "name": "Shop",
            "key": KEY,
            "url": shop.url,
            "consumer_key": key.consumer_key,
            "consumer_secret": key.consumer_secret,
            "start_date": "2026-01-01",
            "default_region": "AU",
            "consent": {"meta_keys": [CONSENT, ORDER_CONSENT]},
            "groups": {"meta_keys": [TAGS]},
            **options,
        }
    )


@dataclass(frozen=True)
class Read:
    """What one reading passed on, and how many requests it took."""

    orders: pa.Table
    customers: CustomersRead
    tags: dict[int, tuple[str, ...]]
    guests: set[int]
    requests: int
    gone_orders: frozenset[int]
    unclear_orders: int

    @property
    def order_ids(self) -> set[int]:
        return set(self.orders["record_id"].to_pylist())

    @property
    def customer_ids(self) -> set[int]:
        return set(self.customers.changed["record_id"].to_pylist())


class SyncedSource:
    """Reads a store as the assets do, and commits what was read."""

    def __init__(self, shop: DemoStore, database: Database, **options: Any) -> None:
        self.source = source_of(shop, **options)
        self.database = database

    def sweep(self) -> Read:
        """Read all customers, and the orders of the last day (the first time: all); prove all known guest orders."""
        return self._read(is_sweep=True)

    def touched(self) -> Read:
        """Read what the orders since the last reading and new registrations point at."""
        return self._read(is_sweep=False)

    def _read(self, *, is_sweep: bool) -> Read:
        started_at = datetime.now(UTC)
        mark = watermark(self.database, KEY)
        with connect(self.source) as client:
            found, until = self._orders(client, mark, is_sweep=is_sweep)
            orders = found.changed
            customers = self._customers(client, mark, orders, is_sweep=is_sweep)
            tags = read_product_tags(client, self.database, self.source, orders, is_sweep=is_sweep)
            requests = client.requests_made
        guests = set(order_changes.guest_orders(self.database, self.source, orders)["record_id"].to_pylist())
        records = normalised_records(
            self.source,
            customers=customers.changed.to_pandas(),
            orders=orders.to_pandas(),
            guest_order_ids=guests,
        ).records
        self._commit(
            Reading(
                [records],
                started_at,
                until,
                gone={"customer": [*map(str, customers.gone)], "order": [*map(str, found.gone)]},
                item_tags={str(number): names for number, names in tags.items()},
                cursor=next_cursor(
                    mark.cursor if mark else {}, customer_id=customers.last_id, order_id=found.last_id
                ),
                beside=replace_roles(KEY, customers.roles),
            )
        )
        return Read(orders, customers, tags, guests, requests, found.gone, found.unclear)

    def _orders(
        self, client: StoreClient, mark: Watermark | None, *, is_sweep: bool
    ) -> tuple[OrdersRead, datetime]:
        statuses = order_statuses(client)
        assert client.server_time is not None
        window = order_window(
            range_start=client.server_time - timedelta(days=1),
            range_end=client.server_time + timedelta(days=1),
            is_sweep=is_sweep,
            watermark=mark,
            orders_from=midnight(self.source.orders_from, "UTC") if self.source.orders_from else None,
            store_now=client.server_time,
        )
        read = partial(
            order_changes.read_orders,
            client,
            self.database,
            self.source,
            window,
            statuses=statuses,
            progress=_nothing,
        )
        if is_sweep:
            read = partial(
                order_changes.sweep_orders,
                *read.args,
                **read.keywords,
                to_prove=known_guest_orders(self.database, KEY),
                last_id=last_order_id(self.database, KEY),
            )
        return read(), read_until(window)

    def _customers(
        self, client: StoreClient, mark: Watermark | None, orders: pa.Table, *, is_sweep: bool
    ) -> CustomersRead:
        if is_sweep:
            return customer_changes.sweep(client, self.database, self.source, since=None, progress=_nothing)
        return customer_changes.touched(
            client,
            self.database,
            self.source,
            last_id=last_customer_id(mark.cursor) if mark else 0,
            customer_ids=set(orders["customer_id"].to_pylist()),
            progress=_nothing,
        )

    def _commit(self, found: Reading) -> None:
        run_id, day = f"run {next(_runs)}", found.started_at.date()
        begin_sync(
            self.database,
            run_id=run_id,
            source=KEY,
            kind="manual",
            reading="sweep",
            first_day=day,
            last_day=day,
        )
        commit_reading(
            self.database,
            source=KEY,
            run_id=run_id,
            reading=found,
            sources={KEY: MergeSource("Shop", is_explicit=True)},
            accept=lambda merged: True,
        )


def _nothing(count: int) -> None:
    """Nobody looks at the progress."""
