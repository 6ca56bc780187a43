"""Contacts that the platform has not yet confirmed, and what comes back from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.consent_event import ConsentEvent
from woo_sync_pipeline.contacts.contact import ContactBase, KeptFields, StoreContact
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT, GroupNames
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    SetBy,
    Signal,
    SubscriptionBase,
    SubscriptionState,
)
from woo_sync_pipeline.state.bulk import copy_frame
from woo_sync_pipeline.state.consent_ledger import note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts

_SQL = statements("contacts")

_FORM = """md5(ROW(
    first_name, last_name, email, array_to_string(sources, ','), array_to_string(groups, ','), consent, consent_at,
    consent_dated_at
)::text)"""
_OPTS_OUT = """(consent = 'opted_out' AND base_state = 'SUBSCRIBED'
            AND (consent, consent_at) IS DISTINCT FROM (base_consent, base_consent_at))"""

_IS_ERASED = _SQL["is_erased"]

_PENDING = f"""
SELECT phone FROM woo_sync.contacts
WHERE is_pending
    AND (:source_name = ANY(sources) OR :source_name = ANY(base_sources) OR phone = ANY(:touched)
        OR {_OPTS_OUT}
        OR (in_flight IS NOT NULL AND rejected_form IS NULL))
    AND (:include_rejected OR rejected_form IS DISTINCT FROM {_FORM} OR {_OPTS_OUT})
UNION
SELECT phone FROM woo_sync.contacts JOIN woo_sync.erasures AS erased USING (phone)
WHERE erased.mode = 'unsubscribe' AND sources = '{{}}'
ORDER BY phone
"""  # noqa: S608 - the only thing put in is the constant above

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
    "applied_consent": "text",
    "applied_consent_at": "timestamptz",
    "applied_consent_dated_at": "timestamptz",
    "unsubscribed_seen_at": "timestamptz",
    "base_seen_at": "timestamptz",
    "base_modified_at": "timestamptz",
    "not_applied": "text",
    "base_before_leaving": "jsonb",
    "base_taken_off": "text[]",
}
_CONFIRMED_COLUMNS = {"phone": "text", "contact_id": "uuid", **_BASE_COLUMNS}

_LOAD = f"""
SELECT phone, first_name, last_name, email, sources, groups, consent, consent_at, consent_dated_at, status,
    {", ".join(_BASE_COLUMNS)}, in_flight, {_IS_ERASED} AS is_erased, now() AS asked_at
FROM woo_sync.contacts WHERE (is_pending OR {_IS_ERASED}) AND phone = ANY(:phones) ORDER BY phone
"""  # noqa: S608 - the only things put in are the constants above

_CONFIRM = f"""
UPDATE woo_sync.contacts AS known SET
    contact_id = coalesce(confirmed.contact_id, known.contact_id),
    {", ".join(f"{name} = confirmed.{name}" for name in _BASE_COLUMNS)},
    confirmed_at = now(), missed_at = NULL, in_flight = NULL, rejected_reason = NULL, rejected_form = NULL
FROM confirmed WHERE known.phone = confirmed.phone
"""  # noqa: S608 - only names of columns are put in

# What was in flight stays so: the platform may have taken a part of it, and an opt-out in reply to a subscription
# that was never confirmed must still be told from our own.
_REJECT = f"""
UPDATE woo_sync.contacts AS known
SET rejected_reason = rejected.reason, rejected_form = {_FORM}
FROM rejected WHERE known.phone = rejected.phone
"""  # noqa: S608 - the only thing put in is the constant above


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
    parameters = {
        "source_name": source_name,
        "touched": list(touched),
        "include_rejected": include_rejected,
    }
    with database.transaction() as connection:
        return list(connection.execute(sa.text(_PENDING), parameters).scalars())


def opting_out_phones(database: Database) -> list[str]:
    """Phones of all sources that are subscribed on the platform and have opted out since, by phone."""
    query = f"SELECT phone FROM woo_sync.contacts WHERE is_pending AND {_OPTS_OUT} ORDER BY phone"  # noqa: S608
    with database.transaction() as connection:
        return list(connection.execute(sa.text(query)).scalars())


def never_confirmed(database: Database, phones: Sequence[str]) -> list[str]:
    """Those of the phones of which the platform has never confirmed anything."""
    query = "SELECT phone FROM woo_sync.contacts WHERE base_sources IS NULL AND phone = ANY(:phones)"
    with database.transaction() as connection:
        return list(connection.execute(sa.text(query), {"phones": list(phones)}).scalars())


def load_pending(database: Database, phones: Sequence[str]) -> list[StoreContact]:
    """Those of the phones that are still pending, as they are in the state now."""
    with database.transaction() as connection:
        rows = connection.execute(sa.text(_LOAD), {"phones": list(phones)}).mappings()
        return [_store_contact(row) for row in rows]


def note_in_flight(database: Database, bases: Iterable[tuple[str, ContactBase]]) -> None:
    """Write down what is about to be sent, so that a crash between sending and confirming loses nothing."""
    rows = [(phone, json.dumps(base.to_json())) for phone, base in bases]
    frame = pd.DataFrame(rows, columns=["phone", "in_flight"])
    with database.exclusive_commit() as connection:
        copy_frame(connection, frame, "sending", {"phone": "text", "in_flight": "jsonb"})
        connection.execute(
            sa.text(
                "UPDATE woo_sync.contacts AS known SET in_flight = sending.in_flight"
                " FROM sending WHERE known.phone = sending.phone"
            )
        )


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
    rows = [_confirmed_row(confirmation) for confirmation in confirmations]
    confirmed = pd.DataFrame(rows, columns=list(_CONFIRMED_COLUMNS), dtype=object)
    rejected = pd.DataFrame(list(rejections), columns=["phone", "reason"])
    with database.exclusive_commit() as connection:
        copy_frame(connection, confirmed, "confirmed", _CONFIRMED_COLUMNS)
        connection.execute(sa.text(_CONFIRM))
        copy_frame(connection, rejected, "rejected", {"phone": "text", "reason": "text"})
        connection.execute(sa.text(_REJECT))
        note_platform_events(
            connection, run_id, [(each.phone, event) for each in confirmations for event in each.events]
        )
        note_contacts(connection, run_id, contacts)


def adopt_lists(database: Database, lists: Iterable[tuple[str, str]]) -> None:
    """Remember lists (id, name) as this project's own; a list of the same name that was deleted is replaced."""
    rows = list(lists)
    with database.transaction() as connection:
        for list_id, name in rows:
            # A person may have given the list another name, one that is ours as well.
            connection.execute(
                sa.text(
                    "DELETE FROM woo_sync.platform_lists"
                    " WHERE list_id = :list_id AND lower(name) <> lower(:name)"
                ),
                {"list_id": list_id, "name": name},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO woo_sync.platform_lists (list_id, name) VALUES (:list_id, :name)"
                    " ON CONFLICT (lower(name)) DO UPDATE SET list_id = excluded.list_id"
                ),
                {"list_id": list_id, "name": name},
            )


