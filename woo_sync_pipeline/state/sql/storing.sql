-- name: touched_by_records
-- Run before and after the upsert: a record touches the phone that it had and the phone that it has, and that of the
-- person whom it belongs to: with it go its choice and its items.
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

-- name: any_known
-- A portion of records none of which is known needs no comparing.
SELECT EXISTS (
    SELECT FROM woo_sync.source_records
    WHERE source = :source AND record_type = :record_type AND record_id = ANY(:ids)
)

-- name: forget_what_is_known
-- What is known already in this form need not be compared: its choice is what it was.
DELETE FROM incoming USING woo_sync.source_records AS known
WHERE known.source = :source AND known.record_type = incoming.record_type AND known.record_id = incoming.record_id
    AND known.hash = incoming.hash AND known.gone_at IS NULL
    AND incoming.person_id IN (known.person_id, '')

-- name: what_is_known
-- What is known of the records of which `contacts.choices.date_choices` has to know it. Those that never said anything,
-- and stay where they were, are left out.
SELECT incoming.place, {old_columns}, old.last_seen_at AS old_last_seen_at, old.gone_at IS NOT NULL AS old_is_gone,
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

-- name: words_of_the_same_people
-- What the people in `asking` have said before, in any store: under the same phone, as the same person, and where no
-- phone was given under the same address.
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
        WHERE later.phone = said.phone AND later.event_id > said.event_id AND later.became = '{came_back}'
            AND later.key = said.key
    ) AS gave_way
FROM phones
JOIN woo_sync.consent_events AS said USING (phone)
LEFT JOIN woo_sync.source_records AS known
    ON known.source = said.source AND known.record_type = said.record_type AND known.record_id = said.record_id
WHERE said.what IN ('yes', 'no')
UNION ALL
{stored_words}
FROM phones JOIN woo_sync.source_records AS known USING (phone)
WHERE known.choice IS NOT NULL AND NOT EXISTS (
    SELECT FROM woo_sync.consent_events AS noted
    WHERE noted.phone = known.phone AND noted.source = known.source AND noted.record_type = known.record_type
        AND noted.record_id = known.record_id
)

-- name: stored_words
-- What the ledger has forgotten because it is old, and what is not in it for want of a phone, the records still say.
SELECT 0, known.phone, known.is_person,
    CASE WHEN known.source = :source THEN known.person_id ELSE '' END, known.email, known.consent_key, known.choice,
    known.choice_from, known.choice_until, known.choice_is_dated, false, false

-- name: by_address
-- There is no index over addresses: they are looked for only where somebody gave nothing else.
UNION ALL
{stored_words}
FROM (SELECT DISTINCT email FROM asking WHERE phone IS NULL AND email <> '') AS asked
JOIN woo_sync.source_records AS known USING (email)
WHERE known.phone IS NULL AND known.choice IS NOT NULL

-- name: note_former_phones
-- Before the upsert, and only where that takes place. What belongs to persons is left out: the phones that were given
-- with it may be anybody's.
INSERT INTO woo_sync.former_phones AS noted (source, record_type, record_id, phone, left_at)
SELECT :source, known.record_type, known.record_id, known.phone, dated.read_at
FROM dated JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.phone IS DISTINCT FROM dated.phone AND known.phone IS NOT NULL
    AND known.last_seen_at <= dated.read_at AND (known.is_person OR known.person_id = '')
ON CONFLICT (source, record_type, record_id, phone) DO UPDATE SET left_at = excluded.left_at

-- name: upsert_records
INSERT INTO woo_sync.source_records AS known (source, {read_columns}, first_seen_at, last_seen_at)
SELECT :source, {read_columns}, read_at, read_at FROM dated
ON CONFLICT (source, record_type, record_id) DO UPDATE SET
    {changes},
    last_seen_at = excluded.last_seen_at, gone_at = NULL
WHERE known.last_seen_at <= excluded.last_seen_at

-- name: note_choices
-- What was said without a phone concerns that of the person whose it is.
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

-- name: analyze_records
-- The columns by which records are joined and chosen; of names and lists it would take several times as long.
ANALYZE woo_sync.source_records (source, record_type, record_id, person_id, is_person, phone, consent, choice,
    carried_opt_out_at, carried_stop_at, gone_at)
