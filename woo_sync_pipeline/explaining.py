"""`woo-sync explain`: why a contact is as it is, from what the state holds of its phone alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from woo_sync_pipeline.config import Settings
from woo_sync_pipeline.contacts.merge import deciding_signals, field_origins
from woo_sync_pipeline.resources import StateResource
from woo_sync_pipeline.state.explanation import KnownOfPhone, Row, known_of_phone

MOST_OUTCOMES = 20

_FIELDS = ("first_name", "last_name", "email", "sources", "groups", "consent", "consent_at")
_SHOWN = (
    "first_name",
    "last_name",
    "email",
    "sources",
    "groups",
    "consent",
    "consent_at",
    "consent_origin",
    "status",
)
_OF_PLATFORM = (
    "contact_id",
    "confirmed_at",
    "base_state",
    "base_state_by",
    "unsubscribed_seen_at",
    "applied_consent",
    "applied_consent_at",
    "is_pending",
    "is_in_flight",
    "rejected_reason",
)


@dataclass(frozen=True)
class Choice:
    """A choice of a store record: the one that decides the contact's consent, an older one, or none that counts."""

    consent: str
    made_at: datetime | None
    origin: str
    weight: Literal["decides", "outweighed", "does not count"]


@dataclass(frozen=True)
class RecordBehind:
    """A store record behind a contact, the fields of the contact that it gave, and its choices.

    An order without the phone is here because its customer has it. `last_seen_at` is when its present form was read.
    """

    source: str
    record_type: str
    record_id: int
    customer_id: int
    has_phone: bool
    first_name: str
    last_name: str
    email: str
    order_status: str
    created_at: datetime | None
    modified_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    gives: tuple[str, ...]
    choices: tuple[Choice, ...]

    def __str__(self) -> str:
        if self.record_type == "customer":
            return f"{self.source}: customer {self.record_id}"
        if not self.customer_id:
            return f"{self.source}: guest order {self.record_id}"
        return f"{self.source}: order {self.record_id} of customer {self.customer_id}"


@dataclass(frozen=True)
class Explanation:
    """Why a contact is as it is; without `contact` and `platform` no store holds the phone, and none ever did.

    contact: its merged form. platform: what MessageMedia last confirmed. not_sent: fields that differ from that.
    state_told: why the subscription state is what it is, in a sentence. outcomes: of the latest syncs, newest first.
    """

    phone: str
    contact: Row | None
    platform: Row | None
    not_sent: tuple[str, ...]
    state_told: str
    records: tuple[RecordBehind, ...]
    outcomes: tuple[Row, ...]


def explain(settings: Settings, state: StateResource, phone: str) -> Explanation | None:
    """Explain the contact of a phone (E.164); None when nothing is known of the phone."""
    known = known_of_phone(state.database(), phone, outcomes=MOST_OUTCOMES)
    contact = known.contact
    if contact is None and not known.records and not known.outcomes:
        return None
    return Explanation(
        phone=phone,
        contact={name: contact[name] for name in _SHOWN} if contact else None,
        platform={name: contact[name] for name in _OF_PLATFORM} if contact else None,
        not_sent=_not_sent(contact) if contact else (),
        state_told=_told_state(contact) if contact else "",
        records=_records(known, phone, _counting(settings, known)),
        outcomes=known.outcomes,
    )


def _counting(settings: Settings, known: KnownOfPhone) -> set[str]:
    """Keys of the sources whose records count, as when they are merged: one that is refused is not gone."""
    refused = settings.refused_keys
    if refused is None:
        return {record["source"] for record in known.records}
    return {*(source.key for source in settings.sources), *refused}


def _records(known: KnownOfPhone, phone: str, sources: set[str]) -> tuple[RecordBehind, ...]:
    """The records, first those that the contact is made of, then customers, then orders, the newest first."""
    contact = known.contact or {}
    given: dict[tuple[Any, ...], list[str]] = {}
    for origin in field_origins(known.merging, phones=[phone], sources=sources).to_dict("records"):
        given.setdefault(_key(origin), []).append(str(origin["field"]))
    # What is configured otherwise since the last merging decides nothing yet.
    decided = {
        (*_key(signal), signal["consent_origin"])
        for signal in deciding_signals(known.merging, phones=[phone], sources=sources).to_dict("records")
        if signal["consent"] == contact.get("consent")
    }
    signals: dict[tuple[Any, ...], list[Choice]] = {}
    for signal in known.merging.signals.to_dict("records"):
        decides = (*_key(signal), signal["consent_origin"]) in decided
        counts = signal["source"] in sources
        weight: Literal["decides", "outweighed", "does not count"] = (
            "decides" if decides else "outweighed" if counts else "does not count"
        )
        choice = Choice(signal["consent"], signal["choice_at"], signal["consent_origin"], weight)
        signals.setdefault(_key(signal), []).append(choice)
    behind = [
        _record(
            row,
            gives=tuple(name for name in given.get(_key(row), ()) if row[name] == contact.get(name)),
            choices=signals.get(_key(row), []),
        )
        for row in known.records
    ]
    return tuple(sorted(behind, key=_precedence))


def _record(row: Row, *, gives: tuple[str, ...], choices: list[Choice]) -> RecordBehind:
    own = Choice(row["consent"], row["choice_at"], row["consent_origin"], "does not count")
    is_there = any((each.consent, each.origin) == (own.consent, own.origin) for each in choices)
    if own.consent != "unknown" and not is_there:
        choices = [own, *choices]
    values = {name: row[name] for name in RecordBehind.__dataclass_fields__ if name in row}
    return RecordBehind(**values, gives=gives, choices=tuple(choices))


def _key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return row["source"], row["record_type"], row["record_id"]


def _precedence(record: RecordBehind) -> tuple[object, ...]:
    makes_it = bool(record.gives) or any(choice.weight == "decides" for choice in record.choices)
    return not makes_it, record.record_type != "customer", record.source, -record.record_id


def _not_sent(contact: Row) -> tuple[str, ...]:
    if contact["base_sources"] is None:
        return _FIELDS
    return tuple(name for name in _FIELDS if contact[name] != contact[f"base_{name}"])


def _told_state(contact: Row) -> str:
    status, state = contact["status"], contact["base_state"]
    if contact["base_sources"] is None:
        return (
            f"MessageMedia has not confirmed it yet. A contact that is new there becomes {status.lower()}; one that "
            "is there keeps its state, unless the choice is an opt-out."
        )
    if state is None:
        return "It was gone from the stores before anything of it was sent."
    if {"consent", "consent_at"} & set(_not_sent(contact)):
        return "The choice that decides has changed since, and was not sent yet."
    if state == status:
        return f"The stores make it {status.lower()} too."
    if contact["consent"] == "unknown":
        return f"The stores would make a new contact {status.lower()}, but only a choice changes a state that is there."
    if state == "UNSUBSCRIBED" and contact["base_state_by"] == "platform":
        return "It was unsubscribed on MessageMedia: only an opt-in made after that subscribes it again."
    return "The state was changed since the choice was made: only a newer choice changes it again."
