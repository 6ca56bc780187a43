"""A store that was connected years ago: one run fills all its days, and costs no more than a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.days import midnight, today
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import TIMEZONE
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.test_schedule_and_sensor import _schedule_tick, _sensor_tick

pytestmark = pytest.mark.dagster

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


def today_there() -> date:
    """The day that it is in the project's time zone."""
    return today(TIMEZONE, datetime.now(UTC))


def connected() -> date:
    """The first of 3,200 days, of which today is the last."""
    return today_there() - timedelta(days=3_199)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A store whose history begins 3,200 days ago."""
    return make_world({KEY: small_store(customers=30, orders=20)}, source_options={"start_date": connected()})


def filled(world: World, asset: str) -> set[str]:
    """The days of an asset that Dagster shows as materialised."""
    return set(world.instance.get_materialized_partitions(dg.AssetKey([KEY, asset])))


def days(first: date, last: date) -> set[str]:
    return {(first + timedelta(days=offset)).isoformat() for offset in range((last - first).days + 1)}


def told(world: World, run_id: str) -> int:
    """How many materialisations Dagster wrote itself, with all their metadata."""
    entries = world.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    materializations = [
        entry.get_dagster_event().step_materialization_data.materialization for entry in entries
    ]
    return sum("dagster/row_count" in each.metadata for each in materializations)


@pytest.mark.pictures
def test_the_first_sync_fills_all_days_of_years_and_tells_dagster_of_one(world: World) -> None:
    request = _sensor_tick(world)
    assert isinstance(request, dg.RunRequest)
    job = world.definitions().resolve_job_def(str(request.job_name))
    result = job.execute_in_process(instance=world.instance, tags=request.tags)
    assert result.success

    (sync,) = world.history()
    assert (sync.kind, sync.first_day, sync.last_day) == ("first", connected(), today_there())
    assert world.directory.snapshot() == expected_directory(world.store)
    assert all(filled(world, asset) == days(connected(), today_there()) for asset in ASSETS)
    assert told(world, result.run_id) == len(ASSETS)
    # What the page of the asset shows as the latest is the one with the report.
    latest = world.instance.get_latest_materialization_event(dg.AssetKey([KEY, "sync_report"]))
    assert latest is not None
    assert latest.asset_materialization is not None
    assert latest.asset_materialization.partition == today_there().isoformat()
    assert {"report", "chart"} <= latest.asset_materialization.metadata.keys()
    (earlier,) = world.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey([KEY, "sync_report"]), asset_partitions=[connected().isoformat()]
        ),
        limit=10,
    ).records
    assert earlier.run_id == result.run_id
    assert earlier.asset_materialization is not None
    assert earlier.asset_materialization.description == "Read together with the days after it, by sync 1."

    # All days but today are covered, so that the schedule asks for nothing, and tomorrow for today.
    assert _schedule_tick(world, today_there()) == "every day up to yesterday has been synced"
    tomorrow = _schedule_tick(world, today_there() + timedelta(days=1))
    assert isinstance(tomorrow, dg.RunRequest)
    assert tomorrow.tags["dagster/asset_partition_range_start"] == today_there().isoformat()
    assert "woo_sync/from_day" not in tomorrow.tags


def test_a_long_outage_is_made_up_for_with_all_orders_of_its_days(world: World) -> None:
    """Orders of long ago were missed; those that changed before the days asked for are not read."""
    world.sync(first=today_there(), last=today_there())
    everything = known_orders(world)
    first = _between_orders(world.store)
    wanted = {
        each for each in everything if world.store.orders[each].modified_at >= midnight(first, TIMEZONE)
    }
    assert 0 < len(wanted) < len(everything)
    with world.database.transaction() as connection:
        connection.execute(sa.text("DELETE FROM woo_sync.source_records WHERE record_type = 'order'"))

    sync = world.sync(first=first, last=today_there())

    assert (sync.first_day, sync.last_day) == (first, today_there())
    assert wanted <= known_orders(world) < everything
    assert all(filled(world, asset) == days(first, today_there()) for asset in ASSETS)


def test_a_long_run_that_failed_goes_on_from_its_failed_step(world: World) -> None:
    world.platform.faults.rate("drop", 1.0)
    failed = world.try_sync(first=connected(), last=today_there())
    assert failed.error is not None
    assert failed.sync is not None
    world.platform.faults.clear()
    assert filled(world, "merged_contacts") == days(connected(), today_there())
    assert filled(world, "synced_contacts") == set()

    run = world.instance.get_run_by_id(failed.sync.run_id)
    assert run is not None
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    again = job.execute_in_process(
        instance=world.instance,
        tags={**run.tags, "dagster/root_run_id": run.run_id, "dagster/parent_run_id": run.run_id},
        asset_selection=[dg.AssetKey([KEY, name]) for name in ("synced_contacts", "sync_report")],
    )
    assert again.success
    assert world.directory.snapshot() == expected_directory(world.store)
    assert filled(world, "sync_report") == days(connected(), today_there())


def known_orders(world: World) -> set[int]:
    with world.database.transaction() as connection:
        query = "SELECT record_id::bigint FROM woo_sync.source_records WHERE record_type = 'order'"
        return set(connection.execute(sa.text(query)).scalars())


def _between_orders(store: StoreData) -> date:
    """A day more than a week ago before which some orders changed, and after which others did."""
    changed = sorted(each.modified_at for each in store.orders.values())
    return min(changed[len(changed) // 2].date(), today_there() - timedelta(days=10))
