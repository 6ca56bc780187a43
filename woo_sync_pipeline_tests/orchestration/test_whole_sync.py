"""Whole syncs of one store: real servers on loopback, a real PostgreSQL, and the real jobs where that matters."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from woo_sync_pipeline.demo.scenario import play_second_day
from woo_sync_pipeline.demo.world import yesterday
from woo_sync_pipeline.orchestration.tags import range_tags
from woo_sync_pipeline_tests.openapi import OpenApiRecorder
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest, single_customers

ASSETS = (
    "orders",
    "customers",
    "guest_orders",
    "tags",
    "contacts",
    "merged_contacts",
    "synced_contacts",
    "sync_report",
)


@pytest.mark.dagster
def test_the_first_sync_brings_over_exactly_what_the_store_holds(world: World) -> None:
    sync = world.sync()
    expected = expected_directory(world.store)
    states = [contact["states"]["SMS"] for contact in expected.values()]
    assert world.directory.snapshot() == expected
    assert (sync.kind, sync.reading) == ("first", "sweep")
    assert sync.counts["new"] == len(expected)
    assert sync.counts["subscribed"] == states.count("SUBSCRIBED")
    assert sync.counts["unsubscribed"] == states.count("UNSUBSCRIBED")
    assert sync.counts["read"]["customers"] == len(world.store.customers)
    assert sync.counts["groups_made"] == sync.counts["groups"] == len(world.directory.list_names())


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_the_first_sync_is_right_for_other_stores_too(make_world: MakeWorld, seed: int) -> None:
    world = make_world({KEY: small_store(seed=seed, customers=150, orders=120)})
    world.sync()
    assert world.directory.snapshot() == expected_directory(world.store)


def test_what_syncs_send_is_as_the_platform_describes_its_api(world: World) -> None:
    recorder = OpenApiRecorder(world.platform)
    world.sync()
    play_second_day(world.store)
    world.sync()
    assert recorder.exchanges > 0
    assert recorder.violations == []


@pytest.mark.dagster
def test_a_second_sync_sends_nothing(world: World) -> None:
    world.sync()
    before, held = world.platform.requests.writes, world.directory.snapshot()
    second = world.sync()
    assert world.platform.requests.writes == before
    assert world.directory.snapshot() == held
    assert (second.counts["new"], second.counts["updated"], second.counts["failed"]) == (0, 0, 0)
    assert second.counts["unchanged"] == len(held)
    assert second.counts["groups_made"] == 0


def test_a_second_day_brings_over_exactly_what_happened_on_it(world: World) -> None:
    world.sync()
    before = world.directory.snapshot()
    events = {event.phone: event for event in play_second_day(world.store)}
    sync = world.sync()
    sent = {each.phone: each for each in world.contacts_of(sync) if each.phone is not None}
    assert sent.keys() == events.keys()
    assert [event.what for phone, event in events.items() if not event.is_met_by(sent[phone])] == []
    after = world.directory.snapshot()
    assert {phone for phone in after if after[phone] != before.get(phone)} == events.keys()
    assert sync.counts["unchanged"] == len(before.keys() - events.keys())


@pytest.mark.dagster
def test_a_guests_checkout_comes_over_at_once_with_a_handful_of_requests(world: World) -> None:
    world.sync()
    seen = len(world.server.requests)
    order_as_guest(world.store)
    sync = world.sync(incremental=True)
    assert len(world.server.requests) - seen <= 5
    assert (sync.kind, sync.reading) == ("live", "touched")
    assert world.directory.snapshot()[GUEST_PHONE] == {
        "first_name": "Greta",
        "last_name": "O'Hara",
        "states": {"SMS": "SUBSCRIBED"},
        "custom_fields": {"source": "WooCommerce", "email": "greta@example.com"},
        "lists": ["WooCommerce", "WooCommerce - Guests"],
    }
    assert [(each.outcome, each.phone) for each in world.contacts_of(sync)] == [("new", GUEST_PHONE)]


def test_a_new_registration_comes_over_with_an_incremental_sync(world: World) -> None:
    world.sync()
    seen = len(world.server.requests)
    world.store.register_customer(
        email="ada@example.com", first_name="Ada", billing={"phone": GUEST_PHONE, "country": "AU"}
    )
    world.sync(incremental=True)
    assert len(world.server.requests) - seen <= 5
    assert world.directory.snapshot()[GUEST_PHONE]["lists"] == ["WooCommerce", "WooCommerce - Customer"]


@pytest.mark.dagster
def test_a_deleted_customer_leaves_our_lists_and_comes_back_as_nobody(world: World) -> None:
    customer, phone = single_customers(world.store, with_orders=True)[0]
    world.sync()
    known = world.directory.snapshot()[phone]
    world.store.delete_customer(customer.id)
    world.sync()
    gone = world.directory.snapshot()[phone]
    guests = world.instance.get_latest_materialization_event(dg.AssetKey([KEY, "guest_orders"]))
    assert guests is not None
    assert guests.asset_materialization is not None
    assert guests.asset_materialization.metadata["dagster/row_count"].value == 0
    assert gone["lists"] == []
    assert "source" not in gone["custom_fields"]
    assert (gone["first_name"], gone["states"]) == (known["first_name"], known["states"])
    held = world.directory.snapshot()
    world.sync()
    world.sync(incremental=True)
    assert world.directory.snapshot() == held


def test_a_contact_of_another_integration_keeps_everything(world: World) -> None:
    customer, phone = single_customers(world.store)[0]
    stranger = "+61491570156"
    for each in (phone, stranger):
        world.directory.add_contact(
            each,
            first_name="Kim",
            last_name="Klaviyo",
            state="SUBSCRIBED",
            channels=[("WHATSAPP", f"{each[:-1]}9", "UNSUBSCRIBED")] if each == stranger else None,
            custom_fields={"source": "Klaviyo", "birthday": "1990-01-31"},
            lists=["Klaviyo newsletter"],
        )
    before = world.directory.snapshot()
    world.store.delete_user_meta(customer.id, "sms_marketing_consent")
    world.sync()
    after = world.directory.snapshot()
    expected = expected_directory(world.store)[phone]
    assert after[stranger] == before[stranger]
    assert after[phone] == {
        "first_name": "Kim",
        "last_name": "Klaviyo",
        "states": {"SMS": "SUBSCRIBED"},
        "custom_fields": {
            "source": "Klaviyo, WooCommerce",
            "birthday": "1990-01-31",
            "email": expected["custom_fields"]["email"],
        },
        "lists": sorted(["Klaviyo newsletter", *expected["lists"]]),
    }
    world.store.delete_customer(customer.id)
    world.sync()
    left = world.directory.snapshot()[phone]
    assert left["custom_fields"]["source"] == "Klaviyo"
    assert left["lists"] == ["Klaviyo newsletter"]
    assert left["states"] == {"SMS": "SUBSCRIBED"}


@pytest.mark.dagster
def test_a_run_over_a_range_materialises_every_day_of_it(make_world: MakeWorld) -> None:
    first = yesterday() - timedelta(days=3)
    world = make_world(source_options={"start_date": first})
    world.sync(first=first)
    days = {(first + timedelta(days=number)).isoformat() for number in range(5)}
    for name in ASSETS:
        assert world.instance.get_materialized_partitions(dg.AssetKey([KEY, name])) == days
    assert len(world.instance.get_run_records()) == 1
    assert [(sync.first_day, sync.last_day) for sync in world.history()] == [
        (first, first + timedelta(days=4))
    ]


@pytest.mark.dagster
def test_no_value_passes_through_an_io_manager(world: World) -> None:
    """Dagster's own would pickle it, on the disk of one machine."""

    class Refusing(dg.IOManager):
        def handle_output(self, context: dg.OutputContext, obj: object) -> None:
            raise AssertionError(f"{context.name} was stored")

        def load_input(self, context: dg.InputContext) -> None:
            raise AssertionError(f"{context.name} was loaded")

    refusing = dg.IOManagerDefinition.hardcoded_io_manager(Refusing())
    resources = dg.Definitions(resources={"io_manager": refusing})
    job = dg.Definitions.merge(world.definitions(), resources).resolve_job_def(f"{KEY}_daily_sync")
    assert job.resource_defs["io_manager"] is refusing
    days = range_tags(yesterday(), yesterday())
    assert job.execute_in_process(instance=world.instance, tags=days).success
