"""Times in the state that lie in the future: a machine whose clock was ahead has written them."""

from __future__ import annotations

import sqlalchemy as sa

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER
from woo_sync_pipeline.state.database import Database

_RUN_TIMES = ("started_at", "finished_at", "committed_at", "reading_started_at", "directory_read_at")

_ANY = f"""
SELECT EXISTS (
    SELECT FROM woo_sync.sync_runs
    WHERE greatest({", ".join(_RUN_TIMES)}) > clock_timestamp() + :tolerance
)
"""  # noqa: S608 - the only things put in are the constants above


def _until_now(*columns: str) -> str:
    """What happened has happened by now."""
    return ", ".join(f"{column} = least({column}, clock_timestamp())" for column in columns)


def _no_opt_in(consent: str, at: str, dated_at: str) -> str:
    """An opt-in of the future may be as old as anything, an opt-out has happened by now."""
    return f"""
        {at} = CASE WHEN {at} <= clock_timestamp() THEN {at}
            WHEN {consent} = 'opted_in' THEN 'epoch' ELSE clock_timestamp() END,
        {dated_at} = CASE WHEN {dated_at} <= clock_timestamp() THEN {dated_at} END"""


_HEAL = (
    f"""
    UPDATE woo_sync.sync_runs SET {_until_now(*_RUN_TIMES)}
    WHERE greatest({", ".join(_RUN_TIMES)}) > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
    f"""
    UPDATE woo_sync.source_records SET
        {_until_now("first_seen_at", "last_seen_at", "gone_at", "carried_opt_out_at", "carried_stop_at")},
        choice_is_dated = choice_is_dated AND choice_from <= clock_timestamp(),
        choice_from = CASE WHEN choice_from <= clock_timestamp() THEN choice_from
            WHEN choice IS NOT NULL THEN 'epoch' END,
        choice_until = least(choice_until, clock_timestamp()),
        choice_returned_at = CASE WHEN choice_returned_at <= clock_timestamp() THEN choice_returned_at END
    WHERE greatest(first_seen_at, last_seen_at, gone_at, carried_opt_out_at, carried_stop_at, choice_from,
        choice_until, choice_returned_at) > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
    f"""
    UPDATE woo_sync.contacts SET
        {_until_now("unsubscribed_seen_at", "base_seen_at", "confirmed_at", "missed_at", "opted_out_when_stopped_at")},
        {_no_opt_in("consent", "consent_at", "consent_dated_at")},
        {_no_opt_in("base_consent", "base_consent_at", "base_consent_dated_at")},
        {_until_now("applied_consent_at", "applied_consent_dated_at")}
    WHERE greatest(unsubscribed_seen_at, base_seen_at, confirmed_at, missed_at, opted_out_when_stopped_at, consent_at,
        consent_dated_at, base_consent_at, base_consent_dated_at, applied_consent_at, applied_consent_dated_at)
        > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
    """
    UPDATE woo_sync.contacts SET in_flight = (
        SELECT jsonb_object_agg(key, CASE
            WHEN right(key, 3) = '_at' AND jsonb_typeof(value) = 'string'
                AND (value #>> '{}')::timestamptz > clock_timestamp() THEN to_jsonb(clock_timestamp())
            ELSE value END)
        FROM jsonb_each(in_flight)
    )
    WHERE in_flight IS NOT NULL
    """,
    f"""
    UPDATE woo_sync.consent_events SET
        earliest = CASE WHEN earliest > clock_timestamp() THEN NULL ELSE earliest END,
        is_dated = is_dated AND earliest <= clock_timestamp(),
        {_until_now("latest", "seen_at")}
    WHERE greatest(earliest, latest, seen_at) > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
    f"""
    UPDATE woo_sync.alerts SET {_until_now("sent_at")} WHERE sent_at > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
    f"""
    UPDATE woo_sync.alerts_to_deliver SET {_until_now("happened_at", "next_try_at", "claimed_until")}
    WHERE happened_at > clock_timestamp()
    """,  # noqa: S608 - only names of columns are put in
)


def heal_wrong_times(database: Database) -> bool:
    """Correct what lies in the future by the database's own clock; whether there was anything.

    Whoever opted in then may have done so at any time, and without a date of its own: such an opt-in wins over no
    opt-out. All else has happened by now. Cheap where nothing is wrong: only the history is looked at.
    """
    with database.transaction() as connection:
        if not connection.execute(sa.text(_ANY), {"tolerance": CLOCKS_MAY_DIFFER}).scalar_one():
            return False
    with database.exclusive_commit() as connection:
        for statement in _HEAL:
            connection.execute(sa.text(statement))
    return True
