"""Forgetting syncs of long ago, without forgetting which days they have covered."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("retention")

BATCH = 500
"""Syncs that go in one transaction: a first sync has a hundred thousand contacts, and others want to write too."""


def prune_history(database: Database, *, before: datetime, timezone: str, batch: int = BATCH) -> int:
    """Delete the syncs that began before a time (UTC), with what happened to their contacts; returns how many.

    The days that they covered, days of `timezone`, stay known. Of each source the sync that has read farthest
    and the latest that was committed stay, and so does what is still running.
    """
    deleted = after = 0
    while True:
        with database.transaction() as connection:
            values = {"before": before, "after": after, "batch": batch}
            connection.execute(sa.text(_SQL["old"]), values)
            connection.execute(sa.text(_SQL["remember_days"]), {"timezone": timezone})
            gone = list(connection.execute(sa.text(_SQL["delete"])).scalars())
        if not gone:
            return deleted
        deleted += len(gone)
        after = max(gone)


def covered_days(database: Database, source: str) -> set[date]:
    """Days of a source that syncs which are no longer in the history have covered."""
    query = "SELECT day FROM woo_sync.covered_days WHERE source = :source"
    return set(database.scalars(query, source=source))
