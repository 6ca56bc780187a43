from __future__ import annotations

import importlib.resources
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from woo_sync_pipeline.errors import StateDiskFullError, StateError, TransientStateError
from woo_sync_pipeline.state.bulk import append_frame, copy_frame, copy_rows
from woo_sync_pipeline.state.database import Database, newest_version
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.disks import filled, small_disk


@pytest.fixture
def empty_url(postgres: DatabaseServer) -> Iterator[str]:
    """URL of a database without any schema of ours."""
    with postgres.database() as url:
        yield url


def tables(database: Database) -> set[str]:
    with database.transaction() as connection:
        return set(sa.inspect(connection).get_table_names("woo_sync"))


def test_nothing_is_connected_before_it_is_used() -> None:
    database = Database("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
    assert database.place == "127.0.0.1/nowhere"
    assert repr(database) == "Database(127.0.0.1/nowhere)"
    database.close()


def test_the_first_use_brings_an_empty_database_up_to_date(empty_url: str) -> None:
    database = Database(empty_url)
    assert {"source_records", "contacts", "tagged_items", "platform_lists", "sync_runs"} <= tables(database)
    assert int(database.version().split(".")[0]) >= 13
    database.close()


def test_a_database_that_cannot_hold_every_name_is_refused(postgres: DatabaseServer) -> None:
    with postgres.database(template="template0", encoding="SQL_ASCII") as url:
        database = Database(url)
        with pytest.raises(StateError, match="the database's encoding is SQL_ASCII"):
            database.migrate()
        database.close()


def test_several_processes_may_bring_it_up_to_date_at_once(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(3)]
    together = threading.Barrier(len(databases))

    def start(database: Database) -> set[str]:
        together.wait()
        return tables(database)

    with ThreadPoolExecutor(len(databases)) as threads:
        found = list(threads.map(start, databases))
    assert found[0] == found[1] == found[2]
    assert "contacts" in found[0]
    for database in databases:
        database.close()


def test_an_up_to_date_state_is_left_as_it_is(database: Database, database_url: str) -> None:
    with database.transaction() as connection:
        connection.execute(sa.text("INSERT INTO woo_sync.tagged_items VALUES ('shop', 1, '{}')"))
    again = Database(database_url)
    again.migrate()
    with again.transaction() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM woo_sync.tagged_items")).scalar_one() == 1
    again.close()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def half_a_step() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("INSERT INTO woo_sync.tagged_items VALUES ('shop', 1, '{}')"))
            raise RuntimeError("stopped half way")

    with pytest.raises(RuntimeError):
        half_a_step()
    with database.transaction() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM woo_sync.tagged_items")).scalar_one() == 0


def test_a_database_that_is_down_is_a_passing_trouble() -> None:
    database = Database("postgresql://nobody:hunter2@127.0.0.1:1/nowhere")
    for attempt in (database.migrate, database.version, lambda: database.claim("shop")):
        with pytest.raises(TransientStateError) as caught:
            attempt()
        assert caught.value.transient
        assert caught.value.source == "database 127.0.0.1/nowhere"
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
    database.close()


def test_a_statement_that_fails_tells_its_code_and_no_value(database: Database) -> None:
    with pytest.raises(StateError) as caught, database.transaction() as connection:
        connection.execute(
            sa.text("INSERT INTO woo_sync.contacts (phone, consent) VALUES (:phone, 'perhaps')"),
            {"phone": "+61491570006"},
        )
    assert not caught.value.transient
    assert "SQLSTATE 23514" in str(caught.value)
    assert "491570006" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("sql_type", "told"), [("bigint", "a cell of the column wrong is no bigint"), ("uuid", "SQLSTATE 22P02")]
)
def test_a_copy_that_fails_tells_why_and_no_value(database: Database, sql_type: str, told: str) -> None:
    frame = pd.DataFrame({"wrong": ["Ann Lee +61491570006"]})
    with pytest.raises(StateError) as caught, database.transaction() as connection:
        copy_frame(connection, frame, "incoming", {"wrong": sql_type})
    assert not caught.value.transient
    assert told in str(caught.value)
    assert "Ann" not in str(caught.value)
    assert "491570006" not in str(caught.value)


