-- name: upgrade
DROP INDEX woo_sync.source_records_orders_of_customer;
DROP INDEX woo_sync.source_records_products;
ALTER TABLE woo_sync.source_records
    DROP CONSTRAINT source_records_record_type_check,
    DROP CONSTRAINT source_records_pkey,
    ALTER COLUMN customer_id DROP DEFAULT,
    ALTER COLUMN product_ids DROP DEFAULT,
    ADD COLUMN is_person boolean NOT NULL DEFAULT false,
    ADD COLUMN is_discarded boolean NOT NULL DEFAULT false;
-- What is computed from other columns is so in the one rewriting that the new types need anyway.
ALTER TABLE woo_sync.source_records
    ALTER COLUMN record_id TYPE text COLLATE "C" USING record_id::text,
    ALTER COLUMN customer_id TYPE text COLLATE "C"
        USING CASE WHEN record_type = 'customer' THEN record_id::text
            WHEN customer_id = 0 THEN '' ELSE customer_id::text END,
    ALTER COLUMN is_person TYPE boolean USING record_type = 'customer',
    ALTER COLUMN is_discarded TYPE boolean USING order_status = 'trash',
    ALTER COLUMN product_ids TYPE text[] COLLATE "C"
        USING CASE WHEN order_status NOT IN ('pending', 'failed', 'cancelled', 'refunded', 'trash')
            THEN product_ids::text[] ELSE '{}' END;
ALTER TABLE woo_sync.source_records RENAME COLUMN customer_id TO person_id;
ALTER TABLE woo_sync.source_records RENAME COLUMN order_status TO status;
ALTER TABLE woo_sync.source_records RENAME COLUMN product_ids TO item_ids;
ALTER TABLE woo_sync.source_records
    ALTER COLUMN person_id SET DEFAULT '',
    ALTER COLUMN item_ids SET DEFAULT '{}',
    ALTER COLUMN is_person DROP DEFAULT,
    -- The id before the type: of a person's own record the id is known where it is looked for, and the type is not.
    ADD PRIMARY KEY (source, record_id, record_type);
CREATE INDEX source_records_of_person ON woo_sync.source_records (source, person_id)
    WHERE NOT is_person AND person_id <> '';
CREATE INDEX source_records_items ON woo_sync.source_records USING gin (item_ids) WHERE item_ids <> '{}';
COMMENT ON TABLE woo_sync.source_records IS 'the last known form of every record of every source';
COMMENT ON COLUMN woo_sync.source_records.record_type IS
    'what it is, in a word of the source: customer, order, profile';
COMMENT ON COLUMN woo_sync.source_records.record_id IS 'its id within the source and its type';
COMMENT ON COLUMN woo_sync.source_records.person_id IS
    'the id, within the source, of the person it belongs to: of a person''s own record its own, of others the last one'
    ' that they ever named, empty if none: a customer who is deleted in the store is named by no order any more, which'
    ' makes them no guest orders';
COMMENT ON COLUMN woo_sync.source_records.is_person IS 'whether it is a person''s own record';
COMMENT ON COLUMN woo_sync.source_records.is_discarded IS
    'whether it was thrown away in the source: it holds no contact, its yes counts for nothing, its no counts';
COMMENT ON COLUMN woo_sync.source_records.status IS 'in the words of the source, for people to read';
COMMENT ON COLUMN woo_sync.source_records.item_ids IS
    'ids of the things whose tags the person gets: products that were bought';
ALTER TABLE woo_sync.products RENAME TO tagged_items;
ALTER INDEX woo_sync.products_pkey RENAME TO tagged_items_pkey;
ALTER TABLE woo_sync.tagged_items RENAME COLUMN product_id TO item_id;
ALTER TABLE woo_sync.tagged_items ALTER COLUMN item_id TYPE text COLLATE "C" USING item_id::text;
COMMENT ON TABLE woo_sync.tagged_items IS 'the tags of the things that records name in item_ids, as last read';
ALTER TABLE woo_sync.consent_events ALTER COLUMN record_id TYPE text COLLATE "C" USING record_id::text;
ALTER TABLE woo_sync.former_phones ALTER COLUMN record_id TYPE text COLLATE "C" USING record_id::text;
ALTER TABLE woo_sync.erasures ALTER COLUMN record_id TYPE text COLLATE "C" USING record_id::text;
ALTER TABLE woo_sync.sync_run_contacts ALTER COLUMN record_id TYPE text COLLATE "C" USING record_id::text;
-- What a sync did not look at was what it had been. Only the newest has to be in force, the others tell what they
-- read.
ALTER TABLE woo_sync.sync_runs ADD COLUMN cursor jsonb;
COMMENT ON COLUMN woo_sync.sync_runs.cursor IS
    'how far the source was read, in terms that only it understands; that of its newest committed sync is in force';
