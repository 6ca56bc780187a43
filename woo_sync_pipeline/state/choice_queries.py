"""The set-based SQL behind `storing.py`, by which records and their choices get into the state.

Temporary tables: `incoming`: what tells a record that was read, `place` being its row in the frame. `asking`: whose
earlier words are wanted. `dated`: records as they are to be stored. `said`: what is new for the ledger. `touched`:
phones that may look different now.
"""

from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.statements import statements

_SQL = statements("choice_queries")

_OF_A_READING_ONLY = ("consent_value", "said_at", "is_erased")
STORED_COLUMNS = {
    **{name: kind for name, kind in RECORD_COLUMNS.items() if name not in _OF_A_READING_ONLY},
    "choice": "text",
    "choice_from": "timestamptz",
    "choice_until": "timestamptz",
    "choice_is_dated": "boolean",
    "choice_returned_at": "timestamptz",
    "carried_opt_out_at": "timestamptz",
    "carried_stop_at": "timestamptz",
}
INCOMING_COLUMNS = {
    "place": "int",
    "record_type": "text",
    "record_id": "text",
    "person_id": "text",
    "phone": "text",
    "speaks": "boolean",
    "answers": "boolean",
    "hash": "text",
}
ASKING_COLUMNS = {"person_id": "text", "phone": "text", "email": "text"}

WORD_OF_A_RECORD = (
    "record_type",
    "record_id",
    "person_id",
    "is_person",
    "phone",
    "email",
    "is_discarded",
    "consent",
    "consent_origin",
    "consent_key",
    "consent_value",
    "consent_answers",
    "consent_basis",
    "said_at",
    "created_at",
    "read_at",
)
"""What `contacts.choices.date_choices` has to know of a record that was read."""

TOUCHED_BY_RECORDS = _SQL["touched_by_records"]
ANY_KNOWN = _SQL["any_known"]
FORGET_WHAT_IS_KNOWN = _SQL["forget_what_is_known"]

STILL_INCOMING = "SELECT place FROM incoming ORDER BY place"

_OF_OLD = (
    "person_id",
    "phone",
    "consent",
    "consent_origin",
    "consent_key",
    "consent_answers",
    "consent_basis",
    "choice",
    "choice_from",
    "choice_until",
    "choice_is_dated",
    "choice_returned_at",
    "carried_opt_out_at",
    "carried_stop_at",
)
# What is known of the records of which `contacts.choices.date_choices` has to know it. Those that never said anything,
# and stay where they were, are left out.
WHAT_IS_KNOWN = f"""
SELECT incoming.place, {", ".join(f"old.{name} AS old_{name}" for name in _OF_OLD)},
    old.last_seen_at AS old_last_seen_at, old.gone_at IS NOT NULL AS old_is_gone,
    left_behind.phone IS NOT NULL AS left_is_left, left_behind.consent AS left_consent,
    left_behind.consent_at AS left_consent_at, left_behind.base_state AS left_state,
    left_behind.base_state_by AS left_state_by, left_behind.unsubscribed_seen_at AS left_unsubscribed_seen_at,
    left_behind.applied_consent AS left_applied_consent, left_behind.applied_consent_at AS left_applied_consent_at
FROM incoming
JOIN woo_sync.source_records AS old
    ON old.source = :source AND old.record_type = incoming.record_type AND old.record_id = incoming.record_id
LEFT JOIN woo_sync.contacts AS left_behind
    ON left_behind.phone = old.phone AND old.phone IS DISTINCT FROM incoming.phone
    AND (old.is_person OR old.person_id = '')
WHERE incoming.speaks OR old.choice IS NOT NULL OR old.carried_opt_out_at IS NOT NULL
    OR old.carried_stop_at IS NOT NULL OR left_behind.phone IS NOT NULL
"""  # noqa: S608 - only names of columns are put in
KNOWN_COLUMNS = {
    "place": "bigint",
    **{f"old_{name}": STORED_COLUMNS[name] for name in _OF_OLD},
    "old_last_seen_at": "timestamptz",
    "old_is_gone": "boolean",
    "left_is_left": "boolean",
    "left_consent": "text",
    "left_consent_at": "timestamptz",
    "left_state": "text",
    "left_state_by": "text",
    "left_unsubscribed_seen_at": "timestamptz",
    "left_applied_consent": "text",
    "left_applied_consent_at": "timestamptz",
}

WORDS_OF_THE_SAME_PEOPLE = _SQL["words_of_the_same_people"]
STORED_WORDS = _SQL["stored_words"]
# There is no index over addresses: they are looked for only where somebody gave nothing else.
BY_ADDRESS = f"""
UNION ALL
{STORED_WORDS}
FROM (SELECT DISTINCT email FROM asking WHERE phone IS NULL AND email <> '') AS asked
JOIN woo_sync.source_records AS known USING (email)
WHERE known.phone IS NULL AND known.choice IS NOT NULL
"""  # noqa: S608 - the only thing put in is the constant above
WORD_COLUMNS = {
    "event_id": "bigint",
    "phone": "text",
    "is_person": "boolean",
    "person_id": "text",
    "email": "text",
    "consent_key": "text",
    "choice": "text",
    "choice_from": "timestamptz",
    "choice_until": "timestamptz",
    "choice_is_dated": "boolean",
    "repeats": "boolean",
    "gave_way": "boolean",
}

EVENT_COLUMNS = {
    "record_type": "text",
    "record_id": "text",
    "person_id": "text",
    "phone": "text",
    "what": "text",
    "key": "text",
    "value": "text",
    "said_from": "timestamptz",
    "said_until": "timestamptz",
    "said_is_dated": "boolean",
    "became": "text",
}

NOTE_FORMER_PHONES = _SQL["note_former_phones"]

_KEPT = {
    "person_id": "coalesce(nullif(excluded.person_id, ''), known.person_id)",
    # A person whose fields the source withholds has not left the groups that were read from them.
    "tags": "CASE WHEN excluded.is_person AND excluded.consent_basis = '' THEN known.tags ELSE excluded.tags END",
}
_READ = [name for name in STORED_COLUMNS if name != "read_at"]
UPSERT_RECORDS = f"""
INSERT INTO woo_sync.source_records AS known (source, {", ".join(_READ)}, first_seen_at, last_seen_at)
SELECT :source, {", ".join(_READ)}, read_at, read_at FROM dated
ON CONFLICT (source, record_type, record_id) DO UPDATE SET
    {", ".join(f"{name} = {_KEPT.get(name, f'excluded.{name}')}" for name in _READ)},
    last_seen_at = excluded.last_seen_at, gone_at = NULL
WHERE known.last_seen_at <= excluded.last_seen_at
"""  # noqa: S608 - only names of columns and the constants above are put in

NOTE_CHOICES = _SQL["note_choices"]
ANALYZE_RECORDS = _SQL["analyze_records"]
