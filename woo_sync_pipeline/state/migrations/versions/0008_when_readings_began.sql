-- name: upgrade
ALTER TABLE woo_sync.sync_runs ADD COLUMN reading_started_at timestamptz;
COMMENT ON COLUMN woo_sync.sync_runs.reading_started_at IS
    'when what this sync committed began to be read, which an earlier run may have done';
COMMENT ON COLUMN woo_sync.source_records.choice_at IS
    'orders: their creation; customers: an opt-out when it was seen, an opt-in when they were last seen without'
    ' it, and what was there when first met: an opt-in at the registration, an opt-out at the reading';

-- name: downgrade
ALTER TABLE woo_sync.sync_runs DROP COLUMN reading_started_at;
