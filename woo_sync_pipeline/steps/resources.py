"""What assets and sensors work with: the state, the platform, the staging area.

Plain objects rather than configurable resources: their settings hold secrets, and nothing of them shall reach the
UI. None connects to anything before it is used.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from woo_sync_pipeline.clocks import utc_now
from woo_sync_pipeline.config.settings import DATABASE_URL_ENV, Settings
from woo_sync_pipeline.state.database import Claim, Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres

# What takes long to import is imported where it is used: to look at the history takes the state only.
if TYPE_CHECKING:
    from woo_sync_pipeline.messagemedia.client import PlatformClient
    from woo_sync_pipeline.state.staging import Staging


_CLAIM_INTERVAL_SECONDS = 0.5


def source_claim(source_key: str) -> str:
    """The name that a sync of this source claims while it is alive."""
    return f"source {source_key}"


class StateResource:
    """The state database: the configured one, else an embedded PostgreSQL that starts on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: EmbeddedPostgres | None = None
        self._database: Database | None = None
        self._database_url = ""
        self._claims: dict[str, tuple[str, Claim]] = {}
        self._lock = threading.Lock()

    def database(self) -> Database:
        """The database, connected on first use. Raises `StateError`."""
        url = self.url()
        with self._lock:
            if self._database is not None and self._database_url != url:
                # The embedded server was started again, in another place.
                self._database.close()
                self._database = None
            if self._database is None:
                self._database, self._database_url = Database(url), url
            return self._database

    def url(self) -> str:
        """URL of the database; it holds the password. Starts the embedded server when it is the one."""
        with self._lock:
            if self._settings.database_url is not None:
                return self._settings.database_url.get_secret_value()
            if self._embedded is None and (url := os.environ.get(DATABASE_URL_ENV)):
                return url
            if self._embedded is None:
                self._embedded = EmbeddedPostgres(self._settings.data_directory / "postgres").start()
            self._embedded.ensure_running()
            return self._embedded.url

    @property
    def steps_share_a_process(self) -> bool:
        """Whether the process that runs one step of a sync runs them all, and may hold the source in between."""
        return self._settings.celery is None

    def claim(self, source_key: str, run_id: str) -> bool:
        """Whether this run is the only one alive that syncs the source.

        A sync that is noted as running while nobody else holds the source has crashed.
        """
        database = self.database()
        with self._lock:
            return self._take(database, source_key, run_id) == run_id

    def wait_for(self, source_key: str, run_id: str, *, on_wait: Callable[[], None]) -> None:
        """Wait until no other process syncs the source, and hold it; `on_wait` is called once if that takes time.

        A process runs one sync of a source after the other, and does not wait for itself.
        """
        database = self.database()
        is_waiting = False
        while True:
            with self._lock:
                if self._take(database, source_key, run_id) is not None:
                    return
            if not is_waiting:
                on_wait()
                is_waiting = True
            time.sleep(_CLAIM_INTERVAL_SECONDS)

    def _take(self, database: Database, source_key: str, run_id: str) -> str | None:
        """The run of this process that holds the source, from now on this one if nobody does; None: another process."""
        if source_key not in self._claims:
            claim = database.claim(source_claim(source_key))
            if claim is None:
                return None
            self._claims[source_key] = (run_id, claim)
        return self._claims[source_key][0]

    def release(self, source_key: str) -> None:
        """Give the source free again."""
        with self._lock:
            held = self._claims.pop(source_key, None)
        if held is not None:
            held[1].release()

    def close(self) -> None:
        """Disconnect, and leave the embedded server."""
        for source_key in list(self._claims):
            self.release(source_key)
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
            if self._embedded is not None:
                self._embedded.stop()
                self._embedded = None


class MessageMediaResource:
    """The MessageMedia account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.messagemedia

    def connect(self, *, now: Callable[[], datetime] = utc_now) -> PlatformClient:
        """A client of the account, to be used as a context manager; `now` is the clock by which it dates answers."""
        from woo_sync_pipeline.messagemedia.client import PlatformClient
        from woo_sync_pipeline.messagemedia.settings import PlatformSettings

        return PlatformClient(
            PlatformSettings(
                base_url=self._settings.base_url,
                api_key=self._settings.api_key.get_secret_value(),
                api_secret=self._settings.api_secret.get_secret_value(),
                auth=self._settings.auth,
                verify_tls=self._settings.verify_tls,
                max_concurrency=self._settings.max_concurrency,
                max_requests_per_second=self._settings.max_requests_per_second,
            ),
            now=now,
        )


class StagingResource:
    """Where frames pass from asset to asset."""

    def __init__(self, settings: Settings) -> None:
        self._location = settings.staging_location
        self._kept = timedelta(days=settings.retention.staging_days)

    def area(self) -> Staging:
        """The staging area."""
        from woo_sync_pipeline.state.staging import Staging

        return Staging(self._location, kept=self._kept)


class ProgressResource(Protocol):
    """Shows how far a step has come."""

    def step(
        self, label: str, *, total: int | None, log: Callable[[str], None]
    ) -> AbstractContextManager[Callable[[int], None]]:
        """A step of `total` rows (None: nobody knows); the function is told how many more are done."""
        ...


class LoggedProgress:
    """Progress as log lines, one per thousand rows."""

    EVERY = 1000

    @contextmanager
    def step(
        self, label: str, *, total: int | None, log: Callable[[str], None]
    ) -> Iterator[Callable[[int], None]]:
        """A step whose progress goes to `log`."""
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            before, done = done, done + count
            if before // self.EVERY != done // self.EVERY:
                log(f"{label}: {done:,}{f' of {total:,}' if total else ''}")

        yield advance
