-- name: upgrade
DROP INDEX woo_sync.contacts_pending;
ALTER TABLE woo_sync.contacts
    DROP COLUMN is_pending,
    ADD COLUMN base_before_leaving jsonb,
    ADD COLUMN base_taken_off text[] NOT NULL DEFAULT '{}',
    ADD COLUMN missed_at timestamptz,
    ADD COLUMN opted_out_when_stopped_at timestamptz;
ALTER TABLE woo_sync.contacts ADD COLUMN is_pending boolean NOT NULL GENERATED ALWAYS AS (
    base_first_name IS DISTINCT FROM first_name
    OR base_last_name IS DISTINCT FROM last_name
    OR base_email IS DISTINCT FROM email
    OR base_sources IS DISTINCT FROM sources
    OR base_groups IS DISTINCT FROM groups
    OR base_consent IS DISTINCT FROM consent
    OR base_consent_at IS DISTINCT FROM consent_at
    OR base_consent_dated_at IS DISTINCT FROM consent_dated_at
    OR in_flight IS NOT NULL
    OR missed_at IS NOT NULL
) STORED;
CREATE INDEX contacts_pending ON woo_sync.contacts (is_pending) WHERE is_pending;
COMMENT ON COLUMN woo_sync.contacts.base_before_leaving IS
    'names and address as they were confirmed before the contact left every store; null: it is in one';
COMMENT ON COLUMN woo_sync.contacts.base_taken_off IS
    'lists that the contact was found to have been taken off on the platform, and is not put on again';
COMMENT ON COLUMN woo_sync.contacts.missed_at IS
    'when a look at all contacts of the platform did not find it; null: it was there';
COMMENT ON COLUMN woo_sync.contacts.opted_out_when_stopped_at IS
    'when it was subscribed, and an opt-out of a sync that its limits stopped was sent all the same';
ALTER TABLE woo_sync.sources ADD COLUMN settings jsonb;
COMMENT ON COLUMN woo_sync.sources.settings IS
    'the settings that what its records mean depends on, as they were when last something was committed';
ALTER TABLE woo_sync.sync_runs ADD COLUMN accepted_by text;
COMMENT ON COLUMN woo_sync.sync_runs.accepted_by IS
    'who asked that changes beyond the limits are let through; null: nobody';
CREATE TABLE woo_sync.platform_fields (
    merge_tag text PRIMARY KEY,
    field_id text NOT NULL
);
COMMENT ON TABLE woo_sync.platform_fields IS 'custom fields of the platform that hold what this project writes';

-- name: downgrade
DROP TABLE woo_sync.platform_fields;
ALTER TABLE woo_sync.sync_runs DROP COLUMN accepted_by;
ALTER TABLE woo_sync.sources DROP COLUMN settings;
DROP INDEX woo_sync.contacts_pending;
ALTER TABLE woo_sync.contacts DROP COLUMN is_pending, DROP COLUMN base_before_leaving,
    DROP COLUMN base_taken_off, DROP COLUMN missed_at, DROP COLUMN opted_out_when_stopped_at;
ALTER TABLE woo_sync.contacts ADD COLUMN is_pending boolean NOT NULL GENERATED ALWAYS AS (
    base_first_name IS DISTINCT FROM first_name
    OR base_last_name IS DISTINCT FROM last_name
    OR base_email IS DISTINCT FROM email
    OR base_sources IS DISTINCT FROM sources
    OR base_groups IS DISTINCT FROM groups
    OR base_consent IS DISTINCT FROM consent
    OR base_consent_at IS DISTINCT FROM consent_at
    OR base_consent_dated_at IS DISTINCT FROM consent_dated_at
    OR in_flight IS NOT NULL
) STORED;
CREATE INDEX contacts_pending ON woo_sync.contacts (is_pending) WHERE is_pending;
