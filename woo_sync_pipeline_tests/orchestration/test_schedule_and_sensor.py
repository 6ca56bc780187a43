"""What the daily schedule and the live sensor ask for, and that what they ask for runs."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from woo_sync_pipeline.demo.world import TIMEZONE, yesterday
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.orchestration import sensors
from woo_sync_pipeline.orchestration.tags import SOURCE_TAG, range_tags
from woo_sync_pipeline.state.syncs import find_sync
from woo_sync_pipeline.steps.resources import source_claim
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import GUEST_PHONE, order_as_guest, subscribed_customer

FIRST_DAY = yesterday() - timedelta(days=3)


@pytest.fixture
def old_world(make_world: MakeWorld) -> World:
    """A store that was connected some days ago."""
    return make_world(source_options={"start_date": FIRST_DAY})


def _schedule_tick(world: World, on: date) -> dg.RunRequest | str:
    """What the schedule asks for at its hour of a day, or why it does not."""
    schedule = world.definitions().resolve_schedule_def(f"{KEY}_daily")
    moment = datetime(on.year, on.month, on.day, 2, tzinfo=ZoneInfo(TIMEZONE))
    with dg.build_schedule_context(instance=world.instance, scheduled_execution_time=moment) as context:
        tick = schedule.evaluate_tick(context)
    return _outcome(tick.run_requests, tick.skip_message)


def _sensor_tick(world: World) -> dg.RunRequest | str:
    """What the sensor asks for now, or why it does not."""
    return _sensor_tick_after(world, None)[0]


def _sensor_tick_after(world: World, cursor: str | None) -> tuple[dg.RunRequest | str, str | None]:
    """What the sensor asks for now, or why it does not, and its cursor for the next tick."""
    definitions = world.definitions()
    sensor = definitions.resolve_sensor_def(f"{KEY}_live")
    with dg.build_sensor_context(instance=world.instance, definitions=definitions, cursor=cursor) as context:
        tick = sensor.evaluate_tick(context)
    return _outcome(tick.run_requests, tick.skip_message), tick.cursor


def _outcome(requests: Sequence[dg.RunRequest] | None, skipped: str | None) -> dg.RunRequest | str:
    if skipped is not None:
        assert not requests
        return skipped
    assert requests is not None
    (request,) = requests
    return request


def _asked(tick: dg.RunRequest | str) -> dg.RunRequest:
    assert isinstance(tick, dg.RunRequest), tick
    return tick


def _days(request: dg.RunRequest) -> tuple[str, str]:
    first, last = (request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    return first, last


def _launch(world: World, request: dg.RunRequest, job_name: str | None = None) -> str:
    """Run what a tick asked for, with the tags it asked for; returns the run's id."""
    job = world.definitions().resolve_job_def(request.job_name or job_name or "")
    result = job.execute_in_process(
        instance=world.instance,
        tags=request.tags,
        partition_key=request.partition_key,
        run_config=request.run_config,
    )
    assert result.success
    return result.run_id


def test_every_run_tells_by_its_tags_what_it_is(old_world: World) -> None:
    """Those that a person starts in the UI too, which have only the tags of their job when they begin."""
    job = old_world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    dry = {"ops": {f"{KEY}__synced_contacts": {"config": {"dry_run": True}}}}

    def tags(**options: Any) -> dict[str, str]:
        result = job.execute_in_process(instance=old_world.instance, **options)
        run = old_world.instance.get_run_by_id(result.run_id)
        assert run is not None
        return {name: value for name, value in run.tags.items() if name.startswith("woo_sync/")}

    own = {"woo_sync/source": KEY, "woo_sync/reading": "sweep"}
    days = range_tags(FIRST_DAY, yesterday())
    assert tags(tags=days, run_config=dry) == {**own, "woo_sync/kind": "first", "woo_sync/dry_run": "true"}
    assert tags(tags=days) == {**own, "woo_sync/kind": "manual"}
    assert tags(tags={**days, "dagster/backfill": "b1"}) == {**own, "woo_sync/kind": "backfill"}


def test_the_schedule_asks_for_one_run_over_all_days_from_the_first_to_yesterday(old_world: World) -> None:
    day = yesterday()
    request = _asked(_schedule_tick(old_world, day + timedelta(days=1)))
    assert _days(request) == (FIRST_DAY.isoformat(), day.isoformat())
    assert request.tags["woo_sync/kind"] == "daily"


