"""Whom a phone, an email address or a source's id of a person means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from woo_sync_pipeline.contacts.e164 import E164
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_OWNERS = statements("people")["owners"]
_BY_EMAIL = _OWNERS.format(condition="lower(named.email) = lower(:email)")
_BY_ID = _OWNERS.format(
    condition="named.source = :source AND named.is_person AND named.record_id = :record_id"
)
_PERSON = re.compile(r"([a-z][a-z0-9_]{0,39}):(\S+)")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True)
class StoreRecord:
    """A record of a source."""

    source: str
    record_type: str
    record_id: str

    def __str__(self) -> str:
        return f"{self.source}: {self.record_type} {self.record_id}"


@dataclass(frozen=True)
class Naming:
    """How a person is named: by `phone` (E.164), by `email`, or by `source` (key) and `record_id`."""

    phone: str | None = None
    email: str | None = None
    source: str | None = None
    record_id: str | None = None


@dataclass(frozen=True)
class Meant:
    """Who is meant: the records with each of these phones (E.164), and records that have no usable phone."""

    by_phone: dict[str, tuple[StoreRecord, ...]]
    without_phone: tuple[StoreRecord, ...]


def read_naming(text: str) -> Naming | None:
    """What a text names: `+61491570006`, `ann@example.com` or `woocommerce:123`; None when it is none of these."""
    if E164.fullmatch(text):
        return Naming(phone=text)
    if _EMAIL.fullmatch(text):
        return Naming(email=text)
    person = _PERSON.fullmatch(text)
    return Naming(source=person[1], record_id=person[2]) if person else None


def who_is_meant(database: Database, naming: Naming) -> Meant:
    """The phones and the records that a naming means. An address is compared without regard to case."""
    if naming.phone is not None:
        return Meant({naming.phone: ()}, ())
    query = _BY_ID if naming.email is None else _BY_EMAIL
    by_phone: dict[str, list[StoreRecord]] = {}
    without_phone = []
    for phone, *key in database.rows(query, **vars(naming)):
        record = StoreRecord(*key)
        if phone is None:
            without_phone.append(record)
        else:
            by_phone.setdefault(phone, []).append(record)
    return Meant({phone: tuple(records) for phone, records in by_phone.items()}, tuple(without_phone))
