"""The history of syncs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER, UNKNOWN_OFFSET
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements


@dataclass(frozen=True)
class SyncRun:
    """One sync of one source. Times are UTC; days are days of the project's time zone, both included.

    cursor: how far the source was read, in terms that only it understands; None: nothing was committed.
    accepted_by: who asked that changes beyond the limits are let through; None: nobody.
    """

    sync_id: int
    run_id: str
    source: str
    kind: str
    reading: str
    is_dry_run: bool
    first_day: date
    last_day: date
    status: str
    started_at: datetime
    finished_at: datetime | None
    committed_at: datetime | None
    read_until: datetime | None
    cursor: Mapping[str, Any] | None
    counts: Mapping[str, Any]
    error: str | None
    accepted_by: str | None = None


@dataclass(frozen=True)
class SyncContact:
    """What happened to one contact, or why one store record made none. `phone` is E.164."""

    outcome: str
    phone: str | None = None
    phone_masked: str = ""
    record_type: str | None = None
    record_id: str | None = None
    state: str | None = None
    changes: Sequence[str] = ()
    reason: str | None = None


DOES_NOT_FIT = "does_not_fit"
"""Begins the reason of a store record that does not fit its model; the rules that it breaks follow."""

CONTACT_LINE_COLUMNS = {
    each.name: "text[]" if each.name == "changes" else "text" for each in fields(SyncContact)
}
"""A `SyncContact` as a row: the lines of a report."""

_SQL = statements("syncs", line_columns=", ".join(CONTACT_LINE_COLUMNS))
_SELECT = _SQL["select"]


@dataclass(frozen=True)
class Watermark:
    """How far a source has been read: what an incremental reading may leave out. Only the source knows its `cursor`."""

    read_until: datetime
    cursor: Mapping[str, Any] = field(default_factory=dict)


def begin_sync(
    database: Database,
    *,
    run_id: str,
    source: str,
    kind: str,
    reading: str,
    first_day: date,
    last_day: date,
) -> SyncRun:
    """The sync of this run, begun now if it is not known yet."""
    values = {
        "run_id": run_id,
        "source": source,
        "kind": kind,
        "reading": reading,
        "first_day": first_day,
        "last_day": last_day,
    }
    with database.transaction() as connection:
        # Asked first: an insert that meets a conflict would still use up a number.
        known = connection.execute(sa.text(f"{_SELECT} WHERE run_id = :run_id"), values).mappings().first()
        if known is not None:
            return SyncRun(**known)
        connection.execute(sa.text(_SQL["begin"]), values)
        return _one(connection, "run_id = :run_id", {"run_id": run_id})


def note_contacts(connection: sa.Connection, run_id: str, contacts: Iterable[SyncContact]) -> None:
    """Write down what happened to contacts of a sync."""
    # Imported here: it brings pandas along, for which who only looks at the history would wait.
    from woo_sync_pipeline.state.bulk import copy_rows

    sync_id = _one(connection, "run_id = :run_id", {"run_id": run_id}).sync_id
    copy_rows(
        connection,
        "woo_sync.sync_run_contacts",
        {"sync_id": "bigint", **CONTACT_LINE_COLUMNS},
        ([sync_id, *(getattr(contact, column) for column in CONTACT_LINE_COLUMNS)] for contact in contacts),
    )


def mark_dry_run(database: Database, *, run_id: str) -> None:
    """Note that a sync sends nothing."""
    _change(database, "is_dry_run = true WHERE run_id = :run_id", run_id=run_id)


def mark_accepted(database: Database, *, run_id: str, by: str) -> None:
    """Note who asked that changes beyond the limits are let through."""
    _change(database, "accepted_by = :by WHERE run_id = :run_id", run_id=run_id, by=by)


def finish_sync(
    database: Database, *, run_id: str, counts: Mapping[str, Any], invalid: Iterable[SyncContact]
) -> SyncRun:
    """Close a sync as succeeded, with its counts and the store records that made no contact.

    Doing so again replaces what was noted before.
    """
    with database.transaction() as connection:
        sync = _one(connection, "run_id = :run_id", {"run_id": run_id})
        parameters = {"sync_id": sync.sync_id, "counts": json.dumps(counts)}
        forget = "DELETE FROM woo_sync.sync_run_contacts WHERE sync_id = :sync_id AND outcome = 'invalid'"
        connection.execute(sa.text(forget), parameters)
        note_contacts(connection, run_id, invalid)
        connection.execute(sa.text(_SQL["close"]), parameters)
        return _one(connection, "sync_id = :sync_id", parameters)


def fail_sync(database: Database, *, run_id: str, error: str) -> None:
    """Close a sync as failed, with the reason."""
    change = (
        "status = 'failed', finished_at = now(), error = :error WHERE run_id = :run_id AND status = 'running'"
    )
    _change(database, change, run_id=run_id, error=error)


def mark_crashed(database: Database, *, source: str, except_run_id: str) -> None:
    """Mark all other syncs of a source that are noted as running: only one that holds the source may do so."""
    change = """
        status = 'crashed', finished_at = now(),
        error = 'the process ended before the sync did; the next sync goes on from there'
        WHERE status = 'running' AND source = :source AND run_id <> :except_run_id
    """
    _change(database, change, source=source, except_run_id=except_run_id)


def sources_at_work(database: Database) -> list[str]:
    """Sources of which a sync is noted as running, whether or not it has crashed."""
    query = "SELECT DISTINCT source FROM woo_sync.sync_runs WHERE status = 'running' ORDER BY source"
    return database.scalars(query)


def list_syncs(database: Database, *, source: str | None = None, limit: int = 50) -> list[SyncRun]:
    """The latest syncs, newest first."""
    condition = "WHERE source = :source" if source else ""
    return _found(database, f"{condition} ORDER BY sync_id DESC LIMIT :limit", source=source, limit=limit)


def get_sync(database: Database, sync_id: int) -> SyncRun | None:
    """One sync by its number, None when there is none."""
    return next(iter(_found(database, "WHERE sync_id = :sync_id", sync_id=sync_id)), None)


def find_sync(database: Database, *, run_id: str) -> SyncRun | None:
    """The sync of a Dagster run, None when that run never began one."""
    return next(iter(_found(database, "WHERE run_id = :run_id", run_id=run_id)), None)


def sync_contacts(database: Database, sync_id: int) -> list[SyncContact]:
    """What happened to the contacts of a sync, in the order in which it was noted."""
    return [SyncContact(**row._mapping) for row in database.rows(_SQL["contacts"], sync_id=sync_id)]


def watermark(database: Database, source: str) -> Watermark | None:
    """How far a source has been read and committed; None when nothing was ever committed for it."""
    [[read_until, cursor]] = database.rows(_SQL["watermark"], source=source)
    return None if read_until is None else Watermark(read_until, cursor or {})


def watermark_by(
    database: Database,
    source: str,
    known: Watermark,
    *,
    store_now: datetime,
    store_ahead: timedelta | None = None,
) -> Watermark:
    """The watermark `known` of a source, as far as it can be true by the store's present clock.

    `store_ahead` is by how much that clock is ahead of ours at the least. The clock may have been set since, and more
    than once: what a sync read ends where its own clock says, by as much as it was ahead at the most, or where it would
    if the clock was right meanwhile. Of a sync that did not measure that, and that read further than the store's time
    is now, it ends about when it began by our own clock. Without `store_ahead` a clock that was set back is noticed
    only by the latter: good enough to see whether there is anything to read.
    """
    if store_ahead is None and known.read_until <= store_now:
        return known
    values = {
        "source": source,
        "store_now": store_now,
        "store_ahead": store_ahead,
        "believable": store_now + CLOCKS_MAY_DIFFER,
        "doubt": UNKNOWN_OFFSET.highest,
        "set_seconds": CLOCKS_MAY_DIFFER.total_seconds(),
    }
    return replace(known, read_until=database.scalars(_SQL["watermark_by"], **values)[0])


def completed_sweeps(database: Database, source: str) -> list[SyncRun]:
    """Syncs of a source that read all of it and ended well, oldest first; dry runs are none."""
    condition = "WHERE source = :source AND reading = 'sweep' AND NOT is_dry_run AND status = 'succeeded'"
    return _found(database, f"{condition} ORDER BY sync_id", source=source)


def _change(database: Database, change: str, **values: Any) -> None:
    database.change(f"UPDATE woo_sync.sync_runs SET {change}", **values)  # noqa: S608 - our own


def _found(database: Database, condition: str, **values: Any) -> list[SyncRun]:
    return [SyncRun(**row._mapping) for row in database.rows(f"{_SELECT} {condition}", **values)]


def _one(connection: sa.Connection, condition: str, parameters: Mapping[str, Any]) -> SyncRun:
    row = connection.execute(sa.text(f"{_SELECT} WHERE {condition}"), parameters).mappings().one()
    return SyncRun(**row)
