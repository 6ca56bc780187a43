"""What went wrong with a database or a disk, as something that a person can act on."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

import psycopg2
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from woo_sync_pipeline.errors import (
    DiskFullError,
    StateDiskFullError,
    StateError,
    TransientStateError,
    WooSyncError,
)
from woo_sync_pipeline.privacy import redact

# COPY goes past SQLAlchemy, so its failures come as the driver's own.
LOST_CONNECTION = (
    OperationalError,
    InterfaceError,
    TimeoutError,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
)
DATABASE_FAILURE = (SQLAlchemyError, psycopg2.Error)

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space left, the quota is used up, a file may not grow any more."""

_OF_URL = re.compile(r'\b(user|role|file|option|parameter) "[^"]*"')
"""Parts of the URL that PostgreSQL and its driver quote, and that nobody needs to see."""

_NOTHING_IS_LOST = "then run the sync again: nothing is lost."
_FULL = "53100"
_UP_AGAIN = "Wait until PostgreSQL is up again,"
_PASSING = {
    "57P01": ("PostgreSQL was stopped, or the connection ended by an administrator", _UP_AGAIN),
    "57P02": ("PostgreSQL crashed and is starting again", _UP_AGAIN),
    "57P03": ("PostgreSQL is starting or stopping", _UP_AGAIN),
    "53300": (
        "PostgreSQL has no connection left",
        "End connections that nobody needs, or raise max_connections of PostgreSQL,",
    ),
    "25006": (
        "PostgreSQL takes no writes, as a standby does",
        "Let database_url name the primary server,",
    ),
}
"""Failures after which doing the same again may help: what came back, and what to do before that."""


def failure_of_database(failure: Exception, *, place: str, tried: str) -> StateError:
    """The failure of the database at `place`, as far as doing the same again may help a `TransientStateError`.

    The classes are PostgreSQL's (https://www.postgresql.org/docs/current/errcodes-appendix.html). The text of a failed
    statement is never repeated: it holds parameters, and they hold phones.
    """
    cause = _cause(failure)
    code = getattr(cause, "pgcode", None)
    kind: type[StateError] = TransientStateError
    if code == _FULL or "No space left on device" in _primary_message(failure):
        kind, got = StateDiskFullError, "the disk of the database is full"
        next_step = (
            "The transaction was rolled back. Free space on the machine of the database, or enlarge its disk, "
            f"{_NOTHING_IS_LOST}"
        )
    elif code in _PASSING:
        got, first = _PASSING[code]
        next_step = f"{first} {_NOTHING_IS_LOST}"
    elif isinstance(failure, LOST_CONNECTION):
        got = _primary_message(failure)
        next_step = (
            "Check that PostgreSQL runs, and that database_url names it (why it stopped, its log tells; a full disk "
            f"stops it too), {_NOTHING_IS_LOST}"
        )
    else:
        kind, got = StateError, f"{type(cause).__name__}{f' (SQLSTATE {code})' if code else ''}"
        next_step = (
            "The transaction was rolled back. Check the rights of the database user and the log of the server, then "
            "run the sync again."
        )
    return kind(source=f"database {place}", tried=tried, got=got, next_step=next_step)


def known_failure(error: BaseException, *, tried: str) -> WooSyncError | None:
    """The named failure behind an exception of a library: of a database, or of a full disk; None: neither.

    Dagster keeps its runs and events in a database too, and wraps what that raises.
    """
    for each in chain_of(error):
        if isinstance(each, WooSyncError):
            return each
        if isinstance(each, DATABASE_FAILURE):
            return failure_of_database(each, place="of the state or of Dagster's runs", tried=tried)
        if isinstance(each, OSError) and each.errno in FULL_DISK:
            return disk_full(each, source="this machine", tried=tried)
    return None


def disk_full(error: OSError, *, source: str, tried: str) -> DiskFullError:
    """The failure to write a file because there is no room for it."""
    return DiskFullError(
        source=source,
        tried=tried,
        got=f"there is no room left ({error.strerror or 'the disk is full'})",
        next_step="Free space there, enlarge the disk or the quota, or let staging_url name another place, "
        f"{_NOTHING_IS_LOST}",
    )


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those behind it: libraries wrap one in the other."""
    seen: set[int] = set()
    next_one: BaseException | None = error
    while next_one is not None and id(next_one) not in seen:
        seen.add(id(next_one))
        yield next_one
        next_one = next_one.__cause__ or next_one.__context__


def _cause(failure: Exception) -> BaseException:
    return (failure.orig if isinstance(failure, DBAPIError) else None) or failure


def _primary_message(failure: Exception) -> str:
    # Without the context, which quotes the line that was being copied.
    cause = _cause(failure)
    diagnosis = getattr(cause, "diag", None)
    told = str(getattr(diagnosis, "message_primary", None) or cause).partition("CONTEXT:")[0]
    return redact(_OF_URL.sub(r'\1 "•••"', told))
