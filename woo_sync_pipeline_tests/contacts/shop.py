"""A store whose records are read again and again, and what is known of them: the state in memory, for one store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from woo_sync_pipeline.contacts.choice_times import ReadingClock
from woo_sync_pipeline.contacts.choices import CAME_BACK, REPEATS, date_choices
from woo_sync_pipeline.contacts.consent import ChoiceRead, ConsentRules, read_choice
from woo_sync_pipeline_tests.contacts.situations import at

ANN, BOB = "+61491570006", "+61491570156"
RULES = ConsentRules(keys=("sms", "news"), dated_by={"sms": "sms_at"})
EXACT = (timedelta(), timedelta())
"""The store's clock is ours. It keeps whole seconds, so that what it dates may be up to a second later."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest time of a choice that can be as old as anything."""
YES, NO = "opted_in", "opted_out"

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A customer or an order as the store has it. `meta` is None where the store withholds it."""

    kind: str
    record_id: int
    meta: Mapping[str, object] | None
    phone: str | None = ANN
    customer_id: int = 0
    email: str = ""
    status: str = ""
    created: int | None = 0
    is_renewal: bool = False


def customer(meta: Mapping[str, object] | None = None, record_id: int = 7, **changes: Any) -> Record:
    return Record("customer", record_id, meta, **{"customer_id": record_id, **changes})


def order(meta: Mapping[str, object] | None, record_id: int = 44, **changes: Any) -> Record:
    """A guest's order, made at minute 10 unless something else is said."""
    return Record("order", record_id, meta, **{"status": "completed", "created": 10, **changes})


class Choice(NamedTuple):
    """The consent in force, the last choice, between which times it was made, and whether these are its own."""

    consent: str
    choice: str | None
    begins: datetime | None
    ends: datetime | None
    is_dated: bool = False


def chosen(consent: str, begins: datetime, ends: datetime, *, is_dated: bool = False) -> Choice:
    """A choice that is in force."""
    return Choice(consent, consent, begins, ends, is_dated)


def just_after(minute: int) -> datetime:
    """When somebody who was read at this minute can have chosen at the earliest."""
    return at(minute) + timedelta(microseconds=1)


def dated_until(minute: int) -> datetime:
    """The latest time of what the store dates at this minute."""
    return at(minute) + timedelta(seconds=1)


_OLD = (
    "phone",
    "consent",
    "consent_origin",
    "consent_key",
    "consent_answers",
    "consent_basis",
    "choice",
    "choice_from",
    "choice_until",
    "choice_is_dated",
    "choice_returned_at",
    "carried_opt_out_at",
    "carried_stop_at",
    "last_seen_at",
    "is_gone",
)
_LEFT = (
    "is_left",
    "consent",
    "consent_at",
    "state",
    "state_by",
    "unsubscribed_seen_at",
    "applied_consent",
    "applied_consent_at",
)
_OTHERS = (
    "event_id",
    "phone",
    "is_person",
    "person_id",
    "email",
    "consent_key",
    "choice",
    "choice_from",
    "choice_until",
    "choice_is_dated",
    "repeats",
    "gave_way",
)


