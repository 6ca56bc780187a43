"""The set-based SQL behind `records.py`; the temporary tables are made there.

`incoming`, `gone`, `incoming_products`: what was read. `touched`: phones that may look different now.
`merged`: their contacts.
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

# When was the choice made? An order's when the order was, unless an order that is known turns into an opt-out:
# then somebody entered what the buyer has asked for since. A customer's value has no time of its own. If the same
# meta keys were read before, it changed between the latest reading without it and the first one with it: an opt-out
# counts from the latter, an opt-in from the former, for an opt-out of the time in between may be the newer choice. A
# value met for the first time, or only because other keys are read now or the store had withheld them, is no
# change: an opt-in then counts from the day of registration, an opt-out from now. An opt-in of a record without
# a date is older than every opt-out (least() passes over the null): when in doubt, the reading that sends fewer
# messages.
#
# An opt-in that a customer takes back leaves the meta key without a yes (WordPress stores an unticked box as an empty
# text): that is an opt-out. Where the key itself is gone a plugin may have taken it along, and nobody has chosen.
#
# An opt-out belongs to the person. Whoever changes phone while the platform has the old one unsubscribed, by the
# person's answer to a message or by a choice in a store, has not thereby agreed to be texted on the new one.
#
# Nor has a customer whose meta the store withholds (an empty consent_basis) left the groups that were read from it.
UPSERT_RECORDS = """
INSERT INTO woo_sync.source_records AS known (
    source, record_type, record_id, customer_id, phone, phone_masked, first_name, last_name, email,
    order_status, consent, consent_origin, consent_basis, choice, choice_at, carried_opt_out_at, tags,
    product_ids, invalid_reason, created_at, modified_at, hash, first_seen_at, last_seen_at
)
SELECT
    :source, incoming.record_type, incoming.record_id,
    CASE WHEN incoming.customer_id <> 0 THEN incoming.customer_id ELSE coalesce(old.customer_id, 0) END,
    incoming.phone, incoming.phone_masked, incoming.first_name, incoming.last_name, incoming.email,
    incoming.order_status,
    CASE WHEN chosen.consent = 'unknown' AND old.consent = 'opted_out' THEN 'opted_out'
        ELSE chosen.consent END,
    CASE WHEN chosen.consent <> 'unknown' THEN incoming.consent_origin
        WHEN old.consent = 'opted_out' THEN old.consent_origin
        ELSE '' END,
    incoming.consent_basis,
    coalesce(nullif(chosen.consent, 'unknown'), old.choice),
    CASE
        WHEN chosen.consent = 'unknown' OR chosen.consent = old.choice THEN old.choice_at
        WHEN chosen.consent = 'opted_out'
            AND (incoming.record_type = 'customer' OR old.consent_basis = incoming.consent_basis)
            THEN incoming.read_at
        WHEN incoming.record_type = 'customer' AND old.consent_basis = incoming.consent_basis
            THEN least(
                incoming.read_at,
                greatest(
                    old.last_seen_at + interval '1 microsecond',
                    -- A sweep sees every customer, and notes only those that differ.
                    CASE WHEN old.gone_at IS NULL THEN cast(:swept_at AS timestamptz) END
                )
            )
        WHEN chosen.consent = 'opted_in' AND incoming.created_at IS NULL THEN 'epoch'
        ELSE least(incoming.created_at, incoming.read_at)
    END,
    greatest(
        old.carried_opt_out_at,
        CASE WHEN left_behind.consent = 'opted_out' THEN left_behind.consent_at END,
        CASE
            WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.base_state_by = 'platform'
                THEN coalesce(left_behind.unsubscribed_seen_at, incoming.read_at)
            WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.applied_consent = 'opted_out'
                THEN left_behind.applied_consent_at
        END
    ),
    incoming.tags, incoming.product_ids, incoming.invalid_reason, incoming.created_at, incoming.modified_at,
    incoming.hash, incoming.read_at, incoming.read_at
FROM incoming
LEFT JOIN woo_sync.source_records AS old
    ON old.source = :source AND old.record_type = incoming.record_type AND old.record_id = incoming.record_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN incoming.record_type = 'customer' AND incoming.consent = 'unknown'
            AND incoming.consent_origin <> '' AND old.consent = 'opted_in'
            AND old.consent_basis = incoming.consent_basis
        THEN 'opted_out' ELSE incoming.consent END AS consent
) AS chosen
LEFT JOIN woo_sync.contacts AS left_behind
    ON left_behind.phone = old.phone AND old.phone IS DISTINCT FROM incoming.phone
    AND (old.record_type = 'customer' OR old.customer_id = 0)
