-- name: old
-- What tells how far a source has been read stays, however old it is: without it the next sync would take the
-- source for a new one.
CREATE TEMPORARY TABLE old_syncs ON COMMIT DROP AS
SELECT sync_id FROM woo_sync.sync_runs
WHERE started_at < :before AND status <> 'running' AND sync_id > :after
    AND sync_id NOT IN (
        (SELECT DISTINCT ON (source) sync_id FROM woo_sync.sync_runs
        WHERE committed_at IS NOT NULL ORDER BY source, read_until DESC, sync_id DESC)
        UNION
        (SELECT DISTINCT ON (source) sync_id FROM woo_sync.sync_runs
        WHERE committed_at IS NOT NULL ORDER BY source, committed_at DESC, sync_id DESC)
    )
ORDER BY sync_id LIMIT :batch

-- name: remember_days
-- By the same rule by which the daily schedule judges: a sweep covers a day only if it read the store after the day.
INSERT INTO woo_sync.covered_days (source, day)
SELECT DISTINCT source, day::date
FROM woo_sync.sync_runs
JOIN old_syncs USING (sync_id)
CROSS JOIN generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') AS day
WHERE reading = 'sweep' AND status = 'succeeded' AND NOT is_dry_run
    AND read_until >= (day + interval '1 day') AT TIME ZONE :timezone - interval '1 second'
ON CONFLICT DO NOTHING

-- name: delete
DELETE FROM woo_sync.sync_runs USING old_syncs WHERE sync_runs.sync_id = old_syncs.sync_id
RETURNING sync_runs.sync_id
