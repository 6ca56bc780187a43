"""When each receiver was last told of a trouble, and what a receiver has not taken yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("alerts")

LEASE = timedelta(minutes=2)
"""How long an alert is left to the process that delivers it: longer than any delivery takes."""


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
    return bool(database.rows(_SQL["claim"], **asdict(key), **values))


def claim_kept_alert(database: Database, *, receiver: str) -> KeptAlert | None:
    """The alert for this receiver whose next try is due first, for this process alone; None when none is due."""
    for row in database.rows(_SQL["claim_kept"], receiver=receiver, lease=LEASE):
        return KeptAlert(AlertKey(row.source, row.condition, receiver), row.message, row.happened_at)
    return None


def note_told(database: Database, key: AlertKey) -> None:
    """The receiver has taken the alert: it is told of the same again after the interval."""
    database.change(_SQL["note_told"], **asdict(key))


def note_untold(database: Database, key: AlertKey) -> None:
    """The receiver could not be told: the next occurrence tries again, and so does the retry of what is kept."""
    database.change(_SQL["note_untold"], **asdict(key))


def forget_kept_alerts(database: Database, *, kept: timedelta) -> int:
    """Give up alerts that are older than `kept`; returns how many."""
    return database.change(_SQL["forget"], kept=kept)
