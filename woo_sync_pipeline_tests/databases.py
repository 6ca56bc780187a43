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


class DatabaseServer:
    """An embedded PostgreSQL that does not survive a power cut, and databases on it."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self._numbers = itertools.count(1)

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

    def execute(self, statement: str) -> None:
        """Run a statement in the server's own database."""
        with self._engine.connect() as connection:
            connection.execute(sa.text(statement))
