-- name: touched_by_gone
-- A record that another sync saw after this reading began is not gone.
INSERT INTO touched
SELECT known.phone
FROM gone JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.phone IS NOT NULL
    AND known.gone_at IS NULL AND known.last_seen_at < :started_at

-- name: mark_gone
UPDATE woo_sync.source_records AS known SET gone_at = now()
FROM gone
WHERE known.source = :source AND known.record_type = gone.record_type AND known.record_id = gone.record_id
    AND known.gone_at IS NULL AND known.last_seen_at < :started_at

-- name: touched_by_items
-- (That the lists are not empty is said for PostgreSQL: the index has no others.)
INSERT INTO touched
SELECT DISTINCT coalesce(person.phone, known.phone)
FROM (
    SELECT array_agg(incoming_items.item_id) AS ids
    FROM incoming_items
    LEFT JOIN woo_sync.tagged_items AS known
        ON known.source = :source AND known.item_id = incoming_items.item_id
    WHERE known.tags IS DISTINCT FROM incoming_items.tags
) AS changed
JOIN woo_sync.source_records AS known
    ON known.source = :source AND known.item_ids && changed.ids AND known.item_ids <> '{}'
LEFT JOIN woo_sync.source_records AS person
    ON person.source = known.source AND person.is_person AND person.record_id = known.person_id
WHERE coalesce(person.phone, known.phone) IS NOT NULL

-- name: upsert_items
INSERT INTO woo_sync.tagged_items AS known (source, item_id, tags)
SELECT :source, item_id, tags FROM incoming_items
ON CONFLICT (source, item_id) DO UPDATE SET tags = excluded.tags
WHERE known.tags IS DISTINCT FROM excluded.tags

-- name: touched_by_consent_mode
-- How a contact is created depends on the consent modes of its sources. Whoever waits to be created under a mode that is
-- no longer configured is merged anew.
INSERT INTO touched
SELECT contact.phone
FROM woo_sync.contacts AS contact JOIN woo_sync.source_records AS known USING (phone)
WHERE contact.base_sources IS NULL AND known.source = ANY(:sources)

-- name: number_touched
-- Phones are merged a portion at a time: `touched_phones` has those of the portion.
CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
SELECT phone, ((row_number() OVER (ORDER BY phone) - 1) / :portion_size)::int AS portion
FROM (SELECT DISTINCT phone FROM touched) AS distinct_phones;
CREATE INDEX ON numbered (portion);
ANALYZE numbered;
CREATE TEMPORARY TABLE touched_phones (phone text PRIMARY KEY) ON COMMIT DROP;

-- name: choose_portion
TRUNCATE touched_phones;
INSERT INTO touched_phones SELECT phone FROM numbered WHERE portion = :portion;
ANALYZE touched_phones;

-- name: holders
SELECT {holder_columns}
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE gone_at IS NULL AND (is_person OR person_id = '') AND NOT is_discarded

-- name: signals
SELECT {signal_columns} FROM ({signals_of_records}) AS signals

