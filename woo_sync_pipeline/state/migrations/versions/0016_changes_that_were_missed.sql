-- name: upgrade
ALTER TABLE woo_sync.sync_runs ADD COLUMN last_order_id bigint;
COMMENT ON COLUMN woo_sync.sync_runs.last_order_id IS
    'the id up to which all orders have been met, whatever their dates; null: not known';
COMMENT ON COLUMN woo_sync.source_records.phone IS
    'E.164; null when invalid_reason says why, unless a customer without a phone has that of an own order';
-- Customers who can have the phone of an order are read anew, and get it.
UPDATE woo_sync.source_records AS customer SET hash = ''
WHERE record_type = 'customer' AND invalid_reason = 'missing_phone' AND gone_at IS NULL AND EXISTS (
    SELECT FROM woo_sync.source_records AS buying
    WHERE buying.source = customer.source AND buying.record_type = 'order' AND buying.phone IS NOT NULL
        AND buying.customer_id = customer.record_id AND buying.customer_id <> 0
);
ALTER TABLE woo_sync.source_records ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN woo_sync.source_records.erased_at IS
    'when the record was first seen to be erased or anonymised in the store; null: never';
CREATE TABLE woo_sync.erasures (
    phone text PRIMARY KEY,
    source text NOT NULL,
    record_type text NOT NULL,
    record_id bigint NOT NULL,
    mode text NOT NULL CHECK (mode IN ('unsubscribe', 'delete', 'report')),
    noted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE woo_sync.erasures IS
    'phones of people who were erased in a store, until the platform has been told; then the row goes';
COMMENT ON COLUMN woo_sync.erasures.mode IS 'what shall happen, as configured when it was found';
ALTER TABLE woo_sync.sync_run_contacts DROP CONSTRAINT sync_run_contacts_outcome_check;
ALTER TABLE woo_sync.sync_run_contacts ADD CONSTRAINT sync_run_contacts_outcome_check
    CHECK (outcome IN ('new', 'updated', 'unchanged', 'failed', 'invalid', 'erased'));
CREATE TABLE woo_sync.user_roles (
    source text NOT NULL,
    user_id bigint NOT NULL,
    roles text[] NOT NULL,
    PRIMARY KEY (source, user_id)
);
COMMENT ON TABLE woo_sync.user_roles IS
    'all roles of the users who have several, as the last complete reading of the store found them';
COMMENT ON COLUMN woo_sync.source_records.gone_at IS
    'when a complete reading of the customers first lacked it, or the store first said that it is gone';

-- name: downgrade
UPDATE woo_sync.source_records SET phone = NULL, hash = '' WHERE invalid_reason = 'missing_phone';
ALTER TABLE woo_sync.sync_runs DROP COLUMN last_order_id;
ALTER TABLE woo_sync.source_records DROP COLUMN erased_at;
DROP TABLE woo_sync.erasures;
DROP TABLE woo_sync.user_roles;
DELETE FROM woo_sync.sync_run_contacts WHERE outcome = 'erased';
ALTER TABLE woo_sync.sync_run_contacts DROP CONSTRAINT sync_run_contacts_outcome_check;
ALTER TABLE woo_sync.sync_run_contacts ADD CONSTRAINT sync_run_contacts_outcome_check
    CHECK (outcome IN ('new', 'updated', 'unchanged', 'failed', 'invalid'));
