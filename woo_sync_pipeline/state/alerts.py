"""When somebody was last told of a trouble, so that nobody is told all the time."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

# One statement: of two sensors that ask at the same time only one is let through.
_CLAIM = """
INSERT INTO woo_sync.alerts AS last (source, condition, sent_at) VALUES (:source, :condition, now())
ON CONFLICT (source, condition) DO UPDATE SET sent_at = excluded.sent_at
WHERE last.sent_at <= excluded.sent_at - :min_interval
RETURNING true
"""


def claim_alert(database: Database, *, source: str, condition: str, min_interval: timedelta) -> bool:
    """Whether it is time to tell of this condition of this source again; if so, it counts as told from now on."""
    values = {"source": source, "condition": condition, "min_interval": min_interval}
    with database.transaction() as connection:
        return connection.execute(sa.text(_CLAIM), values).scalar() is not None


def forget_alert(database: Database, *, source: str, condition: str) -> None:
    """Nobody could be told after all: the next occurrence shall try again."""
    with database.transaction() as connection:
        connection.execute(
            sa.text("DELETE FROM woo_sync.alerts WHERE source = :source AND condition = :condition"),
            {"source": source, "condition": condition},
        )
