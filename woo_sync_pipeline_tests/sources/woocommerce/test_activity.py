"""Who was active in a store lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreKeyUnknownError, StoreRouteMissingError
from woo_sync_pipeline.sources.woocommerce.live import NOTED_EACH, active_customers

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def seen(shop: DemoStore, minutes: float) -> int:
    """Somebody who looked at the store so long after noon."""
    number = shop.data.register_customer(email=f"c{len(shop.data.customers)}@example.com")
    shop.data.clock = lambda: NOON + timedelta(minutes=minutes)
    shop.data.visit(number)
    return number


def test_who_was_active_since_is_named_by_one_request(shop: DemoStore, client: StoreClient) -> None:
    seen(shop, -NOTED_EACH.total_seconds() / 60 - 1)
    # A visit that is noted a little before may have gone on until later.
    before, after = seen(shop, -4), seen(shop, 3)
    shop.data.register_customer(email="never@example.com")
    assert active_customers(client, since=NOON) == {before, after}
    assert client.requests_made == 1
    assert active_customers(client, since=NOON + timedelta(hours=1)) == frozenset()


def test_of_very_many_the_last_three_hundred_are_named(shop: DemoStore, client: StoreClient) -> None:
    numbers = [seen(shop, step / 60) for step in range(320)]
    assert active_customers(client, since=NOON) == set(numbers[20:])
    assert client.requests_made == 3


def test_visits_shortly_after_one_another_are_noted_once(shop: DemoStore) -> None:
    number = seen(shop, 0)
    for minutes, noted in ((4, 0), (5, 5), (9, 5), (30, 30)):
        shop.data.clock = lambda minutes=minutes: NOON + timedelta(minutes=minutes)  # type: ignore[misc]
        shop.data.visit(number)
        assert shop.data.last_active[number] == NOON + timedelta(minutes=noted)


def test_a_store_without_analytics_has_no_such_report(shop: DemoStore, client: StoreClient) -> None:
    shop.data.has_analytics = False
    with pytest.raises(StoreRouteMissingError):
        active_customers(client, since=NOON)


def test_the_report_needs_the_key(shop: DemoStore, client: StoreClient) -> None:
    shop.data.keys.clear()
    with pytest.raises(StoreKeyUnknownError):
        active_customers(client, since=NOON)
