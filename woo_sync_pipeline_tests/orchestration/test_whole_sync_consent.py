"""Nobody who opted out is subscribed again by anything but a newer opt-in of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.demo.store.records import Customer
from woo_sync_pipeline.demo.world import CONSENT_KEY, ORDER_CONSENT_KEY
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.people import order_again, single_customers, subscribed_customer

HALF_A_DAY = timedelta(hours=13)
"""After so long the daily sync looks through the platform again."""


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world({KEY: small_store(customers=25, orders=10)})


def _state(world: World, phone: str) -> str:
    return world.directory.snapshot()[phone]["states"]["SMS"]


def _synced_world_with_an_opt_out(world: World) -> tuple[Customer, str]:
    """Sync, then let a subscribed customer answer STOP to a message."""
    customer, phone = subscribed_customer(world.store)
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"
    world.directory.unsubscribe(phone)
    return customer, phone


def test_an_opt_out_on_the_platform_outlives_edits_orders_and_resyncs(world: World) -> None:
    customer, phone = _synced_world_with_an_opt_out(world)

    world.store.save_profile(customer.id, first_name="Marguerite", billing_first_name="Marguerite")
    world.sync()
    assert world.directory.snapshot()[phone]["first_name"] == "Marguerite"
    assert _state(world, phone) == "UNSUBSCRIBED"

    order_again(world.store, customer)
    world.sync(incremental=True)
    assert _state(world, phone) == "UNSUBSCRIBED"

    # Other settings make every record count as changed: all of the store is read and merged anew.
    world.reconfigure(groups={"roles": False, "product_tags": True, "meta_keys": []})
    resync = world.sync()
    assert resync.counts["updated"] > 0
    assert world.directory.snapshot()[phone]["first_name"] == "Marguerite"
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_an_opt_out_on_the_platform_outlives_the_loss_of_the_whole_state(world: World) -> None:
    customer, phone = _synced_world_with_an_opt_out(world)
    world.lose_the_state()
    assert world.sync().kind == "first"
    assert _state(world, phone) == "UNSUBSCRIBED"
    order_again(world.store, customer)
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_losing_the_state_changes_nothing_on_the_platform(world: World) -> None:
    world.sync()
    before, writes = world.directory.snapshot(), world.platform.requests.writes
    world.lose_the_state()
    world.sync()
    assert world.directory.snapshot() == before
    assert world.platform.requests.writes == writes


def test_only_a_newer_opt_in_at_the_checkout_subscribes_again(world: World) -> None:
    customer, phone = _synced_world_with_an_opt_out(world)
    world.let_pass(HALF_A_DAY)
    world.sync()
    world.let_pass()
    order_again(world.store, customer, choice="1")
    world.sync(incremental=True)
    assert _state(world, phone) == "SUBSCRIBED"


def test_a_newer_opt_in_subscribes_again_even_after_the_state_was_lost(world: World) -> None:
    customer, phone = _synced_world_with_an_opt_out(world)
    world.lose_the_state()
    world.sync()
    world.let_pass()
    order_again(world.store, customer, choice="1")
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"


def test_an_opt_in_from_before_the_opt_out_does_not_subscribe_again(world: World) -> None:
    customer, phone = subscribed_customer(world.store)
    world.sync()
    order_again(world.store, customer, choice="1")
    world.directory.unsubscribe(phone)
    world.sync(incremental=True)
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_an_opt_out_in_the_store_unsubscribes_and_an_order_without_a_choice_does_not_undo_it(
    world: World,
) -> None:
    customer, phone = subscribed_customer(world.store)
    world.sync()
    order_again(world.store, customer, choice="0")
    world.sync(incremental=True)
    assert _state(world, phone) == "UNSUBSCRIBED"
    order_again(world.store, customer)
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"
    world.lose_the_state()
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_who_was_subscribed_again_on_the_platform_stays_so_until_a_newer_opt_out(world: World) -> None:
    customer, phone = subscribed_customer(world.store)
    order_again(world.store, customer, choice="0")
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"
    world.directory.subscribe(phone)
    world.store.save_profile(customer.id, first_name="Marguerite", billing_first_name="Marguerite")
    world.sync()
    assert world.directory.snapshot()[phone]["first_name"] == "Marguerite"
    assert _state(world, phone) == "SUBSCRIBED"
    order_again(world.store, customer, choice="0")
    world.sync(incremental=True)
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_with_inferred_consent_who_opted_out_on_the_platform_stays_so(make_world: MakeWorld) -> None:
    world = make_world(
        {KEY: small_store(customers=25, orders=10)}, source_options={"consent": {"mode": "inferred"}}
    )
    customer, phone = single_customers(world.store)[0]
    world.sync()
    assert {contact["states"]["SMS"] for contact in world.directory.snapshot().values()} == {"SUBSCRIBED"}
    world.directory.unsubscribe(phone)
    world.store.save_profile(customer.id, first_name="Marguerite", billing_first_name="Marguerite")
    order_again(world.store, customer)
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"
    world.lose_the_state()
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_an_opt_in_in_the_account_that_may_be_older_than_the_stop_subscribes_nobody(world: World) -> None:
    customer, phone = subscribed_customer(world.store)
    world.store.delete_user_meta(customer.id, CONSENT_KEY)
    order_again(world.store, customer, choice="1")
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"
    world.store.set_user_meta(customer.id, CONSENT_KEY, "yes")
    world.directory.unsubscribe(phone)
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"


def test_an_opt_in_in_the_account_without_a_date_undoes_no_stop_even_after_a_sync_that_saw_none(
    world: World,
) -> None:
    customer, phone = subscribed_customer(world.store)
    world.store.delete_user_meta(customer.id, CONSENT_KEY)
    order_again(world.store, customer, choice="1")
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"
    world.directory.unsubscribe(phone)
    world.sync()
    world.store.set_user_meta(customer.id, CONSENT_KEY, "yes")
    sync = world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"
    assert sync.counts["not_applied"] == 1
    (line,) = (each for each in world.contacts_of(sync) if each.phone == phone)
    assert (line.outcome, line.reason) == ("unchanged", NotApplied.undated.sentence)


def test_an_opt_in_that_is_taken_back_in_the_account_unsubscribes(world: World) -> None:
    customer, phone = _subscribed_by_account(world)
    world.store.set_user_meta(customer.id, CONSENT_KEY, "")
    world.sync()
    assert _state(world, phone) == "UNSUBSCRIBED"
    world.store.set_user_meta(customer.id, CONSENT_KEY, "yes")
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"


def _subscribed_by_account(world: World) -> tuple[Customer, str]:
    customer, phone = subscribed_customer(world.store)
    world.store.set_user_meta(customer.id, CONSENT_KEY, "yes")
    world.sync()
    assert _state(world, phone) == "SUBSCRIBED"
    return customer, phone


def test_who_was_not_sent_yet_is_created_under_the_mode_that_is_configured_now(make_world: MakeWorld) -> None:
    world = make_world(
        {KEY: small_store(customers=25, orders=10)}, source_options={"consent": {"mode": "inferred"}}
    )
    world.platform.faults.rate("drop", 1.0)
    assert world.try_sync().error is not None
    assert len(world.directory) == 0
    world.platform.faults.clear()
    world.reconfigure(consent={"mode": "explicit"})
    world.sync()
    states = {contact["states"]["SMS"] for contact in world.directory.snapshot().values()}
    assert states == {"UNSUBSCRIBED"}


def test_an_opt_out_reaches_the_platform_with_the_next_sync_of_any_store(make_world: MakeWorld) -> None:
    stores = {
        "coffee": small_store(name="Coffee House", customers=25, orders=10),
        "tea": small_store(seed=2, name="Tea House", customers=25, orders=10),
    }
    world = make_world(stores)
    coffee, tea = (world.demo.stores[key].data for key in ("coffee", "tea"))
    _, phone = subscribed_customer(coffee)
    for key in ("coffee", "tea"):
        world.sync(key)
    assert _state(world, phone) == "SUBSCRIBED"
    customer, _ = single_customers(tea)[0]
    tea.place_order(
        customer_id=customer.id,
        billing={"first_name": "Tea", "phone": phone, "country": "AU"},
        meta={ORDER_CONSENT_KEY: "0"},
        created_at=datetime.now(UTC),
    )
    world.platform.faults.rate("drop", 1.0)
    assert world.try_sync("tea", incremental=True).error is not None
    world.platform.faults.clear()
    world.sync("tea", incremental=True)
    assert _state(world, phone) == "UNSUBSCRIBED"