def test_what_the_schedule_asked_for_runs_and_leaves_only_today_for_tomorrow(old_world: World) -> None:
    now = yesterday() + timedelta(days=1)
    old_world.sync(first=FIRST_DAY, last=FIRST_DAY)
    request = _asked(_schedule_tick(old_world, now))
    before = now - timedelta(days=1)
    assert _days(request) == ((FIRST_DAY + timedelta(days=1)).isoformat(), before.isoformat())
    run_id = _launch(old_world, request, f"{KEY}_daily_sync")
    sync = find_sync(old_world.database, run_id=run_id)
    assert sync is not None
    assert (sync.kind, sync.status, sync.reading) == ("daily", "succeeded", "sweep")
    assert _schedule_tick(old_world, now) == "every day up to yesterday has been synced"
    tomorrow = _asked(_schedule_tick(old_world, now + timedelta(days=1)))
    assert _days(tomorrow) == (now.isoformat(), now.isoformat())


def test_a_day_that_was_synced_before_it_was_over_is_asked_for_again(old_world: World) -> None:
    now = yesterday() + timedelta(days=1)
    noon = datetime(now.year, now.month, now.day, 12, tzinfo=ZoneInfo(TIMEZONE)).astimezone(UTC)
    old_world.store.clock = lambda: noon
    old_world.sync(first=FIRST_DAY, last=now)
    assert isinstance(_schedule_tick(old_world, now), str)
    request = _asked(_schedule_tick(old_world, now + timedelta(days=3)))
    assert _days(request) == (now.isoformat(), (now + timedelta(days=2)).isoformat())


def test_days_of_a_failed_sync_are_asked_for_again(old_world: World) -> None:
    old_world.server.faults.down = "unavailable"
    day = yesterday()
    assert old_world.try_sync(first=FIRST_DAY).error is not None
    request = _asked(_schedule_tick(old_world, day + timedelta(days=1)))
    assert _days(request) == (FIRST_DAY.isoformat(), day.isoformat())


def test_the_sensor_asks_for_the_first_sync_of_a_new_source_over_all_its_days(old_world: World) -> None:
    request = _asked(_sensor_tick(old_world))
    now = datetime.now(ZoneInfo(TIMEZONE)).date()
    assert request.job_name == f"{KEY}_daily_sync"
    assert request.run_key is None
    assert _days(request) == (FIRST_DAY.isoformat(), now.isoformat())
    assert old_world.server.requests == []
    run_id = _launch(old_world, request)
    sync = find_sync(old_world.database, run_id=run_id)
    assert sync is not None
    assert (sync.kind, sync.status) == ("first", "succeeded")
    assert old_world.directory.snapshot() == expected_directory(old_world.store)


def test_the_sensor_skips_when_nothing_has_changed_and_asks_again_when_something_has(world: World) -> None:
    world.sync()
    seen = len(world.server.requests)
    skipped = _sensor_tick(world)
    assert isinstance(skipped, str)
    assert skipped.startswith("nothing changed in the store since ")
    assert len(world.server.requests) - seen <= 3

    order_as_guest(world.store)
    request = _asked(_sensor_tick(world))
    assert request.job_name == f"{KEY}_incremental_sync"
    assert request.run_key is None
    run_id = _launch(world, request)
    sync = find_sync(world.database, run_id=run_id)
    assert sync is not None
    assert (sync.kind, sync.reading, sync.status) == ("live", "touched", "succeeded")
    assert GUEST_PHONE in world.directory


def test_the_sensor_sees_a_registration(world: World) -> None:
    world.sync()
    assert isinstance(_sensor_tick(world), str)
    world.store.register_customer(email="ada@example.com", billing={"phone": GUEST_PHONE, "country": "AU"})
    _launch(world, _asked(_sensor_tick(world)))
    assert GUEST_PHONE in world.directory
    assert isinstance(_sensor_tick(world), str)


def _ticks(world: World, count: int, cursor: str | None = None) -> tuple[dg.RunRequest | str, str | None]:
    """Some ticks in a row, as the daemon makes them; what the last one asked for, and its cursor."""
    for _ in range(count):
        outcome, cursor = _sensor_tick_after(world, cursor)
    return outcome, cursor


def _asked_of_the_store(world: World) -> list[str]:
    return [each.path.rpartition("wp-json/")[2] for each in world.server.requests]


