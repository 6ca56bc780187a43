"""The set-based SQL behind `records.py`; the temporary tables are made there.

`incoming`, `gone`, `incoming_products`: what was read. `dated`: the choices in it. `said`: what is new of these.
`touched`: phones that may look different now. `merged`: their contacts; `different`: those that differ, beside what
they were.
"""

PRODUCT_COLUMNS = {"product_id": "bigint", "tags": "text[]"}

# Run before and after the upsert: a record touches the phone that it had and the phone that it has. An order
# touches the phone of its customer too, to whom its choice and what was bought belong.
TOUCHED_BY_RECORDS = """
INSERT INTO touched
SELECT known.phone
FROM incoming JOIN woo_sync.source_records AS known USING (record_type, record_id)
WHERE known.source = :source AND known.phone IS NOT NULL
UNION
SELECT customer.phone
FROM incoming
JOIN woo_sync.source_records AS known USING (record_type, record_id)
JOIN woo_sync.source_records AS customer
    ON customer.source = known.source AND customer.record_type = 'customer'
    AND customer.record_id = known.customer_id
WHERE known.source = :source AND known.record_type = 'order' AND customer.phone IS NOT NULL
"""

# What is known already in this form need not be compared: its choice is what it was.
FORGET_WHAT_IS_KNOWN = """
DELETE FROM incoming USING woo_sync.source_records AS known
WHERE known.source = :source AND known.record_type = incoming.record_type AND known.record_id = incoming.record_id
    AND known.hash = incoming.hash AND known.gone_at IS NULL
    AND known.customer_id IN (incoming.customer_id, CASE incoming.customer_id WHEN 0 THEN known.customer_id END)
"""

# Of a reading that is not stored: opt-outs that are new, by records of contacts that are known. They are stored as if
# the rest of the record were what it was; without its hash it is read again. An order that is not known yet counts as
# thrown away, so that it holds no contact.
KEEP_ONLY_OPT_OUTS = (
    """
    UPDATE incoming SET
        customer_id = CASE WHEN incoming.customer_id <> 0 THEN incoming.customer_id ELSE known.customer_id END,
        phone = coalesce(known.phone, incoming.phone), phone_masked = known.phone_masked,
        first_name = known.first_name, last_name = known.last_name, email = known.email,
        order_status = known.order_status, tags = known.tags, product_ids = known.product_ids,
        invalid_reason = CASE WHEN coalesce(known.phone, incoming.phone) IS NULL THEN known.invalid_reason END
    FROM woo_sync.source_records AS known
    WHERE known.source = :source AND known.record_type = incoming.record_type AND known.record_id = incoming.record_id
    """,
    """
    DELETE FROM incoming
    WHERE EXISTS (
        SELECT FROM woo_sync.source_records AS known
        WHERE known.source = :source AND known.record_type = incoming.record_type
            AND known.record_id = incoming.record_id AND known.consent = 'opted_out'
            AND known.consent_answers = incoming.consent_answers
    ) OR NOT EXISTS (
        SELECT FROM woo_sync.contacts AS contact WHERE contact.phone = incoming.phone
        UNION ALL
        SELECT FROM woo_sync.source_records AS customer
        WHERE customer.source = :source AND customer.record_type = 'customer'
            AND customer.record_id = incoming.customer_id AND customer.phone IS NOT NULL
    )
    """,
    """
    UPDATE incoming SET order_status = 'trash', tags = '{}', product_ids = '{}'
    WHERE NOT EXISTS (
        SELECT FROM woo_sync.source_records AS known
        WHERE known.source = :source AND known.record_type = incoming.record_type
            AND known.record_id = incoming.record_id
    )
    """,
    "UPDATE incoming SET hash = ''",
)

NOTE_OPTED_OUT_WHEN_STOPPED = """
UPDATE woo_sync.contacts AS contact SET opted_out_when_stopped_at = now()
FROM different
WHERE contact.phone = different.phone AND NOT different.is_new AND different.consent = 'opted_out'
    AND different.old_consent IS DISTINCT FROM 'opted_out' AND contact.base_state = 'SUBSCRIBED'
"""

