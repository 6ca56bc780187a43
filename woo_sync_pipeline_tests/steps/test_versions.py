"""Whole syncs of stores old and new: the first one, a daily one with changes, a live one."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.demo.scenario import play_second_day
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import (
    GUEST_PHONE,
    order_again,
    order_as_guest,
    single_customers,
)
from woo_sync_pipeline_tests.sources.woocommerce.test_versions import VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_stores_of_all_versions_are_synced_alike(make_world: MakeWorld, version: str) -> None:
    store = small_store(customers=40, orders=30)
    store.woocommerce_version = version
    world = make_world({KEY: store})

    first = world.sync()
    assert world.directory.snapshot() == expected_directory(world.store)
    assert (first.kind, first.counts["failed"]) == ("first", 0)

    events = {event.phone: event for event in play_second_day(world.store)}
    daily = world.sync()
    sent = {each.phone: each for each in world.contacts_of(daily) if each.phone is not None}
    assert sent.keys() == events.keys()
    assert [event.what for phone, event in events.items() if not event.is_met_by(sent[phone])] == []

    customer, phone = single_customers(world.store)[0]
    world.store.save_profile(customer.id, first_name="Zoe", billing_first_name="Zoe")
    order_again(world.store, customer)
    order_as_guest(world.store, choice=None)
    live = world.sync(incremental=True)
    shown = world.directory.snapshot()
    assert {each.phone: each.outcome for each in world.contacts_of(live)} == {
        phone: "updated",
        GUEST_PHONE: "new",
    }
    assert (shown[phone]["first_name"], shown[GUEST_PHONE]["states"]) == ("Zoe", {"SMS": "UNSUBSCRIBED"})
