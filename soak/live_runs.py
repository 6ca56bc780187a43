"""Live runs, one after the other, by the real daemon, sensor and code server: how quick, how large, does anything leak?

    python -m soak.live_runs [--runs 20] [--stores 1] [--every 25]

In each store somebody buys something, waits until the run is finished that brings the checkout to the account, and
buys again. Told at the end: how long after a checkout its run was finished and what each part of that took, how much
Dagster's tables grew for each run, and what daemon, code server, the processes of runs and PostgreSQL's
connections hold after every so many runs. Twenty runs of one store say how quick it is, a thousand whether it leaks.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

import dagster as dg
import sqlalchemy as sa

from soak.processes import Measured, measure
from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.demo.scenario import shop_once
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, prepare_dagster_home
from woo_sync_pipeline.orchestration.tags import KIND_TAG
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.cli.processes import descendants
from woo_sync_pipeline_tests.scale.machines import Machine, code_server, daemon

LIVE_INTERVAL_SECONDS = 5
PATIENCE_SECONDS = 600.0
PEOPLE = 50

# Dagster's own tables are those outside of the state's schema.
SIZE_OF_TABLES = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
EVENTS_OF_RUN = "SELECT count(*), coalesce(sum(length(event)), 0) FROM event_logs WHERE run_id = :run_id"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@dataclass(frozen=True)
class LiveRun:
    """One checkout and its run: seconds from the checkout to each stage, and what the run left in the event log."""

    run_id: str
    confirmed: float
    requested: float
    started: float
    ended: float
    events: int
    event_bytes: int


class Soak:
    """Shoppers in several stores, until so many live runs have ended."""

    def __init__(self, world: DemoWorld, instance: dg.DagsterInstance, database: Database, runs: int) -> None:
        self._world = world
        self._instance = instance
        self._database = database
        self._wanted = runs
        self._lock = threading.Lock()
        self.runs: list[LiveRun] = []
        self.failures: list[str] = []

    def shop(self, key: str, data: StoreData, seed: int) -> None:
        """Buy, wait for the run, and buy again."""
        random = Random(seed)
        while len(self.runs) < self._wanted and not self.failures:
            try:
                run = self._buy(key, data, random)
            except Exception as failure:
                self.failures.append(f"{key}: {type(failure).__name__}: {failure}")
                raise
            with self._lock:
                self.runs.append(run)

    def _buy(self, key: str, data: StoreData, random: Random) -> LiveRun:
        known = {run.run_id for run in self._live_runs(key)}
        # The store's times are whole seconds; a checkout at a random part of one.
        time.sleep(random.random() * LIVE_INTERVAL_SECONDS)
        began = time.time()
        phone = shop_once(data, random)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while phone not in self._world.platform.directory:
            self._be_patient(deadline, f"{key}: a checkout did not reach the account")
        confirmed = time.time() - began
        while True:
            ended = [
                run
                for run in self._live_runs(key)
                if run.run_id not in known and run.status in (dg.DagsterRunStatus.SUCCESS,)
            ]
            if ended:
                return self._looked_at(ended[-1].run_id, began, confirmed)
            self._be_patient(deadline, f"{key}: a run did not end")

    def _live_runs(self, key: str) -> Sequence[dg.DagsterRun]:
        wanted = dg.RunsFilter(job_name=f"{key}_incremental_sync", tags={KIND_TAG: "live"})
        return self._instance.get_runs(filters=wanted, limit=5)

    def _looked_at(self, run_id: str, began: float, confirmed: float) -> LiveRun:
        record = self._instance.get_run_record_by_id(run_id)
        assert record is not None
        assert record.start_time is not None
        assert record.end_time is not None
        with self._database.transaction() as connection:
            events, size = connection.execute(sa.text(EVENTS_OF_RUN), {"run_id": run_id}).one()
        return LiveRun(
            run_id=run_id,
            confirmed=confirmed,
            requested=record.create_timestamp.timestamp() - began,
            started=record.start_time - began,
            ended=record.end_time - began,
            events=int(events),
            event_bytes=int(size),
        )

    @staticmethod
    def _be_patient(deadline: float, otherwise: str) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.1)


@contextmanager
def dagster_processes(folder: Path, variables: dict[str, str]) -> Iterator[tuple[Machine, Machine]]:
    """A code server and a daemon, which end with the block."""
    log, workspace = folder / "dagster.log", folder / "workspace.yaml"
    with ExitStack() as stack:
        server = code_server(workspace, log=log, variables=variables)
        stack.callback(server.shut_down)
        loop = daemon(workspace, log=log, variables=variables)
        stack.callback(loop.shut_down)
        yield server, loop


def processes_of(machine: Machine) -> list[int]:
    """The ids of a process and all that it has started."""
    return [machine.pid, *(each.pid for each in descendants(machine.pid))]


def held_by(processes: Sequence[int]) -> Measured:
    """What processes hold together."""
    found: list[Measured] = []
    for pid in processes:
        try:
            found.append(measure(pid))
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
            continue
    return Measured(
        memory_mb=sum(each.memory_mb for each in found),
        files=sum(each.files for each in found),
        sockets=sum(each.sockets for each in found),
        threads=sum(each.threads for each in found),
    )


def scalar(database: Database, query: str) -> int:
    """One number."""
    with database.transaction() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def main() -> None:
    """Run it; the exit code is 1 if a checkout did not arrive."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--stores", type=int, default=1)
    parser.add_argument("--every", type=int, default=25, help="how many runs lie between two looks")
    options = parser.parse_args()
    stores = {f"shop_{number}": _store(number) for number in range(options.stores)}
    with tempfile.TemporaryDirectory(prefix="live") as name:
        folder = Path(name)
        source_options = {"live_interval_seconds": LIVE_INTERVAL_SECONDS}
        with DemoWorld(folder, stores, source_options=source_options) as world:
            settings = world.settings()
            state = StateResource(settings)
            database = state.database()
            database.migrate()
            home = prepare_dagster_home(settings, state)
            variables = {
                DAGSTER_HOME_ENV: str(home),
                CONFIG_ENV: str(world.config.absolute()),
                DATABASE_URL_ENV: os.environ[DATABASE_URL_ENV],
            }
            try:
                with (
                    dg.DagsterInstance.from_config(str(home)) as instance,
                    dagster_processes(folder, variables) as (server, loop),
                ):
                    soak = Soak(world, instance, database, options.runs)
                    _wait_for_first_syncs(world, stores)
                    failures = _shop(soak, stores, database, server, loop, options.every)
            finally:
                state.close()
            if failures:
                _show((folder / "dagster.log").read_text()[-4000:])
    raise SystemExit(1 if failures else 0)