# What `contacts.choices.date_choices` compares. Records that never said anything, and stay where they were, are left
# out.
CHOICES_TO_DATE = """
SELECT incoming.record_type, incoming.record_id,
    CASE WHEN incoming.customer_id <> 0 THEN incoming.customer_id ELSE coalesce(old.customer_id, 0) END AS customer_id,
    incoming.phone, incoming.email, incoming.order_status, incoming.consent, incoming.consent_origin,
    incoming.consent_key, incoming.consent_value, incoming.consent_answers, incoming.consent_basis, incoming.said_at,
    incoming.created_at,
    incoming.read_at,
    old.phone AS old_phone, old.consent AS old_consent, old.consent_origin AS old_consent_origin,
    old.consent_key AS old_consent_key, old.consent_answers AS old_consent_answers,
    old.consent_basis AS old_consent_basis, old.choice AS old_choice,
    old.choice_from AS old_choice_from, old.choice_until AS old_choice_until,
    old.choice_is_dated AS old_choice_is_dated, old.choice_returned_at AS old_choice_returned_at,
    old.carried_opt_out_at AS old_carried_opt_out_at,
    old.carried_stop_at AS old_carried_stop_at, old.last_seen_at AS old_last_seen_at,
    old.gone_at IS NOT NULL AS old_is_gone,
    left_behind.phone IS NOT NULL AS left_is_left, left_behind.consent AS left_consent,
    left_behind.consent_at AS left_consent_at, left_behind.base_state AS left_state,
    left_behind.base_state_by AS left_state_by, left_behind.unsubscribed_seen_at AS left_unsubscribed_seen_at,
    left_behind.applied_consent AS left_applied_consent, left_behind.applied_consent_at AS left_applied_consent_at
FROM incoming
LEFT JOIN woo_sync.source_records AS old
    ON old.source = :source AND old.record_type = incoming.record_type AND old.record_id = incoming.record_id
LEFT JOIN woo_sync.contacts AS left_behind
    ON left_behind.phone = old.phone AND old.phone IS DISTINCT FROM incoming.phone
    AND (old.record_type = 'customer' OR old.customer_id = 0)
WHERE incoming.consent <> 'unknown' OR (incoming.record_type = 'customer' AND incoming.consent_key <> '')
    OR old.choice IS NOT NULL OR old.carried_opt_out_at IS NOT NULL
    OR old.carried_stop_at IS NOT NULL OR left_behind.phone IS NOT NULL
"""

# What the people who opt in, or leave a key without an answer, have said before, in any store: under the same phone, as
# the same customer, and where no phone was given under the same address.
WORDS_OF_THE_SAME_PEOPLE = """
WITH asking AS MATERIALIZED (
    SELECT customer_id, phone, email FROM incoming
    WHERE (consent = 'opted_in' OR (record_type = 'customer' AND consent_answers LIKE '%"unknown"%'))
        AND NOT EXISTS (
            SELECT FROM woo_sync.source_records AS old
            WHERE old.source = :source AND old.record_type = incoming.record_type
                AND old.record_id = incoming.record_id AND old.consent_basis = incoming.consent_basis
                AND old.consent_answers = incoming.consent_answers
        )
), phones AS (
    SELECT phone FROM asking WHERE phone IS NOT NULL
    UNION
    SELECT known.phone
    FROM (SELECT DISTINCT customer_id FROM asking WHERE customer_id <> 0) AS asked
    JOIN woo_sync.source_records AS known USING (customer_id)
    WHERE known.source = :source AND known.record_type = 'order' AND known.customer_id <> 0
        AND known.phone IS NOT NULL
    UNION
    SELECT known.phone
    FROM (SELECT DISTINCT customer_id FROM asking WHERE customer_id <> 0) AS asked
    JOIN woo_sync.source_records AS known ON known.record_id = asked.customer_id
    WHERE known.source = :source AND known.record_type = 'customer' AND known.phone IS NOT NULL
)
SELECT said.event_id, said.phone, said.record_type,
    CASE WHEN known.source = :source THEN known.customer_id ELSE 0 END AS customer_id,
    coalesce(known.email, '') AS email, said.key AS consent_key,
    CASE said.what WHEN 'yes' THEN 'opted_in' ELSE 'opted_out' END AS choice, said.earliest AS choice_from,
    said.latest AS choice_until, said.is_dated AS choice_is_dated, said.became IN ({repetitions}) AS repeats,
    NOT said.is_dated AND EXISTS (
        SELECT FROM woo_sync.consent_events AS later
        WHERE later.phone = said.phone AND later.event_id > said.event_id AND later.became = {came_back}
            AND later.key = said.key
    ) AS gave_way
FROM phones
JOIN woo_sync.consent_events AS said USING (phone)
LEFT JOIN woo_sync.source_records AS known
    ON known.source = said.source AND known.record_type = said.record_type AND known.record_id = said.record_id
WHERE said.what IN ('yes', 'no')
UNION ALL
{stored}
FROM phones JOIN woo_sync.source_records AS known USING (phone)
WHERE known.choice IS NOT NULL AND NOT EXISTS (
    SELECT FROM woo_sync.consent_events AS noted
    WHERE noted.phone = known.phone AND noted.source = known.source AND noted.record_type = known.record_type
        AND noted.record_id = known.record_id
)
{by_address}
"""
# What the ledger has forgotten because it is old, and what is not in it for want of a phone, the records still say.
STORED_WORDS = """
SELECT 0, known.phone, known.record_type,
    CASE WHEN known.source = :source THEN known.customer_id ELSE 0 END, known.email, known.consent_key, known.choice,
    known.choice_from, known.choice_until, known.choice_is_dated, false, false
"""
# There is no index over addresses: they are looked for only where somebody gave nothing else.
BY_ADDRESS = f"""
UNION ALL
{STORED_WORDS}
FROM (SELECT DISTINCT email FROM asking WHERE phone IS NULL AND email <> '') AS asked
JOIN woo_sync.source_records AS known USING (email)
WHERE known.phone IS NULL AND known.choice IS NOT NULL
"""  # noqa: S608 - the only thing put in is the constant above
ANYBODY_WITHOUT_PHONE = """
SELECT EXISTS (SELECT FROM incoming WHERE consent = 'opted_in' AND phone IS NULL AND email <> '')
"""

