"""The embedded PostgreSQL: shared by processes, outlived by none, not spoilt by one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.embedded import EmbeddedPostgres

# Starts the server, does what it is told, says so, and waits until its input ends or it is killed.
_USER = """
import sys
from pathlib import Path
import sqlalchemy as sa
from woo_sync_pipeline.state.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    engine = sa.create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(sa.text(sys.argv[2]))
    engine.dispose()
    print("done", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the server's data.

    Outside of pytest's own folder: each start of pytest closes that to other users, and a PostgreSQL that root
    starts runs as another user.
    """
    with tempfile.TemporaryDirectory(prefix="woo-sync-") as made:
        yield Path(made) / "below" / "postgres"


def test_it_starts_is_used_stops_and_keeps_its_data(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        execute(server, "CREATE TABLE kept AS SELECT 7 AS number")
        assert postmasters(folder)
    assert postmasters(folder) == []

    with EmbeddedPostgres(folder) as server:
        assert execute(server, "SELECT number FROM kept") == 7
    assert postmasters(folder) == []


def test_it_listens_on_no_network_address(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        assert execute(server, "SHOW listen_addresses") == ""
        assert sa.make_url(server.url).drivername == "postgresql+psycopg2"


def test_starting_and_stopping_twice_does_no_harm(folder: Path) -> None:
    server = EmbeddedPostgres(folder)

    assert server.start().start() is server
    assert execute(server, "SELECT 1") == 1
    server.stop()
    server.stop()

    assert postmasters(folder) == []


def test_a_killed_process_neither_spoils_it_nor_keeps_it_running(folder: Path) -> None:
    user = start_user(folder, "CREATE TABLE kept AS SELECT 7 AS number")
    user.kill()
    user.communicate()

    with EmbeddedPostgres(folder) as server:
        assert execute(server, "SELECT number FROM kept") == 7

    assert postmasters(folder) == []


def test_a_server_that_was_killed_itself_starts_again(folder: Path) -> None:
    user = start_user(folder, "CREATE TABLE kept AS SELECT 7 AS number")
    (postmaster,) = postmasters(folder)
    workers = [pid for pid, parent, _ in processes() if parent == postmaster]
    os.kill(postmaster, signal.SIGKILL)
    wait_until_gone({postmaster, *workers})
    user.kill()
    user.communicate()

    with EmbeddedPostgres(folder) as server:
        assert execute(server, "SELECT number FROM kept") == 7

    assert postmasters(folder) == []


def test_two_processes_share_one_and_the_last_one_stops_it(folder: Path) -> None:
    other = start_user(folder, "CREATE TABLE kept AS SELECT 7 AS number")
    with EmbeddedPostgres(folder) as server:
        assert execute(server, "SELECT number FROM kept") == 7
        assert len(postmasters(folder)) == 1
    assert len(postmasters(folder)) == 1, "it was stopped although another process uses it"

    other.communicate("")

    assert other.returncode == 0
    assert postmasters(folder) == []


def test_a_folder_that_holds_something_else_is_a_clear_error(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("9\n")

    with pytest.raises(StateError) as refused:
        EmbeddedPostgres(folder).start()

    assert str(folder) in str(refused.value)
    assert "version" in refused.value.got
    assert "database_url" in refused.value.next_step


def test_a_broken_folder_is_a_clear_error(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    (folder / "global" / "pg_control").unlink()

    with pytest.raises(StateError) as refused:
        EmbeddedPostgres(folder).start()

    assert str(folder) in str(refused.value)
    assert str(folder / "log") in refused.value.next_step


def test_a_file_in_the_place_of_the_folder_is_a_clear_error(folder: Path) -> None:
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("no folder")

    with pytest.raises(StateError, match="start a server in"):
        EmbeddedPostgres(folder).start()


def execute(server: EmbeddedPostgres, statement: str) -> object:
    """Run a statement; the first value that comes back, if any."""
    engine = sa.create_engine(server.url)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        value = result.scalar() if result.returns_rows else None
    engine.dispose()
    return value


def start_user(folder: Path, statement: str) -> subprocess.Popen[str]:
    """Another process that uses the server; it goes on doing so until its input is closed."""
    user = subprocess.Popen(
        [sys.executable, "-c", _USER, str(folder), statement],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "done\n"
    return user


def postmasters(folder: Path) -> list[int]:
    """Process ids of running servers on this folder."""
    return [
        pid
        for pid, _, command in processes()
        if "postgres" in command.split()[0] and f"-D {folder.resolve()}" in command
    ]


def processes() -> list[tuple[int, int, str]]:
    """Number, parent and command line of every process of this machine."""
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    )
    rows = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]


def wait_until_gone(pids: set[int]) -> None:
    """Wait until none of these processes is there any more."""
    deadline = time.monotonic() + 20.0
    while pids & {pid for pid, _, _ in processes()}:
        assert time.monotonic() < deadline, "a process outlives its server"
        time.sleep(0.05)
