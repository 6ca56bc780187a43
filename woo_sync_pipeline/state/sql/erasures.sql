-- name: note
-- A customer who never had a phone, or has one only of an order, looks alike: nothing tells that such a one was erased.
-- The erasers save the customer; a plugin that hides addresses for a night does not.
INSERT INTO erased
SELECT looking_so.record_type, looking_so.record_id, known.phone
FROM looking_so LEFT JOIN woo_sync.source_records AS known
    ON known.source = :source AND known.record_type = looking_so.record_type
    AND known.record_id = looking_so.record_id
WHERE NOT looking_so.is_person OR (known.phone IS NOT NULL AND known.invalid_reason IS NULL
    AND looking_so.modified_at > coalesce(known.modified_at, '-infinity'))

-- name: mark
-- What is read again shows the name and the address of the account, which the erasers leave.
UPDATE woo_sync.source_records AS known SET
    erased_at = CASE WHEN erased.phone IS NULL THEN coalesce(known.erased_at, now()) ELSE now() END,
    first_name = '', last_name = '', email = '', phone_masked = ''
FROM erased
WHERE known.source = :source AND known.record_type = erased.record_type AND known.record_id = erased.record_id
    AND known.phone IS NULL

-- name: keep
INSERT INTO woo_sync.erasures (phone, source, record_type, record_id, mode)
SELECT DISTINCT ON (erased.phone) erased.phone, :source, erased.record_type, erased.record_id, :mode
FROM erased JOIN woo_sync.source_records AS known
    ON known.source = :source AND known.record_type = erased.record_type AND known.record_id = erased.record_id
WHERE erased.phone IS NOT NULL AND known.erased_at IS NOT NULL AND known.phone IS NULL
ORDER BY erased.phone, erased.record_type, length(erased.record_id), erased.record_id
ON CONFLICT (phone) DO UPDATE SET
    source = excluded.source, record_type = excluded.record_type, record_id = excluded.record_id, mode = excluded.mode

-- name: holders
SELECT FROM woo_sync.source_records AS holder
WHERE holder.phone = erasure.phone AND holder.gone_at IS NULL
    AND (holder.is_person OR holder.person_id = '') AND NOT holder.is_discarded

-- name: pending
SELECT erasure.phone, erasure.source, erasure.record_type, erasure.record_id, erasure.mode,
    contact.contact_id::text AS contact_id,
    EXISTS ({holders}) AS is_held,
    contact.phone IS NULL OR (
        contact.in_flight IS NULL AND contact.rejected_form IS NULL AND contact.base_sources = '{}'
        AND contact.base_state IS DISTINCT FROM 'SUBSCRIBED'
    ) AS is_unsubscribed
FROM woo_sync.erasures AS erasure LEFT JOIN woo_sync.contacts AS contact USING (phone)
WHERE erasure.source = :source ORDER BY erasure.noted_at, erasure.phone

-- name: former_of_record
-- What is kept under an earlier phone was the person's, unless somebody else has that phone now.
SELECT erasure.phone FROM woo_sync.former_phones AS erasure
WHERE (erasure.source, erasure.record_type, erasure.record_id) = (:source, :record_type, :record_id)
    AND NOT EXISTS ({holders})

-- name: is_held
SELECT EXISTS ({holders}) FROM (VALUES (:phone)) AS erasure (phone)

-- name: chosen
CREATE TEMPORARY TABLE erased_phones ON COMMIT DROP AS SELECT unnest(CAST(:phones AS text[])) AS phone;
CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
SELECT * FROM jsonb_to_recordset(CAST(:records AS jsonb)) AS given (source text, record_type text, record_id text);

-- name: doomed
-- The persons with the phone with all that belongs to them, and what has the phone and belongs to nobody else; and what
-- was chosen by its id because it has no phone.
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

-- name: former
-- What is kept under an earlier phone was the person's, unless somebody else has that phone now.
SELECT DISTINCT former.phone, EXISTS (
    SELECT FROM woo_sync.source_records AS record
    WHERE record.phone = former.phone AND (record.is_person OR record.person_id = '')
        AND (record.source, record.record_type, record.record_id) NOT IN (SELECT * FROM doomed)
) AS is_held
FROM woo_sync.former_phones AS former JOIN doomed USING (source, record_type, record_id)
WHERE former.phone NOT IN (SELECT phone FROM erased_phones)
ORDER BY former.phone

-- name: had_it_once
-- Records that had the phone once and have another one now are of somebody whom nobody asked to erase.
SELECT DISTINCT source, record_type, record_id FROM woo_sync.former_phones
WHERE phone IN (SELECT phone FROM erased_phones)
    AND (source, record_type, record_id) NOT IN (SELECT * FROM doomed)

-- name: delete_former
DELETE FROM woo_sync.former_phones AS former
WHERE phone IN (SELECT phone FROM erased_phones)
    OR (former.source, former.record_type, former.record_id) IN (SELECT * FROM doomed)

-- name: delete_records
DELETE FROM woo_sync.source_records AS record USING doomed
WHERE (record.source, record.record_type, record.record_id)
    = (doomed.source, doomed.record_type, doomed.record_id)
RETURNING record.source, record.record_type, record.record_id

-- name: blank_records_of_others
-- What belongs to somebody else: what was typed in goes, but the choice that was made with it is that person's too.
UPDATE woo_sync.source_records SET phone = NULL, phone_masked = '', first_name = '', last_name = '', email = ''
WHERE phone IN (SELECT phone FROM erased_phones)
RETURNING source, record_type, record_id

-- name: delete_history
DELETE FROM woo_sync.sync_run_contacts AS line USING woo_sync.sync_runs AS run
WHERE line.sync_id = run.sync_id AND (line.phone IN (SELECT phone FROM erased_phones) OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (run.source, line.record_type, line.record_id)
))

-- name: delete_ledger
-- What those records said under an earlier phone was said by the same person.
DELETE FROM woo_sync.consent_events AS event
WHERE event.phone IN (SELECT phone FROM erased_phones) OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (event.source, event.record_type, event.record_id)
)

-- name: delete_contacts
DELETE FROM woo_sync.contacts WHERE phone IN (SELECT phone FROM erased_phones)
RETURNING contact_id::text AS contact_id, coalesce(base_state, status) = 'UNSUBSCRIBED' AS is_unsubscribed

-- name: delete_erasures
DELETE FROM woo_sync.erasures WHERE phone IN (SELECT phone FROM erased_phones)
