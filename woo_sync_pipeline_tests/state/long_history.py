"""A long history of syncs, written at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.state.bulk import copy_rows
from woo_sync_pipeline.state.database import Database

TIMEZONE = "Australia/Sydney"
_RUN_COLUMNS = {
    "sync_id": "bigint",
    **dict.fromkeys(("run_id", "source", "kind", "reading"), "text"),
    **dict.fromkeys(("first_day", "last_day"), "date"),
    "status": "text",
    **dict.fromkeys(("started_at", "finished_at", "committed_at", "read_until"), "timestamptz"),
    "cursor": "jsonb",
    "counts": "jsonb",
}
_CONTACT_COLUMNS = {
    "sync_id": "bigint",
    **dict.fromkeys(("outcome", "phone", "phone_masked", "state"), "text"),
    "changes": "text[]",
}


def write_history(
    database: Database,
    *,
    last_day: date,
    days: int,
    live_a_day: int = 0,
    contacts_of_first: int = 5,
    contacts_of_daily: int = 5,
    source: str = "woocommerce",
) -> date:
    """The history of a source that was connected `days` before the morning after `last_day`; returns its first day.

    A first sync, then each night at 02:00 a daily one of the day before, and live ones during the day.
    """
    start = last_day - timedelta(days=days - 1)
    runs = list(_runs(start, days, live_a_day, source))
    with database.transaction() as connection:
        copy_rows(connection, "woo_sync.sync_runs", _RUN_COLUMNS, runs)
        how_many = {"first": contacts_of_first, "daily": contacts_of_daily}
        contacts = (
            [number, "updated", f"+6149{each:07d}", "+61•••••000", "SUBSCRIBED", ["groups"]]
            for number, _, _, kind, *_ in runs
            for each in range(how_many.get(str(kind), 2))
        )
        copy_rows(connection, "woo_sync.sync_run_contacts", _CONTACT_COLUMNS, contacts)
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('woo_sync.sync_runs', 'sync_id'), :last)"),
            {"last": len(runs)},
        )
    return start


def _runs(start: date, days: int, live_a_day: int, source: str) -> Iterator[list[object]]:
    counts = json.dumps(SyncCounts(new=3, invalid=12, invalid_reasons={"not_mobile": 12}).to_json())
    number = 0
    for offset in range(days + 1):
        day = start + timedelta(days=offset)
        is_first = offset == 0
        nightly = datetime.combine(day, time(9 if is_first else 2), ZoneInfo(TIMEZONE)).astimezone(UTC)
        covered = day if is_first else day - timedelta(days=1)
        moments = [("first" if is_first else "daily", "sweep", nightly, covered)]
        gap = timedelta(hours=12) / max(live_a_day, 1)
        lives = live_a_day if offset < days else 0
        moments += [
            ("live", "touched", nightly + timedelta(hours=8) + each * gap, day) for each in range(lives)
        ]
        for kind, reading, began, of_day in moments:
            number += 1
            ended = began + timedelta(seconds=20)
            yield [number, f"run {source} {number}", source, kind, reading, of_day, of_day, "succeeded",
                   began, ended, ended, began, json.dumps({"last_customer_id": 500 + number}), counts]  # fmt: skip
