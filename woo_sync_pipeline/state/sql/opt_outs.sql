-- name: mark_gone_again
-- The opt-out of a record that is gone counts, and nothing else of it.
UPDATE woo_sync.source_records AS known SET gone_at = now()
FROM only_opting_out
WHERE known.source = :source AND known.record_type = only_opting_out.record_type
    AND known.record_id = only_opting_out.record_id
