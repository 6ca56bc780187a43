"""Erasing one person from the state."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

# The customers of the phone with all their orders, and orders with the phone that belong to nobody else.
_DOOMED = """
CREATE TEMPORARY TABLE doomed ON COMMIT DROP AS
SELECT source, record_type, record_id FROM woo_sync.source_records AS record
WHERE (phone = :phone AND (record_type = 'customer' OR NOT EXISTS (
        SELECT FROM woo_sync.source_records AS customer
        WHERE customer.source = record.source AND customer.record_type = 'customer'
            AND customer.record_id = record.customer_id AND customer.phone IS DISTINCT FROM :phone
    )))
    OR (record_type = 'order' AND EXISTS (
        SELECT FROM woo_sync.source_records AS customer
        WHERE customer.source = record.source AND customer.record_type = 'customer'
            AND customer.record_id = record.customer_id AND customer.phone = :phone
    ))
"""

_DELETE_RECORDS = """
DELETE FROM woo_sync.source_records AS record USING doomed
WHERE (record.source, record.record_type, record.record_id)
    = (doomed.source, doomed.record_type, doomed.record_id)
RETURNING record.source, record.record_type, record.record_id
"""

# An order of somebody else: what was typed in goes, but the choice that was made with it is that customer's too.
_BLANK_ORDERS_OF_OTHERS = """
UPDATE woo_sync.source_records SET phone = NULL, phone_masked = '', first_name = '', last_name = '', email = ''
WHERE phone = :phone
RETURNING source, record_type, record_id
"""

_DELETE_HISTORY = """
DELETE FROM woo_sync.sync_run_contacts AS line USING woo_sync.sync_runs AS run
WHERE line.sync_id = run.sync_id AND (line.phone = :phone OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (run.source, line.record_type, line.record_id)
))
"""

# What those records said under an earlier phone was said by the same person.
_DELETE_LEDGER = """
DELETE FROM woo_sync.consent_events AS event
WHERE event.phone = :phone OR EXISTS (
    SELECT FROM doomed WHERE (doomed.source, doomed.record_type, doomed.record_id)
        = (event.source, event.record_type, event.record_id)
)
"""

_DELETE_CONTACT = """
DELETE FROM woo_sync.contacts WHERE phone = :phone
RETURNING contact_id::text AS contact_id, coalesce(base_state, status) = 'UNSUBSCRIBED' AS is_unsubscribed
"""


@dataclass(frozen=True)
class StoreRecord:
    """A customer or an order of a source."""

    source: str
    record_type: str
    record_id: int

    def __str__(self) -> str:
        return f"{self.source}: {self.record_type} {self.record_id}"


@dataclass(frozen=True)
class Erased:
    """What was known of a phone, and is no more.

    records: deleted; blanked: orders of other customers that named the phone and stay without it. history: lines
    of reports; ledger: entries of the ledger of consent. contact_id: the contact on the platform, where it still is.
    """

    records: tuple[StoreRecord, ...]
    blanked: tuple[StoreRecord, ...]
    history: int
    ledger: int
    was_contact: bool
    contact_id: str | None
    was_unsubscribed: bool

    @property
    def is_nothing(self) -> bool:
        """Nothing was known."""
        return not (self.records or self.blanked or self.history or self.ledger or self.was_contact)


def erase_phone(database: Database, phone: str) -> Erased:
    """Delete everything that the state holds of the people with a phone (E.164), in one transaction.

    Waits for a push that is under way: it would write the contact down again.
    """
    values = {"phone": phone}
    with database.exclusive_push(), database.exclusive_commit() as connection:
        connection.execute(sa.text(_DOOMED), values)
        history = connection.execute(sa.text(_DELETE_HISTORY), values).rowcount
        ledger = connection.execute(sa.text(_DELETE_LEDGER), values).rowcount
        records = connection.execute(sa.text(_DELETE_RECORDS)).tuples().all()
        blanked = connection.execute(sa.text(_BLANK_ORDERS_OF_OTHERS), values).tuples().all()
        contact = connection.execute(sa.text(_DELETE_CONTACT), values).mappings().first()
    return Erased(
        records=tuple(sorted((StoreRecord(*row) for row in records), key=str)),
        blanked=tuple(sorted((StoreRecord(*row) for row in blanked), key=str)),
        history=history,
        ledger=ledger,
        was_contact=contact is not None,
        contact_id=contact["contact_id"] if contact else None,
        was_unsubscribed=bool(contact["is_unsubscribed"]) if contact else False,
    )
