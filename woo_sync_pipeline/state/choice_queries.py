"""The set-based SQL behind `storing.py`, by which records and their choices get into the state.

Temporary tables: `incoming`: what tells a record that was read, `place` being its row in the frame. `asking`: whose
earlier words are wanted. `dated`: records as they are to be stored. `said`: what is new for the ledger. `touched`:
phones that may look different now.
"""

from woo_sync_pipeline.state.columns import RECORD_COLUMNS

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

# Run before and after the upsert: a record touches the phone that it had and the phone that it has, and that of the
# person whom it belongs to: with it go its choice and its items.
TOUCHED_BY_RECORDS = """
INSERT INTO touched
SELECT known.phone
FROM {records} AS read JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.phone IS NOT NULL
UNION
SELECT person.phone
FROM {records} AS read
JOIN woo_sync.source_records AS known USING (record_type, record_id)
JOIN woo_sync.source_records AS person
    ON person.source = known.source AND person.is_person AND person.record_id = known.person_id
WHERE known.source = :source AND NOT known.is_person AND person.phone IS NOT NULL
"""

# A portion of records none of which is known needs no comparing.
ANY_KNOWN = """
SELECT EXISTS (
    SELECT FROM woo_sync.source_records
    WHERE source = :source AND record_type = :record_type AND record_id = ANY(:ids)
)
"""

# What is known already in this form need not be compared: its choice is what it was.
FORGET_WHAT_IS_KNOWN = """
DELETE FROM incoming USING woo_sync.source_records AS known
WHERE known.source = :source AND known.record_type = incoming.record_type AND known.record_id = incoming.record_id
    AND known.hash = incoming.hash AND known.gone_at IS NULL
    AND incoming.person_id IN (known.person_id, '')
"""

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

# What the people in `asking` have said before, in any store: under the same phone, as the same person, and where no
# phone was given under the same address.
WORDS_OF_THE_SAME_PEOPLE = """
WITH phones AS (
    SELECT phone FROM asking WHERE phone IS NOT NULL
    UNION
    SELECT known.phone
    FROM (SELECT DISTINCT person_id FROM asking WHERE person_id <> '') AS asked
    JOIN woo_sync.source_records AS known USING (person_id)
    WHERE known.source = :source AND NOT known.is_person AND known.person_id <> '' AND known.phone IS NOT NULL
    UNION
    SELECT known.phone
    FROM (SELECT DISTINCT person_id FROM asking WHERE person_id <> '') AS asked
    JOIN woo_sync.source_records AS known ON known.record_id = asked.person_id
    WHERE known.source = :source AND known.is_person AND known.phone IS NOT NULL
)
SELECT said.event_id, said.phone, coalesce(known.is_person, false) AS is_person,
    CASE WHEN known.source = :source THEN known.person_id ELSE '' END AS person_id,
    coalesce(known.email, '') AS email, said.key AS consent_key,
    CASE said.what WHEN 'yes' THEN 'opted_in' ELSE 'opted_out' END AS choice, said.earliest AS choice_from,
    said.latest AS choice_until, said.is_dated AS choice_is_dated, said.became IN ({repetitions}) AS repeats,
    NOT said.is_dated AND EXISTS (
        SELECT FROM woo_sync.consent_events AS later
        WHERE later.phone = said.phone AND later.event_id > said.event_id AND later.became = {came_back}
            AND later.key = said.key
    ) AS gave_way
FROM phones
JOIN woo_sync.consent_events AS said USING (phone)
LEFT JOIN woo_sync.source_records AS known
    ON known.source = said.source AND known.record_type = said.record_type AND known.record_id = said.record_id
WHERE said.what IN ('yes', 'no')
UNION ALL
{stored}
FROM phones JOIN woo_sync.source_records AS known USING (phone)
WHERE known.choice IS NOT NULL AND NOT EXISTS (
    SELECT FROM woo_sync.consent_events AS noted
    WHERE noted.phone = known.phone AND noted.source = known.source AND noted.record_type = known.record_type
        AND noted.record_id = known.record_id
)
{by_address}
"""
# What the ledger has forgotten because it is old, and what is not in it for want of a phone, the records still say.
STORED_WORDS = """
SELECT 0, known.phone, known.is_person,
    CASE WHEN known.source = :source THEN known.person_id ELSE '' END, known.email, known.consent_key, known.choice,
    known.choice_from, known.choice_until, known.choice_is_dated, false, false
"""
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

# Before the upsert, and only where that takes place. What belongs to persons is left out: the phones that were given
# with it may be anybody's.
NOTE_FORMER_PHONES = """
INSERT INTO woo_sync.former_phones AS noted (source, record_type, record_id, phone, left_at)
SELECT :source, known.record_type, known.record_id, known.phone, dated.read_at
FROM dated JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.phone IS DISTINCT FROM dated.phone AND known.phone IS NOT NULL
    AND known.last_seen_at <= dated.read_at AND (known.is_person OR known.person_id = '')
ON CONFLICT (source, record_type, record_id, phone) DO UPDATE SET left_at = excluded.left_at
"""

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

# What was said without a phone concerns that of the person whose it is.
NOTE_CHOICES = """
INSERT INTO woo_sync.consent_events
    (phone, what, earliest, latest, is_dated, source, record_type, record_id, key, value, sync_id, became)
SELECT coalesce(said.phone, person.phone), said.what, said.said_from, said.said_until, said.said_is_dated,
    :source, said.record_type, said.record_id, said.key, said.value, sync.sync_id, said.became
FROM said
JOIN woo_sync.sync_runs AS sync ON sync.run_id = :run_id
LEFT JOIN woo_sync.source_records AS person
    ON said.phone IS NULL AND person.source = :source AND person.is_person AND person.record_id = said.person_id
WHERE coalesce(said.phone, person.phone) IS NOT NULL
ORDER BY 1, 4
"""

# The columns by which records are joined and chosen; of names and lists it would take several times as long.
ANALYZE_RECORDS = """
ANALYZE woo_sync.source_records (source, record_type, record_id, person_id, is_person, phone, consent, choice,
    carried_opt_out_at, carried_stop_at, gone_at)
"""
