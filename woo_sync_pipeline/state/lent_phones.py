"""Phones that registered customers have from their orders.

WooCommerce links the guest orders of an address to the account that is made with it; such an account may have no phone
of its own for ever. A customer without one takes that of the newest own order: `phone` is set although `invalid_reason`
says that the customer's own is missing. So the contact that the orders made before keeps its lists and its consent.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.state.database import Database

_LENT = """
SELECT record_id, phone FROM woo_sync.source_records
WHERE source = :source AND record_type = 'customer' AND record_id = ANY(:ids) AND invalid_reason = :missing
    AND phone IS NOT NULL
"""

# Of the customers in this portion and of those whose orders are in it, who shall have another phone than before. (That
# a customer's number is not 0 is said for PostgreSQL: the index over the orders of customers has no others.)
#
# An opt-out goes with the person to another phone, as in `contacts.choices`.
_LEND = """
WITH lending AS MATERIALIZED (
    SELECT customer.record_id, customer.phone AS old_phone, newest.phone AS new_phone
    FROM (
        SELECT known.customer_id FROM dated JOIN woo_sync.source_records AS known USING (record_type, record_id)
        WHERE known.source = :source AND known.customer_id <> 0
        GROUP BY known.customer_id
    ) AS asked
    JOIN woo_sync.source_records AS customer
        ON customer.source = :source AND customer.record_type = 'customer' AND customer.record_id = asked.customer_id
        AND customer.invalid_reason = :missing AND customer.gone_at IS NULL
    LEFT JOIN LATERAL (
        SELECT buying.phone FROM woo_sync.source_records AS buying
        WHERE buying.source = :source AND buying.record_type = 'order' AND buying.customer_id = customer.record_id
            AND buying.customer_id <> 0 AND buying.phone IS NOT NULL AND buying.order_status <> 'trash'
            AND buying.gone_at IS NULL
            -- What was ordered before does not bring back who was erased.
            AND (customer.erased_at IS NULL OR buying.created_at > customer.erased_at)
        ORDER BY buying.created_at DESC NULLS LAST, buying.record_id DESC LIMIT 1
    ) AS newest ON true
    WHERE customer.phone IS DISTINCT FROM newest.phone
), lent AS (
    UPDATE woo_sync.source_records AS customer SET
        phone = lending.new_phone,
        carried_opt_out_at = greatest(
            customer.carried_opt_out_at,
            CASE WHEN left_behind.consent = 'opted_out' THEN left_behind.consent_at END,
            CASE WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.base_state_by <> 'platform'
                AND left_behind.applied_consent = 'opted_out' THEN left_behind.applied_consent_at END
        ),
        carried_stop_at = greatest(
            customer.carried_stop_at,
            CASE WHEN left_behind.base_state = 'UNSUBSCRIBED' AND left_behind.base_state_by = 'platform'
                THEN coalesce(left_behind.unsubscribed_seen_at, now()) END
        )
    FROM lending LEFT JOIN woo_sync.contacts AS left_behind ON left_behind.phone = lending.old_phone
    WHERE customer.source = :source AND customer.record_type = 'customer' AND customer.record_id = lending.record_id
), noted AS (
    INSERT INTO woo_sync.former_phones (source, record_type, record_id, phone, left_at)
    SELECT :source, 'customer', record_id, old_phone, now() FROM lending WHERE old_phone IS NOT NULL
    ON CONFLICT (source, record_type, record_id, phone) DO UPDATE SET left_at = excluded.left_at
)
INSERT INTO touched
SELECT phone FROM lending CROSS JOIN LATERAL (VALUES (old_phone), (new_phone)) AS either (phone)
WHERE phone IS NOT NULL
"""


def with_lent_phones(connection: sa.Connection, source: str, records: pd.DataFrame) -> pd.DataFrame:
    """The records, of which customers without a phone of their own have the one that they were lent before.

    Else they would seem to lose it each time that they change. `records` has the columns record_type, record_id, phone
    and invalid_reason.
    """
    asked = (records["record_type"] == "customer") & (
        records["invalid_reason"] == InvalidReason.missing_phone.value
    )
    if not asked.any():
        return records
    lent = _lent(connection, source, records.loc[asked, "record_id"].tolist())
    if not lent:
        return records
    of_asked = records.loc[asked, "record_id"].map(lent)
    return records.assign(phone=records["phone"].where(~asked, of_asked.astype(object)))


def lend_phones(connection: sa.Connection, source: str) -> None:
    """Give the customers that a portion of records (`dated`, already stored) concerns the phones of their orders.

    Whose phone becomes another one is noted in `touched`.
    """
    values = {"source": source, "missing": InvalidReason.missing_phone.value}
    connection.execute(sa.text(_LEND), values)


def customers_not_to_mend(database: Database, source: str, ids: Collection[int]) -> set[int]:
    """Those of these customers of a source whose own phone is missing and not missed.

    They have the phone of an order, or were erased in the store.
    """
    query = """
        SELECT record_id FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'customer' AND record_id = ANY(:ids)
            AND (phone IS NOT NULL OR erased_at IS NOT NULL)
    """
    with database.transaction() as connection:
        return set(connection.execute(sa.text(query), {"source": source, "ids": list(ids)}).scalars())


def _lent(connection: sa.Connection, source: str, ids: Collection[int]) -> dict[int, str]:
    values = {"source": source, "ids": list(ids), "missing": InvalidReason.missing_phone.value}
    return dict(connection.execute(sa.text(_LENT), values).tuples().all())
