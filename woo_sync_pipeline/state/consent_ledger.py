"""The ledger of consent: rows are added, and deleted when they are too old or the person is erased; never changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("consent_ledger")
_SELECT = _SQL["select"]

_COLUMNS = {
    "phone": "text",
    "what": "text",
    "earliest": "timestamptz",
    "latest": "timestamptz",
    "became": "text",
}

_PAGE = 10_000
"""Entries that are read at a time."""


@dataclass(frozen=True)
class LedgerEntry:
    """What was chosen, seen or done about a phone (E.164), between `earliest` (None: nobody knows) and `latest`.

    is_dated: of a choice, whether these are times of its own and not those of our readings. source to value: where in
    which store it was read, and what stood there; None or "" for what happened on the platform. sync_id: the sync that
    saw or did it. became: what became of it, "" if it simply counted. Times are UTC.
    """

    event_id: int
    phone: str
    what: str
    earliest: datetime | None
    latest: datetime
    is_dated: bool
    seen_at: datetime
    source: str | None
    record_type: str | None
    record_id: str | None
    key: str
    value: str
    sync_id: int | None
    became: str

    @property
    def words(self) -> str:
        """What it is, for people."""
        return ConsentEventKind(self.what).words


def note_platform_events(
    connection: sa.Connection, run_id: str | None, events: Sequence[tuple[str, ConsentEvent]]
) -> None:
    """Add what a sync saw or did on the platform, by phone; without a `run_id` it was no sync."""
    if not events:
        return
    # Imported here: it brings pandas along, for which who only looks at the ledger would wait.
    from woo_sync_pipeline.state.bulk import copy_new

    rows = ((phone, event.kind.value, event.earliest, event.latest, event.became) for phone, event in events)
    copy_new(connection, "happened", _COLUMNS, rows)
    connection.execute(sa.text(_SQL["note_happened"]), {"run_id": run_id})


def ledger_of(database: Database, phone: str) -> list[LedgerEntry]:
    """All entries about a phone (E.164), in the order in which they were seen."""
    rows = database.rows(f"{_SELECT} WHERE phone = :phone ORDER BY seen_at, event_id", phone=phone)
    return [LedgerEntry(**row._mapping) for row in rows]


def latest_of(connection: sa.Connection, phone: str, *, limit: int) -> list[LedgerEntry]:
    """The latest entries about a phone (E.164), the newest first."""
    rows = connection.execute(
        sa.text(f"{_SELECT} WHERE phone = :phone ORDER BY seen_at DESC, event_id DESC LIMIT :limit"),
        {"phone": phone, "limit": limit},
    )
    return [LedgerEntry(**row) for row in rows.mappings()]


def pages_since(database: Database, since: datetime) -> Iterator[list[LedgerEntry]]:
    """All entries seen at or after a time (UTC), page by page: however many they are, one page is in memory."""
    after = 0
    while page := ledger_since(database, since, after=after):
        yield page
        after = page[-1].event_id


def ledger_since(database: Database, since: datetime, *, after: int = 0) -> list[LedgerEntry]:
    """A page of the entries seen at or after a time, from the one behind the number `after` on; empty at the end."""
    query = f"{_SELECT} WHERE seen_at >= :since AND event_id > :after ORDER BY event_id LIMIT :page"
    rows = database.rows(query, since=since, after=after, page=_PAGE)
    return [LedgerEntry(**row._mapping) for row in rows]


def prune_ledger(database: Database, *, before: datetime) -> int:
    """Delete the entries that were seen before a time (UTC); returns how many.

    What is in force is known from the records themselves.
    """
    return database.change("DELETE FROM woo_sync.consent_events WHERE seen_at < :before", before=before)
