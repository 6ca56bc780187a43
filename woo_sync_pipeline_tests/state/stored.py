"""Records as a reading of a store gives them, and their way into the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.contacts.consent import Answer, Consent, answers_text
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import Reading, commit_reading
from woo_sync_pipeline.state.syncs import SyncRun, begin_sync

Row = dict[str, Any]

ANN, BOB, CAM = "+61491570006", "+61491570156", "+61491570157"
SOURCES = {
    "shop": MergeSource("WooCommerce", is_explicit=True),
    "outlet": MergeSource("Outlet", is_explicit=True),
}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the earliest time of a choice that can be as old as anything."""
EXACT = ClockOffset(timedelta(), timedelta())
"""A store whose clock is ours. It keeps whole seconds, so that what it dates may be up to a second later."""
_WRITTEN = {"opted_in": "yes", "opted_out": "no", "unknown": ""}


def at(minutes: int) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)


def just_after(minutes: int) -> datetime:
    """When somebody who was seen at this minute can have chosen at the earliest."""
    return at(minutes) + timedelta(microseconds=1)


def dated_until(minutes: int) -> datetime:
    """The latest time of what a store dates at this minute."""
    return at(minutes) + timedelta(seconds=1)


def customer(record_id: int | str = 7, phone: str | None = ANN, **changes: Any) -> Row:
    """A customer who registered at minute 0, read at minute 100; the hash covers what is given here.

    A choice stands under the key at the end of `consent_origin`, or under `sms`; an origin without a choice is a key
    without an answer.
    """
    consent, origin = changes.get("consent", "unknown"), changes.get("consent_origin", "")
    key = origin.rpartition(" ")[2] or ("" if consent == "unknown" else "sms")
    row: Row = {
        "record_type": "customer",
        "record_id": str(record_id),
        "person_id": str(record_id),
        "is_person": True,
        "phone": phone,
        "phone_masked": "",
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "",
        "status": "",
        "is_discarded": False,
        "consent": consent,
        "consent_origin": origin,
        "consent_key": key,
        "consent_value": _WRITTEN.get(consent, consent),
        "consent_answers": _answers(consent, key, changes.get("said_at")),
        "consent_basis": "sms",
        "said_at": None,
        "tags": [],
        "item_ids": [],
        "invalid_reason": None if phone else "missing_phone",
        "is_erased": False,
        "created_at": at(0),
        "modified_at": None,
        **changes,
    }
    content = {key: value for key, value in row.items() if key not in ("read_at", "modified_at")}
    return {"hash": repr(content), "read_at": at(100), **row}


def _answers(consent: str, key: str, said_at: datetime | None) -> str:
    if not key or consent not in _WRITTEN:
        return ""
    return answers_text({key: Answer(Consent(consent), key, said_at)})


def order(record_id: int | str = 44, phone: str | None = ANN, *, of: int | str = "", **changes: Any) -> Row:
    """A completed order of a guest, or of the customer with the id `of`, made at minute 10, read at minute 100."""
    guest = {"record_type": "order", "person_id": str(of), "is_person": False, "status": "completed"}
    return customer(record_id, phone, **{**guest, "created_at": at(10), **changes})


TRASHED: dict[str, Any] = {"status": "trash", "is_discarded": True}
"""An order that was thrown away."""


def begin(database: Database, run_id: str = "run", *, source: str = "shop", **changes: Any) -> SyncRun:
    day = date(2026, 11, 1)
    values = {"kind": "daily", "reading": "sweep", "first_day": day, "last_day": day, **changes}
    return begin_sync(database, run_id=run_id, source=source, **values)


def reading(
    *rows: Row,
    gone: Collection[int] = (),
    item_tags: Mapping[str, Collection[str]] | None = None,
    started: int = 99,
    read_until: int = 100,
    source_clock: ClockOffset = EXACT,
    gone_orders: Collection[int] = (),
    gone_of: Mapping[str, Collection[str]] | None = None,
    row_by_row: bool = False,
    **options: Any,
) -> Reading:
    """What a reading found; `row_by_row`: each record comes as a frame of its own. gone, gone_orders: customers and
    orders that are gone, unless it is said of other types which are.
    """
    frames = [[row] for row in rows] if row_by_row else [list(rows)]
    return Reading(
        records=[pd.DataFrame(frame, columns=list(RECORD_COLUMNS)) for frame in frames],
        started_at=at(started),
        read_until=at(read_until),
        gone=gone_of or {"customer": [*map(str, gone)], "order": [*map(str, gone_orders)]},
        item_tags=item_tags or {},
        source_clock=source_clock,
        **options,
    )


def commit(
    database: Database,
    *rows: Row,
    source: str = "shop",
    run_id: str | None = None,
    sources: Mapping[str, MergeSource] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Commit one reading as a sync of its own; returns the merged contacts, with their phones as the index."""
    name = run_id or f"run of {source}"
    begin(database, name, source=source)
    merged: list[pd.DataFrame] = []

    def accept(part: pd.DataFrame) -> bool:
        merged.append(part)
        return True

    commit_reading(
        database,
        source=source,
        run_id=name,
        reading=reading(*rows, **options),
        sources=SOURCES if sources is None else sources,
        accept=accept,
    )
    return pd.concat(merged).set_index("phone")


def table(database: Database, name: str, *, order_by: str = "1, 2, 3") -> list[Row]:
    """All rows of a table of the state."""
    with database.transaction() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM woo_sync.{name} ORDER BY {order_by}"))
        return [dict(row) for row in rows.mappings()]


def contacts(database: Database) -> dict[str, Row]:
    """The merged contacts by phone."""
    return {row["phone"]: row for row in table(database, "contacts", order_by="phone")}


def record(
    database: Database, record_id: int | str, record_type: str = "customer", source: str = "shop"
) -> Row:
    """One stored record."""
    (found,) = (
        row
        for row in table(database, "source_records")
        if (row["source"], row["record_type"], row["record_id"]) == (source, record_type, str(record_id))
    )
    return found