UPDATE woo_sync.sync_runs AS sync SET cursor = jsonb_strip_nulls(jsonb_build_object(
    'last_customer_id', CASE WHEN sync_id = newest THEN highest ELSE last_customer_id END,
    'last_order_id', CASE WHEN sync_id = newest THEN last_known ELSE last_order_id END
))
FROM (
    SELECT source, max(last_customer_id) AS highest,
        (array_agg(sync_id ORDER BY committed_at DESC, sync_id DESC))[1] AS newest,
        (array_agg(last_order_id ORDER BY committed_at DESC, sync_id DESC)
            FILTER (WHERE last_order_id IS NOT NULL))[1] AS last_known
    FROM woo_sync.sync_runs WHERE committed_at IS NOT NULL GROUP BY source
) AS known
WHERE known.source = sync.source AND sync.committed_at IS NOT NULL;
ALTER TABLE woo_sync.sync_runs DROP COLUMN last_customer_id, DROP COLUMN last_order_id;
-- The types of columns are new, and with them what PostgreSQL knows of what they hold is gone.
ANALYZE woo_sync.source_records, woo_sync.tagged_items, woo_sync.consent_events, woo_sync.former_phones;

-- name: downgrade
DELETE FROM woo_sync.source_records WHERE record_id !~ '^(0|[1-9][0-9]{0,17})$' OR person_id !~ '^[0-9]{0,18}$'
    OR record_type NOT IN ('customer', 'order') OR is_person <> (record_type = 'customer');
DELETE FROM woo_sync.tagged_items WHERE item_id !~ '^[0-9]{1,18}$';
DROP INDEX woo_sync.source_records_of_person;
DROP INDEX woo_sync.source_records_items;
ALTER TABLE woo_sync.source_records
    DROP CONSTRAINT source_records_pkey,
    ALTER COLUMN person_id DROP DEFAULT,
    ALTER COLUMN item_ids DROP DEFAULT;
ALTER TABLE woo_sync.source_records
    ALTER COLUMN record_id TYPE bigint USING record_id::bigint,
    ALTER COLUMN person_id TYPE bigint USING coalesce(nullif(person_id, ''), '0')::bigint,
    ALTER COLUMN item_ids TYPE bigint[] USING item_ids::bigint[],
    DROP COLUMN is_person,
    DROP COLUMN is_discarded;
ALTER TABLE woo_sync.source_records RENAME COLUMN person_id TO customer_id;
ALTER TABLE woo_sync.source_records RENAME COLUMN status TO order_status;
ALTER TABLE woo_sync.source_records RENAME COLUMN item_ids TO product_ids;
ALTER TABLE woo_sync.source_records
    ALTER COLUMN customer_id SET DEFAULT 0,
    ALTER COLUMN product_ids SET DEFAULT '{}',
    ADD PRIMARY KEY (source, record_type, record_id),
    ADD CONSTRAINT source_records_record_type_check CHECK (record_type IN ('customer', 'order'));
CREATE INDEX source_records_orders_of_customer ON woo_sync.source_records (source, customer_id)
    WHERE record_type = 'order' AND customer_id <> 0;
CREATE INDEX source_records_products ON woo_sync.source_records USING gin (product_ids) WHERE record_type = 'order';
ALTER TABLE woo_sync.tagged_items ALTER COLUMN item_id TYPE bigint USING item_id::bigint;
ALTER TABLE woo_sync.tagged_items RENAME COLUMN item_id TO product_id;
ALTER INDEX woo_sync.tagged_items_pkey RENAME TO products_pkey;
ALTER TABLE woo_sync.tagged_items RENAME TO products;
ALTER TABLE woo_sync.sync_runs ADD COLUMN last_customer_id bigint, ADD COLUMN last_order_id bigint;
UPDATE woo_sync.sync_runs SET last_customer_id = (cursor ->> 'last_customer_id')::bigint,
    last_order_id = (cursor ->> 'last_order_id')::bigint
WHERE cursor IS NOT NULL;
ALTER TABLE woo_sync.sync_runs DROP COLUMN cursor;
DELETE FROM woo_sync.consent_events WHERE record_id !~ '^(0|[1-9][0-9]{0,17})$';
ALTER TABLE woo_sync.consent_events ALTER COLUMN record_id TYPE bigint USING record_id::bigint;
DELETE FROM woo_sync.former_phones WHERE record_id !~ '^(0|[1-9][0-9]{0,17})$';
ALTER TABLE woo_sync.former_phones ALTER COLUMN record_id TYPE bigint USING record_id::bigint;
DELETE FROM woo_sync.erasures WHERE record_id !~ '^(0|[1-9][0-9]{0,17})$';
ALTER TABLE woo_sync.erasures ALTER COLUMN record_id TYPE bigint USING record_id::bigint;
DELETE FROM woo_sync.sync_run_contacts WHERE record_id !~ '^(0|[1-9][0-9]{0,17})$';
ALTER TABLE woo_sync.sync_run_contacts ALTER COLUMN record_id TYPE bigint USING record_id::bigint;
