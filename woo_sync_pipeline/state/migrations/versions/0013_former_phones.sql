-- name: upgrade
CREATE TABLE woo_sync.former_phones (
    source text NOT NULL,
    record_type text NOT NULL,
    record_id bigint NOT NULL,
    phone text NOT NULL,
    left_at timestamptz NOT NULL,
    PRIMARY KEY (source, record_type, record_id, phone)
);
CREATE INDEX former_phones_phone ON woo_sync.former_phones (phone);
COMMENT ON TABLE woo_sync.former_phones IS
    'phones (E.164) that a customer or a guest order had before; may be somebody else''s by now';
COMMENT ON COLUMN woo_sync.former_phones.left_at IS
    'when the record was first read with another phone, or none';
INSERT INTO woo_sync.former_phones (source, record_type, record_id, phone, left_at)
SELECT source, record_type, record_id, event.phone, max(record.last_seen_at)
FROM woo_sync.consent_events AS event JOIN woo_sync.source_records AS record
    USING (source, record_type, record_id)
WHERE event.phone IS DISTINCT FROM record.phone AND (record_type = 'customer' OR record.customer_id = 0)
GROUP BY 1, 2, 3, 4;

-- name: downgrade
DROP TABLE woo_sync.former_phones;
