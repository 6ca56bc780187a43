"""What the platform was seen to hold, apart from what a push confirms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.state.bulk import copy_frame
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("platform_states")


def begin_directory_read(database: Database, *, run_id: str, unless_within: timedelta) -> datetime | None:
    """Note that this sync reads the whole directory from now on, by the clock of the database.

    None when there is no need to: nothing was ever confirmed, or a sync that succeeded did so within this time.
    """
    return next(iter(database.scalars(_SQL["begin"], run_id=run_id, unless_within=unless_within)), None)


def note_states(
    database: Database, states: Mapping[str, SubscriptionState], *, run_id: str, read_at: datetime
) -> int:
    """Remember subscription states by phone, as a sync read them after `read_at`; how many have unsubscribed.

    A state that somebody changed on the platform counts as theirs: only a newer choice can change it again.
    """
    rows = [(phone, state.value) for phone, state in states.items()]
    frame = pd.DataFrame(rows, columns=["phone", "state"], dtype=object)
    with database.exclusive_commit() as connection:
        copy_frame(connection, frame, "seen", {"phone": "text", "state": "text"})
        changed = (
            connection.execute(sa.text(_SQL["note"]), {"run_id": run_id, "read_at": read_at}).scalars().all()
        )
    return sum(state == SubscriptionState.UNSUBSCRIBED for state in changed)
