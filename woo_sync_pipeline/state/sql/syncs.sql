-- name: select
SELECT sync_id, run_id, source, kind, reading, is_dry_run, first_day, last_day, status, started_at, finished_at,
    committed_at, read_until, cursor, counts, error, accepted_by
FROM woo_sync.sync_runs

-- name: begin
INSERT INTO woo_sync.sync_runs (run_id, source, kind, reading, first_day, last_day, status)
VALUES (:run_id, :source, :kind, :reading, :first_day, :last_day, 'running')
ON CONFLICT (run_id) DO NOTHING

-- name: close
UPDATE woo_sync.sync_runs SET status = 'succeeded', finished_at = now(), counts = :counts, error = NULL
WHERE sync_id = :sync_id

-- name: contacts
SELECT {line_columns} FROM woo_sync.sync_run_contacts WHERE sync_id = :sync_id ORDER BY position

-- name: watermark
SELECT max(read_until), (
    SELECT cursor FROM woo_sync.sync_runs WHERE source = :source AND committed_at IS NOT NULL
    ORDER BY committed_at DESC, sync_id DESC LIMIT 1
)
FROM woo_sync.sync_runs WHERE source = :source AND committed_at IS NOT NULL

-- name: watermark_by
SELECT max(LEAST(:store_now, CASE
    WHEN store_ahead_by IS NOT NULL AND CAST(:store_ahead AS interval) IS NOT NULL THEN LEAST(
        read_until,
        read_until - store_ahead_by[2] * interval '1 second' + :store_ahead,
        CASE WHEN abs(store_ahead_by[2] - extract(epoch FROM CAST(:store_ahead AS interval))) > :set_seconds
            THEN started_at - :doubt END
    )
    WHEN read_until > :believable THEN LEAST(started_at, :store_now) - :doubt
    ELSE read_until
END))
FROM woo_sync.sync_runs WHERE source = :source AND committed_at IS NOT NULL
