-- name: lent
SELECT record_id, phone FROM woo_sync.source_records
WHERE source = :source AND is_person AND record_id = ANY(:ids) AND invalid_reason = :missing AND phone IS NOT NULL

-- name: lend
-- Of the persons in this portion and of those whose records are in it, who shall have another phone than before. (That a
-- person's id is not empty is said for PostgreSQL: the index over what belongs to persons has no others.)
--
-- An opt-out goes with the person to another phone, as in `contacts.choices`.
WITH lending AS MATERIALIZED (
    SELECT person.record_type, person.record_id, person.phone AS old_phone, newest.phone AS new_phone
    FROM (
        SELECT known.person_id FROM dated JOIN woo_sync.source_records AS known USING (record_type, record_id)
        WHERE known.source = :source AND known.person_id <> ''
        GROUP BY known.person_id
    ) AS asked
    JOIN woo_sync.source_records AS person
        ON person.source = :source AND person.is_person AND person.record_id = asked.person_id
        AND person.invalid_reason = :missing AND person.gone_at IS NULL
    LEFT JOIN LATERAL (
        SELECT theirs.phone FROM woo_sync.source_records AS theirs
        WHERE theirs.source = :source AND NOT theirs.is_person AND theirs.person_id = person.record_id
            AND theirs.person_id <> '' AND theirs.phone IS NOT NULL AND NOT theirs.is_discarded
            AND theirs.gone_at IS NULL
            -- What was ordered before does not bring back who was erased.
            AND (person.erased_at IS NULL OR theirs.created_at > person.erased_at)
        -- Of ids that are numbers the longer one is the higher one.
        ORDER BY theirs.created_at DESC NULLS LAST, length(theirs.record_id) DESC, theirs.record_id DESC LIMIT 1
    ) AS newest ON true
    WHERE person.phone IS DISTINCT FROM newest.phone
), lent AS (
    UPDATE woo_sync.source_records AS person SET
        phone = lending.new_phone,
        carried_opt_out_at = greatest(
            person.carried_opt_out_at,
            CASE WHEN left_behind.consent = 'opted_out' THEN left_behind.consent_at END,
            CASE WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.base_state_by <> 'platform'
                AND left_behind.applied_consent = 'opted_out' THEN left_behind.applied_consent_at END
        ),
        carried_stop_at = greatest(
            person.carried_stop_at,
            CASE WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.base_state_by = 'platform'
                THEN coalesce(left_behind.unsubscribed_seen_at, now()) END
        )
    FROM lending LEFT JOIN woo_sync.contacts AS left_behind ON left_behind.phone = lending.old_phone
    WHERE person.source = :source AND person.record_type = lending.record_type AND person.record_id = lending.record_id
), noted AS (
    INSERT INTO woo_sync.former_phones (source, record_type, record_id, phone, left_at)
    SELECT :source, record_type, record_id, old_phone, now() FROM lending WHERE old_phone IS NOT NULL
    ON CONFLICT (source, record_type, record_id, phone) DO UPDATE SET left_at = excluded.left_at
)
INSERT INTO touched
SELECT phone FROM lending CROSS JOIN LATERAL (VALUES (old_phone), (new_phone)) AS either (phone)
WHERE phone IS NOT NULL

-- name: persons_not_to_mend
SELECT record_type, record_id FROM woo_sync.source_records
WHERE source = :source AND is_person AND record_id = ANY(:ids)
    AND (phone IS NOT NULL OR erased_at IS NOT NULL)
