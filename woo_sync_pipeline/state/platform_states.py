"""What the platform was seen to hold, apart from what a push confirms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.state.bulk import copy_frame
from woo_sync_pipeline.state.database import Database

# Where nothing was ever confirmed there is nothing to look at: what the sync then sends it has seen.
_BEGIN = """
UPDATE woo_sync.sync_runs SET directory_read_at = clock_timestamp()
WHERE run_id = :run_id
    AND NOT EXISTS (
        SELECT FROM woo_sync.sync_runs
        WHERE directory_read_at > clock_timestamp() - :unless_within AND status = 'succeeded'
    )
RETURNING CASE WHEN EXISTS (SELECT FROM woo_sync.contacts WHERE base_state IS NOT NULL) THEN directory_read_at END
"""

# What a push has confirmed since the reading began is newer than what was read. The walk before this one saw everybody
# as they were known.
_NOTE = """
WITH changed AS (
    UPDATE woo_sync.contacts AS known SET
        base_state = seen.state,
        base_state_by = 'platform',
        base_seen_at = now(),
        unsubscribed_seen_at = CASE seen.state WHEN 'UNSUBSCRIBED' THEN now() END
    FROM seen JOIN woo_sync.contacts AS before USING (phone)
    WHERE known.phone = seen.phone AND known.base_state <> seen.state AND NOT known.is_pending
        AND known.confirmed_at < :read_at
    RETURNING known.phone, known.base_state, before.base_seen_at AS seen_before_at
), noted AS (
    INSERT INTO woo_sync.consent_events (phone, what, earliest, latest, sync_id)
    SELECT phone, CASE base_state WHEN 'UNSUBSCRIBED' THEN 'stop' ELSE 'resubscribed' END,
        greatest(seen_before_at, (
            SELECT max(directory_read_at) FROM woo_sync.sync_runs
            WHERE status = 'succeeded' AND directory_read_at < :read_at
        )),
        now(), (SELECT sync_id FROM woo_sync.sync_runs WHERE run_id = :run_id)
    FROM changed
)
SELECT base_state FROM changed
"""


def begin_directory_read(database: Database, *, run_id: str, unless_within: timedelta) -> datetime | None:
    """Note that this sync reads the whole directory from now on, by the clock of the database.

    None when there is no need to: nothing was ever confirmed, or a sync that succeeded did so within this time.
    """
    with database.transaction() as connection:
        parameters = {"run_id": run_id, "unless_within": unless_within}
        began: datetime | None = connection.execute(sa.text(_BEGIN), parameters).scalar()
        return began


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
        changed = connection.execute(sa.text(_NOTE), {"run_id": run_id, "read_at": read_at}).scalars().all()
    return sum(state == SubscriptionState.UNSUBSCRIBED for state in changed)