def test_a_connection_that_is_cut_during_a_copy_is_a_passing_trouble(
    database: Database, postgres: DatabaseServer
) -> None:
    def copy() -> None:
        with database.transaction() as connection:
            number = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            postgres.execute(f"SELECT pg_terminate_backend({number}, 5000)")
            copy_rows(connection, "woo_sync.tagged_items", {"source": "text"}, [["shop"]])

    with pytest.raises(TransientStateError):
        copy()
    assert "contacts" in tables(database)


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        (
            "53100",
            StateDiskFullError,
            "the disk of the database is full. The transaction was rolled back. Free",
        ),
        ("57P01", TransientStateError, "PostgreSQL was stopped"),
        ("57P02", TransientStateError, "PostgreSQL crashed and is starting again. Wait until"),
        ("57P03", TransientStateError, "PostgreSQL is starting or stopping. Wait until"),
        ("53300", TransientStateError, "PostgreSQL has no connection left. End connections"),
        (
            "25006",
            TransientStateError,
            "PostgreSQL takes no writes, as a standby does. Let database_url name",
        ),
        ("08006", TransientStateError, "of Ann. Check that PostgreSQL runs"),
        ("XX000", StateError, "InternalError_ (SQLSTATE XX000)"),
    ],
)
def test_what_postgresql_reports_is_told_with_what_to_do(
    database: Database, code: str, kind: type[StateError], told: str
) -> None:
    with pytest.raises(StateError) as caught, database.transaction() as connection:
        connection.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'of Ann' USING ERRCODE = '{code}'; END $$"))
    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert caught.value.transient is (kind is TransientStateError)
    assert caught.value.__cause__ is None


def test_a_server_that_takes_no_writes_is_a_passing_trouble(database: Database) -> None:
    def write() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            connection.execute(sa.text("INSERT INTO woo_sync.tagged_items VALUES ('shop', 1, '{}')"))

    with pytest.raises(TransientStateError, match="as a standby does"):
        write()


def test_a_disk_that_is_full_during_a_copy_is_told_and_takes_the_rows_when_there_is_room() -> None:
    rows = pd.DataFrame(
        {"source": ["shop"] * 60_000, "item_id": range(60_000), "tags": [["tag" * 50]] * 60_000}
    )
    columns = {"source": "text", "item_id": "bigint", "tags": "text[]"}

    def copy(database: Database) -> None:
        with database.transaction() as connection:
            append_frame(connection, rows, "woo_sync.tagged_items", columns)

    with small_disk(128) as disk, DatabaseServer(disk / "data") as server:
        database = Database(server.url)
        database.migrate()
        with filled(disk, but_bytes=256 * 1024), pytest.raises(StateDiskFullError) as caught:
            copy(database)
        assert "+61" not in str(caught.value)
        copy(database)
        database.close()


def test_the_lock_of_a_push_whose_connection_is_cut_does_not_hide_what_went_wrong(
    database: Database, postgres: DatabaseServer
) -> None:
    def push() -> None:
        with database.exclusive_push():
            with database.transaction() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
                        " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                    )
                )
            raise RuntimeError("what went wrong")

    with pytest.raises(RuntimeError, match="what went wrong"):
        push()
    with database.exclusive_push():
        pass


def test_a_name_is_claimed_by_one_at_a_time(database: Database, database_url: str) -> None:
    other = Database(database_url)
    claim = database.claim("shop")
    assert claim is not None
    assert other.claim("shop") is None
    assert database.claim("shop") is None
    assert other.is_claimed("shop")
    assert not other.is_claimed("outlet")

    elsewhere = other.claim("outlet")
    assert elsewhere is not None
    claim.release()
    taken = other.claim("shop")
    assert taken is not None
    taken.release()
    elsewhere.release()
    other.close()


def test_the_claim_of_a_process_that_died_is_free(database: Database, database_url: str) -> None:
    dying = Database(database_url)
    assert dying.claim("shop") is not None
    # The server ends the connection of a process that is no more.
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks"
                " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        )
    claim = database.claim("shop")
    assert claim is not None
    claim.release()
    dying.close()


@pytest.mark.parametrize("section", ["exclusive_commit", "exclusive_push"])
def test_exclusive_sections_wait_for_each_other(database: Database, database_url: str, section: str) -> None:
    other = Database(database_url)
    other.migrate()
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with getattr(other, section)():
            order.append("second")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(second)
        with getattr(database, section)():
            inside.set()
            _wait_until_somebody_waits(database)
            order.append("first")
        waiting.result(10)
    assert order == ["first", "second"]
    other.close()


def _wait_until_somebody_waits(database: Database) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(10_000):
            if connection.execute(sa.text(query)).scalar_one():
                return
    raise AssertionError("nobody waits")


def test_pushing_and_committing_do_not_wait_for_each_other(database: Database) -> None:
    with database.exclusive_push(), database.exclusive_commit() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_the_newest_version_is_the_one_that_migrations_lead_to(database: Database) -> None:
    migrations = importlib.resources.files("woo_sync_pipeline.state") / "migrations"
    config = Config()
    config.set_main_option("script_location", str(migrations))
    assert ScriptDirectory.from_config(config).get_current_head() == newest_version()
    with database.transaction() as connection:
        stored = connection.execute(sa.text("SELECT version_num FROM woo_sync.alembic_version")).scalar_one()
    assert stored == newest_version()
