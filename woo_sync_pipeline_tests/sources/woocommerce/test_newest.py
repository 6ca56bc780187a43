"""The newest customers and orders with all of their meta."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.discovery.discover import (
    last_moment,
    meta_of,
    newest_customers,
    newest_orders,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_newest_come_first_and_no_more_than_asked_for(shop: DemoStore, client: StoreClient) -> None:
    customers = [
        shop.data.register_customer(email=f"{number}@shop.example", roles=["wholesale"])
        for number in range(250)
    ]
    orders = [shop.data.place_order(status=status) for status in ("trash", "processing", "checkout-draft")]
    newest = [row["id"] for row in newest_customers(client, most=120)]
    assert newest == customers[::-1][:120]
    assert client.requests_made == 2
    assert [row["id"] for row in newest_customers(client, most=None)] == [*customers[::-1], 1]
    assert [row["id"] for row in newest_orders(client, most=120)] == orders[1::-1]
    assert list(newest_orders(client, most=0)) == []


def test_a_row_has_all_of_its_meta_and_nothing_else_of_a_person(shop: DemoStore, client: StoreClient) -> None:
    shop.data.place_order(meta={"_hidden": "1", "tags": ["a"]}, created_at=NOON)
    (row,) = islice(newest_orders(client, most=1), 2)
    assert set(row) == {"id", "date_created_gmt", "date_modified_gmt", "meta_data"}
    assert meta_of(row) == {"_hidden": "1", "tags": ["a"]}
    assert last_moment(row) == NOON


def test_odd_meta_is_read_as_a_sync_reads_it() -> None:
    entries = {"0": {"key": "a", "value": "1"}, "2": {"key": "a", "value": "2"}, "3": {"key": None}, "4": "x"}
    assert meta_of({"meta_data": entries}) == {"a": "1"}
    assert meta_of({"meta_data": None}) == {}
    assert meta_of({}) is None
    assert last_moment({"date_created_gmt": "2026-11-20T12:00:00", "date_modified_gmt": None}) == NOON
    assert last_moment({}) is None
