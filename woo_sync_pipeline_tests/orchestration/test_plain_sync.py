"""Syncs in plain Python, which most tests use, do the same as runs of the jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.merge import merge_contacts
from woo_sync_pipeline.demo.scenario import play_second_day
from woo_sync_pipeline.demo.world import CONSENT_KEY, DemoWorld
from woo_sync_pipeline.orchestration.runner import SyncOutcome
from woo_sync_pipeline.state import records
from woo_sync_pipeline.state.database import SCHEMA
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.orchestration.conftest import KEY, World, small_store
from woo_sync_pipeline_tests.orchestration.people import order_as_guest

Worlds = tuple[World, World]

# These differ from one sync to the next, and from one account to the next.
_OF_ITS_OWN = ["sync_id", "run_id", "event_id", "contact_id", "list_id", "field_id", "store_ahead_by", "hash"]
_COLUMNS = f"""
    SELECT table_name, string_agg(
        CASE
            WHEN data_type LIKE 'timestamp%' THEN column_name || ' IS NULL'
            WHEN column_name = 'counts' THEN 'counts #- ''{{seconds}}'''
            ELSE column_name
        END, ', ' ORDER BY ordinal_position)
    FROM information_schema.columns
    WHERE table_schema = '{SCHEMA}' AND column_name <> ALL(:left_out)
    GROUP BY table_name
"""


@pytest.fixture
def worlds(postgres: DatabaseServer, tmp_path: Path, impatient: None) -> Iterator[Worlds]:
    """Two equal worlds: the syncs of the first are runs of the jobs, those of the second are not."""
    with ExitStack() as running:

        def start(name: str, *, syncs_are_runs: bool) -> World:
            options = {"database_url": running.enter_context(postgres.database(template="template_state"))}
            demo = running.enter_context(DemoWorld(tmp_path / name, {KEY: small_store()}, options=options))
            demo.stores[KEY].faults.retry_after = 0
            demo.platform.faults.retry_after = "0"
            world = World(demo, syncs_are_runs=syncs_are_runs)
            running.callback(world.close)
            return world

        yield start("jobs", syncs_are_runs=True), start("plain", syncs_are_runs=False)


def held(world: World) -> dict[str, list[str]]:
    """All rows of the state by their table; of times, whether they are there."""
    with world.database.transaction() as connection:
        tables = connection.execute(sa.text(_COLUMNS), {"left_out": _OF_ITS_OWN}).all()
        return {
            name: sorted(map(repr, connection.execute(sa.text(f"SELECT {columns} FROM {SCHEMA}.{name}"))))
            for name, columns in tables
        }


def came_of(world: World, outcome: SyncOutcome) -> dict[str, Any]:
    """What a sync told, and all that it left behind."""
    sync = outcome.sync
    return {
        "error": outcome.error,
        "lines": [] if sync is None else [asdict(line) for line in world.contacts_of(sync)],
        "account": world.directory.snapshot(),
        "writes": world.platform.requests.writes,
        "asked of the store": sorted(request.path for request in world.server.requests),
        **held(world),
    }


def assert_same(worlds: Worlds, act: Callable[[World], SyncOutcome]) -> SyncOutcome:
    """Do the same in both worlds; what comes of it is equal. Returns the outcome of the job."""
    outcomes = [act(world) for world in worlds]
    of_jobs, of_plain = (came_of(world, outcome) for world, outcome in zip(worlds, outcomes, strict=True))
    for what in of_jobs:
        assert (what, of_plain[what]) == (what, of_jobs[what])
    return outcomes[0]


def test_what_happens_in_a_store_comes_to_the_same(worlds: Worlds) -> None:
    def second_day(world: World) -> SyncOutcome:
        play_second_day(world.store)
        return world.try_sync()

    def order(world: World) -> SyncOutcome:
        order_as_guest(world.store)
        return world.try_sync(incremental=True)

    first = assert_same(worlds, World.try_sync)
    assert first.sync is not None
    assert first.sync.counts["new"] > 0
    for act in (second_day, order, lambda world: world.try_sync(whole_history=True)):
        assert assert_same(worlds, act).error is None


def test_a_dry_run_sends_nothing_either_way(worlds: Worlds) -> None:
    planned = assert_same(worlds, lambda world: world.try_sync(dry_run=True))
    assert planned.sync is not None
    assert planned.sync.is_dry_run
    assert planned.sync.counts["new"] > 0
    assert [len(world.directory) for world in worlds] == [0, 0]


def test_what_fails_fails_in_the_same_way_and_is_made_up_for(worlds: Worlds) -> None:
    def store_down(world: World) -> SyncOutcome:
        world.server.faults.down = "unavailable"
        outcome = world.try_sync()
        world.server.faults.down = ""
        return outcome

    def platform_down(world: World) -> SyncOutcome:
        world.platform.faults.rate("503", 1.0)
        outcome = world.try_sync()
        world.platform.faults.clear()
        return outcome

    for act in (store_down, platform_down):
        assert assert_same(worlds, act).error is not None
    assert assert_same(worlds, World.try_sync).error is None


def test_limits_stop_both_and_acceptance_lets_both_through(worlds: Worlds) -> None:
    def opt_out_all(world: World) -> SyncOutcome:
        world.reconfigure(limits={"newly_unsubscribed": {"share": 0.01, "at_least": 1}})
        for customer_id in sorted(world.store.customers)[1:]:
            world.store.set_user_meta(customer_id, CONSENT_KEY, "no")
        return world.try_sync()

    assert assert_same(worlds, World.try_sync).error is None
    stopped = assert_same(worlds, opt_out_all)
    assert stopped.error is not None
    assert "newly unsubscribed" in stopped.error
    accepted = assert_same(worlds, lambda world: world.try_sync(accept_changes=True))
    assert accepted.error is None


def test_a_blocking_check_ends_both(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(*args: Any, **options: Any) -> pd.DataFrame:
        merged = merge_contacts(*args, **options)
        return pd.concat([merged, merged.head(1)], ignore_index=True)

    monkeypatch.setattr(records, "merge_contacts", twice)
    outcome = assert_same(worlds, World.try_sync)
    assert outcome.error is not None
    assert "no_phone_twice failed" in outcome.error


def test_what_nobody_foresaw_ends_both(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*args: Any, **options: Any) -> None:
        raise RuntimeError("of +61491570156")

    monkeypatch.setattr("woo_sync_pipeline.orchestration.assets.contact_assets.fit_records", raising)
    outcome = assert_same(worlds, World.try_sync)
    assert outcome.error is not None
    assert outcome.error.startswith("unexpected RuntimeError")