DATED_COLUMNS = {
    "record_type": "text",
    "record_id": "bigint",
    "consent": "text",
    "consent_origin": "text",
    "consent_key": "text",
    "choice": "text",
    "choice_from": "timestamptz",
    "choice_until": "timestamptz",
    "choice_is_dated": "boolean",
    "choice_returned_at": "timestamptz",
    "carried_opt_out_at": "timestamptz",
    "carried_stop_at": "timestamptz",
}
EVENT_COLUMNS = {
    "record_type": "text",
    "record_id": "bigint",
    "what": "text",
    "key": "text",
    "value": "text",
    "said_from": "timestamptz",
    "said_until": "timestamptz",
    "said_is_dated": "boolean",
    "became": "text",
}

# A customer whose meta the store withholds (an empty consent_basis) has not left the groups that were read from it.
UPSERT_RECORDS = """
INSERT INTO woo_sync.source_records AS known (
    source, record_type, record_id, customer_id, phone, phone_masked, first_name, last_name, email,
    order_status, consent, consent_origin, consent_key, consent_answers, consent_basis, choice, choice_from,
    choice_until,
    choice_is_dated, choice_returned_at, carried_opt_out_at, carried_stop_at, tags, product_ids,
    invalid_reason, created_at, modified_at,
    hash, first_seen_at, last_seen_at
)
SELECT
    :source, record_type, record_id, incoming.customer_id, incoming.phone, incoming.phone_masked, incoming.first_name,
    incoming.last_name, incoming.email, incoming.order_status, coalesce(dated.consent, 'unknown'),
    coalesce(dated.consent_origin, ''), coalesce(dated.consent_key, ''), incoming.consent_answers,
    incoming.consent_basis, dated.choice, dated.choice_from, dated.choice_until,
    coalesce(dated.choice_is_dated, false), dated.choice_returned_at, dated.carried_opt_out_at,
    dated.carried_stop_at, incoming.tags, incoming.product_ids, incoming.invalid_reason, incoming.created_at,
    incoming.modified_at, incoming.hash, incoming.read_at, incoming.read_at
FROM incoming LEFT JOIN dated USING (record_type, record_id)
ON CONFLICT (source, record_type, record_id) DO UPDATE SET
    customer_id = CASE WHEN excluded.customer_id <> 0 THEN excluded.customer_id ELSE known.customer_id END,
    phone = excluded.phone,
    phone_masked = excluded.phone_masked,
    first_name = excluded.first_name,
    last_name = excluded.last_name,
    email = excluded.email,
    order_status = excluded.order_status,
    consent = excluded.consent,
    consent_origin = excluded.consent_origin,
    consent_key = excluded.consent_key,
    consent_answers = excluded.consent_answers,
    consent_basis = excluded.consent_basis,
    choice = excluded.choice,
    choice_from = excluded.choice_from,
    choice_until = excluded.choice_until,
    choice_is_dated = excluded.choice_is_dated,
    choice_returned_at = excluded.choice_returned_at,
    carried_opt_out_at = excluded.carried_opt_out_at,
    carried_stop_at = excluded.carried_stop_at,
    tags = CASE WHEN excluded.record_type = 'customer' AND excluded.consent_basis = '' THEN known.tags
        ELSE excluded.tags END,
    product_ids = excluded.product_ids,
    invalid_reason = excluded.invalid_reason,
    created_at = excluded.created_at,
    modified_at = excluded.modified_at,
    hash = excluded.hash,
    last_seen_at = excluded.last_seen_at,
    gone_at = NULL
WHERE known.last_seen_at <= excluded.last_seen_at
"""

