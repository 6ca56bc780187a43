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

-- name: former
-- What is kept under an earlier phone was the person's, unless somebody else has that phone now.
SELECT erasure.phone FROM woo_sync.former_phones AS erasure
WHERE (erasure.source, erasure.record_type, erasure.record_id) = (:source, :record_type, :record_id)
    AND NOT EXISTS ({holders})

-- name: is_held
SELECT EXISTS ({holders}) FROM (VALUES (:phone)) AS erasure (phone)
