"""A week in which nothing was synced: one run of the schedule makes up for it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.scenario import play_second_day, shop_once
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE

pytestmark = pytest.mark.dagster


def today_there() -> date:
    """The day that it is in the project's time zone."""
    return today(TIMEZONE, datetime.now(UTC))


def connected() -> date:
    return today_there() - timedelta(days=8)


def first_sync() -> date:
    return connected() + timedelta(days=1)


def outage() -> list[date]:
    """The days of the week in which nothing was synced."""
    return [first_sync() + timedelta(days=offset) for offset in range(1, 7)]


def busiest() -> date:
    return outage()[2]


def at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZoneInfo(TIMEZONE)).astimezone(UTC)


def set_clock(store: StoreData, moment: datetime) -> None:
    store.clock = lambda: moment


def connected_world(make_world: MakeWorld, **options: Any) -> World:
    """A store that was synced at noon of its second day."""
    store = generate_store(
        seed=1, customers=60, orders=40, now=at(connected(), 20), timezone=TIMEZONE, name="WooCommerce"
    )
    world = make_world({KEY: store}, source_options={"start_date": connected()}, **options)
    noon = at(first_sync(), 12)
    set_clock(store, noon)
    assert world.sync(first=connected(), last=first_sync()).kind == "first"
    with world.database.transaction() as connection:
        connection.execute(
            sa.text("UPDATE woo_sync.sync_runs SET started_at = :noon, finished_at = :noon"), {"noon": noon}
        )
    return world


def live_through(store: StoreData, day: date, rng: random.Random) -> str:
    """What happens in the store on a day; returns the phone of a guest who buys something every day."""
    set_clock(store, at(day, 14))
    if day == busiest():
        play_second_day(store)
    if day == outage()[-1]:
        store.register_customer(
            email="ada@example.com", first_name="Ada", billing={"phone": GUEST_PHONE, "country": "AU"}
        )
    return shop_once(store, rng)


def tick(world: World, hour: int = 2) -> dg.RunRequest | str:
    """What the schedule asks for this morning, or why it does not."""
    schedule = world.definitions().resolve_schedule_def(f"{KEY}_daily")
    moment = at(today_there(), hour).astimezone(ZoneInfo(TIMEZONE))
    with dg.build_schedule_context(instance=world.instance, scheduled_execution_time=moment) as context:
        evaluated = schedule.evaluate_tick(context)
    if evaluated.skip_message is not None:
        return evaluated.skip_message
    assert evaluated.run_requests is not None
    (request,) = evaluated.run_requests
    return request


def filled(world: World, run_id: str | None = None) -> dict[str, list[str]]:
    """By asset, the partitions that a run filled; without a run, all that are filled."""
    found: dict[str, list[str]] = {}
    for record in world.instance.get_run_records():
        if run_id not in (None, record.dagster_run.run_id):
            continue
        entries = world.instance.all_logs(
            record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        for entry in entries:
            made = entry.get_dagster_event().step_materialization_data.materialization
            found.setdefault(made.asset_key.path[1], []).append(str(made.partition))
    return {name: sorted(days) for name, days in found.items()}


def days(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=offset)).isoformat() for offset in range((last - first).days + 1)]


def test_after_an_outage_one_run_brings_everything_over_as_daily_syncs_would_have(
    make_world: MakeWorld,
) -> None:
    undisturbed = connected_world(make_world, syncs_are_runs=False)
    rng = random.Random(5)
    for day in [first_sync(), *outage()]:
        if day in outage():
            live_through(undisturbed.store, day, rng)
        set_clock(undisturbed.store, at(day + timedelta(days=1), 2))
        undisturbed.sync(first=day, last=day)
    expected = undisturbed.directory.snapshot()
    undisturbed.lose_the_state()

    world = connected_world(make_world)
    before, runs = world.directory.snapshot(), len(world.history())
    rng = random.Random(5)
    guests = [live_through(world.store, day, rng) for day in outage()]
    assert world.directory.snapshot() == before
    assert filled(world)["sync_report"] == days(connected(), first_sync())

    set_clock(world.store, at(today_there(), 2))
    request = tick(world)
    assert isinstance(request, dg.RunRequest)
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    result = job.execute_in_process(instance=world.instance, tags=request.tags)
    assert result.success

    # The day of the first sync was not over when it was read, so it is filled again.
    closed = filled(world, result.run_id)
    assert len(closed) == 8
    assert all(each == days(first_sync(), outage()[-1]) for each in closed.values())
    assert sorted(set(filled(world)["sync_report"])) == days(connected(), today_there() - timedelta(days=1))
    assert len(world.history()) == runs + 1

    held = world.directory.snapshot()
    assert held == expected
    assert {*guests, GUEST_PHONE} <= held.keys() - before.keys()
    # Whoever was deleted in the store is held by nobody there any more.
    of_the_store = expected_directory(world.store)
    left = held.keys() - of_the_store.keys()
    assert len(left) == 1
    assert all(held[phone]["lists"] == [] for phone in left)
    assert {phone: held[phone] for phone in of_the_store} == of_the_store

    assert tick(world) == tick(world, hour=23) == "every day up to yesterday has been synced"
    sent = world.platform.requests.writes
    world.sync(first=connected(), last=today_there())
    assert world.platform.requests.writes == sent
