"""A state that the version before kept is brought up to date: no choice is lost, and nobody is subscribed by it."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import SetBy, Signal, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline.state.contacts import load_pending, pending_phones
from woo_sync_pipeline.state.database import Database, newest_version
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    LONG_AGO,
    Row,
    at,
    commit,
    contacts,
    customer,
    just_after,
    order,
    record,
    table,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
BEFORE_THE_LEDGER = "known before the ledger began"
SUBSCRIBED: dict[str, Any] = {"base_state": "SUBSCRIBED", "base_state_by": "sync"}
UNSUBSCRIBED: dict[str, Any] = {"base_state": "UNSUBSCRIBED", "base_state_by": "sync"}
STOPPED: dict[str, Any] = {
    "base_state": "UNSUBSCRIBED",
    "base_state_by": "platform",
    "unsubscribed_seen_at": at(150),
}


def migrate_to(url: str, version: str, *, down: bool = False) -> None:
    """Bring a database to a version of the schema."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    migrations = importlib.resources.files("woo_sync_pipeline.state") / "migrations"
    config.set_main_option("script_location", str(migrations))
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS woo_sync"))
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, version)


class OldState:
    """A database as version 0009 of the schema made it, with rows as the code of that version wrote them."""

    def __init__(self, url: str) -> None:
        self.url = url
        migrate_to(url, "0009")
        self.execute(
            "INSERT INTO woo_sync.sources VALUES ('shop', 'WooCommerce', true, '{source} - {tag}')",
        )

    def execute(self, statement: str, **values: Any) -> list[Row]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            result = connection.execute(sa.text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def insert(self, into: str, **values: Any) -> None:
        names = ", ".join(values)
        self.execute(
            f"INSERT INTO woo_sync.{into} ({names}) VALUES ({', '.join(f':{each}' for each in values)})",
            **values,
        )

    def record(self, row: Row, *, choice_at: datetime | None = None, **changes: Any) -> None:
        """A record as it was stored, with when the choice was made by the rules of that version."""
        then = {
            **row,
            "record_id": int(row["record_id"]),
            "customer_id": int(row["person_id"] or 0),
            "order_status": row["status"],
            "product_ids": [int(each) for each in row["item_ids"]],
        }
        known = {
            name: then[name]
            for name in (
                *(
                    "record_type",
                    "record_id",
                    "customer_id",
                    "phone",
                    "phone_masked",
                    "first_name",
                    "last_name",
                ),
                *(
                    "email",
                    "order_status",
                    "consent",
                    "consent_origin",
                    "consent_basis",
                    "tags",
                    "product_ids",
                ),
                *("invalid_reason", "created_at", "modified_at", "hash"),
            )
        }
        times = {"first_seen_at": row["read_at"], "last_seen_at": row["read_at"]}
        choice = None if row["consent"] == "unknown" else row["consent"]
        values = {**known, **times, "choice": choice, "choice_at": choice_at, **changes}
        self.insert("source_records", source="shop", **values)

    def contact(self, phone: str, *, confirmed: bool = True, **changes: Any) -> None:
        """A contact of a customer, by default as the platform has confirmed it."""
        merged = {"first_name": "Ann", "last_name": "Lee", "email": "", "sources": ["WooCommerce"]}
        values = {**merged, "groups": ["WooCommerce"], "consent": "unknown", "consent_at": None}
        values |= {name: changes[name] for name in values.keys() & changes.keys()}
        base = {f"base_{name}": value for name, value in values.items()} if confirmed else {}
        more = {"contact_id": CONTACT_ID, "confirmed_at": at(140)} if confirmed else {}
        self.insert("contacts", phone=phone, **{**values, **base, **more, **changes})

    def migrated(self) -> Database:
        """The same, up to date."""
        database = Database(self.url)
        database.migrate()
        return database


@pytest.fixture
def old(postgres: DatabaseServer) -> Iterator[OldState]:
    with postgres.database() as url:
        yield OldState(url)


def said(consent: str, kind: str = "customer", **changes: Any) -> dict[str, Any]:
    return {"consent": consent, "consent_origin": f"{kind} meta sms", **changes}


def opted(consent: str, when: datetime, kind: str = "customer") -> dict[str, Any]:
    """What a contact made of such a choice, and what of it was taken into account."""
    return {
        "consent": consent,
        "consent_at": when,
        "consent_origin": f"{kind} meta sms",
        "status": "SUBSCRIBED" if consent == "opted_in" else "UNSUBSCRIBED",
        "applied_consent": consent,
        "applied_consent_at": when,
    }


YES, NO = "opted_in", "opted_out"
REGISTERED, SEEN, READ = at(0), at(60), at(100)
CHOICES = {
    "an opt-in as old as the registration": (
        customer(7, ANN, **said(YES)),
        REGISTERED,
        (YES, LONG_AGO, READ, False),
    ),
    "an opt-in that came between two readings": (
        customer(7, ANN, **said(YES)),
        SEEN,
        (YES, SEEN, READ, False),
    ),
    "an opt-in of somebody without a date of registration": (
        customer(7, ANN, created_at=None, **said(YES)),
        LONG_AGO,
        (YES, LONG_AGO, READ, False),
    ),
    "an opt-out": (customer(7, ANN, **said(NO)), SEEN, (NO, SEEN, SEEN, False)),
    "an opt-in at the checkout": (
        order(7, ANN, **said(YES, "order")),
        at(10),
        (YES, at(10), at(10), True),
    ),
    "an opt-out at the checkout": (
        order(7, ANN, **said(NO, "order")),
        at(10),
        (NO, at(10), at(10), True),
    ),
    "an opt-in with an order without a date": (
        order(7, ANN, created_at=None, **said(YES, "order")),
        LONG_AGO,
        (YES, LONG_AGO, LONG_AGO, False),
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_keeps_the_time_that_is_surely_true_of_it(old: OldState, name: str) -> None:
    row, choice_at, expected = CHOICES[name]
    old.record(row, choice_at=choice_at)
    database = old.migrated()
    found = record(database, 7, row["record_type"])
    assert (
        found["choice"],
        found["choice_from"],
        found["choice_until"],
        found["choice_is_dated"],
    ) == expected
    assert (found["consent"], found["consent_key"], found["consent_answers"]) == (expected[0], "sms", None)
    (entry,) = ledger_of(database, ANN)
    assert (entry.what, entry.became) == ("yes" if expected[0] == YES else "no", BEFORE_THE_LEDGER)
    assert (entry.earliest or LONG_AGO, entry.latest, entry.is_dated) == expected[1:]
    assert (entry.source, entry.record_type, entry.record_id) == ("shop", row["record_type"], "7")
    assert (entry.key, entry.value, entry.seen_at, entry.sync_id) == ("sms", "", READ, None)
    database.close()


def test_a_choice_whose_value_has_disappeared_is_kept(old: OldState) -> None:
    old.record(customer(7, ANN), choice_at=SEEN, choice=YES)
    old.record(customer(8, BOB, **said(NO)), choice_at=SEEN)
    old.record(customer(9, CAM))
    database = old.migrated()
    gone, stays, nothing = (record(database, number) for number in (7, 8, 9))
    assert (gone["consent"], gone["choice"], gone["choice_from"]) == ("unknown", YES, SEEN)
    assert (stays["consent"], stays["choice"]) == (NO, NO)
    assert (nothing["choice"], nothing["choice_from"], nothing["choice_until"]) == (None, None, None)
    assert ledger_of(database, CAM) == []
    database.close()


def test_a_carried_opt_out_may_have_been_a_stop(old: OldState) -> None:
    old.record(customer(7, ANN, **said(YES)), choice_at=REGISTERED, carried_opt_out_at=at(50))
    old.record(customer(8, ANN), carried_opt_out_at=at(40))
    database = old.migrated()
    assert [record(database, number)["carried_stop_at"] for number in (7, 8)] == [at(50), at(40)]
    # An opt-in without a date does not undo it.
    commit(database, customer(9, ANN, read_at=at(200)), run_id="first")
    again = customer(9, ANN, read_at=at(300), consent=YES, consent_origin="customer meta other")
    commit(database, again, run_id="second", started=299)
    assert contacts(database)[ANN]["consent"] == NO
    database.close()


@pytest.mark.parametrize("version", ["0009", "0010"])
def test_a_yes_in_a_list_that_was_unread_before_is_no_newer_than_what_was_known(
    postgres: DatabaseServer, version: str
) -> None:
    with postgres.database() as url:
        state = OldState(url)
        # Whoever wrote ["yes"] said so at an unknown time, and refused at the checkout at minute 50.
        state.record(customer(7, ANN, consent_origin="customer meta sms"))
        state.record(order(44, ANN, created_at=at(50), **said(NO, "order")), choice_at=at(50))
        state.record(customer(8, BOB, **said(YES)), choice_at=REGISTERED)
        state.record(customer(9, CAM))
        migrate_to(url, version)
        if version != "0009":
            state.execute(
                "UPDATE woo_sync.source_records SET consent_answers = :answers WHERE record_id = 7",
                answers=customer(7, ANN, consent_origin="customer meta sms")["consent_answers"],
            )
        database = state.migrated()
        unread, refusal, read = (
            record(database, 7),
            record(database, 44, "order"),
            record(database, 8),
        )
        assert unread["hash"] == ""
        assert "" not in (refusal["hash"], read["hash"], record(database, 9)["hash"])
        assert (refusal["consent_basis"], read["consent_basis"]) == ("sms", "sms")
        commit(database, customer(7, ANN, read_at=at(300), **said(YES)), run_id="next", started=299)
        found = record(database, 7)
        assert (found["choice"], found["choice_from"], found["choice_is_dated"]) == (YES, LONG_AGO, False)
        assert (found["consent_basis"], contacts(database)[ANN]["consent"]) == ("sms", NO)
        database.close()


def test_the_ledger_begins_with_what_is_known_and_in_its_order(old: OldState) -> None:
    old.record(customer(7, ANN, **said(YES), read_at=at(120)), choice_at=REGISTERED)
    old.record(order(44, ANN, **said(NO, "order")), choice_at=at(10))
    old.record(order(45, None, of=7, **said(YES, "order"), read_at=at(130)), choice_at=at(20))
    old.record(order(46, None, **said(YES, "order")), choice_at=at(20))
    old.contact(ANN, **STOPPED)
    old.contact(BOB, **{**STOPPED, "unsubscribed_seen_at": None})
    old.contact(CAM, **UNSUBSCRIBED)
    database = old.migrated()
    assert [(entry.record_id, entry.what, entry.seen_at) for entry in ledger_of(database, ANN)] == [
        ("44", "no", at(100)),
        ("7", "yes", at(120)),
        # An order without a phone concerns that of its customer.
        ("45", "yes", at(130)),
        (None, "stop", at(150)),
    ]
    (of_bob,) = ledger_of(database, BOB)
    assert (of_bob.what, of_bob.latest, of_bob.earliest) == ("stop", at(140), None)
    assert ledger_of(database, CAM) == []
    assert {row["became"] for row in table(database, "consent_events")} == {BEFORE_THE_LEDGER}
    database.close()


OLD_IN_FLIGHT = {
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "",
    "sources": ["WooCommerce"],
    "groups": ["WooCommerce"],
    "consent": "opted_in",
    "consent_at": at(90).isoformat(),
    "state": "SUBSCRIBED",
    "set_by": "sync",
    "unsubscribed_seen_at": None,
    "applied_consent": "opted_in",
    "applied_at": at(90).isoformat(),
}
NOTHING_IN_FLIGHT = {
    **dict.fromkeys(OLD_IN_FLIGHT),
    **{"first_name": "", "last_name": "", "email": "", "sources": [], "groups": [], "consent": "unknown"},
}


def pending(database: Database) -> list[str]:
    return pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=True)


def test_what_was_in_flight_can_be_read(old: OldState) -> None:
    old.contact(ANN, in_flight=json.dumps(OLD_IN_FLIGHT), **UNSUBSCRIBED, **opted(NO, at(40)))
    old.contact(BOB, in_flight=json.dumps(NOTHING_IN_FLIGHT))
    database = old.migrated()
    assert pending(database) == [ANN, BOB]
    ann, bob = load_pending(database, [ANN, BOB])
    assert ann.in_flight == ContactBase(
        first_name="Ann",
        last_name="Lee",
        email="",
        sources=("WooCommerce",),
        groups=("WooCommerce",),
        signal=Signal(Consent.opted_in, at(90)),
        subscription=SubscriptionBase(
            SubscriptionState.SUBSCRIBED, SetBy.sync, Signal(Consent.opted_in, at(90))
        ),
    )
    assert bob.in_flight == ContactBase(first_name="", last_name="", email="", sources=(), groups=())
    database.close()


def test_what_was_confirmed_is_what_it_was(old: OldState) -> None:
    old.contact(ANN, in_flight=json.dumps(NOTHING_IN_FLIGHT), **STOPPED, **opted(YES, at(20), "order"))
    database = old.migrated()
    (ann,) = load_pending(database, [ANN])
    signal = Signal(Consent.opted_in, at(20), dated_at=at(20))
    assert ann.signal == signal
    assert ann.base == ContactBase(
        first_name="Ann",
        last_name="Lee",
        email="",
        sources=("WooCommerce",),
        groups=("WooCommerce",),
        signal=signal,
        subscription=SubscriptionBase(
            SubscriptionState.UNSUBSCRIBED,
            SetBy.platform,
            signal,
            unsubscribed_seen_at=at(150),
            seen_at=at(140),
        ),
    )
    database.close()


def test_pending_stays_pending_and_what_was_confirmed_stays_confirmed(old: OldState) -> None:
    old.contact(ANN, **SUBSCRIBED, **opted(YES, at(20), "order"))
    old.contact(BOB, **SUBSCRIBED, **opted(YES, REGISTERED))
    old.contact(CAM, **SUBSCRIBED, **opted(NO, at(20), "order"))
    more = [f"+6149157{number:04d}" for number in range(4)]
    old.contact(more[0], confirmed=False)
    old.contact(more[1], **SUBSCRIBED, base_first_name="Anna")
    old.contact(more[2], **SUBSCRIBED, **opted(YES, at(20), "order"), base_consent="unknown")
    old.contact(more[3], **SUBSCRIBED, **opted(YES, at(20), "order"), base_consent_at=at(10))
    before = {row["phone"] for row in old.execute("SELECT phone FROM woo_sync.contacts WHERE is_pending")}
    assert before == set(more)
    database = old.migrated()
    assert pending(database) == sorted(more)
    known = contacts(database)
    assert (known[ANN]["consent_dated_at"], known[ANN]["base_consent_dated_at"]) == (at(20), at(20))
    assert known[BOB]["consent_dated_at"] is known[CAM]["consent_dated_at"] is None
    database.close()


def test_a_sync_of_a_store_without_changes_makes_nobody_pending(old: OldState) -> None:
    people = {7: (ANN, YES, SUBSCRIBED), 8: (BOB, NO, UNSUBSCRIBED), 9: (CAM, YES, STOPPED)}
    for number, (phone, consent, state) in people.items():
        when = READ if consent == NO else REGISTERED
        old.record(customer(number, phone, **said(consent)), choice_at=when)
        old.contact(phone, **state, **opted(consent, when))
    database = old.migrated()
    commit(database)
    assert pending(database) == []
    database.close()


@pytest.mark.parametrize("basis", ["sms", "sms in other words"], ids=["the same settings", "others"])
def test_whatever_is_read_again_nobody_is_subscribed_by_it(old: OldState, basis: str) -> None:
    """All records count as changed, as after an upgrade that reads them in another way."""
    numbers = range(10, 22)
    phones = dict(zip(numbers, (f"+6149157{number:04d}" for number in numbers), strict=True))
    states = {0: UNSUBSCRIBED, 1: STOPPED, 2: SUBSCRIBED}
    for number, phone in phones.items():
        consent = YES if number % 2 else NO
        when = (READ if consent == NO else REGISTERED) if number % 4 < 2 else SEEN
        old.record(customer(number, phone, **said(consent)), choice_at=when)
        old.contact(phone, **states[number % 3], **opted(consent, when))
    database = old.migrated()
    before = contacts(database)
    again = [
        customer(
            number,
            phone,
            **said(YES if number % 2 else NO),
            consent_basis=basis,
            email="a@b.au",
            read_at=at(200),
        )
        for number, phone in phones.items()
    ]
    commit(database, *again)
    assert pending(database) == sorted(phones.values())
    for contact in load_pending(database, list(phones.values())):
        assert contact.base is not None
        assert contact.base.subscription is not None
        assert contact.signal is not None
        # Nothing in it was not taken into account already.
        assert not contact.signal.is_newer_than(contact.base.subscription.applied), contact
        assert contact.consent == before[contact.phone]["consent"]
    assert [row["became"] for row in table(database, "consent_events")].count(BEFORE_THE_LEDGER) == len(
        table(database, "consent_events")
    )
    database.close()


def test_what_changes_after_the_upgrade_is_dated_as_ever(old: OldState) -> None:
    old.record(customer(7, ANN, **said(NO)), choice_at=SEEN)
    old.record(customer(8, BOB, **said(YES)), choice_at=REGISTERED)
    old.record(customer(9, CAM), choice_at=None)
    database = old.migrated()
    commit(
        database,
        customer(7, ANN, **said(YES), read_at=at(200)),
        customer(8, BOB, consent_origin="customer meta sms", read_at=at(200)),
        customer(9, CAM, **said(YES), read_at=at(200)),
    )
    found = [record(database, number) for number in (7, 8, 9)]
    assert [(each["consent"], each["choice_from"], each["choice_until"]) for each in found] == [
        (YES, just_after(100), at(200)),
        (NO, just_after(100), at(200)),
        (YES, just_after(100), at(200)),
    ]
    database.close()


def test_the_next_order_repeats_what_was_chosen_before_the_upgrade(old: OldState) -> None:
    old.record(customer(7, ANN), choice_at=None)
    old.record(order(44, None, of=7, **said(YES, "order")), choice_at=at(10))
    old.record(order(45, BOB, **said(YES, "order")), choice_at=at(10))
    database = old.migrated()
    commit(
        database,
        order(46, ANN, of=7, created_at=at(50), read_at=at(200), **said(YES, "order")),
        order(47, BOB, created_at=at(50), read_at=at(200), **said(YES, "order")),
    )
    assert [record(database, number, "order")["choice_from"] for number in (46, 47)] == [at(10), at(10)]
    database.close()


def columns(old: OldState) -> set[tuple[str, str, str]]:
    rows = old.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'woo_sync'"
    )
    return {(row["table_name"], row["column_name"], row["data_type"]) for row in rows}


def test_the_way_back_makes_the_tables_as_they_were_and_loses_no_opt_out(old: OldState) -> None:
    before = columns(old)
    old.record(customer(7, ANN, **said(NO)), choice_at=SEEN)
    old.record(customer(8, BOB, **said(YES)), choice_at=SEEN, carried_opt_out_at=at(20))
    old.record(order(44, CAM, **said(YES, "order")), choice_at=at(10))
    old.contact(ANN, **UNSUBSCRIBED, **opted(NO, SEEN))
    old.contact(BOB, **STOPPED, **opted(YES, SEEN), base_first_name="Bobby")
    database = old.migrated()
    commit(database, customer(7, ANN, **said(NO), first_name="Anna", read_at=at(200)))
    moved = customer(8, CAM, **said(YES), read_at=at(200))
    commit(database, moved)
    pending_before = pending(database)
    database.close()

    migrate_to(old.url, "0009", down=True)
    assert columns(old) == before
    assert [row["phone"] for row in old.execute("SELECT phone FROM woo_sync.contacts WHERE is_pending")] == (
        pending_before
    )
    found = old.execute("SELECT * FROM woo_sync.source_records ORDER BY record_id")
    assert [(row["record_id"], row["choice"], row["choice_at"]) for row in found] == [
        (7, NO, SEEN),
        (8, YES, SEEN),
        (44, YES, at(10)),
    ]
    # A STOP that came along is an opt-out that came along.
    assert found[1]["carried_opt_out_at"] == at(150)

    database = old.migrated()
    assert [
        row["what"]
        for row in table(database, "consent_events", order_by="length(record_id), record_id, what")
    ] == [
        *("no", "yes", "yes"),
        "stop",
    ]
    assert pending(database) == pending_before
    database.close()


def test_the_newest_version_is_the_one_that_is_tested_here() -> None:
    assert newest_version() == "0017"


def test_a_hundred_thousand_contacts_are_brought_up_to_date_in_seconds(old: OldState) -> None:
    old.execute("""
        INSERT INTO woo_sync.source_records (source, record_type, record_id, customer_id, phone, first_name, consent,
            consent_origin, consent_basis, choice, choice_at, created_at, hash, first_seen_at, last_seen_at)
        SELECT 'shop', kind, number, CASE kind WHEN 'customer' THEN number ELSE 0 END,
            '+614' || lpad(number::text, 8, '0'), 'Ann', consent, kind || ' meta sms', 'sms', consent, now(), now(),
            md5(number::text), now(), now()
        FROM generate_series(1, 100000) AS number
        CROSS JOIN LATERAL (SELECT CASE WHEN number % 10 < 7 THEN 'customer' ELSE 'order' END AS kind,
            CASE number % 3 WHEN 0 THEN 'opted_out' ELSE 'opted_in' END AS consent) AS drawn
    """)
    old.execute("""
        INSERT INTO woo_sync.contacts (phone, first_name, sources, groups, consent, consent_at, consent_origin, status,
            base_first_name, base_last_name, base_email, base_sources, base_groups, base_consent, base_consent_at,
            base_state, base_state_by, applied_consent, applied_consent_at, confirmed_at)
        SELECT phone, 'Ann', '{WooCommerce}', '{WooCommerce}', choice, choice_at, consent_origin, 'SUBSCRIBED',
            'Ann', '', '', '{WooCommerce}', '{WooCommerce}', choice, choice_at,
            CASE choice WHEN 'opted_in' THEN 'SUBSCRIBED' ELSE 'UNSUBSCRIBED' END, 'sync', choice, choice_at, now()
        FROM woo_sync.source_records
    """)
    began = monotonic()
    database = old.migrated()
    seconds = monotonic() - began
    assert pending(database) == []
    with database.transaction() as connection:
        entries = connection.execute(sa.text("SELECT count(*) FROM woo_sync.consent_events")).scalar_one()
    database.close()
    assert entries == 100_000
    assert timedelta(seconds=seconds) < timedelta(seconds=60), seconds
