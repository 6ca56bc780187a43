"""Contacts that the platform has not yet confirmed, and what comes back from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.consent_event import ConsentEvent
from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact, read_signal
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT, GroupNames
from woo_sync_pipeline.contacts.subscription import Signal, SubscriptionState
from woo_sync_pipeline.state.bulk import copy_new
from woo_sync_pipeline.state.consent_ledger import note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts

_BASE_COLUMNS = {
    "base_first_name": "text",
    "base_last_name": "text",
    "base_email": "text",
    "base_sources": "text[]",
    "base_groups": "text[]",
    "base_consent": "text",
    "base_consent_at": "timestamptz",
    "base_consent_dated_at": "timestamptz",
    "base_state": "text",
    "base_state_by": "text",
    "unsubscribed_seen_at": "timestamptz",
    "base_seen_at": "timestamptz",
    "base_modified_at": "timestamptz",
    "not_applied": "text",
    "applied_consent": "text",
    "applied_consent_at": "timestamptz",
    "applied_consent_dated_at": "timestamptz",
    "base_before_leaving": "jsonb",
    "base_taken_off": "text[]",
}
_CONFIRMED_COLUMNS = {"phone": "text", "contact_id": "uuid", **_BASE_COLUMNS}
_COLUMNS_BY_VALUE = dict(zip(ContactBase().to_values(), _BASE_COLUMNS, strict=True))

_SQL = statements(
    "contacts",
    base_columns=", ".join(_BASE_COLUMNS),
    confirmed_columns=", ".join(f"{name} = confirmed.{name}" for name in _BASE_COLUMNS),
)


@dataclass(frozen=True)
class Confirmation:
    """What the platform confirmed of one phone; `contact_id` is None when there is nothing on the platform.

    `events` are for the ledger of consent.
    """

    phone: str
    contact_id: str | None
    base: ContactBase
    events: tuple[ConsentEvent, ...] = ()


def pending_phones(
    database: Database, *, source_name: str, touched: Sequence[str], include_rejected: bool
) -> list[str]:
    """Phones whose merged form the platform has not confirmed, of this source or touched by this sync.

    So are those of people who were erased in a store, and those of all sources that are subscribed and have opted out
    since, or were being sent: the source that holds one may not be synced for long. A form that the
    platform has refused is left out unless `include_rejected`, or
    unless it opts out.
    """
    return database.scalars(
        _SQL["pending"], source_name=source_name, touched=list(touched), include_rejected=include_rejected
    )


def opting_out_phones(database: Database) -> list[str]:
    """Phones of all sources that are subscribed on the platform and have opted out since, by phone."""
    return database.scalars(_SQL["opting_out"])


def never_confirmed(database: Database, phones: Sequence[str]) -> list[str]:
    """Those of the phones of which the platform has never confirmed anything."""
    query = "SELECT phone FROM woo_sync.contacts WHERE base_sources IS NULL AND phone = ANY(:phones)"
    return database.scalars(query, phones=list(phones))


def load_pending(database: Database, phones: Sequence[str]) -> list[StoreContact]:
    """Those of the phones that are still pending, as they are in the state now."""
    return [_store_contact(row._mapping) for row in database.rows(_SQL["load"], phones=list(phones))]


def note_in_flight(database: Database, bases: Iterable[tuple[str, ContactBase]]) -> None:
    """Write down what is about to be sent, so that a crash between sending and confirming loses nothing."""
    rows = [(phone, json.dumps(base.to_json())) for phone, base in bases]
    with database.exclusive_commit() as connection:
        copy_new(connection, "sending", {"phone": "text", "in_flight": "jsonb"}, rows)
        connection.execute(sa.text(_SQL["note_in_flight"]))


def settle(
    database: Database,
    *,
    run_id: str,
    confirmations: Sequence[Confirmation],
    rejections: Sequence[tuple[str, str]],
    contacts: Sequence[SyncContact],
) -> None:
    """Write down, in one transaction, what became of a batch that was sent.

    What the platform confirmed becomes the new base, and goes into the ledger of consent. What it refused (phone,
    reason) stays pending. `contacts` go into the history of the sync.
    """
    with database.exclusive_commit() as connection:
        copy_new(connection, "confirmed", _CONFIRMED_COLUMNS, map(_confirmed_row, confirmations))
        connection.execute(sa.text(_SQL["confirm"]))
        copy_new(connection, "rejected", {"phone": "text", "reason": "text"}, rejections)
        connection.execute(sa.text(_SQL["reject"]))
        note_platform_events(
            connection, run_id, [(each.phone, event) for each in confirmations for event in each.events]
        )
        note_contacts(connection, run_id, contacts)


def adopt_lists(database: Database, lists: Iterable[tuple[str, str]]) -> None:
    """Remember lists (id, name) as this project's own; a list of the same name that was deleted is replaced."""
    rows = [{"list_id": list_id, "name": name} for list_id, name in lists]
    with database.transaction() as connection:
        for row in rows:
            connection.execute(sa.text(_SQL["adopt_list"]), row)


def count_held(database: Database, source_name: str, phones: Collection[str]) -> int:
    """How many of these phones a source holds."""
    return int(database.scalars(_SQL["count_held"], phones=list(phones), source_name=source_name)[0])


def source_totals(
    database: Database, source_name: str, *, name_format: str = DEFAULT_NAME_FORMAT
) -> dict[str, int]:
    """Contacts of a source: all, by subscription state as last seen on the platform; and lists they belong to.

    `name_format` tells the source's lists from those of others.
    """
    pattern = GroupNames(source_name, name_format).pattern
    return dict(database.rows(_SQL["totals"], source_name=source_name, pattern=pattern)[0]._mapping)


def _store_contact(row: Mapping[str, Any]) -> StoreContact:
    is_erased = bool(row["is_erased"])
    # An erasure asks for no messages either.
    signal = Signal(Consent.opted_out, row["asked_at"]) if is_erased else read_signal(row, "consent")
    return StoreContact(
        phone=row["phone"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        email=row["email"],
        sources=tuple(row["sources"]),
        groups=tuple(row["groups"]),
        signal=signal,
        status=SubscriptionState(row["status"]),
        base=_base(row),
        in_flight=ContactBase.from_json(row["in_flight"]) if row["in_flight"] else None,
        is_erased=is_erased,
    )


def _base(row: Mapping[str, Any]) -> ContactBase | None:
    if row["base_sources"] is None:
        return None
    return ContactBase.from_values({name: row[column] for name, column in _COLUMNS_BY_VALUE.items()})


def _confirmed_row(confirmation: Confirmation) -> tuple[object, ...]:
    values = confirmation.base.to_values()
    values["consent"] = values["consent"] or Consent.unknown.value
    values["before_leaving"] = values["before_leaving"] and json.dumps(values["before_leaving"])
    return (confirmation.phone, confirmation.contact_id, *values.values())
