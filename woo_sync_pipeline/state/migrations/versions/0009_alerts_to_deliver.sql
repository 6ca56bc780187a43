-- name: upgrade
CREATE TABLE woo_sync.alerts_to_deliver (
    source text NOT NULL,
    condition text NOT NULL,
    receiver text NOT NULL,
    message jsonb NOT NULL,
    happened_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    claimed_until timestamptz NOT NULL,
    PRIMARY KEY (source, condition, receiver)
);
COMMENT ON TABLE woo_sync.alerts_to_deliver IS
    'the latest alert of each condition of a source that a receiver has not taken yet; nothing personal';
COMMENT ON COLUMN woo_sync.alerts_to_deliver.claimed_until IS
    'until then a process may be delivering it; past: nobody is';
-- What it holds cannot be told in the other form, and matters for an hour: at worst a trouble is told once more.
DELETE FROM woo_sync.alerts;
ALTER TABLE woo_sync.alerts DROP CONSTRAINT alerts_pkey;
ALTER TABLE woo_sync.alerts ADD COLUMN receiver text NOT NULL;
ALTER TABLE woo_sync.alerts ADD PRIMARY KEY (source, condition, receiver);
COMMENT ON TABLE woo_sync.alerts IS 'when a receiver was last told of a condition of a source';

-- name: downgrade
DROP TABLE woo_sync.alerts_to_deliver;
-- What it holds cannot be told in the other form, and matters for an hour: at worst a trouble is told once more.
DELETE FROM woo_sync.alerts;
ALTER TABLE woo_sync.alerts DROP CONSTRAINT alerts_pkey;
ALTER TABLE woo_sync.alerts DROP COLUMN receiver;
ALTER TABLE woo_sync.alerts ADD PRIMARY KEY (source, condition);
COMMENT ON TABLE woo_sync.alerts IS 'when somebody was last told of a condition of a source';
