"""What whole syncs send: to contacts of others, where nothing or little has changed, and in a dry run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from woo_sync_pipeline.cli import cli
from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.demo.store.records import Customer
from woo_sync_pipeline.demo.world import TIMEZONE, yesterday
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV
from woo_sync_pipeline.orchestration.tags import range_tags
from woo_sync_pipeline.reports.tables import report_title
from woo_sync_pipeline.state.syncs import find_sync
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import order_again, single_customers

WHATSAPP = "+61491570999"
"""Another phone of the same contact."""


def requests(platform: DemoPlatform) -> Counter[str]:
    """Requests by method and resource, ids left out."""
    found: Counter[str] = Counter()
    for each in platform.requests.entries:
        parts = each.path.removeprefix("/api/v1/contacts/").split("/")
        found[" ".join([each.method, *parts[::2]])] += 1
    return found


@pytest.mark.parametrize("choice", ["yes", None])
def test_a_contact_of_another_integration_keeps_everything_and_stays_unsubscribed(
    world: World, choice: str | None
) -> None:
    customer, phone = single_customers(world.store)[0]
    if choice is None:
        world.store.delete_user_meta(customer.id, "sms_marketing_consent")
    else:
        world.store.set_user_meta(customer.id, "sms_marketing_consent", choice)
    world.directory.add_contact(
        phone,
        first_name="Kim",
        last_name="Klaviyo",
        state="UNSUBSCRIBED",
        channels=[("WHATSAPP", WHATSAPP, "SUBSCRIBED"), ("SMS", phone, "UNSUBSCRIBED")],
        custom_fields={"source": "Klaviyo", "birthday": "1990-01-31", "points": "120"},
        lists=["Klaviyo newsletter"],
    )
    expected = expected_directory(world.store)

    def met() -> None:
        shown = world.directory.snapshot()
        # One contact: whoever has either phone is the same.
        assert len(world.directory) == len(expected)
        assert shown[phone] == {
            "first_name": "Kim",
            "last_name": "Klaviyo",
            "states": {"SMS": "UNSUBSCRIBED"},
            "custom_fields": {
                "source": "Klaviyo, WooCommerce",
                "birthday": "1990-01-31",
                "points": "120",
                "email": expected[phone]["custom_fields"]["email"],
            },
            "lists": sorted(["Klaviyo newsletter", *expected[phone]["lists"]]),
        }
        assert "WooCommerce" in shown[phone]["lists"]
        assert shown[WHATSAPP] == {**shown[phone], "states": {"WHATSAPP": "SUBSCRIBED"}}

    world.sync()
    met()
    world.sync()
    world.sync(incremental=True)
    met()


def newest_orders_asked_for(world: World) -> int:
    """How often the store was asked for its newest orders, by which a sync knows how far ahead its clock is."""
    return sum(
        each.path.rpartition("/")[2] == "orders"
        and {"orderby": "id", "order": "desc"}.items() <= each.query.items()
        for each in world.server.requests
    )


def ten_people(world: World) -> list[Customer]:
    """Ten subscribed customers."""
    states = {phone: contact["states"] for phone, contact in world.directory.snapshot().items()}
    people = [c for c, phone in single_customers(world.store) if states[phone] == {"SMS": "SUBSCRIBED"}]
    assert len(people) >= 10
    return people[:10]


@pytest.fixture
def synced(make_world: MakeWorld) -> World:
    """A store of some hundred customers that was synced."""
    world = make_world({KEY: small_store(customers=250, orders=40)})
    world.sync()
    world.platform.requests.reset()
    return world


def test_where_nothing_changed_no_sync_sends_anything(synced: World) -> None:
    synced.server.requests.clear()
    synced.sync()
    synced.sync(incremental=True)
    assert newest_orders_asked_for(synced) == 2
    assert synced.platform.requests.writes == 0
    # What the first sync saw of the directory is good for half a day.
    assert requests(synced.platform) == {}


def test_ten_changes_in_a_store_are_ten_writes_and_one_for_each_list(synced: World) -> None:
    people = ten_people(synced)
    for customer in people[:4]:
        synced.store.save_profile(customer.id, first_name="Zoe", billing_first_name="Zoe")
    for customer in people[4:6]:
        synced.store.set_user_meta(customer.id, "sms_marketing_consent", "no")
    for customer in people[6:]:
        tags = synced.store.customers[customer.id].meta.get("customer_tags")
        synced.store.set_user_meta(customer.id, "customer_tags", f"{tags.value if tags else ''}, New tag")
    assert synced.sync().counts["updated"] == 10

    sent = requests(synced.platform)
    assert sent["PATCH contacts"] == 6
    assert (sent["POST lists"], sent["PATCH lists contacts"]) == (1, 1)
    assert synced.platform.requests.writes == 8
    assert synced.platform.requests.count("GET") <= 6


def test_ten_changes_in_a_live_sync_are_ten_writes_and_a_few_reads(synced: World) -> None:
    people = ten_people(synced)
    for customer in people:
        synced.store.save_profile(customer.id, first_name="Zoe", billing_first_name="Zoe")
        order_again(synced.store, customer)
    assert synced.sync(incremental=True).counts["updated"] == 10

    sent = requests(synced.platform)
    assert sent["PATCH contacts"] == synced.platform.requests.writes == 10
    # The custom fields, the lists, once to know the account and once while nobody else makes any, the ten contacts.
    assert synced.platform.requests.count("GET") == 4


def dry_by_command(world: World) -> str:
    command = ["--config", str(world.demo.config), "sync", "--dry-run"]
    ended = CliRunner().invoke(cli, command)
    assert ended.exit_code == 0, ended.output
    return ended.output


def dry_by_run_config(world: World) -> str:
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    result = job.execute_in_process(
        instance=world.instance,
        tags=range_tags(yesterday(), today(TIMEZONE, datetime.now(UTC))),
        run_config={"ops": {f"{KEY}__synced_contacts": {"config": {"dry_run": True}}}},
    )
    assert result.success
    sync = find_sync(world.database, run_id=result.run_id)
    assert sync is not None
    return report_title(sync, source_name="WooCommerce")


@pytest.mark.dagster
@pytest.mark.parametrize("dry_run", [dry_by_command, dry_by_run_config])
def test_a_dry_run_reports_the_plan_sends_nothing_at_all_and_the_next_sync_sends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, dry_run: Callable[[World], str]
) -> None:
    for variable in (CONFIG_ENV, DATABASE_URL_ENV, DAGSTER_HOME_ENV):
        # Set first, so that what a command puts there is taken away again.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    title = dry_run(world)

    assert "dry run: nothing was sent" in title
    assert {each.method for each in world.platform.requests.entries} == {"GET"}
    assert (len(world.directory), world.directory.list_names()) == (0, [])
    assert world.directory.store.fields == {}
    expected = expected_directory(world.store)
    (planned,) = world.history()
    assert planned.is_dry_run
    assert planned.counts["new"] == len(expected)
    assert {each.phone for each in world.contacts_of(planned) if each.outcome == "new"} == expected.keys()

    world.sync()
    assert world.directory.snapshot() == expected
