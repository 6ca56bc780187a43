"""A person who changes phone takes an opt-out along."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import SetBy, Signal, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state.contacts import Confirmation, load_pending, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    LONG_AGO,
    SOURCES,
    at,
    commit,
    contacts,
    customer,
    dated_until,
    order,
    record,
)

CONTACT_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
OPTED_IN = {"consent": "opted_in", "consent_origin": "customer meta sms"}
AT_CHECKOUT = {"consent": "opted_in", "consent_origin": "order meta checkout"}
"""A choice under another key, so that it repeats none."""
NO_STOP, NO_OPT_OUT = {"carried_stop_at": None}, {"carried_opt_out_at": None}
REPEATS_COUNT = {key: replace(source, repeats_count=True) for key, source in SOURCES.items()}


def seen_unsubscribed(seen: datetime | None) -> SubscriptionBase:
    """Somebody answered STOP, and a sync saw it."""
    applied = Signal(Consent.opted_in, LONG_AGO)
    return SubscriptionBase(
        SubscriptionState.UNSUBSCRIBED, SetBy.platform, applied, unsubscribed_seen_at=seen
    )


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
        signal=contact.signal,
        subscription=subscription,
    )
    confirmations = [Confirmation(phone, CONTACT_ID, base)]
    settle(database, run_id="run of shop", confirmations=confirmations, rejections=[], contacts=[])


def carried(database: Database, record_id: int = 7, kind: str = "customer") -> dict[str, datetime | None]:
    """The opt-outs under earlier phones that a record carries."""
    found = record(database, record_id, kind)
    return {name: found[name] for name in ("carried_opt_out_at", "carried_stop_at")}


def moved(database: Database, phone: str | None, *, read: int = 200, **changes: Any) -> None:
    commit(database, customer(7, phone, read_at=at(read), **{**OPTED_IN, **changes}))


def test_an_answer_of_stop_goes_with_the_person_to_the_new_phone(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    assert contacts(database)[ANN]["status"] == "SUBSCRIBED"
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_out", at(150), "UNSUBSCRIBED")
    assert found["consent_origin"] == "unsubscribed on MessageMedia under an earlier phone"
    assert record(database, 7)["consent"] == "opted_in"
    assert carried(database) == {**NO_OPT_OUT, "carried_stop_at": at(150)}


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
    assert (found["consent"], found["status"]) == ("opted_out", "UNSUBSCRIBED")
    assert (found["consent_at"], found["consent_origin"]) == (
        dated_until(40),
        "opt-out under an earlier phone",
    )
    assert carried(database) == {"carried_opt_out_at": dated_until(40), **NO_STOP}


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
    assert carried(database) == {**NO_OPT_OUT, **NO_STOP}


def test_what_the_store_and_the_platform_said_are_carried_apart(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN), order(44, ANN, consent="opted_out", created_at=at(40)))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    assert carried(database) == {"carried_opt_out_at": dated_until(40), "carried_stop_at": at(150)}


def test_who_opts_in_with_a_date_after_the_move_is_subscribed(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    commit(database, order(45, BOB, of=7, created_at=at(250), read_at=at(300), **AT_CHECKOUT))
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_in", at(250), "SUBSCRIBED")
    assert found["consent_dated_at"] == at(250)


@pytest.mark.parametrize("repeats_count", [False, True])
def test_a_box_that_the_checkout_has_prefilled_does_not_undo_what_was_carried(
    database: Database, repeats_count: bool
) -> None:
    sources = REPEATS_COUNT if repeats_count else SOURCES
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    again = order(45, BOB, of=7, consent="opted_in", created_at=at(250), read_at=at(300))
    commit(database, again, sources=sources)
    assert contacts(database)[BOB]["status"] == ("SUBSCRIBED" if repeats_count else "UNSUBSCRIBED")


def opts_in_without_a_date(database: Database, **with_it: Any) -> None:
    """Another account with Bob's phone, which a sweep saw without and the next one with a yes."""
    commit(database, customer(8, BOB, read_at=at(250)))
    commit(database, customer(8, BOB, read_at=at(300), **AT_CHECKOUT), **with_it)


