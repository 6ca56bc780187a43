"""Erasing one person from the state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.people import StoreRecord

_CHOSEN = """
CREATE TEMPORARY TABLE erased_phones ON COMMIT DROP AS SELECT unnest(CAST(:phones AS text[])) AS phone;
CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
SELECT * FROM jsonb_to_recordset(CAST(:records AS jsonb)) AS given (source text, record_type text, record_id text);
"""

# The persons with the phone with all that belongs to them, and what has the phone and belongs to nobody else; and what
# was chosen by its id because it has no phone.
_DOOMED = """
CREATE TEMPORARY TABLE doomed ON COMMIT DROP AS
WITH people AS (
    SELECT source, record_type, record_id, is_person FROM woo_sync.source_records
    WHERE is_person AND phone IN (SELECT phone FROM erased_phones)
    UNION
    SELECT source, record_type, record_id, is_person
    FROM chosen LEFT JOIN woo_sync.source_records USING (source, record_type, record_id)
)
SELECT source, record_type, record_id FROM people
UNION
SELECT theirs.source, theirs.record_type, theirs.record_id
FROM people JOIN woo_sync.source_records AS theirs ON theirs.source = people.source
    AND NOT theirs.is_person AND theirs.person_id <> '' AND theirs.person_id = people.record_id
WHERE people.is_person
UNION
SELECT record.source, record.record_type, record.record_id
FROM erased_phones JOIN woo_sync.source_records AS record USING (phone)
LEFT JOIN woo_sync.source_records AS person
    ON person.source = record.source AND person.is_person AND person.record_id = record.person_id
WHERE NOT record.is_person AND person.record_id IS NULL
"""

# What is kept under an earlier phone was the person's, unless somebody else has that phone now.
_FORMER = """
SELECT DISTINCT former.phone, EXISTS (
    SELECT FROM woo_sync.source_records AS record
    WHERE record.phone = former.phone AND (record.is_person OR record.person_id = '')
        AND (record.source, record.record_type, record.record_id) NOT IN (SELECT * FROM doomed)
) AS is_held
FROM woo_sync.former_phones AS former JOIN doomed USING (source, record_type, record_id)
WHERE former.phone NOT IN (SELECT phone FROM erased_phones)
ORDER BY former.phone
"""

# Records that had the phone once and have another one now are of somebody whom nobody asked to erase.
_HAD_IT_ONCE = """
SELECT DISTINCT source, record_type, record_id FROM woo_sync.former_phones
WHERE phone IN (SELECT phone FROM erased_phones)
    AND (source, record_type, record_id) NOT IN (SELECT * FROM doomed)
"""

_DELETE_FORMER = """
DELETE FROM woo_sync.former_phones AS former
WHERE phone IN (SELECT phone FROM erased_phones)
    OR (former.source, former.record_type, former.record_id) IN (SELECT * FROM doomed)
"""

_DELETE_RECORDS = """
DELETE FROM woo_sync.source_records AS record USING doomed
WHERE (record.source, record.record_type, record.record_id)
    = (doomed.source, doomed.record_type, doomed.record_id)
