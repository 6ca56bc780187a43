-- name: select
SELECT event_id, phone, what, nullif(earliest, 'epoch') AS earliest, latest, is_dated, seen_at, source, record_type,
    record_id, key, value, sync_id, became
FROM woo_sync.consent_events