# An order that was placed without a phone concerns that of its customer.
NOTE_CHOICES = """
INSERT INTO woo_sync.consent_events
    (phone, what, earliest, latest, is_dated, source, record_type, record_id, key, value, sync_id, became)
SELECT coalesce(incoming.phone, customer.phone), said.what, said.said_from, said.said_until, said.said_is_dated,
    :source,
    said.record_type, said.record_id, said.key, said.value, sync.sync_id, said.became
FROM said
JOIN incoming USING (record_type, record_id)
JOIN woo_sync.sync_runs AS sync ON sync.run_id = :run_id
LEFT JOIN woo_sync.source_records AS customer
    ON customer.source = :source AND customer.record_type = 'customer' AND customer.record_id = incoming.customer_id
WHERE coalesce(incoming.phone, customer.phone) IS NOT NULL
ORDER BY 1, 4
"""

# A customer that another sync saw after this reading began is not gone.
TOUCHED_BY_GONE = """
INSERT INTO touched
SELECT known.phone
FROM gone JOIN woo_sync.source_records AS known USING (record_id)
WHERE known.source = :source AND known.record_type = 'customer' AND known.phone IS NOT NULL
    AND known.gone_at IS NULL AND known.last_seen_at < :started_at
"""

MARK_GONE = """
UPDATE woo_sync.source_records AS known SET gone_at = now()
FROM gone
WHERE known.source = :source AND known.record_type = 'customer' AND known.record_id = gone.record_id
    AND known.gone_at IS NULL AND known.last_seen_at < :started_at
"""

TOUCHED_BY_PRODUCTS = """
INSERT INTO touched
SELECT DISTINCT coalesce(customer.phone, buying.phone)
FROM (
    SELECT array_agg(incoming_products.product_id) AS ids
    FROM incoming_products
    LEFT JOIN woo_sync.products AS known
        ON known.source = :source AND known.product_id = incoming_products.product_id
    WHERE known.tags IS DISTINCT FROM incoming_products.tags
) AS changed
JOIN woo_sync.source_records AS buying
    ON buying.source = :source AND buying.record_type = 'order' AND buying.product_ids && changed.ids
LEFT JOIN woo_sync.source_records AS customer
    ON customer.source = buying.source AND customer.record_type = 'customer'
    AND customer.record_id = buying.customer_id
WHERE coalesce(customer.phone, buying.phone) IS NOT NULL
"""

UPSERT_PRODUCTS = """
INSERT INTO woo_sync.products AS known (source, product_id, tags)
SELECT :source, product_id, tags FROM incoming_products
ON CONFLICT (source, product_id) DO UPDATE SET tags = excluded.tags
WHERE known.tags IS DISTINCT FROM excluded.tags
"""

# How a contact is created depends on the consent modes of its sources. Whoever waits to be created under a mode that is
# no longer configured is merged anew.
TOUCHED_BY_CONSENT_MODE = """
INSERT INTO touched
SELECT contact.phone
FROM woo_sync.contacts AS contact JOIN woo_sync.source_records AS known USING (phone)
WHERE contact.base_sources IS NULL AND known.source = ANY(:sources)
"""

