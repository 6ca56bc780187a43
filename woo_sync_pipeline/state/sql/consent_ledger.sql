-- name: select
SELECT event_id, phone, what, nullif(earliest, 'epoch') AS earliest, latest, is_dated, seen_at, source, record_type,
    record_id, key, value, sync_id, became
FROM woo_sync.consent_events

-- name: note_happened
INSERT INTO woo_sync.consent_events (phone, what, earliest, latest, became, sync_id)
SELECT phone, what, earliest, latest, became,
    (SELECT sync_id FROM woo_sync.sync_runs WHERE run_id = :run_id)
FROM happened;
DROP TABLE happened
