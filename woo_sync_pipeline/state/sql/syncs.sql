-- name: select
SELECT sync_id, run_id, source, kind, reading, is_dry_run, first_day, last_day, status, started_at, finished_at,
    committed_at, read_until, cursor, counts, error, accepted_by
FROM woo_sync.sync_runs
