-- name: note_changed_records
-- Before the upsert, of the records that were read in another form. What belongs to a person holds no contact by itself.
INSERT INTO changed_records (change, record_type, record_id, phone)
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
INSERT INTO changed_records (change, record_type, record_id, phone)
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

-- name: is_known
SELECT EXISTS (SELECT FROM woo_sync.sync_runs WHERE source = :source AND committed_at IS NOT NULL)
    OR EXISTS (SELECT FROM woo_sync.source_records WHERE source = :source)

-- name: leaving_lists
-- Another spelling of a name is the same list.
NOT (old_groups <@ groups)
    AND NOT (ARRAY(SELECT lower(name) FROM unnest(old_groups) AS name)
        <@ ARRAY(SELECT lower(name) FROM unnest(groups) AS name))

-- name: newly_subscribed
-- Who is subscribed there already, or was until an accident of the store, is not newly subscribed.
sources <> '{}' AND status = 'SUBSCRIBED' AND base_state = 'UNSUBSCRIBED'
    AND (old_status = 'UNSUBSCRIBED' OR (consent = 'opted_in' AND (consent, consent_at, consent_dated_at)
        IS DISTINCT FROM (old_consent, old_consent_at, old_consent_dated_at)))
    AND opted_out_when_stopped_at IS NULL

-- name: newly_unsubscribed
base_state = 'SUBSCRIBED' AND consent = 'opted_out'
    AND (consent, consent_at) IS DISTINCT FROM (old_consent, old_consent_at)

-- name: count_contacts
SELECT count(*) FILTER (WHERE NOT is_new AND NOT (groups <@ old_groups)) AS joining,
    count(*) FILTER (WHERE NOT is_new AND {leaving_lists}) AS leaving_lists,
    count(*) FILTER (WHERE NOT is_new AND {newly_subscribed}) AS newly_subscribed,
    count(*) FILTER (WHERE NOT is_new AND {newly_unsubscribed}) AS newly_unsubscribed
FROM different

-- name: leaving_because
SELECT reason, count(*) FROM (
    SELECT CASE
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'customers_gone') THEN 'customer gone'
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'orders_gone') THEN 'order gone'
        WHEN EXISTS (SELECT FROM changed_records AS record
            WHERE record.phone = different.phone AND record.change = 'newly_invalid') THEN 'phone lost'
        WHEN sources = '{}' THEN 'phone changed'
        ELSE 'role, tag or group changed' END AS reason
    FROM different WHERE NOT is_new AND {leaving_lists}
) AS leaving GROUP BY reason ORDER BY count(*) DESC, reason

-- name: examples_of_records
SELECT record_type || ' ' || record_id FROM changed_records WHERE change = :change
ORDER BY record_type, length(record_id), record_id LIMIT :most

-- name: count_records
SELECT change, count(*) FROM changed_records GROUP BY change
