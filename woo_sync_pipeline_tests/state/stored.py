"""Records as a reading of a store gives them, and their way into the state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import RECORD_COLUMNS, Reading, commit_reading
from woo_sync_pipeline.state.syncs import SyncRun, begin_sync

Row = dict[str, Any]

ANN, BOB, CAM = "+61491570006", "+61491570156", "+61491570157"
SOURCES = {
    "shop": MergeSource("WooCommerce", is_explicit=True),
    "outlet": MergeSource("Outlet", is_explicit=True),
}


def at(minutes: int) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)


def customer(record_id: int = 7, phone: str | None = ANN, **changes: Any) -> Row:
    """A customer who registered at minute 0, read at minute 100; the hash covers what is given here."""
    row: Row = {
        "record_type": "customer",
        "record_id": record_id,
        "customer_id": record_id,
        "phone": phone,
        "phone_masked": "",
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "",
        "order_status": "",
        "consent": "unknown",
        "consent_origin": "",
        "consent_basis": "sms",
        "tags": [],
        "product_ids": [],
        "invalid_reason": None if phone else "missing_phone",
        "created_at": at(0),
        "modified_at": None,
        **changes,
    }
    content = {key: value for key, value in row.items() if key not in ("read_at", "modified_at")}
    return {"hash": repr(content), "read_at": at(100), **row}


def order(record_id: int = 44, phone: str | None = ANN, **changes: Any) -> Row:
    """A completed order of a guest, made at minute 10, read at minute 100."""
    guest = {"record_type": "order", "customer_id": 0, "order_status": "completed", "created_at": at(10)}
    return customer(record_id, phone, **{**guest, **changes})


def begin(database: Database, run_id: str = "run", *, source: str = "shop", **changes: Any) -> SyncRun:
    day = date(2026, 11, 1)
    values = {"kind": "daily", "reading": "sweep", "first_day": day, "last_day": day, **changes}
    return begin_sync(database, run_id=run_id, source=source, **values)


def reading(
    *rows: Row,
    gone: Collection[int] = (),
    product_tags: Mapping[int, Collection[str]] | None = None,
    started: int = 99,
    read_until: int = 100,
    last_customer_id: int = 7,
) -> Reading:
    return Reading(
        records=[pd.DataFrame(list(rows), columns=list(RECORD_COLUMNS))],
        gone_customer_ids=gone,
        product_tags=product_tags or {},
        started_at=at(started),
        read_until=at(read_until),
        last_customer_id=last_customer_id,
    )


def commit(
    database: Database, *rows: Row, source: str = "shop", run_id: str | None = None, **options: Any
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
        sources=SOURCES,
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


def record(database: Database, record_id: int, record_type: str = "customer", source: str = "shop") -> Row:
    """One stored record."""
    (found,) = (
        row
        for row in table(database, "source_records")
        if (row["source"], row["record_type"], row["record_id"]) == (source, record_type, record_id)
    )
    return found
