-- name: is_of_ours
-- A contact that left every store may be deleted there: nobody misses it.
base_sources <> '{}' AND sources <> '{}' AND base_state IS NOT NULL

-- name: lists
SELECT list_id::text, name FROM woo_sync.platform_lists

-- name: fields
SELECT merge_tag, field_id FROM woo_sync.platform_fields

-- name: sample
SELECT phone, contact_id::text FROM woo_sync.contacts
WHERE {is_of_ours} AND contact_id IS NOT NULL ORDER BY confirmed_at DESC NULLS LAST LIMIT :sample

-- name: remember_field
INSERT INTO woo_sync.platform_fields (merge_tag, field_id) VALUES (:merge_tag, :field_id)
ON CONFLICT (merge_tag) DO UPDATE SET field_id = excluded.field_id
WHERE platform_fields.field_id <> excluded.field_id

-- name: forget_lists
DELETE FROM woo_sync.platform_lists WHERE list_id::text = ANY(:lists) RETURNING name

-- name: forget_fields
DELETE FROM woo_sync.platform_fields WHERE merge_tag = ANY(:fields)

-- name: forget_what_lacks
UPDATE woo_sync.contacts SET
    base_groups = ARRAY(
        SELECT name FROM unnest(base_groups) AS name WHERE lower(name) <> ALL(:names) ORDER BY name
    ),
    base_sources = CASE WHEN :labels THEN '{}' ELSE base_sources END,
    base_email = CASE WHEN :emails THEN '' ELSE base_email END
WHERE {is_of_ours} AND (:labels OR (:emails AND base_email <> '') OR EXISTS (
    SELECT FROM unnest(base_groups) AS name WHERE lower(name) = ANY(:names)
))

-- name: forget_account
DELETE FROM woo_sync.platform_lists;
DELETE FROM woo_sync.platform_fields;
UPDATE woo_sync.contacts SET missed_at = now() WHERE {is_of_ours}

-- name: held
SELECT phone FROM woo_sync.contacts
WHERE {is_of_ours} AND confirmed_at < :before AND missed_at IS NULL AND phone > :after
ORDER BY phone LIMIT :most

-- name: note_missing
UPDATE woo_sync.contacts SET missed_at = now() WHERE phone = ANY(:phones) AND missed_at IS NULL

-- name: begin_directory_read
-- Where nothing was ever confirmed there is nothing to look at: what the sync then sends it has seen.
UPDATE woo_sync.sync_runs SET directory_read_at = clock_timestamp()
WHERE run_id = :run_id
    AND NOT EXISTS (
        SELECT FROM woo_sync.sync_runs
        WHERE directory_read_at > clock_timestamp() - :unless_within AND status = 'succeeded'
    )
RETURNING CASE WHEN EXISTS (SELECT FROM woo_sync.contacts WHERE base_state IS NOT NULL) THEN directory_read_at END

-- name: note_states
-- What a push has confirmed since the reading began is newer than what was read. The walk before this one saw everybody
-- as they were known.
WITH changed AS (
    UPDATE woo_sync.contacts AS known SET
        base_state = seen.state,
        base_state_by = 'platform',
        base_seen_at = now(),
        unsubscribed_seen_at = CASE seen.state WHEN 'UNSUBSCRIBED' THEN now() END
    FROM seen JOIN woo_sync.contacts AS before USING (phone)
    WHERE known.phone = seen.phone AND known.base_state <> seen.state AND NOT known.is_pending
        AND known.confirmed_at < :read_at
    RETURNING known.phone, known.base_state, before.base_seen_at AS seen_before_at
), noted AS (
    INSERT INTO woo_sync.consent_events (phone, what, earliest, latest, sync_id)
    SELECT phone, CASE base_state WHEN 'UNSUBSCRIBED' THEN 'stop' ELSE 'resubscribed' END,
        greatest(seen_before_at, (
            SELECT max(directory_read_at) FROM woo_sync.sync_runs
            WHERE status = 'succeeded' AND directory_read_at < :read_at
        )),
        now(), (SELECT sync_id FROM woo_sync.sync_runs WHERE run_id = :run_id)
    FROM changed
)
SELECT base_state FROM changed
