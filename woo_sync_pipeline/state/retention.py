"""Forgetting syncs of long ago, without forgetting which days they have covered."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

BATCH = 500
"""Syncs that go in one transaction: a first sync has a hundred thousand contacts, and others want to write too."""

# What tells how far a source has been read stays, however old it is: without it the next sync would take the
# source for a new one.
_OLD = """
CREATE TEMPORARY TABLE old_syncs ON COMMIT DROP AS
SELECT sync_id FROM woo_sync.sync_runs
WHERE started_at < :before AND status <> 'running' AND sync_id > :after
    AND sync_id NOT IN (
        (SELECT DISTINCT ON (source) sync_id FROM woo_sync.sync_runs
        WHERE committed_at IS NOT NULL ORDER BY source, read_until DESC, sync_id DESC)
        UNION
        (SELECT DISTINCT ON (source) sync_id FROM woo_sync.sync_runs
        WHERE committed_at IS NOT NULL ORDER BY source, committed_at DESC, sync_id DESC)
    )
ORDER BY sync_id LIMIT :batch
"""

# By the same rule by which the daily schedule judges: a sweep covers a day only if it read the store after the day.
_REMEMBER_DAYS = """
INSERT INTO woo_sync.covered_days (source, day)
SELECT DISTINCT source, day::date
FROM woo_sync.sync_runs
JOIN old_syncs USING (sync_id)
CROSS JOIN generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') AS day
WHERE reading = 'sweep' AND status = 'succeeded' AND NOT is_dry_run
    AND read_until >= (day + interval '1 day') AT TIME ZONE :timezone - interval '1 second'
ON CONFLICT DO NOTHING
"""

_DELETE = """
DELETE FROM woo_sync.sync_runs USING old_syncs WHERE sync_runs.sync_id = old_syncs.sync_id
RETURNING sync_runs.sync_id
"""


def prune_history(database: Database, *, before: datetime, timezone: str, batch: int = BATCH) -> int:
    """Delete the syncs that began before a time (UTC), with what happened to their contacts; returns how many.

    The days that they covered, days of `timezone`, stay known. Of each source the sync that has read farthest
    and the latest that was committed stay, and so does what is still running.
    """
    deleted = after = 0
    while True:
        with database.transaction() as connection:
            values = {"before": before, "after": after, "batch": batch}
            connection.execute(sa.text(_OLD), values)
            connection.execute(sa.text(_REMEMBER_DAYS), {"timezone": timezone})
            gone = list(connection.execute(sa.text(_DELETE)).scalars())
        if not gone:
            return deleted
        deleted += len(gone)
        after = max(gone)


def covered_days(database: Database, source: str) -> set[date]:
    """Days of a source that syncs which are no longer in the history have covered."""
    query = "SELECT day FROM woo_sync.covered_days WHERE source = :source"
    with database.transaction() as connection:
        return set(connection.execute(sa.text(query), {"source": source}).scalars())
