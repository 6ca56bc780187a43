-- name: claim
-- One statement: of two sensors that ask at the same time only one is let through. What was not delivered yet is due
-- whatever the interval, in the form of its latest occurrence.
INSERT INTO woo_sync.alerts_to_deliver AS kept
    (source, condition, receiver, message, happened_at, next_try_at, claimed_until)
SELECT :source, :condition, :receiver, CAST(:message AS jsonb), now(), now(), now() + :lease
WHERE NOT EXISTS (
    SELECT FROM woo_sync.alerts
    WHERE source = :source AND condition = :condition AND receiver = :receiver
        AND sent_at > now() - :min_interval
)
ON CONFLICT (source, condition, receiver) DO UPDATE
SET message = excluded.message, happened_at = excluded.happened_at, claimed_until = excluded.claimed_until
WHERE kept.claimed_until <= now()
RETURNING true

-- name: claim_kept
UPDATE woo_sync.alerts_to_deliver AS kept SET claimed_until = now() + :lease
FROM (
    SELECT source, condition, receiver FROM woo_sync.alerts_to_deliver
    WHERE receiver = :receiver AND next_try_at <= now() AND claimed_until <= now()
    ORDER BY next_try_at, happened_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE (kept.source, kept.condition, kept.receiver) = (due.source, due.condition, due.receiver)
RETURNING kept.source, kept.condition, kept.message, kept.happened_at

-- name: note_told
WITH delivered AS (
    DELETE FROM woo_sync.alerts_to_deliver
    WHERE source = :source AND condition = :condition AND receiver = :receiver
)
INSERT INTO woo_sync.alerts (source, condition, receiver, sent_at) VALUES (:source, :condition, :receiver, now())
ON CONFLICT (source, condition, receiver) DO UPDATE SET sent_at = excluded.sent_at

-- name: note_untold
-- After one minute, two, four, eight, and then each time sixteen: a login that is refused shall not lock its account.
UPDATE woo_sync.alerts_to_deliver
SET failures = failures + 1, claimed_until = now(),
    next_try_at = now() + interval '1 minute' * power(2, least(failures, 4))
WHERE source = :source AND condition = :condition AND receiver = :receiver

-- name: forget
DELETE FROM woo_sync.alerts_to_deliver WHERE happened_at < now() - :kept AND claimed_until <= now()