def count_held(database: Database, source_name: str, phones: Collection[str]) -> int:
    """How many of these phones a source holds."""
    query = """
        SELECT count(*) FROM woo_sync.contacts
        WHERE phone = ANY(:phones) AND :source_name = ANY(sources)
    """
    with database.transaction() as connection:
        parameters = {"phones": list(phones), "source_name": source_name}
        return int(connection.execute(sa.text(query), parameters).scalar_one())


def source_totals(
    database: Database, source_name: str, *, name_format: str = DEFAULT_NAME_FORMAT
) -> dict[str, int]:
    """Contacts of a source: all, by subscription state as last seen on the platform; and lists they belong to.

    `name_format` tells the source's lists from those of others.
    """
    query = """
        SELECT count(*) AS contacts,
            count(*) FILTER (WHERE base_state = 'SUBSCRIBED') AS subscribed,
            count(*) FILTER (WHERE base_state = 'UNSUBSCRIBED') AS unsubscribed,
            (SELECT count(DISTINCT name) FROM woo_sync.contacts AS held CROSS JOIN unnest(held.groups) AS name
                WHERE :source_name = ANY(held.sources)
                AND name ~ :pattern) AS groups
        FROM woo_sync.contacts WHERE :source_name = ANY(sources)
    """
    with database.transaction() as connection:
        parameters = {"source_name": source_name, "pattern": GroupNames(source_name, name_format).pattern}
        return dict(connection.execute(sa.text(query), parameters).mappings().one())


def _store_contact(row: sa.RowMapping) -> StoreContact:
    is_erased = bool(row["is_erased"])
    # An erasure asks for no messages either.
    signal = Signal(Consent.opted_out, row["asked_at"]) if is_erased else _signal(row, "consent")
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


def _base(row: sa.RowMapping) -> ContactBase | None:
    if row["base_sources"] is None:
        return None
    subscription = None
    if row["base_state"]:
        subscription = SubscriptionBase(
            SubscriptionState(row["base_state"]),
            SetBy(row["base_state_by"]),
            _signal(row, "applied_consent"),
            unsubscribed_seen_at=row["unsubscribed_seen_at"],
            seen_at=row["base_seen_at"],
            modified_at=row["base_modified_at"],
            not_applied=NotApplied(row["not_applied"]) if row["not_applied"] else None,
        )
    return ContactBase(
        first_name=row["base_first_name"],
        last_name=row["base_last_name"],
        email=row["base_email"],
        sources=tuple(row["base_sources"]),
        groups=tuple(row["base_groups"]),
        signal=_signal(row, "base_consent"),
        subscription=subscription,
        before_leaving=KeptFields(**row["base_before_leaving"]) if row["base_before_leaving"] else None,
        taken_off=tuple(row["base_taken_off"]),
    )


def _signal(row: sa.RowMapping, prefix: str) -> Signal | None:
    consent, at = row[prefix], row[f"{prefix}_at"]
    if consent is None or at is None or consent == Consent.unknown:
        return None
    return Signal(Consent(consent), at, row[f"{prefix}_dated_at"])


def _confirmed_row(confirmation: Confirmation) -> tuple[object, ...]:
    base = confirmation.base
    subscription = base.subscription
    signal, applied = base.signal, subscription.applied if subscription else None
    return (
        confirmation.phone,
        confirmation.contact_id,
        base.first_name,
        base.last_name,
        base.email,
        base.sources,
        base.groups,
        signal.consent.value if signal else Consent.unknown.value,
        signal.at if signal else None,
        signal.dated_at if signal else None,
        subscription.state.value if subscription else None,
        subscription.set_by.value if subscription else None,
        applied.consent.value if applied else None,
        applied.at if applied else None,
        applied.dated_at if applied else None,
        subscription.unsubscribed_seen_at if subscription else None,
        subscription.seen_at if subscription else None,
        subscription.modified_at if subscription else None,
        subscription.not_applied if subscription else None,
        json.dumps(asdict(base.before_leaving)) if base.before_leaving else None,
        base.taken_off,
    )
