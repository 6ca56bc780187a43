-- name: upgrade
CREATE TABLE woo_sync.source_records (
    source text NOT NULL,
    record_type text NOT NULL CHECK (record_type IN ('customer', 'order')),
    record_id bigint NOT NULL,
    customer_id bigint NOT NULL DEFAULT 0,
    phone text,
    phone_masked text NOT NULL DEFAULT '',
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    order_status text NOT NULL DEFAULT '',
    consent text NOT NULL CHECK (consent IN ('opted_in', 'opted_out', 'unknown')),
    consent_origin text NOT NULL DEFAULT '',
    consent_basis text NOT NULL DEFAULT '',
    choice text CHECK (choice IN ('opted_in', 'opted_out')),
    choice_at timestamptz,
    tags text[] NOT NULL DEFAULT '{}',
    product_ids bigint[] NOT NULL DEFAULT '{}',
    invalid_reason text,
    created_at timestamptz,
    modified_at timestamptz,
    hash text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    gone_at timestamptz,
    PRIMARY KEY (source, record_type, record_id)
);
CREATE INDEX source_records_phone ON woo_sync.source_records (phone) WHERE phone IS NOT NULL;
CREATE INDEX source_records_orders_of_customer ON woo_sync.source_records (source, customer_id)
    WHERE record_type = 'order' AND customer_id <> 0;
CREATE INDEX source_records_products ON woo_sync.source_records USING gin (product_ids)
    WHERE record_type = 'order';
COMMENT ON TABLE woo_sync.source_records IS 'the last known form of every customer and order of every store';
COMMENT ON COLUMN woo_sync.source_records.customer_id IS
    'customers: their own id; orders: the last customer they ever named, 0 if none: a customer who is deleted'
    ' in the store turns into 0 on its orders, which makes them no guest orders';
COMMENT ON COLUMN woo_sync.source_records.phone IS 'E.164; null when invalid_reason says why';
COMMENT ON COLUMN woo_sync.source_records.phone_masked IS 'the phone as it was typed, masked';
COMMENT ON COLUMN woo_sync.source_records.consent IS
    'the signal in force; an opt-out stays in force when its value disappears from the store';
COMMENT ON COLUMN woo_sync.source_records.consent_basis IS
    'the meta keys that were read, empty when the store withheld them: a value that differs only because'
    ' something else was read is no new choice';
COMMENT ON COLUMN woo_sync.source_records.choice IS 'the last known choice, kept while the value is unknown';
COMMENT ON COLUMN woo_sync.source_records.choice_at IS
    'orders: their creation; customers: when the value was first seen to change, registration for an opt-in'
    ' and the time of reading for an opt-out that was there when first met';
COMMENT ON COLUMN woo_sync.source_records.hash IS
    'of the fields that are used and of the settings that they are read with';
COMMENT ON COLUMN woo_sync.source_records.last_seen_at IS
    'when this form was read; an older reading never replaces it';
COMMENT ON COLUMN woo_sync.source_records.gone_at IS 'when a complete reading of the store first lacked it';
CREATE TABLE woo_sync.products (
    source text NOT NULL,
    product_id bigint NOT NULL,
    tags text[] NOT NULL,
    PRIMARY KEY (source, product_id)
);
COMMENT ON TABLE woo_sync.products IS 'the tags of products, as last read';
CREATE TABLE woo_sync.contacts (
    phone text PRIMARY KEY,
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    sources text[] NOT NULL DEFAULT '{}',
    groups text[] NOT NULL DEFAULT '{}',
    consent text NOT NULL DEFAULT 'unknown' CHECK (consent IN ('opted_in', 'opted_out', 'unknown')),
    consent_at timestamptz,
    consent_origin text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'UNSUBSCRIBED' CHECK (status IN ('SUBSCRIBED', 'UNSUBSCRIBED')),
    contact_id uuid,
    base_first_name text,
    base_last_name text,
    base_email text,
    base_sources text[],
    base_groups text[],
    base_consent text,
    base_consent_at timestamptz,
    base_state text CHECK (base_state IN ('SUBSCRIBED', 'UNSUBSCRIBED')),
    base_state_by text CHECK (base_state_by IN ('sync', 'platform')),
    applied_consent text CHECK (applied_consent IN ('opted_in', 'opted_out')),
    applied_consent_at timestamptz,
    unsubscribed_seen_at timestamptz,
    confirmed_at timestamptz,
    in_flight jsonb,
    rejected_reason text,
    rejected_form text,
    is_pending boolean NOT NULL GENERATED ALWAYS AS (
        base_first_name IS DISTINCT FROM first_name
        OR base_last_name IS DISTINCT FROM last_name
        OR base_email IS DISTINCT FROM email
        OR base_sources IS DISTINCT FROM sources
        OR base_groups IS DISTINCT FROM groups
        OR base_consent IS DISTINCT FROM consent
        OR base_consent_at IS DISTINCT FROM consent_at
        OR in_flight IS NOT NULL
    ) STORED
);
CREATE INDEX contacts_pending ON woo_sync.contacts (phone) WHERE is_pending;
CREATE INDEX contacts_sources ON woo_sync.contacts USING gin (sources);
COMMENT ON TABLE woo_sync.contacts IS
    'one row per phone: its merged form over all sources, and the base: what the platform last confirmed';
