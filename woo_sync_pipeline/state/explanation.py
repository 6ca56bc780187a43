"""All that the state holds of one phone, as it was at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.merge import MergeInput
from woo_sync_pipeline.state.bulk import read_frame
from woo_sync_pipeline.state.consent_ledger import LedgerEntry, latest_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.record_queries import HOLDERS, SIGNALS_OF_RECORDS

_CONTACT = """
SELECT first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, consent_origin, status,
    contact_id::text, base_first_name, base_last_name, base_email, base_sources, base_groups, base_consent,
    base_consent_at, base_consent_dated_at, base_state, base_state_by, base_seen_at, base_modified_at, applied_consent,
    applied_consent_at, applied_consent_dated_at, not_applied, unsubscribed_seen_at, confirmed_at, is_pending,
    in_flight IS NOT NULL AS is_in_flight, rejected_reason
FROM woo_sync.contacts WHERE phone = :phone
"""

# What belongs to the person with another phone, or with none, belongs here for the choices in it. Whose name was given
# with another phone is another matter.
_RECORDS = """
SELECT source, record_type, record_id, person_id, is_person, true AS has_phone, first_name, last_name, email, status,
    consent, consent_origin, consent_key, choice_from, choice_until, choice_is_dated, created_at, modified_at,
    first_seen_at, last_seen_at, gone_at
FROM woo_sync.source_records WHERE phone = :phone
UNION ALL
SELECT theirs.source, theirs.record_type, theirs.record_id, theirs.person_id, false, false, '', '', '',
    theirs.status, theirs.consent, theirs.consent_origin, theirs.consent_key, theirs.choice_from,
    theirs.choice_until, theirs.choice_is_dated, theirs.created_at, theirs.modified_at, theirs.first_seen_at,
    theirs.last_seen_at, theirs.gone_at
FROM woo_sync.source_records AS person
JOIN woo_sync.source_records AS theirs
    ON theirs.source = person.source AND NOT theirs.is_person AND theirs.person_id <> ''
    AND theirs.person_id = person.record_id
WHERE person.is_person AND person.phone = :phone AND theirs.phone IS DISTINCT FROM :phone
"""

_OUTCOMES = """
SELECT sync_id, source, kind, is_dry_run, first_day, last_day, started_at, outcome, state, changes, reason
FROM woo_sync.sync_run_contacts JOIN woo_sync.sync_runs USING (sync_id)
WHERE phone = :phone
ORDER BY sync_id DESC, position DESC LIMIT :limit
"""

_FORMER = """
SELECT source, record_type, record_id, former.phone, left_at
FROM woo_sync.source_records AS record JOIN woo_sync.former_phones AS former USING (source, record_type, record_id)
WHERE record.phone = :phone AND former.phone <> :phone
ORDER BY left_at DESC, former.phone, source, record_type, length(record_id), record_id
"""

_MOVED = """
SELECT source, record_type, record_id, record.phone, left_at
FROM woo_sync.former_phones AS former LEFT JOIN woo_sync.source_records AS record
    USING (source, record_type, record_id)
WHERE former.phone = :phone AND record.phone IS DISTINCT FROM :phone
ORDER BY left_at DESC, source, record_type, length(record_id), record_id
"""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class KnownOfPhone:
    """What is known of a phone: its row of `contacts`, its store records, its lines of reports and of the ledger.

    former: phones that these records had before; moved: records that had this phone before, with the one they have now.
    Of lines the newest come first. `merging` has what its contact is merged from; each row of `merging.signals` also
    names its record.
    """

    contact: Row | None
    records: tuple[Row, ...]
    outcomes: tuple[Row, ...]
    ledger: tuple[LedgerEntry, ...]
    merging: MergeInput
    former: tuple[Row, ...]
    moved: tuple[Row, ...]


def known_of_phone(database: Database, phone: str, *, lines: int) -> KnownOfPhone:
    """What is known of a phone (E.164), with so many of its latest lines of reports and of the ledger of consent."""
    values = {"phone": phone, "limit": lines}
    with database.transaction() as connection:
        # One moment for all queries: a sync may commit between them.
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(
            sa.text(
                "CREATE TEMPORARY TABLE touched_phones ON COMMIT DROP AS SELECT CAST(:phone AS text) AS phone"
            ),
            values,
        )
        contacts, records, outcomes, former, moved = (
            tuple(dict(row) for row in connection.execute(sa.text(query), values).mappings())
            for query in (_CONTACT, _RECORDS, _OUTCOMES, _FORMER, _MOVED)
        )
        ledger = tuple(latest_of(connection, phone, limit=lines))
        merging = MergeInput(
            holders=read_frame(connection, HOLDERS),
            signals=read_frame(connection, SIGNALS_OF_RECORDS),
            purchases=pd.DataFrame(columns=["phone", "source", "tag"]),
        )
    return KnownOfPhone(
        contacts[0] if contacts else None, records, outcomes, ledger, merging, former=former, moved=moved
    )
