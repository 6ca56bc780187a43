"""Databases for tests: quickly made, soon dropped, and not worth a wait for the disk."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from woo_sync_pipeline.state.embedded import EmbeddedPostgres

_MEMORY = Path("/dev/shm")
_BYTES_PER_SERVER = 512 * 2**20


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for a PostgreSQL, in memory where there is room: there a database is made ten times as fast.

    Never below pytest's own folder: each start of pytest closes that to other users, and a PostgreSQL that root
    starts runs as another user.
    """
    servers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > servers * _BYTES_PER_SERVER
    with tempfile.TemporaryDirectory(prefix="woo-sync-", dir=_MEMORY if has_room else None) as folder:
        yield Path(folder)


TEMPLATE_STATE = "template_state"
"""A database with an empty, up-to-date state, to be copied."""

_MOST_BYTES_USED_AGAIN = 16 * 2**20

# Whatever changes but rows: a table, a right, a setting.
_MAKING = """
    SELECT md5(concat(
        (SELECT string_agg(format('%s %s', oid, xmin), ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384),
        (SELECT string_agg(format('%s %s', attrelid, xmin), ',' ORDER BY attrelid, attnum)
            FROM pg_attribute WHERE attrelid >= 16384),
        (SELECT string_agg(format('%s %s', oid, xmin), ',' ORDER BY oid) FROM pg_namespace),
        (SELECT string_agg(format('%s %s', oid, xmin), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
        (SELECT string_agg(xmin::text, ',') FROM pg_db_role_setting),
        (SELECT xmin FROM pg_database WHERE datname = current_database())
    ))
"""
_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def emptying(connection: sa.Connection) -> str:
    """Statements that delete all that a state holds, and let its numbers begin anew."""
    tables = connection.execute(
        sa.text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'woo_sync'::regnamespace AND relkind = 'r'"
            " AND relname <> 'alembic_version'"
        )
    ).scalars()
    deletions = [f"DELETE FROM woo_sync.{table}" for table in tables]
    sequences = connection.execute(
        sa.text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'woo_sync'::regnamespace AND relkind = 'S'"
        )
    ).scalars()
    restarts = [f"SELECT setval('woo_sync.{sequence}', 1, false)" for sequence in sequences]
    return "; ".join([*deletions, *restarts])


class _UsedAgain:
    """A database with a state whose rows are deleted after each use."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with self._engine.connect() as connection:
            self._making = connection.execute(sa.text(_MAKING)).scalar_one()
            self._emptying = emptying(connection)

    def is_emptied(self) -> bool:
        """Whether it is as it was at first; if not, it may be used no more."""
        try:
            with self._engine.connect() as connection:
                connection.execute(sa.text(_END_OTHERS))
                size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
                if connection.execute(sa.text(_MAKING)).scalar_one() != self._making:
                    return False
                if size > _MOST_BYTES_USED_AGAIN:
                    return False
                connection.exec_driver_sql(self._emptying)
                return True
        except sa.exc.DBAPIError:
            return False

    def close(self) -> None:
        self._engine.dispose()


class DatabaseServer:
    """An embedded PostgreSQL that does not survive a power cut, and databases on it."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self._numbers = itertools.count(1)
        self._spare: list[_UsedAgain] = []

    def __enter__(self) -> Self:
        self._server.start()
        self._engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("ALTER SYSTEM SET max_wal_size = '96MB'")
        self.execute("SELECT pg_reload_conf()")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._engine.dispose()
        self._server.stop()

    @property
    def url(self) -> str:
        """URL of the server's own database."""
        return self._server.url

    def create(self, name: str, *, template: str = "template1", encoding: str = "UTF8") -> str:
        """Make a database; returns its URL."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING '{encoding}' STRATEGY FILE_COPY")
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def database(self, *, template: str = "template1", encoding: str = "UTF8") -> Iterator[str]:
        """URL of a new database, which is dropped at the end whoever still uses it."""
        name = f"test_{next(self._numbers)}"
        yield self.create(name, template=template, encoding=encoding)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def empty_state(self) -> Iterator[str]:
        """URL of a database with an empty, up-to-date state.

        One after the other gets the same, emptied: that takes a fifth of making a new one. When more than rows was
        changed in it, it is dropped.
        """
        used = self._spare.pop() if self._spare else None
        if used is None:
            used = _UsedAgain(self.create(f"state_{next(self._numbers)}", template=TEMPLATE_STATE))
        yield used.url
        if used.is_emptied():
            self._spare.append(used)
        else:
            used.close()
            self.execute(f"DROP DATABASE {sa.make_url(used.url).database} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run a statement in the server's own database."""
        with self._engine.connect() as connection:
            connection.execute(sa.text(statement))
