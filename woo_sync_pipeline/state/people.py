"""Whom a phone, an email address or a store's number of a customer means."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_CUSTOMER = re.compile(r"([a-z][a-z0-9_]{0,39}):([1-9][0-9]{0,17})")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")

# What an order of a customer says is about the customer, if that one is known: the phone typed in may be another's.
_OWNERS = """
SELECT DISTINCT owner.phone, owner.source, owner.record_type, owner.record_id
FROM woo_sync.source_records AS named
LEFT JOIN woo_sync.source_records AS customer
    ON named.record_type = 'order' AND named.customer_id <> 0 AND customer.source = named.source
    AND customer.record_type = 'customer' AND customer.record_id = named.customer_id
CROSS JOIN LATERAL (
    SELECT coalesce(customer.source, named.source) AS source,
        coalesce(customer.record_type, named.record_type) AS record_type,
        coalesce(customer.record_id, named.record_id) AS record_id,
        CASE WHEN customer.record_id IS NULL THEN named.phone ELSE customer.phone END AS phone
) AS owner
WHERE {condition}
ORDER BY owner.phone, owner.source, owner.record_type, owner.record_id
"""
_BY_EMAIL = _OWNERS.format(condition="lower(named.email) = lower(:email)")
_BY_NUMBER = _OWNERS.format(
    condition="named.source = :source AND named.record_type = 'customer' AND named.record_id = :record_id"
)


@dataclass(frozen=True)
class StoreRecord:
    """A customer or an order of a source."""

    source: str
    record_type: str
    record_id: int

    def __str__(self) -> str:
        return f"{self.source}: {self.record_type} {self.record_id}"


@dataclass(frozen=True)
class Naming:
    """How a person is named: by `phone` (E.164), by `email`, or by the number of a customer of a source."""

    phone: str | None = None
    email: str | None = None
    customer: StoreRecord | None = None


@dataclass(frozen=True)
class Meant:
    """Who is meant: the records with each of these phones (E.164), and records that have no usable phone."""

    by_phone: dict[str, tuple[StoreRecord, ...]]
    without_phone: tuple[StoreRecord, ...]

    @property
    def is_nobody(self) -> bool:
        """Nothing is known."""
        return not (self.by_phone or self.without_phone)


def read_naming(text: str) -> Naming | None:
    """What a text names: `+61491570006`, `ann@example.com` or `woocommerce:123`; None when it is none of these."""
    if _E164.fullmatch(text):
        return Naming(phone=text)
    if _EMAIL.fullmatch(text):
        return Naming(email=text)
    customer = _CUSTOMER.fullmatch(text)
    return Naming(customer=StoreRecord(customer[1], "customer", int(customer[2]))) if customer else None


def who_is_meant(database: Database, naming: Naming) -> Meant:
    """The phones and the records that a naming means. An address is compared without regard to case."""
    if naming.phone is not None:
        return Meant({naming.phone: ()}, ())
    if naming.customer is not None:
        query = _BY_NUMBER
        values = {"source": naming.customer.source, "record_id": naming.customer.record_id}
    else:
        query, values = _BY_EMAIL, {"email": str(naming.email)}
    by_phone: dict[str, list[StoreRecord]] = {}
    without_phone = []
    with database.transaction() as connection:
        for phone, *key in connection.execute(sa.text(query), values):
            record = StoreRecord(*key)
            if phone is None:
                without_phone.append(record)
            else:
                by_phone.setdefault(phone, []).append(record)
    return Meant({phone: tuple(records) for phone, records in by_phone.items()}, tuple(without_phone))
