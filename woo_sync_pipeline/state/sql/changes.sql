-- name: note_changed_records
-- Before the upsert, of the records that were read in another form. What belongs to a person holds no contact by itself.
INSERT INTO changed_records
SELECT change, record_type, record_id, known.phone
FROM incoming
JOIN woo_sync.source_records AS known USING (record_type, record_id)
CROSS JOIN LATERAL (VALUES
    ('newly_invalid', known.phone IS NOT NULL AND incoming.phone IS NULL
        AND (known.is_person OR known.person_id = '')),
    ('answers_lost', known.consent <> 'unknown' AND NOT incoming.answers)
) AS found (change, is_so)
WHERE known.source = :source AND known.gone_at IS NULL AND found.is_so

-- name: note_gone_records
-- As `MARK_GONE`, and before it.
INSERT INTO changed_records
SELECT CASE WHEN known.is_person THEN 'customers_gone' ELSE 'orders_gone' END, known.record_type,
    known.record_id, known.phone
FROM gone JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.gone_at IS NULL AND known.last_seen_at < :started_at

-- name: known_records
SELECT count(*) FILTER (WHERE is_person) AS customers_gone,
    count(*) FILTER (WHERE phone IS NOT NULL AND (is_person OR person_id = '')) AS newly_invalid,
    count(*) FILTER (WHERE consent <> 'unknown') AS answers_lost
FROM woo_sync.source_records WHERE source = :source AND gone_at IS NULL

-- name: known_contacts
SELECT count(*) AS contacts, count(*) FILTER (WHERE base_state = 'SUBSCRIBED') AS subscribed
FROM woo_sync.contacts WHERE :name = ANY(sources)
