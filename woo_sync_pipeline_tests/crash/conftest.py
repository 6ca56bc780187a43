"""A small store, what an undisturbed sync makes of it, and fresh worlds to kill syncs in."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.demo.platform import ContactSnapshot, DemoPlatform
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.crash.sync_process import ForkedSync, Killable
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.orchestration.conftest import _without_pictures
from woo_sync_pipeline_tests.orchestration.plain_sync import sync_demo

__all__ = ["_without_pictures"]

SOURCE = "woocommerce"
_PATIENCE_SECONDS = 60.0

Start = Callable[[Path], Killable]


class CrashWorld:
    """A demo world with a database of its own."""

    def __init__(self, world: DemoWorld, database: Database) -> None:
        self.world = world
        self.database = database
        self.requests: list[str] = []

    @property
    def store(self) -> StoreData:
        return self.world.stores[SOURCE].data

    @property
    def platform(self) -> DemoPlatform:
        return self.world.platform

    def snapshot(self) -> dict[str, ContactSnapshot]:
        return self.platform.directory.snapshot()

    def sync(self) -> None:
        """Sync, in this process: it is not to be killed."""
        sync_demo(self.world, SOURCE)

    def sync_and_kill(self, is_time: Callable[[], bool], *, start: Start = ForkedSync) -> None:
        """Sync, and kill the process during the first request at which it is time."""
        process = start(self.world.config)
        is_killed = threading.Event()

        def kill_in_time() -> None:
            # Once only: the number of a process that is gone may soon be another's.
            if not is_killed.is_set() and is_time():
                is_killed.set()
                process.kill()

        self.before_each_request(kill_in_time)
        assert process.wait() == -9, process.output
        self.before_each_request(lambda: None)

    def sync_and_kill_writing(self, table: str, *, after: str) -> None:
        """Sync, and kill the process when it comes to write to a table after its first request `after`."""
        lock = sa.text(f"LOCK TABLE woo_sync.{table} IN SHARE ROW EXCLUSIVE MODE")
        with self.database.transaction() as holder:
            process = ForkedSync(self.world.config)
            self.before_each_request(
                lambda: holder.execute(lock) if self.requests[-1] == after else None,
            )
            self._wait_for_someone_to_wait(table, process)
            process.kill()
            assert process.wait() == -9, process.output
        self.before_each_request(lambda: None)

    def before_each_request(self, act: Callable[[], object]) -> None:
        """Note each request to store or platform in `requests`, then act, then let it be answered."""
        self.requests.clear()

        def note(what: str) -> None:
            self.requests.append(what)
            act()

        self.world.stores[SOURCE].on_request = lambda path: note(f"GET {path}")
        self.platform.on_request = lambda method, path: note(f"{method} {path}")

    def statuses(self) -> list[str]:
        """How the syncs ended, oldest first."""
        return [
            str(value) for value in self._column("SELECT status FROM woo_sync.sync_runs ORDER BY sync_id")
        ]

    def contacts(self, condition: str = "true") -> int:
        """How many contacts of the state meet a condition."""
        return int(str(self._column(f"SELECT count(*) FROM woo_sync.contacts WHERE {condition}")[0]))

    def _column(self, query: str) -> list[object]:
        with self.database.transaction() as connection:
            return list(connection.execute(sa.text(query)).scalars())

    def _wait_for_someone_to_wait(self, table: str, process: Killable) -> None:
        waiting = f"SELECT 1 FROM pg_locks WHERE relation = 'woo_sync.{table}'::regclass AND NOT granted"
        deadline = monotonic() + _PATIENCE_SECONDS
        while not self._column(waiting):
            if monotonic() > deadline:
                process.kill()
                raise AssertionError(f"nobody came to write to {table}:\n{process.output}")
            sleep(0.02)


NewWorld = Callable[[], CrashWorld]


@pytest.fixture(scope="session")
def store_clock() -> datetime:
    """The end of yesterday, once: every store of these tests must be generated at the same moment."""
    return before_today()


@pytest.fixture(scope="session")
def worlds(
    postgres: DatabaseServer,
    template_dagster: str,
    tmp_path_factory: pytest.TempPathFactory,
    store_clock: datetime,
) -> Iterator[NewWorld]:
    """Makes worlds: equal stores, an account without a contact, an empty state."""
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def new_world() -> CrashWorld:
            name = f"crash_{next(numbers)}"
            url = postgres.create(name, template=template_dagster)
            folder = tmp_path_factory.mktemp(name)
            stores = {SOURCE: _store(store_clock)}
            world = stack.enter_context(DemoWorld(folder, stores, options={"database_url": url}))
            database = Database(url)
            stack.callback(database.close)
            # Slow enough that a request which is killed has others under way beside it.
            world.platform.faults.latency = 0.01
            return CrashWorld(world, database)

        yield new_world


@pytest.fixture(scope="session")
def undisturbed(worlds: NewWorld) -> CrashWorld:
    """A world whose store was synced once and nothing went wrong; `requests` has what that took."""
    world = worlds()
    world.before_each_request(lambda: None)
    world.sync()
    assert world.contacts("is_pending") == 0
    return world


def _store(now: datetime) -> StoreData:
    return generate_store(seed=5, customers=80, orders=50, now=now, timezone=TIMEZONE, name="WooCommerce")
