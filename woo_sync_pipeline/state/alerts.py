"""When each receiver was last told of a trouble, and what a receiver has not taken yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

LEASE = timedelta(minutes=2)
"""How long an alert is left to the process that delivers it: longer than any delivery takes."""

# One statement: of two sensors that ask at the same time only one is let through. What was not delivered yet is due
# whatever the interval, in the form of its latest occurrence.
_CLAIM = """
INSERT INTO woo_sync.alerts_to_deliver AS kept
    (source, condition, receiver, message, happened_at, next_try_at, claimed_until)
SELECT :source, :condition, :receiver, CAST(:message AS jsonb), now(), now(), now() + :lease
WHERE NOT EXISTS (
    SELECT FROM woo_sync.alerts
    WHERE source = :source AND condition = :condition AND receiver = :receiver
        AND sent_at > now() - :min_interval
)
ON CONFLICT (source, condition, receiver) DO UPDATE
SET message = excluded.message, happened_at = excluded.happened_at, claimed_until = excluded.claimed_until
WHERE kept.claimed_until <= now()
RETURNING true
"""

_CLAIM_KEPT = """
UPDATE woo_sync.alerts_to_deliver AS kept SET claimed_until = now() + :lease
FROM (
    SELECT source, condition, receiver FROM woo_sync.alerts_to_deliver
    WHERE receiver = :receiver AND next_try_at <= now() AND claimed_until <= now()
    ORDER BY next_try_at, happened_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE (kept.source, kept.condition, kept.receiver) = (due.source, due.condition, due.receiver)
RETURNING kept.source, kept.condition, kept.message, kept.happened_at
"""

_NOTE_TOLD = """
WITH delivered AS (
    DELETE FROM woo_sync.alerts_to_deliver
    WHERE source = :source AND condition = :condition AND receiver = :receiver
)
INSERT INTO woo_sync.alerts (source, condition, receiver, sent_at) VALUES (:source, :condition, :receiver, now())
ON CONFLICT (source, condition, receiver) DO UPDATE SET sent_at = excluded.sent_at
"""

# After one minute, two, four, eight, and then each time sixteen: a login that is refused shall not lock its account.
_NOTE_UNTOLD = """
UPDATE woo_sync.alerts_to_deliver
SET failures = failures + 1, claimed_until = now(),
    next_try_at = now() + interval '1 minute' * power(2, least(failures, 4))
WHERE source = :source AND condition = :condition AND receiver = :receiver
"""

_FORGET = """
DELETE FROM woo_sync.alerts_to_deliver WHERE happened_at < now() - :kept AND claimed_until <= now()
"""


@dataclass(frozen=True)
class AlertKey:
    """What is told, and to whom: alerts of the same source and condition are the same trouble."""

    source: str
    condition: str
    receiver: str


@dataclass(frozen=True)
class KeptAlert:
    """An alert that its receiver has not taken yet, as it was when it was due."""

    key: AlertKey
    message: Mapping[str, Any]
    happened_at: datetime


def claim_alert(
    database: Database, key: AlertKey, *, message: Mapping[str, Any], min_interval: timedelta
) -> bool:
    """Whether it is time to tell the receiver; if so, the message is kept until `note_told`.

    It is not while the receiver was told of the same less than `min_interval` ago, or is being told just now.
    """
    values = {"message": json.dumps(message), "min_interval": min_interval, "lease": LEASE}
    with database.transaction() as connection:
        return connection.execute(sa.text(_CLAIM), {**asdict(key), **values}).scalar() is not None


def claim_kept_alert(database: Database, *, receiver: str) -> KeptAlert | None:
    """The alert for this receiver whose next try is due first, for this process alone; None when none is due."""
    with database.transaction() as connection:
        row = connection.execute(sa.text(_CLAIM_KEPT), {"receiver": receiver, "lease": LEASE}).one_or_none()
    if row is None:
        return None
    return KeptAlert(AlertKey(row.source, row.condition, receiver), row.message, row.happened_at)


def note_told(database: Database, key: AlertKey) -> None:
    """The receiver has taken the alert: it is told of the same again after the interval."""
    with database.transaction() as connection:
        connection.execute(sa.text(_NOTE_TOLD), asdict(key))


def note_untold(database: Database, key: AlertKey) -> None:
    """The receiver could not be told: the next occurrence tries again, and so does the retry of what is kept."""
    with database.transaction() as connection:
        connection.execute(sa.text(_NOTE_UNTOLD), asdict(key))


def forget_kept_alerts(database: Database, *, kept: timedelta) -> int:
    """Give up alerts that are older than `kept`; returns how many."""
    with database.transaction() as connection:
        return connection.execute(sa.text(_FORGET), {"kept": kept}).rowcount