def test_two_requests_a_tick_tell_that_nothing_happened(world: World) -> None:
    world.sync()
    # The statuses of orders are known from the first tick on.
    _, cursor = _ticks(world, 1)
    world.server.requests.clear()
    outcome, cursor = _ticks(world, 1, cursor)
    assert isinstance(outcome, str)
    assert _asked_of_the_store(world) == ["wc-analytics/reports/customers", "wc/v3/orders"]
    world.server.requests.clear()
    _ticks(world, 1, cursor)
    assert _asked_of_the_store(world) == ["wc/v3/customers", "wc/v3/orders"]


def test_a_customer_who_changes_the_account_reaches_the_platform_live(world: World) -> None:
    world.sync()
    before = world.directory.snapshot()
    customer, phone = subscribed_customer(world.store)
    passer_by = next(each for each in world.store.customers if each not in (customer.id, 1))
    for number in (customer.id, passer_by):
        world.store.visit(number)
    outcome, cursor = _ticks(world, 2)
    assert isinstance(outcome, str)
    # Moves no date.
    world.store.set_user_meta(customer.id, "sms_marketing_consent", "no")
    outcome, cursor = _ticks(world, 2, cursor)
    request = _asked(outcome)
    named = request.run_config["ops"][f"{KEY}__customers"]["config"]["customer_ids"]
    assert named == [customer.id]
    run_id = _launch(world, request)
    sync = find_sync(world.database, run_id=run_id)
    assert sync is not None
    assert (sync.kind, sync.counts["read"]["customers"]) == ("live", 1)
    assert world.directory.snapshot() == {
        **before,
        phone: {**before[phone], "states": {"SMS": "UNSUBSCRIBED"}},
    }
    outcome, cursor = _ticks(world, 2, cursor)
    assert isinstance(outcome, str)


def test_an_account_that_no_sync_can_take_over_is_asked_for_once(world: World) -> None:
    world.sync()
    customer, _ = subscribed_customer(world.store)
    world.store.visit(customer.id)
    world.store.set_user_meta(customer.id, "sms_marketing_consent", "no")
    outcome, cursor = _ticks(world, 2)
    _asked(outcome)
    # Nobody launches it.
    outcome, cursor = _ticks(world, 2, cursor)
    assert isinstance(outcome, str)


def test_without_analytics_the_sensor_does_as_if_there_were_none(world: World) -> None:
    world.sync()
    world.store.has_analytics = False
    outcome, cursor = _ticks(world, 2)
    assert isinstance(outcome, str)
    world.server.requests.clear()
    outcome, cursor = _ticks(world, 3, cursor)
    assert isinstance(outcome, str)
    assert _asked_of_the_store(world) == ["wc/v3/customers", "wc/v3/orders"] * 3
    order_as_guest(world.store)
    _launch(world, _asked(_ticks(world, 1, cursor)[0]))
    assert GUEST_PHONE in world.directory


def test_the_sensor_asks_again_for_a_change_whose_run_failed_but_not_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    order_as_guest(world.store)
    assert _asked(_sensor_tick(world)).run_key is None
    world.server.faults.down = "unavailable"
    assert world.try_sync(incremental=True).error is not None
    world.server.faults.clear()
    skipped = _sensor_tick(world)
    assert isinstance(skipped, str)
    assert re.fullmatch(r"sync 2 failed at \d\d:\d\d:\d\d UTC: the next try is 5 minutes later", skipped)
    monkeypatch.setattr(sensors, "RETRY_PAUSE", timedelta(0))
    assert _asked(_sensor_tick(world)).job_name == f"{KEY}_incremental_sync"


def test_the_sensor_sends_what_a_failed_sync_has_left_although_nothing_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    monkeypatch.setattr(sensors, "RETRY_PAUSE", timedelta(0))
    number = order_as_guest(world.store)
    # Not in the second in which it is read: that is read again.
    world.store.update_order(number, modified_at=datetime.now(UTC) - timedelta(seconds=5))
    world.platform.faults.rate("drop", 1.0)
    assert world.try_sync(incremental=True).error is not None
    world.platform.faults.clear()
    _launch(world, _asked(_sensor_tick(world)))
    assert GUEST_PHONE in world.directory
    skipped = _sensor_tick(world)
    assert isinstance(skipped, str)
    assert skipped.startswith("nothing changed in the store since ")


def test_an_order_that_is_dated_ahead_of_the_store_s_clock_is_synced_when_its_time_has_come(
    world: World,
) -> None:
    """No run could read it before: a window ends now."""
    world.sync()
    number = order_as_guest(world.store)
    world.store.update_order(number, modified_at=datetime.now(UTC) + timedelta(hours=2))
    assert isinstance(_sensor_tick(world), str)
    world.store.clock = lambda: datetime.now(UTC) + timedelta(hours=3)
    _launch(world, _asked(_sensor_tick(world)))
    assert GUEST_PHONE in world.directory
    assert isinstance(_sensor_tick(world), str)