def test_an_opt_in_without_a_date_never_undoes_a_stop_that_was_carried(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    opts_in_without_a_date(database)
    found = contacts(database)[BOB]
    assert (found["consent"], found["consent_at"], found["status"]) == ("opted_out", at(150), "UNSUBSCRIBED")
    # Nor does one with repetitions counting, for it has no date all the same.
    commit(database, customer(8, BOB, read_at=at(400), consent_origin="order meta checkout"))
    commit(database, customer(8, BOB, read_at=at(500), **AT_CHECKOUT), sources=REPEATS_COUNT)
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"


def test_an_opt_in_without_a_date_undoes_an_opt_out_of_the_store_that_was_carried(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN), order(44, ANN, consent="opted_out", created_at=at(40)))
    confirm(database, by_the_store(Consent.opted_out))
    moved(database, BOB)
    opts_in_without_a_date(database)
    found = contacts(database)[BOB]
    assert (found["consent"], found["status"]) == ("opted_in", "SUBSCRIBED")
    assert found["consent_dated_at"] is None


def test_an_opt_in_dated_before_the_stop_undoes_nothing(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    commit(database, order(45, BOB, of=7, created_at=at(149), read_at=at(300), **AT_CHECKOUT))
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"


def test_a_stop_that_a_dated_opt_in_has_answered_lets_one_without_a_date_undo_a_later_opt_out(
    database: Database,
) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    commit(database, order(45, BOB, of=7, created_at=at(180), read_at=at(210), **AT_CHECKOUT))
    commit(database, order(46, BOB, consent="opted_out", created_at=at(190), read_at=at(220)))
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"
    opts_in_without_a_date(database, sources=REPEATS_COUNT)
    assert contacts(database)[BOB]["status"] == "SUBSCRIBED"


def test_an_opt_in_between_the_opt_out_and_the_move_counts(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    commit(
        database,
        customer(7, BOB, read_at=at(200), **OPTED_IN),
        order(45, BOB, of=7, created_at=at(160), read_at=at(200), **AT_CHECKOUT),
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
    assert carried(database, 7) == {**NO_OPT_OUT, "carried_stop_at": at(150)}
    assert carried(database, 8) == carried(database, 9) == {**NO_OPT_OUT, **NO_STOP}


def test_a_guest_s_corrected_order_carries_it_too_but_not_a_customer_s(database: Database) -> None:
    commit(
        database,
        order(44, ANN, consent="opted_in"),
        order(45, ANN, of=9, consent="opted_in"),
    )
    confirm(database, seen_unsubscribed(at(150)))
    commit(database, order(44, BOB, consent="opted_in", read_at=at(200)))
    commit(database, order(45, CAM, of=9, consent="opted_in", read_at=at(200)))
    assert contacts(database)[BOB]["status"] == "UNSUBSCRIBED"
    assert carried(database, 44, "order") == {**NO_OPT_OUT, "carried_stop_at": at(150)}
    assert carried(database, 45, "order") == {**NO_OPT_OUT, **NO_STOP}


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


def test_a_person_whose_record_says_nothing_carries_it_too(database: Database) -> None:
    commit(database, customer(7, ANN), order(44, ANN, consent="opted_in"))
    confirm(database, seen_unsubscribed(at(150)))
    commit(database, customer(7, BOB, read_at=at(200)))
    assert carried(database) == {**NO_OPT_OUT, "carried_stop_at": at(150)}
    assert contacts(database)[BOB]["consent"] == "opted_out"


def test_a_second_stop_is_the_one_that_counts(database: Database) -> None:
    commit(database, customer(7, ANN, **OPTED_IN))
    confirm(database, seen_unsubscribed(at(150)))
    moved(database, BOB)
    confirm(database, seen_unsubscribed(at(250)), phone=BOB)
    moved(database, CAM, read=300)
    assert carried(database) == {"carried_opt_out_at": at(150), "carried_stop_at": at(250)}
    assert contacts(database)[CAM]["consent_at"] == at(250)