# Phones are merged a portion at a time: `touched_phones` has those of the portion.
NUMBER_TOUCHED = (
    """
    CREATE TEMPORARY TABLE numbered ON COMMIT DROP AS
    SELECT phone, ((row_number() OVER (ORDER BY phone) - 1) / :portion_size)::int AS portion
    FROM (SELECT DISTINCT phone FROM touched) AS distinct_phones
    """,
    "CREATE INDEX ON numbered (portion)",
    "ANALYZE numbered",
    "CREATE TEMPORARY TABLE touched_phones (phone text PRIMARY KEY) ON COMMIT DROP",
)
COUNT_PORTIONS = "SELECT coalesce(max(portion) + 1, 0) FROM numbered"
CHOOSE_PORTION = """
TRUNCATE touched_phones;
INSERT INTO touched_phones SELECT phone FROM numbered WHERE portion = :portion;
ANALYZE touched_phones;
"""

HOLDERS = """
SELECT phone, source, record_type, record_id, first_name, last_name, email, tags, created_at, modified_at
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE gone_at IS NULL AND (record_type = 'customer' OR (customer_id = 0 AND order_status <> 'trash'))
"""

# (That a customer's number is not 0 is said for PostgreSQL: the index over the orders of customers has no others.)
#
# A choice at the checkout concerns the phone that was given there. An opt-out concerns the customer's own
# phone as well; an opt-in does so only if no phone was given. The opt-out of a customer who is gone remains, and so
# does that of an order in the trash: what a shop threw away (spam, tests) opts nobody in. An opt-out under an earlier
# phone counts for the phone that the same record has now, and for nobody else.
SIGNALS_OF_RECORDS = """
SELECT phone, source, record_type, record_id, consent, choice_from, choice_until, choice_is_dated, choice_returned_at,
    false AS is_stop, consent_origin
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE consent = 'opted_out' OR (consent = 'opted_in' AND gone_at IS NULL AND order_status <> 'trash')
UNION ALL
SELECT customer.phone, buying.source, buying.record_type, buying.record_id, buying.consent, buying.choice_from,
    buying.choice_until, buying.choice_is_dated, buying.choice_returned_at, false, buying.consent_origin
FROM woo_sync.source_records AS customer
JOIN touched_phones USING (phone)
JOIN woo_sync.source_records AS buying
    ON buying.source = customer.source AND buying.record_type = 'order'
    AND buying.customer_id = customer.record_id AND buying.customer_id <> 0
WHERE customer.record_type = 'customer'
    AND buying.phone IS DISTINCT FROM customer.phone
    AND (buying.consent = 'opted_out'
        OR (buying.consent = 'opted_in' AND buying.invalid_reason = 'missing_phone'
            AND buying.order_status <> 'trash' AND customer.gone_at IS NULL))
UNION ALL
SELECT phone, source, record_type, record_id, 'opted_out', carried_at, carried_at, false, NULL::timestamptz, is_stop,
    CASE WHEN is_stop THEN 'unsubscribed on MessageMedia under an earlier phone'
        ELSE 'opt-out under an earlier phone' END
FROM woo_sync.source_records JOIN touched_phones USING (phone)
CROSS JOIN LATERAL (VALUES (carried_opt_out_at, false), (carried_stop_at, true)) AS carried (carried_at, is_stop)
WHERE carried_at IS NOT NULL
"""
SIGNALS = f"""
SELECT phone, source, consent, choice_from, choice_until, choice_is_dated, choice_returned_at, is_stop, consent_origin
FROM ({SIGNALS_OF_RECORDS}) AS signals
"""  # noqa: S608 - the only thing put in is the constant above

# Only what was bought: an order that failed, was cancelled, paid back or thrown away tells nothing.
PURCHASES = """
SELECT DISTINCT bought.phone, bought.source, tag
FROM (
    SELECT phone, source, product_ids, order_status
    FROM woo_sync.source_records JOIN touched_phones USING (phone)
    WHERE record_type = 'order' AND customer_id = 0
    UNION ALL
    SELECT customer.phone, buying.source, buying.product_ids, buying.order_status
    FROM woo_sync.source_records AS customer
    JOIN touched_phones USING (phone)
    JOIN woo_sync.source_records AS buying
        ON buying.source = customer.source AND buying.record_type = 'order'
        AND buying.customer_id = customer.record_id AND buying.customer_id <> 0
    WHERE customer.record_type = 'customer' AND customer.gone_at IS NULL
) AS bought
CROSS JOIN unnest(bought.product_ids) AS bought_id
JOIN woo_sync.products AS product ON product.source = bought.source AND product.product_id = bought_id
CROSS JOIN unnest(product.tags) AS tag
WHERE bought.order_status NOT IN ('pending', 'failed', 'cancelled', 'refunded', 'trash')
"""

