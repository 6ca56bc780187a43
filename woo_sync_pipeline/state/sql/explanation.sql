-- name: contact
SELECT first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, consent_origin, status,
    contact_id::text, base_first_name, base_last_name, base_email, base_sources, base_groups, base_consent,
    base_consent_at, base_consent_dated_at, base_state, base_state_by, base_seen_at, base_modified_at, applied_consent,
    applied_consent_at, applied_consent_dated_at, not_applied, unsubscribed_seen_at, confirmed_at, is_pending,
    in_flight IS NOT NULL AS is_in_flight, rejected_reason
FROM woo_sync.contacts WHERE phone = :phone

-- name: records
-- What belongs to the person with another phone, or with none, belongs here for the choices in it. Whose name was given
-- with another phone is another matter.
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

-- name: outcomes
SELECT sync_id, source, kind, is_dry_run, first_day, last_day, started_at, outcome, state, changes, reason
FROM woo_sync.sync_run_contacts JOIN woo_sync.sync_runs USING (sync_id)
WHERE phone = :phone
ORDER BY sync_id DESC, position DESC LIMIT :limit

-- name: former
SELECT source, record_type, record_id, former.phone, left_at
FROM woo_sync.source_records AS record JOIN woo_sync.former_phones AS former USING (source, record_type, record_id)
WHERE record.phone = :phone AND former.phone <> :phone
ORDER BY left_at DESC, former.phone, source, record_type, length(record_id), record_id

-- name: moved
SELECT source, record_type, record_id, record.phone, left_at
FROM woo_sync.former_phones AS former LEFT JOIN woo_sync.source_records AS record
    USING (source, record_type, record_id)
WHERE former.phone = :phone AND record.phone IS DISTINCT FROM :phone
ORDER BY left_at DESC, source, record_type, length(record_id), record_id
