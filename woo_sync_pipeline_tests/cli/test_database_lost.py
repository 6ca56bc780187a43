"""PostgreSQL is lost in the middle of a sync: a failure that says what to do, and the next sync goes on from there."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.demo.store import generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres
from woo_sync_pipeline_tests.cli.conftest import Command, Result
from woo_sync_pipeline_tests.cli.processes import descendants
from woo_sync_pipeline_tests.crash.conftest import SOURCE, CrashWorld
from woo_sync_pipeline_tests.databases import temporary_folder
from woo_sync_pipeline_tests.disks import filled, no_file_larger_than, small_disk
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory

LAST_OF_STORE = "GET /wp-json/wc/v3/products"


class Server:
    """A PostgreSQL that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder).start()

    def kill(self) -> None:
        """As a machine does that goes down: the postmaster and all that belongs to it, at once."""
        doomed = [self._postmaster(), *(each.pid for each in descendants(self._postmaster()))]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_until_gone(doomed)

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate` does: who is connected is told."""
        postmaster = self._postmaster()
        os.kill(postmaster, signal.SIGQUIT)
        _wait_until_gone([postmaster])

    def _postmaster(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        self.postgres.ensure_running()


def _wait_until_gone(processes: list[int]) -> None:
    """Nobody starts a server again whose process is there, be it one that nobody has waited for yet."""
    deadline = time.monotonic() + 20
    while any(map(_is_there, processes)):
        assert time.monotonic() < deadline, "the server lives on"
        time.sleep(0.02)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with temporary_folder() as folder:
        running = Server(folder / "data")
        yield running
        running.postgres.stop()


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashWorld]:
    store = generate_store(
        seed=5, customers=40, orders=20, now=before_today(), timezone=TIMEZONE, name="WooCommerce"
    )
    folder = tmp_path_factory.mktemp("lost")
    with DemoWorld(folder, {SOURCE: store}, options={"database_url": server.postgres.url}) as demo:
        database = Database(server.postgres.url)
        demo.platform.faults.latency = 0.01
        yield CrashWorld(demo, database)
        database.close()


@pytest.fixture(autouse=True)
def _dagster_tries_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as ever; with its pauses each of these tests takes a minute."""
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **options: 0.01)


Sync = Callable[..., Result]


@pytest.fixture
def sync(woo_sync: Command, world: CrashWorld) -> Sync:
    """Syncs, and does something at the first request of a kind, once there were so many of them."""

    def run(act: Callable[[], None] | None = None, *, at: str = "", number: int = 1) -> Result:
        is_done = threading.Event()

        def look() -> None:
            is_it = world.requests[-1].startswith(at) and (
                sum(each.startswith(at) for each in world.requests) >= number
            )
            if act is not None and is_it and not is_done.is_set():
                is_done.set()
                act()

        world.before_each_request(look)
        result = woo_sync("--config", world.world.config, "sync")
        world.before_each_request(lambda: None)
        assert act is None or is_done.is_set(), result.out
        return result

    return run


def assert_named(result: Result) -> None:
    told = " ".join((result.out + result.err).split())
    assert result.code == 1
    assert "FAILED database " in told, told
    assert "then run the sync again: nothing is lost." in told
    assert "fault of woo_sync_pipeline" not in told
    assert "unexpected " not in told


# One world for all: each sync goes on from what the one before it left behind.
def test_a_server_that_is_killed_in_the_middle_of_a_commit(
    sync: Sync, world: CrashWorld, server: Server
) -> None:
    """The transaction waits for a lock when the machine goes down: nothing of it is there afterwards."""
    assert sync().code == 0
    before = (world.contacts(), world.snapshot())
    world.store.register_customer(
        email="new@example.com", first_name="New", billing={"phone": "0491570158", "country": "AU"}
    )
    holder = world.database.transaction()
    waiting: list[threading.Thread] = []

    def kill_it_when_somebody_waits() -> None:
        wait_for_someone_to_wait(server.postgres.url)
        server.kill()

    def lock() -> None:
        holder.__enter__().execute(sa.text("LOCK TABLE woo_sync.contacts IN SHARE ROW EXCLUSIVE MODE"))
        waiting.append(threading.Thread(target=kill_it_when_somebody_waits))
        waiting[0].start()

    result = sync(lock, at=LAST_OF_STORE)
    waiting[0].join()
    with pytest.raises(StateError):
        holder.__exit__(None, None, None)
    assert_named(result)

    server.start()
    assert (world.contacts(), world.snapshot()) == before
    assert sync().code == 0
    assert world.statuses() == ["succeeded", "crashed", "succeeded"]
    assert world.snapshot() == expected_directory(world.store) != before[1]


def test_a_server_that_is_stopped_in_the_middle_of_a_push(
    sync: Sync, world: CrashWorld, server: Server
) -> None:
    for customer in sorted(world.store.customers)[1:20]:
        world.store.save_profile(customer, first_name="Marguerite", billing_first_name="Marguerite")

    assert_named(sync(server.stop_at_once, at="PATCH", number=5))

    server.start()
    assert world.contacts("is_pending") > 0
    writes = world.platform.requests.writes
    assert sync().code == 0
    assert world.contacts("is_pending") == 0
    assert world.snapshot() == expected_directory(world.store)
    # What was sent before, and could not be written down, is recognised.
    assert world.platform.requests.writes - writes < 19


@pytest.mark.parametrize("how", ["restarted", "cut"])
def test_a_server_that_is_restarted_or_cuts_all_connections(
    sync: Sync, world: CrashWorld, server: Server, how: str
) -> None:
    for customer in sorted(world.store.customers)[1:20]:
        world.store.save_profile(customer, first_name=how, billing_first_name=how)

    def restart() -> None:
        server.kill()
        server.start()

    def cut() -> None:
        with world.database.transaction() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            )

    result = sync(restart if how == "restarted" else cut, at="PATCH", number=5)
    if result.code:
        assert_named(result)
    assert sync().code == 0
    assert world.snapshot() == expected_directory(world.store)


@pytest.mark.parametrize("command", ["sync", "history", "check"])
def test_commands_say_that_there_is_no_database(
    woo_sync: Command, world: CrashWorld, server: Server, command: str
) -> None:
    server.kill()
    result = woo_sync("--config", world.world.config, command)
    server.start()
    assert result.code == 1
    told = " ".join((result.out + result.err).split())
    assert "Check that PostgreSQL runs" in told
    assert "fault of woo_sync_pipeline" not in told


def test_a_staging_folder_without_room_is_named_and_the_next_sync_heals(
    sync: Sync, world: CrashWorld
) -> None:
    for customer in world.store.customers:
        world.store.save_profile(customer, first_name="Roomy", billing_first_name="Roomy")
    staged = world.world.folder / ".woo_sync" / "staging"
    with no_file_larger_than(4_096):
        result = sync()
    assert result.code == 1
    told = " ".join(result.out.split())
    assert f"FAILED staging {staged}: stage the frame " in told
    assert "there is no room left (File too large). Free space there" in told
    assert "fault of woo_sync_pipeline" not in told
    assert list(staged.rglob("*.tmp")) == []
    assert sync().code == 0
    assert world.snapshot() == expected_directory(world.store)


def test_a_database_whose_disk_is_full_is_named_and_the_next_sync_heals(
    woo_sync: Command, tmp_path: Path
) -> None:
    store = generate_store(
        seed=6, customers=60, orders=30, now=before_today(), timezone=TIMEZONE, name="WooCommerce"
    )
    with small_disk(160) as disk:
        server = Server(disk / "data")
        demo = DemoWorld(tmp_path, {SOURCE: store}, options={"database_url": server.postgres.url})
        with demo:
            assert woo_sync("--config", demo.config, "history").code == 0
            with filled(disk, but_bytes=64 * 1024):
                result = woo_sync("--config", demo.config, "sync")
            told = " ".join((result.out + result.err).split())
            assert result.code == 1
            assert "the disk of the database is full" in told or "a full disk stops it too" in told
            assert "fault of woo_sync_pipeline" not in told
            assert "then run the sync again: nothing is lost." in told
            server.start()
            assert woo_sync("--config", demo.config, "sync").code == 0
            assert demo.platform.directory.snapshot() == expected_directory(store)
        server.postgres.stop()


def test_a_process_that_lives_on_starts_its_own_server_again() -> None:
    with temporary_folder() as folder:
        server = Server(folder / "data")
        server.kill()
        server.start()
        database = Database(server.postgres.url)
        assert database.version()
        database.close()
        server.postgres.stop()


def wait_for_someone_to_wait(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    waiting = sa.text("SELECT 1 FROM pg_locks WHERE relation = 'woo_sync.contacts'::regclass AND NOT granted")
    deadline = time.monotonic() + 60
    while True:
        with engine.connect() as connection:
            if connection.execute(waiting).first():
                return
        assert time.monotonic() < deadline, "nobody came to write to contacts"
        time.sleep(0.02)