# Contacts are written a portion at a time, and compared only with those between its first and its last phone: then
# a comparison fits into memory, however many there are. Nobody else writes contacts meanwhile.
ANY_KNOWN = "SELECT EXISTS (SELECT FROM woo_sync.contacts WHERE phone BETWEEN :first AND :last)"

_INSERT = """
INSERT INTO woo_sync.contacts (
    phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, consent_origin,
    status
)
SELECT phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, consent_origin,
    status
FROM {rows}
"""

INSERT_ALL = _INSERT.format(rows="merged WHERE sources <> '{}'")

# Most contacts that are touched turn out to be what they were.
FIND_DIFFERENT = """
INSERT INTO different
SELECT merged.*, known.phone IS NULL, known.groups, known.consent, known.consent_at, known.consent_dated_at,
    known.status, known.base_state, known.opted_out_when_stopped_at
FROM merged LEFT JOIN woo_sync.contacts AS known
    ON known.phone = merged.phone AND known.phone BETWEEN :first AND :last
WHERE CASE WHEN known.phone IS NULL THEN merged.sources <> '{}' ELSE
    (known.first_name, known.last_name, known.email, known.sources, known.groups, known.consent,
        known.consent_at, known.consent_dated_at, known.consent_origin, known.status)
    IS DISTINCT FROM (merged.first_name, merged.last_name, merged.email, merged.sources,
        merged.groups, merged.consent, merged.consent_at, merged.consent_dated_at, merged.consent_origin,
        merged.status)
END
"""
DIFFERENT_COLUMNS = {
    "is_new": "boolean",
    "old_groups": "text[]",
    "old_consent": "text",
    "old_consent_at": "timestamptz",
    "old_consent_dated_at": "timestamptz",
    "old_status": "text",
    "base_state": "text",
    "opted_out_when_stopped_at": "timestamptz",
}
INSERT_NEW = _INSERT.format(rows="different WHERE is_new AND phone BETWEEN :first AND :last")
UPDATE_DIFFERENT = """
UPDATE woo_sync.contacts AS known SET
    first_name = different.first_name,
    last_name = different.last_name,
    email = different.email,
    sources = different.sources,
    groups = different.groups,
    consent = different.consent,
    consent_at = different.consent_at,
    consent_dated_at = different.consent_dated_at,
    consent_origin = different.consent_origin,
    status = different.status,
    opted_out_when_stopped_at = CASE different.consent WHEN 'opted_out' THEN known.opted_out_when_stopped_at END
FROM different
WHERE NOT different.is_new AND different.phone BETWEEN :first AND :last AND known.phone = different.phone
"""

NOTE_COMMIT = """
UPDATE woo_sync.sync_runs
SET read_until = :read_until, last_customer_id = :last_customer_id, committed_at = now(),
    reading_started_at = :started_at, store_ahead_by = :store_ahead_by
WHERE run_id = :run_id
"""

# By how much the store's clock was ahead at the latest readings: what is new was dated by a clock between that and the
# present one. An order from the future, which shows how far ahead the clock is, may wait for a day until it is read.
EARLIER_CLOCKS = """
SELECT min(store_ahead_by[1]), max(store_ahead_by[2]) FROM woo_sync.sync_runs
WHERE source = :source AND store_ahead_by IS NOT NULL AND run_id <> :run_id AND committed_at >= (
    SELECT least(max(committed_at), now() - interval '1 day') FROM woo_sync.sync_runs
    WHERE source = :source AND store_ahead_by IS NOT NULL AND run_id <> :run_id
)
"""

# Dry runs read and commit like others.
LATEST_SWEEP = """
SELECT max(reading_started_at) FROM woo_sync.sync_runs
WHERE source = :source AND reading = 'sweep' AND committed_at IS NOT NULL AND run_id <> :run_id
"""
