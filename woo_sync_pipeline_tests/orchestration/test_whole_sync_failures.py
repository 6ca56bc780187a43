"""Syncs that fail: what they leave behind, and how the next one, or a re-execution, finishes the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.config.settings import CONFIG_ENV
from woo_sync_pipeline.contacts.merge import merge_contacts
from woo_sync_pipeline.definitions import definitions
from woo_sync_pipeline.state import records
from woo_sync_pipeline.state.syncs import completed_sweeps, watermark
from woo_sync_pipeline.steps.fit import NormalisedRecords, fit_records
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest, subscribed_customer


def daily_job() -> dg.JobDefinition:
    """The daily job of the configuration in force, as a code location that was started anew would load it."""
    return definitions().resolve_job_def(f"{KEY}_daily_sync")


def _fail_because_the_platform_is_down(world: World) -> dg.DagsterRun:
    world.platform.stop()
    outcome = world.try_sync()
    world.platform.start()
    assert outcome.error is not None
    assert outcome.error.startswith("messagemedia: GET /api/v1/contacts/")
    assert outcome.sync is not None
    assert (outcome.sync.status, outcome.sync.error) == ("failed", outcome.error)
    run = world.instance.get_run_by_id(outcome.sync.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    return run


def _steps(world: World, run_id: str) -> set[str]:
    started = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
    return {entry.step_key.rpartition("__")[2] for entry in started if entry.step_key}


@pytest.mark.dagster
def test_a_reexecution_from_failure_pushes_what_was_read_before_without_reading_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = _fail_because_the_platform_is_down(world)
    assert len(world.directory) == 0
    seen = len(world.server.requests)

    monkeypatch.setenv(CONFIG_ENV, str(world.demo.config))
    with dg.execute_job(
        dg.reconstructable(daily_job),
        instance=world.instance,
        tags=failed.tags,
        reexecution_options=dg.ReexecutionOptions.from_failure(failed.run_id, world.instance),
    ) as result:
        assert result.success
        assert _steps(world, result.run_id) == {"synced_contacts", "sync_report"}

    assert len(world.server.requests) == seen
    assert world.directory.snapshot() == expected_directory(world.store)
    newest, first = world.history()
    assert (first.status, newest.status) == ("failed", "succeeded")
    assert newest.counts["new"] == len(world.directory)


@pytest.mark.dagster
def test_the_next_sync_pushes_what_a_failed_one_could_not(world: World) -> None:
    _fail_because_the_platform_is_down(world)
    sync = world.sync(incremental=True)
    assert sync.counts["read"] == {"customers": 0, "orders": 0}
    assert world.directory.snapshot() == expected_directory(world.store)


def test_a_failed_push_keeps_what_the_platform_confirmed_and_sends_it_no_second_time(world: World) -> None:
    world.platform.on_request = lambda method, path: (
        world.platform.faults.rate("503", 1.0) if len(world.directory) == 20 else None
    )
    outcome = world.try_sync()
    assert outcome.error is not None
    arrived = len(world.directory)
    assert 20 <= arrived < len(expected_directory(world.store))
    world.platform.on_request = None
    world.platform.faults.clear()
    world.platform.requests.reset()
    world.sync()
    assert world.directory.snapshot() == expected_directory(world.store)
    created = world.platform.requests.count("POST", "/contacts/contacts")
    assert created == len(world.directory) - arrived


def test_contacts_that_the_platform_refuses_keep_no_others_from_coming_over(make_world: MakeWorld) -> None:
    store = small_store(customers=0, orders=0)
    order_as_guest(store)
    order_as_guest(store, phone="0491 570 156", email="")
    world = make_world({KEY: store})
    # Somebody has made a field of this name for something else.
    field_id = world.directory.add_custom_field("email", type="NUMBER")
    sync = world.sync()
    outcomes = {each.phone: each for each in world.contacts_of(sync)}
    assert world.directory.snapshot().keys() == {"+61491570156"}
    assert sync.counts["failed"] == 1
    assert outcomes[GUEST_PHONE].outcome == "failed"
    assert "customFields[1].value" in (outcomes[GUEST_PHONE].reason or "")
    assert outcomes["+61491570156"].outcome == "new"

    # What was refused is not sent again with every checkout, but once a day: somebody may have helped.
    live = world.sync(incremental=True)
    assert live.counts["failed"] == 0
    with world.directory.lock:
        world.directory.store.fields[field_id].type = "EMAIL"
    world.sync()
    assert world.directory.snapshot() == expected_directory(store)


@pytest.mark.dagster
def test_a_step_that_loses_a_row_is_stopped_before_anything_is_committed_or_pushed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_one(*args: Any, **options: Any) -> NormalisedRecords:
        found = fit_records(*args, **options)
        return replace(found, records=found.records.iloc[1:])

    monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", lose_one)
    outcome = world.try_sync()
    assert outcome.error is not None
    assert outcome.error.startswith(
        f"{KEY}: check what the step contacts made: every_row_is_accounted_for failed"
    )
    assert outcome.sync is not None
    assert (outcome.sync.status, outcome.sync.error) == ("failed", outcome.error)
    assert _steps(world, outcome.sync.run_id).isdisjoint(
        {"merged_contacts", "synced_contacts", "sync_report"}
    )
    assert len(world.platform.requests) == 0
    assert watermark(world.database, KEY) is None

    monkeypatch.undo()
    world.sync()
    assert world.directory.snapshot() == expected_directory(world.store)


def test_a_phone_that_comes_twice_out_of_the_merge_stops_the_push(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*args: Any, **options: Any) -> pd.DataFrame:
        merged = merge_contacts(*args, **options)
        return pd.concat([merged, merged.head(1)], ignore_index=True)

    monkeypatch.setattr(records, "merge_contacts", twice)
    outcome = world.try_sync()
    assert outcome.error is not None
    assert "merged_contacts made: no_phone_twice failed" in outcome.error
    assert len(world.platform.requests) == 0
    assert completed_sweeps(world.database, KEY) == []
    assert watermark(world.database, KEY) is None


def test_an_incremental_sync_of_an_unknown_source_reads_the_whole_store(world: World) -> None:
    sync = world.sync(incremental=True)
    assert (sync.kind, sync.reading) == ("first", "sweep")
    assert world.directory.snapshot() == expected_directory(world.store)


def test_what_was_ordered_while_the_store_was_read_comes_over_with_the_next_sync(world: World) -> None:
    def order_once(path: str) -> None:
        if path.endswith("/customers"):
            world.server.on_request = None
            order_as_guest(world.store)

    world.server.on_request = order_once
    world.sync()
    assert GUEST_PHONE not in world.directory
    world.sync(incremental=True)
    assert GUEST_PHONE in world.directory


def test_who_opts_out_is_unsubscribed_although_the_platform_refuses_the_new_address(
    world: World,
) -> None:
    world.sync()
    customer, phone = subscribed_customer(world.store)
    email = next(each for each in world.directory.store.fields.values() if each.merge_tag == "email")
    email.type = "NUMBER"
    world.store.set_user_meta(customer.id, "sms_marketing_consent", "no")
    world.store.save_profile(customer.id, email="a.new.address@example.com")

    for expected_end in (True, False):
        sync = world.sync()
        (failed,) = [each for each in world.contacts_of(sync) if each.outcome == "failed"]
        assert failed.phone == phone
        assert failed.reason is not None
        assert failed.reason.endswith("the person is unsubscribed all the same") is expected_end
        assert world.directory.snapshot()[phone]["states"] == {"SMS": "UNSUBSCRIBED"}
        assert sync.counts["unsubscribed_on_platform"] == 0

    email.type = "EMAIL"
    last = world.sync()
    assert (last.counts["failed"], last.counts["unsubscribed_on_platform"]) == (0, 0)
    assert world.directory.snapshot() == expected_directory(world.store)
    with world.database.transaction() as connection:
        query = sa.text("SELECT base_state_by FROM woo_sync.contacts WHERE phone = :phone")
        # Between the syncs the person may have sent a STOP, which looks the same.
        assert connection.execute(query, {"phone": phone}).scalar_one() == "platform"
