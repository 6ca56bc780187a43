-- name: upgrade
CREATE TABLE woo_sync.covered_days (
    source text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (source, day)
);
COMMENT ON TABLE woo_sync.covered_days IS
    'days that daily syncs have covered which are no longer in sync_runs: the schedule need not ask for them';
CREATE INDEX sync_runs_started ON woo_sync.sync_runs (started_at);
CREATE TABLE woo_sync.alerts (
    source text NOT NULL,
    condition text NOT NULL,
    sent_at timestamptz NOT NULL,
    PRIMARY KEY (source, condition)
);
COMMENT ON TABLE woo_sync.alerts IS 'when somebody was last told of a condition of a source';

-- name: downgrade
DROP TABLE woo_sync.alerts;
DROP TABLE woo_sync.covered_days;
DROP INDEX woo_sync.sync_runs_started;
