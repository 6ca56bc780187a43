"""Whole syncs after changes in the store that move no date, or leave no trace."""

from __future__ import annotations

from datetime import timedelta

from woo_sync_pipeline.demo.store.records import NO_DATE
from woo_sync_pipeline.demo.world import before_today, yesterday
from woo_sync_pipeline.sources.woocommerce.window import SEVENTHS
from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld, World
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest

OTHER_PHONE = "+61491570157"


def test_the_guest_of_an_order_that_is_deleted_for_good_leaves_within_a_week(make_world: MakeWorld) -> None:
    world = make_world(source_options={"start_date": yesterday() - timedelta(days=30)})
    order = order_as_guest(world.store)
    twice = [order_as_guest(world.store, phone=OTHER_PHONE, email="gus@example.com") for _ in range(2)]
    world.sync()
    known = world.directory.snapshot()
    assert known[GUEST_PHONE]["lists"] == ["WooCommerce", "WooCommerce - Guests"]
    for each in (order, twice[0]):
        world.store.delete_order(each)
    its_day = next(
        day
        for day in (yesterday() - timedelta(days=number) for number in range(SEVENTHS))
        if day.toordinal() % SEVENTHS == order % SEVENTHS
    )
    another = its_day - timedelta(days=1)
    world.sync(first=another, last=another)
    assert world.directory.snapshot()[GUEST_PHONE] == known[GUEST_PHONE]
    world.sync(first=its_day, last=its_day)
    gone = world.directory.snapshot()[GUEST_PHONE]
    assert gone == {**known[GUEST_PHONE], "lists": [], "custom_fields": gone["custom_fields"]}
    assert "source" not in gone["custom_fields"]
    # A whole week proves all, and who is held by another order stays.
    world.sync(first=its_day - timedelta(days=SEVENTHS))
    assert world.directory.snapshot()[OTHER_PHONE] == known[OTHER_PHONE]
    held = world.directory.snapshot()
    world.sync()
    world.sync(incremental=True)
    assert world.directory.snapshot() == held


def test_a_full_sync_finds_every_order_that_was_deleted_for_good_and_its_opt_out_stays(world: World) -> None:
    orders = [
        order_as_guest(world.store, phone=phone, email=email, choice=choice)
        for phone, email, choice in (
            (GUEST_PHONE, "greta@example.com", "1"),
            (OTHER_PHONE, "gus@example.com", "0"),
        )
    ]
    world.sync()
    for order in orders:
        world.store.delete_order(order)
    outcome = world.try_sync(whole_history=True)
    assert outcome.error is None
    shown = world.directory.snapshot()
    assert [shown[phone]["lists"] for phone in (GUEST_PHONE, OTHER_PHONE)] == [[], []]
    # Who comes back without a choice is still unsubscribed.
    order_as_guest(world.store, phone=OTHER_PHONE, choice=None)
    world.sync(incremental=True)
    assert world.directory.snapshot()[OTHER_PHONE]["states"] == {"SMS": "UNSUBSCRIBED"}


def test_a_store_that_hides_an_order_takes_nobody_out_of_a_list_and_the_report_warns(world: World) -> None:
    world.store.order_statuses["shipped"] = "Shipped"
    order = order_as_guest(world.store)
    world.store.set_order_status(order, "shipped")
    world.sync()
    del world.store.order_statuses["shipped"]
    outcome = world.try_sync(whole_history=True)
    assert outcome.sync is not None
    assert any("1 known guest orders are in no list" in each for each in outcome.sync.counts["warnings"])
    assert world.directory.snapshot()[GUEST_PHONE]["lists"] == ["WooCommerce", "WooCommerce - Guests"]


def test_guests_of_orders_imported_without_a_date_come_with_the_next_daily_sync(world: World) -> None:
    world.sync()
    world.store.place_order(
        billing={"first_name": "Ida", "phone": OTHER_PHONE, "country": "AU"},
        created_at=before_today() - timedelta(days=300),
        modified_at=NO_DATE,
    )
    order_as_guest(world.store)
    world.sync(incremental=True)
    assert OTHER_PHONE not in world.directory.snapshot()
    world.sync()
    assert world.directory.snapshot()[OTHER_PHONE]["lists"] == ["WooCommerce", "WooCommerce - Guests"]


def test_a_guest_who_makes_an_account_without_a_phone_keeps_lists_and_subscription(world: World) -> None:
    order = order_as_guest(world.store)
    world.sync()
    guest = world.directory.snapshot()[GUEST_PHONE]
    assert (guest["lists"], guest["states"]) == (
        ["WooCommerce", "WooCommerce - Guests"],
        {"SMS": "SUBSCRIBED"},
    )
    # As WooCommerce does it once the address of the new account is verified.
    number = world.store.register_customer(email="greta@example.com", first_name="Greta", last_name="O'Hara")
    world.store.update_order(order, customer_id=number)
    sync = world.sync(incremental=True)
    lists = ["WooCommerce", "WooCommerce - Customer"]
    assert world.directory.snapshot()[GUEST_PHONE] == {**guest, "lists": lists}
    assert [each.outcome for each in world.contacts_of(sync)] == ["updated"]
    world.sync()
    assert world.directory.snapshot()[GUEST_PHONE] == {**guest, "lists": lists}
