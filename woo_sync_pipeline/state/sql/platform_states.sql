-- name: begin
-- Where nothing was ever confirmed there is nothing to look at: what the sync then sends it has seen.
UPDATE woo_sync.sync_runs SET directory_read_at = clock_timestamp()
WHERE run_id = :run_id
    AND NOT EXISTS (
        SELECT FROM woo_sync.sync_runs
        WHERE directory_read_at > clock_timestamp() - :unless_within AND status = 'succeeded'
    )
RETURNING CASE WHEN EXISTS (SELECT FROM woo_sync.contacts WHERE base_state IS NOT NULL) THEN directory_read_at END

-- name: note
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
