"""What a reading would change of what is known, counted inside the transaction that stores it.

`changed_records` (temporary): store records that lose something. `different`: contacts that differ, beside what they
were. Both are filled while the reading is stored, and judged before it is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.contacts.limits import Change, ChangeSummary, Measured
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.bulk import create_temporary
from woo_sync_pipeline.state.statements import statements

_SQL = statements("changes")

MOST_EXAMPLES = 10

CHANGED_RECORDS = {"change": "text", "record_type": "text", "record_id": "text", "phone": "text"}

NOTE_CHANGED_RECORDS = _SQL["note_changed_records"]
NOTE_GONE_RECORDS = _SQL["note_gone_records"]

# Who is subscribed there already, or was until an accident of the store, is not newly subscribed.
_CONTACTS = {
    # Another spelling of a name is the same list.
    Change.leaving_lists: """NOT (old_groups <@ groups)
        AND NOT (ARRAY(SELECT lower(name) FROM unnest(old_groups) AS name)
            <@ ARRAY(SELECT lower(name) FROM unnest(groups) AS name))""",
    Change.newly_subscribed: """sources <> '{}' AND status = 'SUBSCRIBED' AND base_state = 'UNSUBSCRIBED'
        AND (old_status = 'UNSUBSCRIBED' OR (consent = 'opted_in' AND (consent, consent_at, consent_dated_at)
            IS DISTINCT FROM (old_consent, old_consent_at, old_consent_dated_at)))
        AND opted_out_when_stopped_at IS NULL""",
    Change.newly_unsubscribed: """base_state = 'SUBSCRIBED' AND consent = 'opted_out'
        AND (consent, consent_at) IS DISTINCT FROM (old_consent, old_consent_at)""",
}
_COUNTS = f"""
SELECT count(*) FILTER (WHERE NOT is_new AND NOT (groups <@ old_groups)) AS joining,
    {", ".join(f"count(*) FILTER (WHERE NOT is_new AND {condition}) AS {change}" for change, condition in _CONTACTS.items())}
FROM different
"""  # noqa: S608, E501 - the only things put in are the constants above
_LEAVING_BECAUSE = f"""
SELECT reason, count(*) FROM (
    SELECT CASE
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'customers_gone') THEN 'customer gone'
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'orders_gone') THEN 'order gone'
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'newly_invalid') THEN 'phone lost'
        WHEN sources = '{{}}' THEN 'phone changed'
        ELSE 'role, tag or group changed' END AS reason
    FROM different WHERE NOT is_new AND {_CONTACTS[Change.leaving_lists]}
) AS leaving GROUP BY reason ORDER BY count(*) DESC, reason
"""  # noqa: S608 - the only thing put in is a constant
_RECORDS = "SELECT change, count(*) FROM changed_records GROUP BY change"

_KNOWN_RECORDS = _SQL["known_records"]
_KNOWN_CONTACTS = _SQL["known_contacts"]


def prepare(connection: sa.Connection) -> None:
    """Make the temporary table of records that lose something."""
    create_temporary(connection, "changed_records", CHANGED_RECORDS)


def is_known(connection: sa.Connection, source: str) -> bool:
    """Whether anything of a source was ever committed."""
    query = """
        SELECT EXISTS (
            SELECT FROM woo_sync.sync_runs WHERE source = :source AND committed_at IS NOT NULL
        ) OR EXISTS (SELECT FROM woo_sync.source_records WHERE source = :source)
    """
    return bool(connection.execute(sa.text(query), {"source": source}).scalar_one())


def count_known(connection: sa.Connection, *, source: str, name: str) -> dict[str, int]:
    """How much is known of a source: records by the change that is a share of them, contacts, those subscribed."""
    parameters = {"source": source, "name": name}
    return {
        what: int(count)
        for query in (_KNOWN_RECORDS, _KNOWN_CONTACTS)
        for what, count in connection.execute(sa.text(query), parameters).mappings().one().items()
    }


def summary(
    connection: sa.Connection,
    *,
    before: Mapping[str, int],
    new: int,
    is_first: bool,
    changed_settings: tuple[str, ...],
) -> ChangeSummary:
    """What the reading changes, of which all records and contacts have gone through the temporary tables.

    before: what `count_known` counted before anything was stored. new: how many contacts were not known.
    """
    if is_first:
        return ChangeSummary(new=new, is_first=True)
    counts: dict[str, Any] = dict(connection.execute(sa.text(_COUNTS)).mappings().one())
    counts |= dict(connection.execute(sa.text(_RECORDS)).tuples().all())
    leaving = connection.execute(sa.text(_LEAVING_BECAUSE)).tuples().all() if counts["leaving_lists"] else []
    return ChangeSummary(
        measured=tuple(
            _measured(connection, change, int(counts.get(change.value, 0)), before)
            for change in Change
            if change is not Change.missing_on_platform
        ),
        new=new,
        joining=counts["joining"],
        leaving_because=dict(leaving),
        is_first=is_first,
        changed_settings=changed_settings,
    )


def _measured(connection: sa.Connection, change: Change, count: int, before: Mapping[str, int]) -> Measured:
    examples = _examples(connection, change) if count else ()
    if change is Change.newly_subscribed:
        return Measured(change, count, before["contacts"], before["subscribed"], examples)
    if change is Change.newly_unsubscribed:
        return Measured(change, count, before["subscribed"], before["subscribed"], examples)
    of = before["contacts"] if change is Change.leaving_lists else before[change.value]
    return Measured(change, count, of, of, examples)


def _examples(connection: sa.Connection, change: Change) -> tuple[str, ...]:
    if change in _CONTACTS:
        query = (
            f"SELECT phone FROM different WHERE NOT is_new AND {_CONTACTS[change]} ORDER BY phone LIMIT :most"  # noqa: S608
        )
        phones = connection.execute(sa.text(query), {"most": MOST_EXAMPLES}).scalars()
        return tuple(mask_phone(phone) for phone in phones)
    query = """
        SELECT record_type || ' ' || record_id FROM changed_records WHERE change = :change
        ORDER BY record_type, length(record_id), record_id LIMIT :most
    """
    return tuple(
        connection.execute(sa.text(query), {"change": change.value, "most": MOST_EXAMPLES}).scalars()
    )