-- name: signals_of_records
-- (That a person's id is not empty is said for PostgreSQL: the index over what belongs to persons has no others.)
--
-- A choice at the checkout concerns the phone that was given there. An opt-out concerns the customer's own
-- phone as well; an opt-in does so only if no phone was given. The opt-out of a customer who is gone remains, and so
-- does that of an order in the trash: what a shop threw away (spam, tests) opts nobody in. An opt-out under an earlier
-- phone counts for the phone that the same record has now, and for nobody else.
SELECT phone, source, record_type, record_id, consent, choice_from, choice_until, choice_is_dated, choice_returned_at,
    false AS is_stop, consent_origin
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE consent = 'opted_out' OR (consent = 'opted_in' AND gone_at IS NULL AND NOT is_discarded)
UNION ALL
SELECT person.phone, theirs.source, theirs.record_type, theirs.record_id, theirs.consent, theirs.choice_from,
    theirs.choice_until, theirs.choice_is_dated, theirs.choice_returned_at, false, theirs.consent_origin
FROM woo_sync.source_records AS person
JOIN touched_phones USING (phone)
JOIN woo_sync.source_records AS theirs
    ON theirs.source = person.source AND NOT theirs.is_person
    AND theirs.person_id = person.record_id AND theirs.person_id <> ''
WHERE person.is_person
    AND theirs.phone IS DISTINCT FROM person.phone
    AND (theirs.consent = 'opted_out'
        OR (theirs.consent = 'opted_in' AND theirs.invalid_reason = 'missing_phone'
            AND NOT theirs.is_discarded AND person.gone_at IS NULL))
UNION ALL
SELECT phone, source, record_type, record_id, 'opted_out', carried_at, carried_at, false, NULL::timestamptz, is_stop,
    CASE WHEN is_stop THEN 'unsubscribed on MessageMedia under an earlier phone'
        ELSE 'opt-out under an earlier phone' END
FROM woo_sync.source_records JOIN touched_phones USING (phone)
CROSS JOIN LATERAL (VALUES (carried_opt_out_at, false), (carried_stop_at, true)) AS carried (carried_at, is_stop)
WHERE (carried_opt_out_at IS NOT NULL OR carried_stop_at IS NOT NULL) AND carried_at IS NOT NULL

-- name: purchases
-- (The items are listed before they are looked up: otherwise PostgreSQL goes through all of a source for each record.)
SELECT DISTINCT item.phone, item.source, tag
FROM (
    SELECT phone, source, unnest(item_ids) AS item_id
    FROM woo_sync.source_records JOIN touched_phones USING (phone)
    WHERE (is_person OR person_id = '') AND gone_at IS NULL
    UNION ALL
    SELECT person.phone, theirs.source, unnest(theirs.item_ids)
    FROM woo_sync.source_records AS person
    JOIN touched_phones USING (phone)
    JOIN woo_sync.source_records AS theirs
        ON theirs.source = person.source AND NOT theirs.is_person
        AND theirs.person_id = person.record_id AND theirs.person_id <> ''
    WHERE person.is_person AND person.gone_at IS NULL
) AS item
JOIN woo_sync.tagged_items AS tagged ON tagged.source = item.source AND tagged.item_id = item.item_id
CROSS JOIN unnest(tagged.tags) AS tag

-- name: any_known
-- Contacts are written a portion at a time, and compared only with those between its first and its last phone: then a
-- comparison fits into memory, however many there are. Nobody else writes contacts meanwhile.
SELECT EXISTS (SELECT FROM woo_sync.contacts WHERE phone BETWEEN :first AND :last)

-- name: insert_all
INSERT INTO woo_sync.contacts ({columns}) SELECT {columns} FROM merged WHERE sources <> '{}'

-- name: find_different
-- Most contacts that are touched turn out to be what they were.
INSERT INTO different
SELECT merged.*, known.phone IS NULL, {known_before}, known.base_state, known.opted_out_when_stopped_at
FROM merged LEFT JOIN woo_sync.contacts AS known
    ON known.phone = merged.phone AND known.phone BETWEEN :first AND :last
WHERE CASE WHEN known.phone IS NULL THEN merged.sources <> '{}' ELSE
    ({known_values}) IS DISTINCT FROM ({merged_values})
END

-- name: update_different
UPDATE woo_sync.contacts AS known SET
    {changes},
    opted_out_when_stopped_at = CASE different.consent WHEN 'opted_out' THEN known.opted_out_when_stopped_at END
FROM different
WHERE NOT different.is_new AND different.phone BETWEEN :first AND :last AND known.phone = different.phone

-- name: insert_new
INSERT INTO woo_sync.contacts ({columns}) SELECT {columns} FROM different
WHERE is_new AND phone BETWEEN :first AND :last

-- name: note_opted_out_when_stopped
UPDATE woo_sync.contacts AS contact SET opted_out_when_stopped_at = now()
FROM different
WHERE contact.phone = different.phone AND NOT different.is_new AND different.consent = 'opted_out'
    AND different.old_consent IS DISTINCT FROM 'opted_out' AND contact.base_state = 'SUBSCRIBED'

-- name: note_commit
UPDATE woo_sync.sync_runs
SET read_until = :read_until, cursor = :cursor, committed_at = now(), reading_started_at = :started_at,
    store_ahead_by = :store_ahead_by
WHERE run_id = :run_id

-- name: earlier_clocks
-- By how much the store's clock was ahead at the latest readings: what is new was dated by a clock between that and the
-- present one. An order from the future, which shows how far ahead the clock is, may wait for a day until it is read.
SELECT min(store_ahead_by[1]), max(store_ahead_by[2]) FROM woo_sync.sync_runs
WHERE source = :source AND store_ahead_by IS NOT NULL AND run_id <> :run_id AND committed_at >= (
    SELECT least(max(committed_at), now() - interval '1 day') FROM woo_sync.sync_runs
    WHERE source = :source AND store_ahead_by IS NOT NULL AND run_id <> :run_id
)

-- name: latest_sweep
-- Dry runs read and commit like others.
SELECT max(reading_started_at) FROM woo_sync.sync_runs
WHERE source = :source AND reading = 'sweep' AND committed_at IS NOT NULL AND run_id <> :run_id

-- name: hashes
SELECT record_id, hash FROM woo_sync.source_records
WHERE source = :source AND record_type = :record_type AND gone_at IS NULL

-- name: invalid_reasons
SELECT invalid_reason, count(*) FROM woo_sync.source_records
WHERE source = :source AND invalid_reason IS NOT NULL AND phone IS NULL AND gone_at IS NULL
    AND erased_at IS NULL AND (is_person OR person_id = '')
GROUP BY invalid_reason ORDER BY count(*) DESC, invalid_reason
