"""Why a contact is as it is, from what the state holds of its phone alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import pandas as pd

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.contacts.merge import deciding_signals, field_origins
from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.sources.registry import noun_of_all
from woo_sync_pipeline.state.consent_ledger import LedgerEntry
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.explanation import KnownOfPhone, Row, known_of_phone
from woo_sync_pipeline.state.people import StoreRecord

MOST_LINES = 20
"""Of the outcomes of syncs, and of the ledger of consent."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_CHOICE = ("consent", "consent_at", "consent_dated_at")
_FIELDS = ("first_name", "last_name", "email", "sources", "groups", *_CHOICE)
_SHOWN = (*_FIELDS, "consent_origin", "status")
_OF_PLATFORM = (
    "contact_id",
    "confirmed_at",
    "base_state",
    "base_state_by",
    "base_seen_at",
    "base_modified_at",
    "unsubscribed_seen_at",
    "applied_consent",
    "applied_consent_at",
    "applied_consent_dated_at",
    "not_applied",
    "is_pending",
    "is_in_flight",
    "rejected_reason",
)

Weight: TypeAlias = Literal["decides", "outweighed", "does not count"]


@dataclass(frozen=True)
class Choice:
    """A choice of a store record: the one that decides the contact's consent, an older one, or none that counts.

    It was made between `earliest` (None: nobody knows since when) and `latest`. is_dated: whether it has a date of its
    own, and these are not only the times of our readings.
    """

    consent: str
    earliest: datetime | None
    latest: datetime | None
    is_dated: bool
    origin: str
    weight: Weight


@dataclass(frozen=True)
class RecordBehind:
    """A store record behind a contact, the fields of the contact that it gave, and its choices.

    One without the phone is here because the person whom it belongs to has it; `person_type` is what that person is
    in the source, a customer where the record of the person is not known. `last_seen_at` is when its present form
    was read.
    """

    source: str
    record_type: str
    record_id: str
    person_id: str
    is_person: bool
    has_phone: bool
    first_name: str
    last_name: str
    email: str
    status: str
    created_at: datetime | None
    modified_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    gives: tuple[str, ...]
    choices: tuple[Choice, ...]
    person_type: str = "customer"

    def __str__(self) -> str:
        record = f"{self.record_type} {self.record_id}"
        if self.is_person:
            return f"{self.source}: {record}"
        if not self.person_id:
            return f"{self.source}: guest {record}"
        return f"{self.source}: {record} of {self.person_type} {self.person_id}"


@dataclass(frozen=True)
class OtherPhone:
    """Another phone of a record, masked: it may be somebody else's. `left_at`: when the record changed from one to
    the other. `phone_masked` is empty where the record has no usable phone now.
    """

    record: str
    phone_masked: str
    left_at: datetime


@dataclass(frozen=True)
class Explanation:
    """Why a contact is as it is; without `contact` and `platform` no store holds the phone, and none ever did.

    contact: its merged form. platform: what MessageMedia last confirmed. not_sent: fields that differ from that.
    state_told: why the subscription state is what it is, in a sentence. outcomes: of the latest syncs, newest first.
    ledger: the latest entries of the ledger of consent, newest first. former_phones: those that its records had before;
    moved_away: records that had this phone before, with the one they have now. noun: what all sources are, in a word.
    """

    phone: str
    contact: Row | None
    platform: Row | None
    not_sent: tuple[str, ...]
    state_told: str
    records: tuple[RecordBehind, ...]
    outcomes: tuple[Row, ...]
    ledger: tuple[LedgerEntry, ...]
    former_phones: tuple[OtherPhone, ...]
    moved_away: tuple[OtherPhone, ...]
    noun: str = STORE


def explain(settings: Settings, database: Database, phone: str) -> Explanation | None:
    """Explain the contact of a phone (E.164); None when nothing is known of the phone."""
    known, noun = known_of_phone(database, phone, lines=MOST_LINES), noun_of_all(settings.sources)
    contact = known.contact
    if contact is None and not (known.records or known.outcomes or known.ledger or known.moved):
        return None
    return Explanation(
        phone=phone,
        contact={name: contact[name] for name in _SHOWN} if contact else None,
        platform={name: contact[name] for name in _OF_PLATFORM} if contact else None,
        not_sent=_not_sent(contact) if contact else (),
        state_told=_told_state(contact, noun) if contact else "",
        records=_records(known, phone, _counting(settings, known)),
        outcomes=known.outcomes,
        ledger=known.ledger,
        former_phones=_other_phones(known.former),
        moved_away=_other_phones(known.moved),
        noun=noun,
    )


