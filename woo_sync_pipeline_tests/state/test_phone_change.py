"""A person who changes phone takes an opt-out along."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.decision import SetBy, Signal, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state.contacts import Confirmation, load_pending, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    at,
    commit,
    contacts,
    customer,
    order,
    record,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
OPTED_IN = {"consent": "opted_in", "consent_origin": "customer meta sms"}


def seen_unsubscribed(seen: datetime | None) -> SubscriptionBase:
    """Somebody answered STOP, and a sync saw it."""
    applied = Signal(Consent.opted_in, at(0))
    return SubscriptionBase(SubscriptionState.UNSUBSCRIBED, SetBy.platform, applied, seen)


def by_the_store(consent: Consent | None) -> SubscriptionBase:
    """We have unsubscribed it, because of an opt-out or because nobody ever opted in."""
    applied = Signal(consent, at(40)) if consent else None
    return SubscriptionBase(SubscriptionState.UNSUBSCRIBED, SetBy.sync, applied)


def confirm(database: Database, subscription: SubscriptionBase, *, phone: str = ANN) -> None:
    (contact,) = load_pending(database, [phone])
    base = ContactBase(
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=contact.email,
        sources=contact.sources,
        groups=contact.groups,
        consent=contact.consent,
        consent_at=contact.consent_at,
        subscription=subscription,
    )
    confirmations = [Confirmation(phone, CONTACT_ID, base)]
    settle(database, run_id="run of shop", confirmations=confirmations, rejections=[], contacts=[])


def moved(database: Database, phone: str | None, *, read: int = 200, **changes: Any) -> None:
    commit(database, customer(7, phone, read_at=at(read), **{**OPTED_IN, **changes}))


def test_an_answer_of_stop_goes_with_the_person_to_the_new_phone(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    assert contacts(database)[ANN]["status"] == "SUBSCRIBED"
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_out", at(150), "UNSUBSCRIBED")
    assert found["consent_origin"] == "opt-out under an earlier phone"
    assert record(database, 7)["consent"] == "opted_in"


def test_an_opt_out_of_unknown_time_counts_from_the_move(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(None))
    moved(database, BOB)
    assert contacts(database)[BOB]["consent_at"] == at(200)


def test_an_opt_out_that_was_applied_goes_with_the_person(database: Database) -> None:
    # Another record of the same phone opted out, so the opt-out is not the moving record's own.
    commit(database, customer(7, ANN, **OPTED_IN), order(44, ANN, consent="opted_out", created_at=at(40)))
    confirm(database, by_the_store(Consent.opted_out))
    moved(database, BOB)
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_out", at(40), "UNSUBSCRIBED")


def test_an_opt_out_that_was_not_yet_sent_goes_with_the_person(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN), order(44, ANN, consent="opted_out", created_at=at(40)))
    moved(database, BOB)
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"


@pytest.mark.parametrize(
    "subscription",
    [
        SubscriptionBase(SubscriptionState.SUBSCRIBED, SetBy.sync, Signal(Consent.opted_in, at(0))),
        SubscriptionBase(SubscriptionState.SUBSCRIBED, SetBy.platform, None),
        by_the_store(None),
    ],
)
def test_without_an_opt_out_nothing_goes_along(database: Database, subscription: SubscriptionBase) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, subscription)
    moved(database, BOB)
    assert contacts(database)[BOB]["status"] == "SUBSCRIBED"
    assert record(database, 7)["carried_opt_out_at"] is None


def test_who_opts_in_again_after_the_move_is_subscribed(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    commit(
        database,
        order(45, BOB, customer_id=7, consent="opted_in", created_at=at(250), read_at=at(300)),
    )
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_in", at(250), "SUBSCRIBED")


def test_an_opt_in_between_the_opt_out_and_the_move_counts(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    commit(
        database,
        customer(7, BOB, read_at=at(200), **OPTED_IN),
        order(45, BOB, customer_id=7, consent="opted_in", created_at=at(160), read_at=at(200)),
    )
    assert contacts(database)[BOB]["status"] == "SUBSCRIBED"


@pytest.mark.parametrize("between", [None, CAM])
def test_the_opt_out_survives_a_time_without_a_phone_or_with_a_third_one(
    database: Database, between: str | None
) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, between, read=200)
    moved(database, BOB, read=300)
    found = contacts(database)[BOB]
    assert (found["consent_at"], found["status"]) == (at(150), "UNSUBSCRIBED")


def test_only_the_record_that_moved_carries_it(database: Database) -> None:
    # A family: two customers with one phone, of whom one gets a phone of her own.
    commit(database, customer(7, ANN, **OPTED_IN), customer(8, ANN, **OPTED_IN), customer(9, CAM, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"
    assert contacts(database)[CAM]["status"] == "SUBSCRIBED"
    assert record(database, 7)["carried_opt_out_at"] == at(150)
    assert record(database, 8)["carried_opt_out_at"] is None
    assert record(database, 9)["carried_opt_out_at"] is None


def test_a_guest_s_corrected_order_carries_it_too_but_not_a_customer_s(database: Database) -> None:
    commit(
        database,
        order(44, ANN, consent="opted_in"),
        order(45, ANN, customer_id=9, consent="opted_in"),
    )
    confirm(database, seen_unsubscribed(at(150)))
    commit(database, order(44, BOB, consent="opted_in", read_at=at(200)))
    commit(database, order(45, CAM, customer_id=9, consent="opted_in", read_at=at(200)))
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"
    assert record(database, 45, "order")["carried_opt_out_at"] is None


def test_committing_the_move_again_changes_nothing(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    before = contacts(database), record(database, 7)
    moved(database, BOB)
    assert (contacts(database), record(database, 7)) == before


def test_an_older_reading_of_the_old_phone_brings_nothing_back(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    moved(database, ANN, read=120)
    assert record(database, 7)["phone"] == BOB
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"


def test_the_opt_out_of_a_person_who_is_gone_remains(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    commit(
        database,
        order(46, BOB, consent="opted_in", created_at=at(10), read_at=at(300)),
        gone=[7],
        started=299,
    )
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"
