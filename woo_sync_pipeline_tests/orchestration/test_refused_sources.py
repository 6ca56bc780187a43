"""A store whose part of the configuration cannot be used: named, not synced, and in nobody's way."""

from __future__ import annotations

import logging

import dagster as dg
import pytest
import sqlalchemy as sa

from woo_sync_pipeline import definitions as definitions_module
from woo_sync_pipeline.config.settings import CONFIG_ENV
from woo_sync_pipeline.demo.platform import ContactSnapshot
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline_tests.alerts.receivers import Webhook
from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import phone_of_customer


@pytest.fixture
def world(make_world: MakeWorld, webhook: Webhook) -> World:
    """The stores "Coffee House" and "Tea House"; every second person of the second one is also in the first."""
    coffee = small_store(name="Coffee House", customers=20, orders=10)
    tea = small_store(seed=2, name="Tea House", customers=20, orders=10, share_phones_with=coffee, share=0.5)
    return make_world({"coffee": coffee, "tea": tea}, options={"alerts": {"webhook_url": webhook.url}})


def rename_shared_people(world: World) -> dict[str, ContactSnapshot]:
    """Change, in the first store, each customer whom the second one knows; how they are held, by phone."""
    held = {
        phone: contact
        for phone, contact in world.directory.snapshot().items()
        if contact["custom_fields"]["source"] == "Coffee House, Tea House"
    }
    coffee = world.demo.stores["coffee"].data
    renamed = {
        phone: held[phone]
        for customer in list(coffee.customers.values())
        if (phone := phone_of_customer(customer)) in held
    }
    for customer in list(coffee.customers.values()):
        if phone_of_customer(customer) in renamed:
            coffee.save_profile(customer.id, first_name="Renamed", billing_first_name="Renamed")
    assert len(renamed) >= 3
    return renamed


def test_what_is_known_of_a_refused_store_goes_on_to_count(world: World) -> None:
    for key in ("coffee", "tea"):
        world.sync(key)
    before = rename_shared_people(world)
    world.break_source("tea")
    world.sync("coffee")
    after = world.directory.snapshot()
    for phone, contact in before.items():
        assert after[phone]["first_name"] == "Renamed"
        assert after[phone]["custom_fields"]["source"] == "Coffee House, Tea House"
        assert (after[phone]["lists"], after[phone]["states"]) == (contact["lists"], contact["states"])


def test_nothing_is_merged_while_it_is_not_known_how_a_refused_store_was_configured(world: World) -> None:
    for key in ("coffee", "tea"):
        world.sync(key)
    rename_shared_people(world)
    with world.database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.sources SET name = NULL WHERE source = 'tea'"))
    world.break_source("tea")
    before = world.directory.snapshot()
    outcome = world.try_sync("coffee")
    assert outcome.error is not None
    assert outcome.error.startswith("tea: merge its contacts with those of other sources: ")
    assert "Mend the configuration" in outcome.error
    assert world.directory.snapshot() == before


@pytest.mark.dagster
def test_a_refused_store_is_seen_in_the_ui_the_log_and_the_alerts_and_the_other_one_is_there(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.break_source("tea")
    monkeypatch.setenv(CONFIG_ENV, str(world.demo.config))
    with caplog.at_level(logging.ERROR):
        loaded = definitions_module.definitions()
    assert "tea: read its part of" in caplog.text
    dg.Definitions.validate_loadable(loaded)
    repository = loaded.get_repository_def()
    graph = loaded.resolve_asset_graph()
    assert graph.asset_keys_for_group("tea") == {dg.AssetKey(["tea", "configuration"])}
    assert len(graph.asset_keys_for_group("coffee")) == 8
    assert "default_region: this is no region" in str(
        graph.get(dg.AssetKey(["tea", "configuration"])).description
    )
    assert {job.name for job in repository.get_all_jobs() if "sync" in job.name} == {
        "coffee_daily_sync",
        "coffee_incremental_sync",
    }

    sensor = repository.get_sensor_def("tea_configuration")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="this is no region"):
            sensor(dg.build_sensor_context(instance=world.instance))
    (told,) = webhook.received
    assert told["text"].startswith("tea: not synced. read its part of ")
    assert (told["source"], told["status"], told["sync"]) == ("tea", "not synced", None)
