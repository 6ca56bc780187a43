"""The connection to the state and the version of its schema."""

from __future__ import annotations

import importlib.resources
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER, utc_now
from woo_sync_pipeline.config.postgres_url import problem_of_postgres_url
from woo_sync_pipeline.errors import ConfigurationError, StateError
from woo_sync_pipeline.state.failures import DATABASE_FAILURE, failure_of_database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("database")

SCHEMA = "woo_sync"

# Arbitrary, but the same in every process: what they guard may be done by one process at a time.
_MIGRATION_LOCK = 7_294_001
_COMMIT_LOCK = 7_294_002
_PUSH_LOCK = 7_294_003
_CLAIMS = 7_294_004

_UNLOCK_PUSH = "SELECT pg_advisory_unlock(:key)"
_WORK_MEMORY = "32MB"

_CLOCK_HOLDS_SECONDS = 60.0
"""How long a comparison of the two clocks is relied upon: a clock may be set."""


class Claim:
    """A name that this process holds; PostgreSQL frees it when the process dies."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def release(self) -> None:
        """Let others claim the name."""
        # A connection that breaks here has freed the name already. Closing alone would do so only when the server
        # notices, and a connection that goes back to the pool would keep it.
        with suppress(*DATABASE_FAILURE):
            self._connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
        with suppress(*DATABASE_FAILURE):
            self._connection.invalidate()
        with suppress(*DATABASE_FAILURE):
            self._connection.close()


class Database:
    """A PostgreSQL database (13 or newer) that holds the state in the schema `woo_sync`.

    Nothing is connected before it is used. The first use brings the schema up to date. Raises `ConfigurationError`
    when the parts of the URL cannot be told apart: what is taken for the host is shown, and may be the password.
    """

    def __init__(self, url: str) -> None:
        problem = problem_of_postgres_url(url)
        if problem is not None:
            raise ConfigurationError(
                source="database",
                tried="read the URL of the database",
                got=problem,
                next_step="Mend database_url, or the variable WOO_SYNC_DATABASE_URL where that is used.",
            )
        # A bare postgresql:// would pick whichever driver SQLAlchemy prefers in its version.
        address = sa.make_url(url)
        self._engine = sa.create_engine(
            address.set(drivername="postgresql+psycopg2"), pool_pre_ping=True, pool_size=4, max_overflow=4
        )
        self._is_migrated = False
        self._clock_lock = threading.Lock()
        self._clock_lead = timedelta()
        self._clock_compared_at: float | None = None

    def __repr__(self) -> str:
        return f"Database({self.place})"

    @property
    def place(self) -> str:
        """Where the database is, without user or password."""
        address = self._engine.url
        host = address.host or address.query.get("host") or "local socket"
        return f"{host}/{address.database}"

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction on an up-to-date schema. Raises `StateError` when the database fails."""
        with self._errors("use the state"):
            self.migrate()
            with self._engine.begin() as connection:
                yield connection

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """What a query gives, each row with its cells by their names. Raises `StateError` as `transaction` does."""
        with self.transaction() as connection:
            return connection.execute(sa.text(query), values).all()

    def scalars(self, query: str, **values: Any) -> list[Any]:
        """The first column of what a query gives. Raises `StateError` as `transaction` does."""
        return [row[0] for row in self.rows(query, **values)]

    def change(self, statement: str, **values: Any) -> int:
        """Carry out a statement; how many rows it concerned. Raises `StateError` as `transaction` does."""
        with self.transaction() as connection:
            return connection.execute(sa.text(statement), values).rowcount

    @contextmanager
    def exclusive_commit(self) -> Iterator[sa.Connection]:
        """A transaction in which nobody else writes contacts.

        Two sources that merge at the same time would each overwrite what the other knows of a shared phone, and
        two that write many contacts in different orders would lock each other out.
        """
        with self.transaction() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _COMMIT_LOCK})
            # The statements are simple and their rows many: compiling takes longer than it saves.
            connection.execute(sa.text("SET LOCAL jit = off"))
            connection.execute(sa.text(_SQL["take_work_memory"]), {"least": _WORK_MEMORY})
            yield connection

    @contextmanager
    def exclusive_push(self) -> Iterator[None]:
        """Time in which no other sync writes to the platform: two must not push one phone at once."""
        with self._errors("lock the push"), self._engine.connect() as connection:
            # Held by the session, not by a transaction: pushing takes long, and must keep no snapshot open.
            holder = connection.execution_options(isolation_level="AUTOCOMMIT")
            holder.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _PUSH_LOCK})
            try:
                yield
            except BaseException:
                # What went wrong is told, and not that the lock went with the connection.
                with suppress(*DATABASE_FAILURE):
                    holder.execute(sa.text(_UNLOCK_PUSH), {"key": _PUSH_LOCK})
                raise
            holder.execute(sa.text(_UNLOCK_PUSH), {"key": _PUSH_LOCK})

    def is_push_awaited(self) -> bool:
        """Whether somebody waits for the time that `exclusive_push` gives."""
        return bool(self.scalars(_SQL["is_push_awaited"], key=_PUSH_LOCK)[0])

    def claim(self, name: str) -> Claim | None:
        """Claim a name until the claim is released or this process ends; None when another one holds it."""
        with self._errors("claim a name"):
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            granted = connection.execute(
                sa.text("SELECT pg_try_advisory_lock(:namespace, hashtext(:name))"),
                {"namespace": _CLAIMS, "name": name},
            ).scalar_one()
        if granted:
            return Claim(connection)
        connection.close()
        return None

    def is_claimed(self, name: str) -> bool:
        """Whether a living process holds the name."""
        claim = self.claim(name)
        if claim is not None:
            claim.release()
        return claim is None

    def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes start at once."""
        if self._is_migrated:
            return
        with self._errors("bring the schema up to date"), self._engine.begin() as connection:
            # Asked first: it takes no right to change the schema, and a tenth of the time.
            if _schema_version(connection) != newest_version():
                self._check_encoding(connection)
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                _upgrade(connection)
        self._is_migrated = True

    def now(self) -> datetime:
        """The present time (UTC): this machine's, or PostgreSQL's where it is off from that by more than a minute."""
        return utc_now() - self.clock_lead

    @property
    def clock_lead(self) -> timedelta:
        """By how much this machine's clock is ahead of PostgreSQL's (negative: behind); none if it is a minute at most.

        Compared once a minute. Raises `StateError` when the database fails.
        """
        with self._clock_lock:
            compared_at = self._clock_compared_at
            if compared_at is None or monotonic() - compared_at > _CLOCK_HOLDS_SECONDS:
                self._clock_lead = self._compared_clocks()
                self._clock_compared_at = monotonic()
            return self._clock_lead

    def _compared_clocks(self) -> timedelta:
        with self._errors("read the clock"), self._engine.connect() as connection:
            asked_at = utc_now()
            theirs: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
            lead = asked_at + (utc_now() - asked_at) / 2 - theirs
        return lead if abs(lead) > CLOCKS_MAY_DIFFER else timedelta()

    def version(self) -> str:
        """Version of the server, such as `18.1`, after making sure that the schema is up to date."""
        return str(self.scalars("SHOW server_version")[0])

    def _check_encoding(self, connection: sa.Connection) -> None:
        encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StateError(
                source=f"database {self.place}",
                tried="bring the schema up to date",
                got=f"the database's encoding is {encoding}, which cannot hold every name",
                next_step="Make one with CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' and let database_url "
                "name it.",
            )

    @contextmanager
    def _errors(self, tried: str) -> Iterator[None]:
        try:
            yield
        except DATABASE_FAILURE as failure:
            # Not chained: the text of a statement error holds parameters, and they hold phones.
            raise failure_of_database(failure, place=self.place, tried=tried) from None


def newest_version() -> str:
    """The version of the schema that this code works with."""
    versions = importlib.resources.files("woo_sync_pipeline.state.migrations") / "versions"
    return max(file.name[:4] for file in versions.iterdir() if file.name[:4].isdigit())


def _schema_version(connection: sa.Connection) -> str | None:
    table = f"{SCHEMA}.alembic_version"
    if connection.execute(sa.text("SELECT to_regclass(:table)"), {"table": table}).scalar() is None:
        return None
    version: str | None = connection.execute(sa.text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608 - a constant
    return version


def _upgrade(connection: sa.Connection) -> None:
    # Imported here: it takes long, and is needed once for each version of the schema.
    from alembic import command
    from alembic.config import Config

    config = Config()
    migrations = importlib.resources.files("woo_sync_pipeline.state") / "migrations"
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
