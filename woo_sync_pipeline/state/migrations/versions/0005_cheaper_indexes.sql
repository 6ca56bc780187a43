-- name: upgrade
DROP INDEX woo_sync.contacts_sources;
DROP INDEX woo_sync.contacts_pending;
CREATE INDEX contacts_pending ON woo_sync.contacts (is_pending) WHERE is_pending;

-- name: downgrade
DROP INDEX woo_sync.contacts_pending;
CREATE INDEX contacts_pending ON woo_sync.contacts (phone) WHERE is_pending;
CREATE INDEX contacts_sources ON woo_sync.contacts USING gin (sources);
