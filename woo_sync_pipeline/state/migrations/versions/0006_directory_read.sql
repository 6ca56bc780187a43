-- name: upgrade
ALTER TABLE woo_sync.sync_runs ADD COLUMN directory_read_at timestamptz;
COMMENT ON COLUMN woo_sync.sync_runs.directory_read_at IS
    'when this sync began to read the whole directory of the platform to see who unsubscribed there;'
    ' null: it did not';

-- name: downgrade
ALTER TABLE woo_sync.sync_runs DROP COLUMN directory_read_at;