def test_what_changed_since_a_sync_is_seen_although_the_store_s_clock_was_days_ahead_then(
    world: World,
) -> None:
    world.store.clock = lambda: datetime.now(UTC) + timedelta(days=2)
    world.sync()
    # Put right. Nobody looks for an hour, in which somebody orders.
    world.store.clock = lambda: datetime.now(UTC) + timedelta(minutes=30)
    order_as_guest(world.store)
    world.store.clock = lambda: datetime.now(UTC) + timedelta(minutes=60)
    _launch(world, _asked(_sensor_tick(world)))
    assert GUEST_PHONE in world.directory
    skipped = _sensor_tick(world)
    assert isinstance(skipped, str)
    assert skipped.startswith("nothing changed in the store since ")


def test_the_sensor_waits_for_the_day_on_which_a_source_begins(world: World) -> None:
    today = yesterday() + timedelta(days=1)
    world.reconfigure(start_date=today + timedelta(days=1))
    expected = f"start_date {today + timedelta(days=1)} has not begun: it is {today} in {TIMEZONE}"
    assert _sensor_tick(world) == expected
    world.reconfigure(start_date=today)
    assert _asked(_sensor_tick(world)).job_name == f"{KEY}_daily_sync"


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ],
)
def test_the_sensor_waits_while_a_run_of_its_source_has_not_ended(
    world: World, status: dg.DagsterRunStatus
) -> None:
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    now = datetime.now(ZoneInfo(TIMEZONE)).date()
    run = world.instance.create_run_for_job(job, status=status, tags={**job.tags, **range_tags(now, now)})
    assert run.tags[SOURCE_TAG] == KEY
    assert _sensor_tick(world) == f"the run {run.run_id[:8]} of this source has not ended yet"
    assert world.server.requests == []
    world.instance.report_run_canceled(run)
    assert isinstance(_sensor_tick(world), dg.RunRequest)


def test_the_sensor_knows_every_status_of_a_run_that_has_not_ended() -> None:
    # Queued ones too, which cannot be made without a code server. Nothing suspends a run of ours.
    assert set(sensors.UNFINISHED) == {*NOT_FINISHED_STATUSES} - {dg.DagsterRunStatus.SUSPENDED}


def test_the_sensor_marks_a_run_whose_process_has_died_as_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    order_as_guest(world.store)
    job = world.definitions().resolve_job_def(f"{KEY}_daily_sync")
    run = world.instance.create_run_for_job(job, tags=job.tags)
    start = dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=job.name)
    world.instance.report_dagster_event(start, run.run_id)
    name = run.run_id[:8]
    waiting = f"the run {name} of this source has not ended yet"
    assert _sensor_tick(world) == waiting

    monkeypatch.setattr(sensors, "CLAIM_PATIENCE_SECONDS", 0.0)
    alive = world.database.claim(source_claim(KEY))
    assert alive is not None
    assert _sensor_tick(world) == waiting
    alive.release()
    # It may have ended its last step this very moment, so one look does not decide.
    first, cursor = _sensor_tick_after(world, None)
    assert first == f"the process of the run {name} seems to be gone: the next tick looks again"
    assert _status(world, run) is dg.DagsterRunStatus.STARTED
    second, cursor = _sensor_tick_after(world, cursor)
    assert second == f"the process of the run {name} was gone: the run was marked as failed"
    assert _status(world, run) is dg.DagsterRunStatus.FAILURE
    assert isinstance(_sensor_tick_after(world, cursor)[0], dg.RunRequest)


def _status(world: World, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = world.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_the_sensor_says_what_is_wrong_when_the_store_is_down(world: World) -> None:
    world.sync()
    world.server.faults.down = "drop"
    with pytest.raises(WooSyncError) as raised:
        _sensor_tick(world)
    error = raised.value
    assert (error.source, error.transient) == (KEY, True)
    assert error.tried == "GET customers (5 attempts)"
    assert error.got.startswith("no complete answer")
    assert error.next_step.startswith("Check that the configured url is right")


def test_a_sync_waits_until_no_other_process_syncs_its_source(world: World) -> None:
    world.sync()
    other = world.database.claim(source_claim(KEY))
    assert other is not None
    ends = threading.Timer(1.5, other.release)
    ends.start()
    began = monotonic()
    world.sync()
    assert monotonic() - began > 1.5
    ends.join()
