-- name: upgrade
ALTER TABLE woo_sync.source_records
    ADD COLUMN consent_key text NOT NULL DEFAULT '',
    ADD COLUMN consent_answers text,
    ADD COLUMN choice_from timestamptz,
    ADD COLUMN choice_until timestamptz,
    ADD COLUMN choice_is_dated boolean NOT NULL DEFAULT false,
    ADD COLUMN choice_returned_at timestamptz,
    ADD COLUMN carried_stop_at timestamptz;
UPDATE woo_sync.source_records SET
    consent_key = regexp_replace(consent_origin, '^(customer|order) meta ', ''),
    -- A time that was the date of registration, or of a reading, says only until when it was made at the latest.
    choice_from = CASE
        WHEN record_type = 'order' OR choice_at > created_at THEN choice_at
        WHEN choice IS NOT NULL THEN 'epoch' END,
    choice_until = CASE WHEN record_type = 'order' OR choice = 'opted_out' THEN choice_at
        WHEN choice IS NOT NULL THEN greatest(choice_at, last_seen_at) END,
    choice_is_dated = record_type = 'order' AND choice_at > 'epoch',
    -- Whether it was a STOP was not kept: no opt-in without a date may undo it.
    carried_stop_at = carried_opt_out_at
WHERE choice IS NOT NULL OR consent_origin <> '' OR carried_opt_out_at IS NOT NULL;
ALTER TABLE woo_sync.source_records
    DROP COLUMN choice_at,
    ADD CONSTRAINT source_records_choice_has_times
        CHECK (choice IS NULL OR (choice_from IS NOT NULL AND choice_until IS NOT NULL));
COMMENT ON COLUMN woo_sync.source_records.consent_key IS
    'the meta key of the last known choice; of a visible copy of a hidden key, the hidden one';
COMMENT ON COLUMN woo_sync.source_records.consent_answers IS
    'what stands under each meta key of consent, as JSON: meaning, key that it stands for, date; null: not yet read so';
COMMENT ON COLUMN woo_sync.source_records.choice_from IS
    'the earliest time, by our clock, at which the last known choice can have been made; 1970: as old as anything';
COMMENT ON COLUMN woo_sync.source_records.choice_until IS 'the latest such time';
COMMENT ON COLUMN woo_sync.source_records.choice_is_dated IS
    'whether the times are the choice''s own (of the order, or kept beside it), and not those of our readings';
COMMENT ON COLUMN woo_sync.source_records.choice_returned_at IS
    'when an opt-in came back that an opt-out without a date had taken the place of for a while';
COMMENT ON COLUMN woo_sync.source_records.carried_opt_out_at IS
    'until when the person may have opted out, in a store, under an earlier phone of this record; null: never';
COMMENT ON COLUMN woo_sync.source_records.carried_stop_at IS
    'until when the person may have been unsubscribed on the platform under an earlier phone: only an opt-in with a'
    ' date of its own undoes it; null: never';
DROP INDEX woo_sync.contacts_pending;
ALTER TABLE woo_sync.contacts
    DROP COLUMN is_pending,
    ADD COLUMN consent_dated_at timestamptz,
    ADD COLUMN base_consent_dated_at timestamptz,
    ADD COLUMN applied_consent_dated_at timestamptz,
    ADD COLUMN base_modified_at timestamptz,
    ADD COLUMN base_seen_at timestamptz,
    ADD COLUMN not_applied text CHECK (not_applied IN
        ('unsubscribed_before', 'undated', 'perhaps_earlier', 'perhaps_before_deletion'));
UPDATE woo_sync.contacts SET
    consent_dated_at = CASE WHEN consent = 'opted_in' AND consent_origin LIKE 'order meta %' AND consent_at > 'epoch'
        THEN consent_at END,
    base_consent_dated_at = CASE WHEN base_consent = 'opted_in' AND consent_origin LIKE 'order meta %'
        AND base_consent_at = consent_at AND consent_at > 'epoch' THEN consent_at END,
    -- What was ever taken into account shall not count as new.
    applied_consent_dated_at = CASE WHEN applied_consent = 'opted_in' THEN applied_consent_at END,
    base_seen_at = confirmed_at;
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
COMMENT ON COLUMN woo_sync.contacts.consent_at IS
    'of an opt-in the earliest, of an opt-out the latest time at which it can have been made';
COMMENT ON COLUMN woo_sync.contacts.consent_dated_at IS
    'the earliest time of the newest opt-in that has a date of its own, which alone can answer a STOP';
COMMENT ON COLUMN woo_sync.contacts.base_modified_at IS
    'date of the contact''s last change, by the platform''s clock, when it was last confirmed';
COMMENT ON COLUMN woo_sync.contacts.base_seen_at IS 'when its subscription state was last read or confirmed';
COMMENT ON COLUMN woo_sync.contacts.not_applied IS
    'why an opt-in in a store has not subscribed it; null: none, or it has';