def _store(number: int) -> StoreData:
    return generate_store(
        seed=number + 1,
        customers=PEOPLE,
        orders=PEOPLE,
        now=before_today(),
        timezone=TIMEZONE,
        name=f"Shop {number}",
    )


def _wait_for_first_syncs(world: DemoWorld, stores: dict[str, StoreData]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    lists = {data.name for data in stores.values()}
    while not all(name in world.platform.directory.list_names() for name in lists):
        if time.monotonic() > deadline:
            raise TimeoutError("the first syncs did not happen")
        time.sleep(0.5)
    time.sleep(3 * LIVE_INTERVAL_SECONDS)


def _shop(
    soak: Soak,
    stores: dict[str, StoreData],
    database: Database,
    server: Machine,
    loop: Machine,
    every: int,
) -> list[str]:
    grown_from = scalar(database, SIZE_OF_TABLES)
    shoppers = [
        threading.Thread(target=soak.shop, args=(key, data, seed), daemon=True)
        for seed, (key, data) in enumerate(stores.items())
    ]
    # What the code server starts from now on are runs, which end.
    server_itself = processes_of(server)
    for shopper in shoppers:
        shopper.start()
    next_look = 0
    while any(shopper.is_alive() for shopper in shoppers):
        if len(soak.runs) >= next_look:
            next_look += every
            connections = scalar(database, CONNECTIONS)
            under_way = sorted(set(processes_of(server)) - set(server_itself))
            _show(
                f"{len(soak.runs)} runs; code server: {held_by(server_itself)}; daemon: "
                f"{held_by(processes_of(loop))}; {len(under_way)} processes of runs: {held_by(under_way)}; "
                f"{connections} connections to PostgreSQL"
            )
        time.sleep(0.2)
    grown = scalar(database, SIZE_OF_TABLES) - grown_from
    _tell(soak.runs, grown / max(1, len(soak.runs)))
    for failure in soak.failures:
        _show(failure)
    return soak.failures


def _tell(runs: Sequence[LiveRun], grown: float) -> None:
    if not runs:
        return
    _show(
        f"{len(runs)} checkouts; from each to the end of its run: {_spread([each.ended for each in runs])} s"
    )
    _show(f"  until the contact is confirmed: {_spread([each.confirmed for each in runs])} s")
    parts = {
        "until the sensor asks for a run": [each.requested for each in runs],
        "from there until its process begins": [each.started - each.requested for each in runs],
        "the run itself": [each.ended - each.started for each in runs],
    }
    for what, seconds in parts.items():
        _show(f"  {what}: {_spread(seconds)} s")
    _show(
        f"a run leaves {median(each.events for each in runs):.0f} events of together "
        f"{median(each.event_bytes for each in runs) / 1000:.1f} kB; Dagster's tables with indexes and ticks grew by "
        f"{grown / 1000:.1f} kB for each"
    )


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"median {median(ordered):.1f} ({ordered[0]:.1f} to {ordered[-1]:.1f})"


def _show(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
