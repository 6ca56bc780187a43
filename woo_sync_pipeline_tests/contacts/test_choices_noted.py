"""What goes into the ledger of what was read, and opt-outs that go along with a person to another phone."""

from __future__ import annotations

from typing import Any

import pytest

from woo_sync_pipeline.contacts.choices import IN_TRASH, MOVED
from woo_sync_pipeline.contacts.words import BESIDE
from woo_sync_pipeline_tests.contacts.shop import (
    ANN,
    BOB,
    LONG_AGO,
    NO,
    YES,
    Choice,
    Shop,
    chosen,
    customer,
    dated_until,
    just_after,
    order,
)
from woo_sync_pipeline_tests.contacts.situations import at

TICKED, UNTICKED = {"sms": "yes"}, {"sms": "no"}


def test_what_was_read_is_noted_with_its_key_its_value_and_its_times() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "Yes"}), order({"news": 0}, phone=BOB))
    first, second = shop.ledger
    assert (first["what"], first["key"], first["value"], first["became"]) == ("yes", "sms", "Yes", "")
    assert (first["said_from"], first["said_until"], first["said_is_dated"]) == (LONG_AGO, at(100), False)
    assert (second["what"], second["key"], second["value"], second["became"]) == ("no", "news", "0", "")
    assert (second["said_from"], second["said_until"]) == (at(10), dated_until(10))


def test_an_opt_in_on_a_trashed_order_is_noted_and_does_not_count() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED, status="trash"), order(UNTICKED, 45, phone=BOB, status="trash"))
    assert shop.told() == [("yes", IN_TRASH), ("no", "")]


def test_a_reading_that_is_older_than_what_is_known_tells_nothing() -> None:
    shop = Shop()
    shop.reads(200, customer(TICKED))
    shop.reads(100, customer(UNTICKED))
    assert shop.choice() == chosen(YES, LONG_AGO, at(200))
    assert shop.told() == [("yes", "")]


def test_a_choice_that_comes_along_to_another_phone_is_noted_there() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(TICKED, phone=BOB))
    assert [(event["phone"], event["what"], event["became"]) for event in shop.ledger] == [
        (ANN, "yes", ""),
        (BOB, "yes", MOVED),
    ]
    assert shop.choice() == chosen(YES, LONG_AGO, at(100))


def test_who_chooses_and_changes_phone_at_the_same_time_has_chosen() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED, phone=BOB))
    assert shop.told() == [("yes", "")]


def test_an_order_without_a_phone_is_noted_for_that_of_its_customer() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, order(UNTICKED, phone=None, customer_id=7), order(UNTICKED, 45, phone=None))
    assert [(event["phone"], event["record_id"]) for event in shop.ledger] == [(ANN, "44")]


# Several keys.


def test_what_is_said_under_other_keys_is_noted_beside_what_counts() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "no", "news": "yes"}))
    assert shop.choice()[:2] == (NO, NO)
    assert [(event["key"], event["what"], event["became"]) for event in shop.ledger] == [
        ("sms", "no", ""),
        ("news", "yes", BESIDE),
    ]


def test_an_opt_in_under_one_key_is_no_answer_to_an_opt_out_under_another() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "no"}))
    shop.reads(200, customer({"sms": "no", "news": "yes"}))
    assert shop.choice() == chosen(NO, LONG_AGO, at(100))
    assert shop.told() == [("no", ""), ("yes", BESIDE)]


def test_an_opt_out_under_one_key_outweighs_the_opt_in_that_stands_under_another() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "yes", "news": "yes"}))
    shop.reads(200, customer({"sms": "yes", "news": "no"}))
    assert shop.choice() == chosen(NO, just_after(100), at(200))
    assert shop.known["customer", 7]["consent_origin"] == "customer meta news"


def test_a_yes_that_stays_under_one_key_does_not_undo_what_was_taken_back_under_another() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "yes", "news": "yes"}))
    shop.reads(200, customer({"sms": "yes", "news": ""}))
    assert shop.choice()[:2] == (NO, NO)
    shop.reads(300, customer({"sms": "yes", "news": "", "other": 1}))
    assert shop.choice() == chosen(NO, just_after(100), at(200))


# Opt-outs under an earlier phone.


def carried(**left: Any) -> tuple[object, object]:
    """Until when a customer may have opted out who changed phone, in a store and by a STOP."""
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(TICKED, phone=BOB), left={"is_left": True, **left})
    row = shop.known["customer", 7]
    return row["carried_opt_out_at"], row["carried_stop_at"]


@pytest.mark.parametrize(
    ("left", "opt_out_at", "stop_at"),
    [
        ({"consent": YES, "state": "SUBSCRIBED", "state_by": "sync"}, None, None),
        ({"consent": NO, "consent_at": at(50), "state": "UNSUBSCRIBED", "state_by": "sync"}, at(50), None),
        ({"consent": NO, "consent_at": at(50)}, at(50), None),
        (
            {"state": "UNSUBSCRIBED", "state_by": "platform", "unsubscribed_seen_at": at(60)},
            None,
            at(60),
        ),
        # Nobody knows when it was first seen: now, at the latest.
        ({"state": "UNSUBSCRIBED", "state_by": "platform"}, None, at(200)),
        (
            {
                "state": "UNSUBSCRIBED",
                "state_by": "sync",
                "applied_consent": NO,
                "applied_consent_at": at(40),
            },
            at(40),
            None,
        ),
        (
            {
                "consent": NO,
                "consent_at": at(50),
                "state": "UNSUBSCRIBED",
                "state_by": "platform",
                "unsubscribed_seen_at": at(60),
            },
            at(50),
            at(60),
        ),
        # What was applied long ago and taken back since.
        (
            {"state": "SUBSCRIBED", "state_by": "sync", "applied_consent": NO, "applied_consent_at": at(40)},
            None,
            None,
        ),
    ],
)
def test_an_opt_out_under_an_earlier_phone_comes_along(
    left: dict[str, Any], opt_out_at: object, stop_at: object
) -> None:
    assert carried(**left) == (opt_out_at, stop_at)


def test_it_stays_with_the_person_at_the_next_changes_and_the_newest_counts() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    stopped = {"is_left": True, "state": "UNSUBSCRIBED", "state_by": "platform"}
    shop.reads(200, customer(TICKED, phone=BOB), left={**stopped, "unsubscribed_seen_at": at(60)})
    shop.reads(300, customer(TICKED, phone=BOB, email="ann@example.com"))
    assert shop.known["customer", 7]["carried_stop_at"] == at(60)
    shop.reads(400, customer(TICKED, phone=ANN), left={**stopped, "unsubscribed_seen_at": at(50)})
    assert shop.known["customer", 7]["carried_stop_at"] == at(60)
    shop.reads(500, customer(TICKED, phone=BOB), left={**stopped, "unsubscribed_seen_at": at(450)})
    assert shop.known["customer", 7]["carried_stop_at"] == at(450)


def test_nothing_comes_along_where_no_phone_was_left() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(TICKED, email="ann@example.com"))
    assert shop.known["customer", 7]["carried_stop_at"] is None
    assert shop.choice() == Choice(YES, YES, LONG_AGO, at(100))
