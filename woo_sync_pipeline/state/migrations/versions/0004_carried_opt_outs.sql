-- name: upgrade
ALTER TABLE woo_sync.source_records ADD COLUMN carried_opt_out_at timestamptz;
COMMENT ON COLUMN woo_sync.source_records.carried_opt_out_at IS
    'when the person opted out under an earlier phone of this record: an older choice subscribes no later'
    ' phone; null: never';

-- name: downgrade
ALTER TABLE woo_sync.source_records DROP COLUMN carried_opt_out_at;
