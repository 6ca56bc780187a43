"""What the nightly retention deletes, and what it must leave."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.world import yesterday
from woo_sync_pipeline.orchestration.retention import PrunedRuns, forget_progress, prune_runs
from woo_sync_pipeline.state.consent_ledger import note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.staging import StagedName, Staging
from woo_sync_pipeline.steps.resources import source_claim
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.people import order_as_guest
from woo_sync_pipeline_tests.state.long_history import TIMEZONE, write_history
from woo_sync_pipeline_tests.state.stored import begin, table

pytestmark = pytest.mark.dagster

ASSET = dg.AssetKey([KEY, "sync_report"])


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(
        {KEY: small_store(customers=20, orders=5)},
        source_options={"start_date": yesterday() - timedelta(days=3)},
    )


def _runs(world: World) -> list[str]:
    return [record.dagster_run.run_id for record in world.instance.get_run_records()]


def _filled(world: World) -> Mapping[str, int]:
    """The partitions that Dagster knows as filled."""
    return world.instance.get_latest_storage_id_by_partition(ASSET, dg.DagsterEventType.ASSET_MATERIALIZATION)


def _prune(world: World, *, live_days: float, days: float) -> PrunedRuns:
    """Prune what is older than so many days, in a hundred days from now."""
    then = datetime.now(UTC) + timedelta(days=100)
    return prune_runs(
        world.instance,
        sources=[KEY],
        live_before=then - timedelta(days=live_days),
        before=then - timedelta(days=days),
    )


def test_live_runs_go_before_the_others_unless_nothing_newer_filled_their_day(world: World) -> None:
    now = yesterday() + timedelta(days=1)
    first = world.sync(first=yesterday() - timedelta(days=3), last=now).run_id
    lives = []
    for _ in range(3):
        order_as_guest(world.store)
        lives.append(world.sync(incremental=True, first=now, last=now).run_id)
    filled = _filled(world)

    # The newest of the live runs is the latest that filled today.
    assert _prune(world, live_days=30, days=365) == PrunedRuns(deleted=2, needed=1)
    assert _runs(world) == [lives[2], first]
    assert _filled(world) == filled

    daily = world.sync(first=now, last=now).run_id
    assert _prune(world, live_days=30, days=365) == PrunedRuns(deleted=1, needed=0)
    assert _runs(world) == [daily, first]
    assert _filled(world).keys() == filled.keys()


def test_what_was_checked_in_a_run_goes_with_it(world: World) -> None:
    now = yesterday() + timedelta(days=1)
    first = world.sync(first=now, last=now).run_id
    live = world.sync(incremental=True, first=now, last=now).run_id
    last = world.sync(first=now, last=now).run_id
    assert _runs_with_checks(world) == {first, live, last}
    assert _prune(world, live_days=30, days=365).deleted == 1
    assert _runs_with_checks(world) == {first, last}


def test_of_a_live_run_that_succeeded_what_it_filled_and_checked_stays_when_its_progress_goes(
    world: World,
) -> None:
    now = yesterday() + timedelta(days=1)
    daily = world.sync(first=now, last=now).run_id
    order_as_guest(world.store)
    live = world.sync(incremental=True, first=now, last=now).run_id
    world.platform.stop()
    order_as_guest(world.store, phone="+61491570156")
    world.try_sync(incremental=True, first=now, last=now)
    failed = _runs(world)[0]
    assert world.instance.get_run_by_id(failed).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
    before = {run_id: _events(world, run_id) for run_id in (daily, live, failed)}
    filled = _filled(world)

    assert forget_progress(world.instance, sources=[KEY], before=datetime.now(UTC) - timedelta(days=1)) == 0
    forgotten = forget_progress(world.instance, sources=[KEY], before=datetime.now(UTC))

    assert {run_id: _events(world, run_id) for run_id in (daily, failed)} == {
        run_id: before[run_id] for run_id in (daily, failed)
    }
    kept = _events(world, live)
    assert Counter(kept) == Counter(
        event
        for event in before[live]
        if event.startswith(("ASSET_M", "ASSET_CHECK_EVALUATION", "PIPELINE_"))
        and not event.endswith("PLANNED")
    )
    assert {"ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION", "PIPELINE_SUCCESS"} <= set(kept)
    assert forgotten == len(before[live]) - len(kept)
    assert _filled(world) == filled
    assert _runs_with_checks(world) >= {daily, live}
    assert sum(len(dg.serialize_value(event)) for event in world.instance.all_logs(live)) < 60_000


def _events(world: World, run_id: str) -> list[str]:
    return [
        event.dagster_event.event_type_value
        for event in world.instance.all_logs(run_id)
        if event.dagster_event is not None
    ]


def _runs_with_checks(world: World) -> set[str]:
    """Runs of which Dagster keeps what their checks found."""
    storage = world.instance.event_log_storage
    keys = world.definitions().resolve_asset_graph().asset_check_keys
    assert keys
    return {
        record.run_id for key in keys for record in storage.get_asset_check_execution_history(key, limit=100)
    }


def test_other_runs_go_when_a_newer_one_has_filled_all_their_days(world: World) -> None:
    day = yesterday() - timedelta(days=3)
    replaced = world.sync(first=day, last=day).run_id
    wide = world.sync(first=day, last=day + timedelta(days=1)).run_id
    narrow = world.sync(first=day, last=day).run_id
    assert _prune(world, live_days=30, days=99) == PrunedRuns(deleted=1, needed=2)
    assert _runs(world) == [narrow, wide]
    assert replaced not in _runs(world)
    assert world.instance.all_logs(replaced) == []
    assert set(_filled(world)) == {day.isoformat(), (day + timedelta(days=1)).isoformat()}


def test_a_failed_run_goes_and_what_is_young_or_unfinished_or_of_others_stays(world: World) -> None:
    @dg.op
    def nothing() -> None:
        pass

    @dg.job
    def of_somebody_else() -> None:
        nothing()

    day = yesterday()
    world.platform.stop()
    failed = world.try_sync(first=day, last=day)
    assert failed.sync is not None
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    running = world.instance.create_run_for_job(job, tags=job.tags, status=dg.DagsterRunStatus.STARTED)
    other = of_somebody_else.execute_in_process(instance=world.instance).run_id
    assert _prune(world, live_days=200, days=200) == PrunedRuns(deleted=0, needed=0)
    # What it read is the latest that is known of its days, so it is needed until a sync has succeeded.
    assert _prune(world, live_days=30, days=30) == PrunedRuns(deleted=0, needed=1)
    world.platform.start()
    done = world.sync(first=day, last=day).run_id
    assert _prune(world, live_days=30, days=30) == PrunedRuns(deleted=1, needed=1)
    assert set(_runs(world)) == {done, running.run_id, other}


def test_a_run_that_was_started_from_the_page_of_an_asset_is_ours_too(world: World) -> None:
    world.sync()
    job = world.definitions().resolve_implicit_global_asset_job_def()
    days = [yesterday().isoformat()] * 2
    for day in days:
        job.execute_in_process(
            instance=world.instance, partition_key=day, asset_selection=[dg.AssetKey([KEY, "orders"])]
        )
    older = _runs(world)[1]
    assert _prune(world, live_days=30, days=30).deleted == 1
    assert older not in _runs(world)


def test_the_job_keeps_a_year_and_says_what_went(make_world: MakeWorld) -> None:
    now = today(TIMEZONE, datetime.now(UTC))
    start = now - timedelta(days=400)
    world = make_world({KEY: small_store(customers=5, orders=1)}, source_options={"start_date": start})
    write_history(world.database, last_day=yesterday(), days=400, live_a_day=2)
    area = Path(world.settings.staging_location)
    run_id = str(uuid.uuid4())
    Staging(str(area)).write(StagedName(KEY, "tags", "2020-01-01", "2020-01-01", run_id), pd.DataFrame())
    (frame,) = area.rglob("*.parquet")
    os.utime(frame, (0, 0))
    before = _starts(world)
    for days in (1_824, 1_826):
        _note_stop(world, seen_at=datetime.now(UTC) - timedelta(days=days))
    year = timedelta(days=365)

    began = datetime.now(UTC)
    result = world.definitions().resolve_job_def("retention").execute_in_process(instance=world.instance)
    ended = datetime.now(UTC)

    counts = result.output_for_node("forget_what_is_old")
    left = _starts(world)
    assert {each for each in before if each >= ended - year} <= set(left)
    assert set(left) <= {each for each in before if each >= began - year}
    assert counts == {
        "syncs": len(before) - len(left),
        "consent_entries": 1,
        "staged_frames": 1,
        "runs": 0,
        "old_runs_still_needed": 0,
        "events_of_live_runs": 0,
    }
    (event,) = [each for each in result.all_events if each.is_successful_output]
    assert {name: value.value for name, value in event.step_output_data.metadata.items()} == counts
    assert not frame.exists()
    (entry,) = table(world.database, "consent_events", order_by="1")
    assert entry["seen_at"] > began - timedelta(days=1_825)
    assert 3 * 364 <= len(left) < len(before)
    numbers = {row["sync_id"] for row in table(world.database, "sync_runs", order_by="1")}
    assert {row["sync_id"] for row in table(world.database, "sync_run_contacts", order_by="1")} == numbers

    # What is forgotten is not missing.
    schedule = world.definitions().resolve_schedule_def(f"{KEY}_daily")
    moment = datetime.combine(now, time(2), ZoneInfo(TIMEZONE))
    with dg.build_schedule_context(instance=world.instance, scheduled_execution_time=moment) as context:
        assert schedule.evaluate_tick(context).skip_message == "every day up to yesterday has been synced"


def test_how_long_the_ledger_is_kept_is_configured_and_told(make_world: MakeWorld) -> None:
    world = make_world({KEY: small_store(customers=5, orders=1)}, options={"retention": {"consent_days": 90}})
    for days in (89, 91, 92):
        _note_stop(world, seen_at=datetime.now(UTC) - timedelta(days=days))
    job = world.definitions().resolve_job_def("retention")
    assert "entries of the ledger of consent after 90." in (job.description or "")
    result = job.execute_in_process(instance=world.instance)
    assert result.output_for_node("forget_what_is_old")["consent_entries"] == 2
    assert len(table(world.database, "consent_events", order_by="1")) == 1


def _note_stop(world: World, *, seen_at: datetime) -> None:
    """An entry of the ledger of consent that was seen then."""
    with world.database.transaction() as connection:
        event = ConsentEvent(ConsentEventKind.stop, None, seen_at)
        note_platform_events(connection, None, [("+61491570006", event)])
        connection.execute(sa.text("UPDATE woo_sync.consent_events SET seen_at = latest"))


def test_what_a_crash_left_as_running_is_marked_though_its_store_is_configured_no_more(
    world: World, database: Database
) -> None:
    for source in ("removed", "at work"):
        begin(world.database, source, source=source)
    # Of another process: a claim is held by a connection.
    claim = database.claim(source_claim("at work"))
    assert claim is not None
    world.definitions().resolve_job_def("retention").execute_in_process(instance=world.instance)
    claim.release()
    assert {sync.source: sync.status for sync in world.history()} == {
        "removed": "crashed",
        "at work": "running",
    }


def test_the_job_says_what_to_do_when_the_database_is_gone(make_world: MakeWorld) -> None:
    world = make_world(
        {KEY: small_store(customers=5, orders=1)},
        options={"database_url": "postgresql://nobody:hunter2@127.0.0.1:1/nowhere"},
    )
    job = world.definitions().resolve_job_def("retention")
    result = job.execute_in_process(instance=world.instance, raise_on_error=False)
    (failed,) = [each for each in result.all_events if each.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure is not None
    assert "Check that PostgreSQL runs" in str(failure.metadata["what to do"].value)
    assert "hunter2" not in str(failure)


def test_the_job_is_scheduled_every_night(world: World) -> None:
    schedule = world.definitions().resolve_schedule_def("retention_nightly")
    moment = datetime.combine(yesterday(), time(4, 30), ZoneInfo(TIMEZONE))
    with dg.build_schedule_context(instance=world.instance, scheduled_execution_time=moment) as context:
        tick = schedule.evaluate_tick(context)
    assert tick.run_requests is not None
    assert len(tick.run_requests) == 1


def _starts(world: World) -> list[datetime]:
    """When the syncs of the history began."""
    with world.database.transaction() as connection:
        return list(connection.execute(sa.text("SELECT started_at FROM woo_sync.sync_runs")).scalars())
