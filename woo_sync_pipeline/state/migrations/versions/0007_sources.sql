-- name: upgrade
CREATE TABLE woo_sync.sources (
    source text PRIMARY KEY,
    name text,
    is_explicit boolean,
    name_format text
);
COMMENT ON TABLE woo_sync.sources IS
    'each source as it was configured at its latest commit; nulls: there was none since this table exists';
INSERT INTO woo_sync.sources (source)
SELECT DISTINCT source FROM woo_sync.sync_runs WHERE committed_at IS NOT NULL;

-- name: downgrade
DROP TABLE woo_sync.sources;