COMMENT ON COLUMN woo_sync.contacts.sources IS
    'names of the sources that hold the contact, sorted; empty: gone from all';
COMMENT ON COLUMN woo_sync.contacts.groups IS 'names of the platform lists it belongs into, sorted';
COMMENT ON COLUMN woo_sync.contacts.status IS 'what the newest signal and the consent modes make of it';
COMMENT ON COLUMN woo_sync.contacts.contact_id IS 'id on the platform';
COMMENT ON COLUMN woo_sync.contacts.base_sources IS 'null: never confirmed by the platform';
COMMENT ON COLUMN woo_sync.contacts.base_state IS
    'subscription state on the platform when it was last confirmed';
COMMENT ON COLUMN woo_sync.contacts.base_state_by IS
    'who brought it about: this project, or somebody on the platform';
COMMENT ON COLUMN woo_sync.contacts.applied_consent_at IS
    'time of the newest signal that was ever taken into account: only a newer one can change the state again';
COMMENT ON COLUMN woo_sync.contacts.unsubscribed_seen_at IS
    'when the platform was first seen to have unsubscribed it; null while subscribed or unsubscribed by us';
COMMENT ON COLUMN woo_sync.contacts.in_flight IS
    'what is being sent: after a crash, fields that the platform shows with these values count as sent by us';
COMMENT ON COLUMN woo_sync.contacts.rejected_form IS
    'fingerprint of the form that the platform refused: the live sync does not send that form again';
CREATE TABLE woo_sync.platform_lists (
    list_id uuid PRIMARY KEY,
    name text NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX platform_lists_name ON woo_sync.platform_lists (lower(name));
COMMENT ON TABLE woo_sync.platform_lists IS 'the lists that this project owns; no other is ever touched';
CREATE TABLE woo_sync.sync_runs (
    sync_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL UNIQUE,
    source text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('first', 'daily', 'live', 'backfill', 'manual')),
    reading text NOT NULL CHECK (reading IN ('sweep', 'touched')),
    is_dry_run boolean NOT NULL DEFAULT false,
    first_day date NOT NULL,
    last_day date NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'crashed')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    read_until timestamptz,
    last_customer_id bigint,
    committed_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    error text
);
CREATE INDEX sync_runs_source ON woo_sync.sync_runs (source, started_at);
COMMENT ON TABLE woo_sync.sync_runs IS 'the history of syncs, kept 365 days';
COMMENT ON COLUMN woo_sync.sync_runs.read_until IS
    'orders changed before this time, by the clock of the store, are in the state since committed_at';
COMMENT ON COLUMN woo_sync.sync_runs.is_dry_run IS 'nothing was sent: the outcomes are what would have been';
COMMENT ON COLUMN woo_sync.sync_runs.last_customer_id IS 'the highest customer id that was read';
COMMENT ON COLUMN woo_sync.sync_runs.committed_at IS
    'when what was read went into source_records and contacts';

CREATE TABLE woo_sync.sync_run_contacts (
    sync_id bigint NOT NULL REFERENCES woo_sync.sync_runs ON DELETE CASCADE,
    position bigint GENERATED ALWAYS AS IDENTITY,
    outcome text NOT NULL CHECK (outcome IN ('new', 'updated', 'failed', 'invalid')),
    phone text,
    phone_masked text NOT NULL DEFAULT '',
    record_type text,
    record_id bigint,
    state text,
    changes text[] NOT NULL DEFAULT '{}',
    reason text,
    PRIMARY KEY (sync_id, position)
);
COMMENT ON TABLE woo_sync.sync_run_contacts IS
    'what happened to each contact that was not simply unchanged, and each store record without a phone';

-- name: downgrade
DROP TABLE woo_sync.sync_run_contacts;
DROP TABLE woo_sync.sync_runs;
DROP TABLE woo_sync.platform_lists;
DROP TABLE woo_sync.contacts;
DROP TABLE woo_sync.products;
DROP TABLE woo_sync.source_records;