RETURNING record.source, record.record_type, record.record_id
"""

# What belongs to somebody else: what was typed in goes, but the choice that was made with it is that person's too.
_BLANK_RECORDS_OF_OTHERS = """
UPDATE woo_sync.source_records SET phone = NULL, phone_masked = '', first_name = '', last_name = '', email = ''
WHERE phone IN (SELECT phone FROM erased_phones)
RETURNING source, record_type, record_id
"""

_DELETE_HISTORY = """
DELETE FROM woo_sync.sync_run_contacts AS line USING woo_sync.sync_runs AS run
WHERE line.sync_id = run.sync_id AND (line.phone IN (SELECT phone FROM erased_phones) OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (run.source, line.record_type, line.record_id)
))
"""

# What those records said under an earlier phone was said by the same person.
_DELETE_LEDGER = """
DELETE FROM woo_sync.consent_events AS event
WHERE event.phone IN (SELECT phone FROM erased_phones) OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (event.source, event.record_type, event.record_id)
)
"""

_DELETE_CONTACTS = """
DELETE FROM woo_sync.contacts WHERE phone IN (SELECT phone FROM erased_phones)
RETURNING contact_id::text AS contact_id, coalesce(base_state, status) = 'UNSUBSCRIBED' AS is_unsubscribed
"""

_DELETE_ERASURES = "DELETE FROM woo_sync.erasures WHERE phone IN (SELECT phone FROM erased_phones)"


@dataclass(frozen=True)
class Erased:
    """What was known of a person, and is no more.

    records: deleted; blanked: those of other people that named the phone and stay without it. history: lines
    of reports; ledger: entries of the ledger of consent; contacts: how many; contact_ids: those still on the platform.
    former: earlier phones (E.164) of the person, whose traces went too; held: earlier ones that somebody else has now,
    whose traces stay. moved: records of others that had the phone once, and have another one now.
    """

    records: tuple[StoreRecord, ...] = ()
    blanked: tuple[StoreRecord, ...] = ()
    history: int = 0
    ledger: int = 0
    contacts: int = 0
    contact_ids: tuple[str, ...] = ()
    was_unsubscribed: bool = False
    former: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    moved: tuple[StoreRecord, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Nothing was known."""
        return not (self.records or self.blanked or self.history or self.ledger or self.contacts)


def erase_person(database: Database, phones: Sequence[str], records: Sequence[StoreRecord] = ()) -> Erased:
    """Delete everything that the state holds of the people with these phones (E.164), in one transaction.

    The same of `records` that have no usable phone. What is kept under earlier phones of theirs goes as well, unless
    somebody else has such a phone now. Waits for a push that is under way: it would write the contact down again.
    """
    with database.exclusive_push(), database.exclusive_commit() as connection:
        return erase(connection, phones, records)


def erase(connection: sa.Connection, phones: Sequence[str], records: Sequence[StoreRecord] = ()) -> Erased:
    """`erase_person`, in a transaction that alone may write contacts."""
    values = {
        "phones": list(phones),
        "records": json.dumps([asdict(record) for record in records]),
    }
    connection.execute(sa.text(_CHOSEN), values)
    connection.execute(sa.text(_DOOMED))
    earlier = connection.execute(sa.text(_FORMER)).tuples().all()
    former = tuple(phone for phone, is_held in earlier if not is_held)
    connection.execute(
        sa.text("INSERT INTO erased_phones SELECT unnest(CAST(:phones AS text[]))"),
        {"phones": list(former)},
    )
    moved = connection.execute(sa.text(_HAD_IT_ONCE)).tuples().all()
    connection.execute(sa.text(_DELETE_FORMER))
    history = connection.execute(sa.text(_DELETE_HISTORY)).rowcount
    ledger = connection.execute(sa.text(_DELETE_LEDGER)).rowcount
    deleted = connection.execute(sa.text(_DELETE_RECORDS)).tuples().all()
    blanked = connection.execute(sa.text(_BLANK_RECORDS_OF_OTHERS)).tuples().all()
    contacts = connection.execute(sa.text(_DELETE_CONTACTS)).mappings().all()
    connection.execute(sa.text(_DELETE_ERASURES))
    return Erased(
        records=_sorted(deleted),
        blanked=_sorted(blanked),
        history=history,
        ledger=ledger,
        contacts=len(contacts),
        contact_ids=tuple(sorted(each["contact_id"] for each in contacts if each["contact_id"])),
        was_unsubscribed=any(each["is_unsubscribed"] for each in contacts),
        former=former,
        held=tuple(phone for phone, is_held in earlier if is_held),
        moved=_sorted(moved),
    )


def _sorted(rows: Sequence[tuple[str, str, str]]) -> tuple[StoreRecord, ...]:
    return tuple(sorted((StoreRecord(*row) for row in rows), key=str))
