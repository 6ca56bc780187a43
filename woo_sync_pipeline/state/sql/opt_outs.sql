-- name: mark_gone_again
-- The opt-out of a record that is gone counts, and nothing else of it.
UPDATE woo_sync.source_records AS known SET gone_at = now()
FROM only_opting_out
WHERE known.source = :source AND known.record_type = only_opting_out.record_type
    AND known.record_id = only_opting_out.record_id

-- name: new
-- Opt-outs of known contacts that are not stored yet.
SELECT place, known.record_id IS NOT NULL AS is_known,
    known.record_id IS NOT NULL AND known.gone_at IS NULL AS is_there, {shown}
FROM opting_out
LEFT JOIN woo_sync.source_records AS known
    ON known.source = :source AND known.record_type = opting_out.record_type
    AND known.record_id = opting_out.record_id
WHERE (known.consent_answers IS DISTINCT FROM opting_out.consent_answers
        OR (opting_out.consent = 'opted_out' AND known.consent IS DISTINCT FROM 'opted_out'))
    AND (
        EXISTS (
            SELECT FROM woo_sync.contacts AS contact WHERE contact.phone IN (opting_out.phone, known.phone)
        ) OR EXISTS (
            SELECT FROM woo_sync.source_records AS person
            WHERE person.source = :source AND person.is_person AND person.record_id = opting_out.person_id
                AND person.phone IS NOT NULL
        )
    )
ORDER BY place