ON CONFLICT (source, record_type, record_id) DO UPDATE SET
    customer_id = excluded.customer_id,
    phone = excluded.phone,
    phone_masked = excluded.phone_masked,
    first_name = excluded.first_name,
    last_name = excluded.last_name,
    email = excluded.email,
    order_status = excluded.order_status,
    consent = excluded.consent,
    consent_origin = excluded.consent_origin,
    consent_basis = excluded.consent_basis,
    choice = excluded.choice,
    choice_at = excluded.choice_at,
    carried_opt_out_at = excluded.carried_opt_out_at,
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
    AND (known.hash <> excluded.hash OR known.gone_at IS NOT NULL
        OR known.customer_id <> excluded.customer_id)
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
# phone as well; an opt-in does so only if no phone was given. The opt-out of a customer who is gone remains. An
# opt-out under an earlier phone counts for the phone that the same record has now, and for nobody else.
SIGNALS_OF_RECORDS = """
SELECT phone, source, record_type, record_id, consent, choice_at, consent_origin
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE consent <> 'unknown' AND (gone_at IS NULL OR consent = 'opted_out')
UNION ALL
SELECT customer.phone, buying.source, buying.record_type, buying.record_id, buying.consent, buying.choice_at,
    buying.consent_origin
FROM woo_sync.source_records AS customer
JOIN touched_phones USING (phone)
JOIN woo_sync.source_records AS buying
    ON buying.source = customer.source AND buying.record_type = 'order'
    AND buying.customer_id = customer.record_id AND buying.customer_id <> 0
WHERE customer.record_type = 'customer'
    AND buying.phone IS DISTINCT FROM customer.phone
    AND (buying.consent = 'opted_out'
        OR (buying.consent = 'opted_in' AND buying.invalid_reason = 'missing_phone'
            AND customer.gone_at IS NULL))
UNION ALL
SELECT phone, source, record_type, record_id, 'opted_out', carried_opt_out_at, 'opt-out under an earlier phone'
FROM woo_sync.source_records JOIN touched_phones USING (phone)
WHERE carried_opt_out_at IS NOT NULL
"""
SIGNALS = f"""
SELECT phone, source, consent, choice_at, consent_origin FROM ({SIGNALS_OF_RECORDS}) AS signals
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
    phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_origin, status
)
SELECT phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_origin, status
FROM {rows}
"""

INSERT_ALL = _INSERT.format(rows="merged WHERE sources <> '{}'")

# Most contacts that are touched turn out to be what they were.
WRITE_DIFFERENT = f"""
WITH different AS MATERIALIZED (
    SELECT merged.*, known.phone IS NULL AS is_new
    FROM merged LEFT JOIN woo_sync.contacts AS known
        ON known.phone = merged.phone AND known.phone BETWEEN :first AND :last
    WHERE CASE WHEN known.phone IS NULL THEN merged.sources <> '{{}}' ELSE
        (known.first_name, known.last_name, known.email, known.sources, known.groups, known.consent,
            known.consent_at, known.consent_origin, known.status)
        IS DISTINCT FROM (merged.first_name, merged.last_name, merged.email, merged.sources,
            merged.groups, merged.consent, merged.consent_at, merged.consent_origin, merged.status)
    END
), inserted AS ({_INSERT.format(rows="different WHERE is_new")})
UPDATE woo_sync.contacts AS known SET
    first_name = different.first_name,
    last_name = different.last_name,
    email = different.email,
    sources = different.sources,
    groups = different.groups,
    consent = different.consent,
    consent_at = different.consent_at,
    consent_origin = different.consent_origin,
    status = different.status
FROM different WHERE NOT different.is_new AND known.phone = different.phone
"""  # noqa: S608 - the only thing put in is the constant above

NOTE_COMMIT = """
UPDATE woo_sync.sync_runs
SET read_until = :read_until, last_customer_id = :last_customer_id, committed_at = now(),
    reading_started_at = :started_at
WHERE run_id = :run_id
"""

# Dry runs read and commit like others.
LATEST_SWEEP = """
SELECT max(reading_started_at) FROM woo_sync.sync_runs
WHERE source = :source AND reading = 'sweep' AND committed_at IS NOT NULL AND run_id <> :run_id
"""