@dataclass
class Shop:
    """What is known. `ledger` has an event a row: phone, record_type, record_id, what, key, value, said_from, ..."""

    repeats_count: bool = False
    known: dict[tuple[str, int], Row] = field(default_factory=dict)
    ledger: list[Row] = field(default_factory=list)

    def reads(
        self,
        minute: int,
        *records: Record,
        rules: ConsentRules = RULES,
        clock: tuple[timedelta, timedelta] = EXACT,
        swept: int | None = None,
        left: Mapping[str, object] | None = None,
    ) -> None:
        """Read these records.

        swept: when the complete reading before this one began. left: what is known of the contact that they left.
        """
        rows = [self._row(each, minute, rules, left or {}) for each in records]
        frame = pd.DataFrame(rows, dtype=object)
        others = pd.DataFrame(self._others(), columns=list(_OTHERS), dtype=object)
        others = others.astype(
            {"is_person": bool, "choice_is_dated": bool, "repeats": bool, "gave_way": bool}
        )
        reading = ReadingClock(clock, None if swept is None else at(swept))
        dated = date_choices(frame, others, clock=reading, repeats_count=self.repeats_count)
        assert dated.records["record_id"].tolist() == [str(each.record_id) for each in records]
        for each, row, found in zip(records, rows, _plain_rows(dated.records), strict=True):
            before = self.known.get((each.kind, each.record_id))
            if before is None or before["last_seen_at"] <= at(minute):
                known = {name: found.get(name, row.get(name)) for name in _OLD}
                self.known[each.kind, each.record_id] = known | {
                    "person_id": row["person_id"],
                    "email": each.email,
                    "last_seen_at": at(minute),
                    "is_gone": False,
                }
        phones = {(each.kind, str(each.record_id)): self._phone_of(each) for each in records}
        for event in _plain_rows(dated.events):
            phone = phones[event["record_type"], event["record_id"]]
            if phone is not None:
                self.ledger.append({"phone": phone, **event})

    def loses(self, record_id: int) -> None:
        """A complete reading lacked a customer."""
        self.known["customer", record_id]["is_gone"] = True

    def choice(self, record_id: int = 7, kind: str = "customer") -> Choice:
        """What is known of one record."""
        row = self.known[kind, record_id]
        return Choice(
            row["consent"], row["choice"], row["choice_from"], row["choice_until"], row["choice_is_dated"]
        )

    def of_order(self, record_id: int = 44) -> Choice:
        return self.choice(record_id, "order")

    def told(self) -> list[tuple[str, str]]:
        """What the ledger has, and what became of it."""
        return [(event["what"], event["became"]) for event in self.ledger]

    def _phone_of(self, record: Record) -> str | None:
        customer = self.known.get(("customer", record.customer_id), {})
        return record.phone or customer.get("phone")

    def _row(self, record: Record, minute: int, rules: ConsentRules, left: Mapping[str, object]) -> Row:
        says_nothing = record.meta is None or record.is_renewal
        read = ChoiceRead() if says_nothing else read_choice(record.meta or {}, rules)
        old = self.known.get((record.kind, record.record_id), {})
        return {
            "record_type": record.kind,
            "record_id": str(record.record_id),
            "person_id": str(record.customer_id or "") or old.get("person_id", ""),
            "is_person": record.kind == "customer",
            "phone": record.phone,
            "email": record.email,
            "is_discarded": record.status == "trash",
            "consent": read.consent.value,
            "consent_origin": f"{record.kind} meta {read.found_under}" if read.found_under else "",
            "consent_key": read.key,
            "consent_value": read.value,
            "consent_answers": read.answers,
            "consent_basis": "" if record.meta is None else ",".join(rules.keys),
            "said_at": read.said_at,
            "created_at": None if record.created is None else at(record.created),
            "read_at": at(minute),
            **{f"old_{name}": old.get(name) for name in _OLD},
            **{f"left_{name}": left.get(name) for name in _LEFT},
            "left_is_left": bool(left),
        }

    def _others(self) -> list[Row]:
        """The ledger, and what records say that are not in it for want of a phone."""
        return [*map(self._noted, range(len(self.ledger))), *self._stored()]

    def _noted(self, place: int) -> Row:
        event = self.ledger[place]
        record = self.known[event["record_type"], int(event["record_id"])]
        later = self.ledger[place + 1 :]
        return {
            **event,
            "event_id": place + 1,
            "person_id": record["person_id"],
            "is_person": event["record_type"] == "customer",
            "email": record["email"],
            "consent_key": event["key"],
            "choice": YES if event["what"] == "yes" else NO,
            "choice_from": event["said_from"],
            "choice_until": event["said_until"],
            "choice_is_dated": event["said_is_dated"],
            "repeats": event["became"] in (REPEATS, CAME_BACK),
            "gave_way": not event["said_is_dated"]
            and any(
                each["became"] == CAME_BACK and (each["phone"], each["key"]) == (event["phone"], event["key"])
                for each in later
            ),
        }

    def _stored(self) -> list[Row]:
        noted = {(each["phone"], each["record_type"], int(each["record_id"])) for each in self.ledger}
        return [
            {**row, "event_id": 0, "is_person": kind == "customer"} | {"repeats": False, "gave_way": False}
            for (kind, record_id), row in self.known.items()
            if row["choice"] is not None and (row["phone"], kind, record_id) not in noted
        ]


def _plain_rows(frame: pd.DataFrame) -> list[Row]:
    """The rows with moments of Python, and None where there is nothing."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