CREATE TABLE woo_sync.consent_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text NOT NULL,
    what text NOT NULL CHECK (what IN ('yes', 'no', 'stop', 'resubscribed', 'gone', 'subscribed_by_sync',
        'unsubscribed_by_sync', 'not_applied')),
    earliest timestamptz,
    latest timestamptz NOT NULL,
    is_dated boolean NOT NULL DEFAULT false,
    seen_at timestamptz NOT NULL DEFAULT now(),
    source text,
    record_type text,
    record_id bigint,
    key text NOT NULL DEFAULT '',
    value text NOT NULL DEFAULT '',
    sync_id bigint,
    became text NOT NULL DEFAULT ''
);
CREATE INDEX consent_events_phone ON woo_sync.consent_events (phone);
CREATE INDEX consent_events_seen ON woo_sync.consent_events USING brin (seen_at);
COMMENT ON TABLE woo_sync.consent_events IS
    'the ledger of consent: every choice, unsubscription and subscription; rows are added and, when too old or when the'
    ' person is erased, deleted, but never changed';
COMMENT ON COLUMN woo_sync.consent_events.earliest IS 'it happened after this time; null or 1970: nobody knows';
COMMENT ON COLUMN woo_sync.consent_events.latest IS 'it happened before this time';
COMMENT ON COLUMN woo_sync.consent_events.is_dated IS
    'whether these times are its own (of the order, or kept beside the choice), and not those of our readings';
COMMENT ON COLUMN woo_sync.consent_events.value IS 'what stood in the store, as it was read';
COMMENT ON COLUMN woo_sync.consent_events.sync_id IS 'the sync that saw or did it; that sync may be forgotten by now';
INSERT INTO woo_sync.consent_events
    (phone, what, earliest, latest, is_dated, seen_at, source, record_type, record_id, key, became)
SELECT coalesce(record.phone, customer.phone), CASE record.choice WHEN 'opted_in' THEN 'yes' ELSE 'no' END,
    record.choice_from, record.choice_until, record.choice_is_dated, record.last_seen_at, record.source,
    record.record_type, record.record_id, record.consent_key, 'known before the ledger began'
FROM woo_sync.source_records AS record
LEFT JOIN woo_sync.source_records AS customer
    ON record.record_type = 'order' AND customer.source = record.source AND customer.record_type = 'customer'
    AND customer.record_id = record.customer_id
WHERE record.choice IS NOT NULL AND coalesce(record.phone, customer.phone) IS NOT NULL
UNION ALL
SELECT phone, 'stop', NULL, coalesce(unsubscribed_seen_at, confirmed_at, now()), false,
    coalesce(unsubscribed_seen_at, confirmed_at, now()), NULL, NULL, NULL, '', 'known before the ledger began'
FROM woo_sync.contacts WHERE base_state = 'UNSUBSCRIBED' AND base_state_by = 'platform'
ORDER BY 6, 1;
ALTER TABLE woo_sync.sync_run_contacts DROP CONSTRAINT sync_run_contacts_outcome_check;
ALTER TABLE woo_sync.sync_run_contacts ADD CONSTRAINT sync_run_contacts_outcome_check
    CHECK (outcome IN ('new', 'updated', 'unchanged', 'failed', 'invalid'));
ALTER TABLE woo_sync.sync_runs ADD COLUMN store_ahead_by double precision[];
COMMENT ON COLUMN woo_sync.sync_runs.store_ahead_by IS
    'by how many seconds the store''s clock was ahead of ours, at the least and at the most';

-- name: downgrade
ALTER TABLE woo_sync.sync_runs DROP COLUMN store_ahead_by;
DELETE FROM woo_sync.sync_run_contacts WHERE outcome = 'unchanged';
ALTER TABLE woo_sync.sync_run_contacts DROP CONSTRAINT sync_run_contacts_outcome_check;
ALTER TABLE woo_sync.sync_run_contacts ADD CONSTRAINT sync_run_contacts_outcome_check
    CHECK (outcome IN ('new', 'updated', 'failed', 'invalid'));
DROP TABLE woo_sync.consent_events;
DROP INDEX woo_sync.contacts_pending;
ALTER TABLE woo_sync.contacts DROP COLUMN is_pending, DROP COLUMN consent_dated_at,
    DROP COLUMN base_consent_dated_at, DROP COLUMN applied_consent_dated_at, DROP COLUMN base_modified_at,
    DROP COLUMN base_seen_at, DROP COLUMN not_applied;
ALTER TABLE woo_sync.contacts ADD COLUMN is_pending boolean NOT NULL GENERATED ALWAYS AS (
    base_first_name IS DISTINCT FROM first_name
    OR base_last_name IS DISTINCT FROM last_name
    OR base_email IS DISTINCT FROM email
    OR base_sources IS DISTINCT FROM sources
    OR base_groups IS DISTINCT FROM groups
    OR base_consent IS DISTINCT FROM consent
    OR base_consent_at IS DISTINCT FROM consent_at
    OR in_flight IS NOT NULL
) STORED;
CREATE INDEX contacts_pending ON woo_sync.contacts (is_pending) WHERE is_pending;
ALTER TABLE woo_sync.source_records ADD COLUMN choice_at timestamptz;
UPDATE woo_sync.source_records SET
    choice_at = CASE choice WHEN 'opted_in' THEN choice_from ELSE choice_until END,
    carried_opt_out_at = greatest(carried_opt_out_at, carried_stop_at);
ALTER TABLE woo_sync.source_records DROP CONSTRAINT source_records_choice_has_times, DROP COLUMN consent_key,
    DROP COLUMN consent_answers, DROP COLUMN choice_from, DROP COLUMN choice_until, DROP COLUMN choice_is_dated,
    DROP COLUMN choice_returned_at,
    DROP COLUMN carried_stop_at;