def _other_phones(rows: Iterable[Row]) -> tuple[OtherPhone, ...]:
    return tuple(
        OtherPhone(
            str(StoreRecord(row["source"], row["record_type"], row["record_id"])),
            mask_phone(row["phone"]),
            row["left_at"],
        )
        for row in rows
    )


def _counting(settings: Settings, known: KnownOfPhone) -> set[str]:
    """Keys of the sources whose records count, as when they are merged: one that is refused is not gone."""
    refused = settings.refused_keys
    if refused is None:
        return {record["source"] for record in known.records}
    return {*(source.key for source in settings.sources), *refused}


def _records(known: KnownOfPhone, phone: str, sources: set[str]) -> tuple[RecordBehind, ...]:
    """The records, first those that the contact is made of, then those of persons, then others, the newest first."""
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
    own_origins = {_key(row): row["consent_origin"] for row in known.records}
    signals: dict[tuple[Any, ...], list[Choice]] = {}
    for signal in known.merging.signals.to_dict("records"):
        decides = (*_key(signal), signal["consent_origin"]) in decided
        counts = signal["source"] in sources
        weight: Weight = "decides" if decides else "outweighed" if counts else "does not count"
        signals.setdefault(_key(signal), []).append(_choice(signal, own_origins.get(_key(signal)), weight))
    persons = {
        (row["source"], row["record_id"]): row["record_type"] for row in known.records if row["is_person"]
    }
    behind = [
        _record(
            row,
            gives=tuple(name for name in given.get(_key(row), ()) if row[name] == contact.get(name)),
            choices=signals.get(_key(row), []),
            person_type=persons.get((row["source"], row["person_id"]), "customer"),
        )
        for row in known.records
    ]
    # Of ids that are numbers the longer one is the higher one.
    behind.sort(key=lambda record: (len(record.record_id), record.record_id), reverse=True)
    return tuple(sorted(behind, key=_precedence))


def _record(row: Row, *, gives: tuple[str, ...], choices: list[Choice], person_type: str) -> RecordBehind:
    own = _choice(row, row["consent_origin"], "does not count")
    is_there = any((each.consent, each.origin) == (own.consent, own.origin) for each in choices)
    if own.consent != "unknown" and not is_there:
        choices = [own, *choices]
    values = {name: row[name] for name in RecordBehind.__dataclass_fields__ if name in row}
    return RecordBehind(**values, gives=gives, choices=tuple(choices), person_type=person_type)


def _choice(row: Mapping[Any, Any], own_origin: str | None, weight: Weight) -> Choice:
    """The choice in a row of records or signals; `own_origin` is where that of the record itself was read."""
    earliest, latest = (_known_time(row[name]) for name in ("choice_from", "choice_until"))
    # Of what came along from an earlier phone is known only by when it was seen.
    if row["consent_origin"] != own_origin:
        earliest = None
    return Choice(
        row["consent"], earliest, latest, bool(row["choice_is_dated"]), row["consent_origin"], weight
    )


def _known_time(at: Any) -> datetime | None:
    """A time as it is stored, where 1970 stands for one that nobody knows."""
    return None if pd.isna(at) or at <= _EPOCH else at


def _key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return row["source"], row["record_type"], row["record_id"]


def _precedence(record: RecordBehind) -> tuple[object, ...]:
    makes_it = bool(record.gives) or any(choice.weight == "decides" for choice in record.choices)
    return not makes_it, not record.is_person, record.source


def _not_sent(contact: Row) -> tuple[str, ...]:
    if contact["base_sources"] is None:
        return _FIELDS
    return tuple(name for name in _FIELDS if contact[name] != contact[f"base_{name}"])


def _told_state(contact: Row, noun: str) -> str:
    status, state = contact["status"], contact["base_state"]
    if contact["base_sources"] is None:
        return (
            f"MessageMedia has not confirmed it yet. A contact that is new there becomes {status.lower()}; one that "
            "is there keeps its state, unless the choice is an opt-out."
        )
    if state is None:
        return f"It was gone from the {noun}s before anything of it was sent."
    not_applied = NotApplied(contact["not_applied"]).sentence if contact["not_applied"] else ""
    if set(_CHOICE) & set(_not_sent(contact)):
        changed = "The choice that decides has changed since, and was not sent yet."
        return f"{changed} Before that: {not_applied}" if not_applied else changed
    if not_applied:
        return not_applied
    if state == status:
        return f"The {noun}s make it {status.lower()} too."
    if contact["consent"] == "unknown":
        made = f"The {noun}s would make a new contact {status.lower()}"
        return f"{made}, but only a choice changes a state that is there."
    if state == "UNSUBSCRIBED" and contact["base_state_by"] == "platform":
        return "It was unsubscribed on MessageMedia: only an opt-in dated after that was seen subscribes it again."
    return "The state was changed since the choice was made: only a newer choice changes it again."
