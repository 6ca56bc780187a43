"""When was a choice made? Each rule of `choices.py`, reading by reading."""

from __future__ import annotations

from datetime import timedelta

import pytest

from woo_sync_pipeline.contacts.choices import CAME_BACK, REPEATS
from woo_sync_pipeline.contacts.consent import ConsentRules
from woo_sync_pipeline_tests.contacts.shop import (
    BOB,
    LONG_AGO,
    NO,
    YES,
    Choice,
    Record,
    Shop,
    chosen,
    customer,
    dated_until,
    just_after,
    order,
)
from woo_sync_pipeline_tests.contacts.situations import at

TICKED, UNTICKED, EMPTY = {"sms": "yes"}, {"sms": "no"}, {"sms": ""}
MINUTE = timedelta(minutes=1)
NOTHING = Choice("unknown", None, None, None)


# Met for the first time.


@pytest.mark.parametrize("registered", [3, 500, None])
def test_a_customer_s_opt_in_can_be_as_old_as_anything(registered: int | None) -> None:
    """The day of registration says nothing: people are imported, and come back under other ids."""
    shop = Shop()
    shop.reads(100, customer(TICKED, created=registered))
    assert shop.choice() == chosen(YES, LONG_AGO, at(100))


def test_a_customer_s_opt_out_was_made_until_it_was_seen() -> None:
    shop = Shop()
    shop.reads(100, customer(UNTICKED, created=3))
    assert shop.choice() == chosen(NO, LONG_AGO, at(100))


@pytest.mark.parametrize(("meta", "consent"), [(TICKED, YES), (UNTICKED, NO)])
def test_an_order_s_choice_was_made_with_the_order(meta: dict[str, object], consent: str) -> None:
    shop = Shop()
    shop.reads(100, order(meta))
    assert shop.of_order() == chosen(consent, at(10), dated_until(10), is_dated=True)


@pytest.mark.parametrize("created", [None, 101])
def test_an_order_without_a_date_or_from_the_future_says_not_when(created: int | None) -> None:
    shop = Shop()
    shop.reads(100, order(TICKED, created=created), order(UNTICKED, 45, phone=BOB, created=created))
    assert shop.of_order() == chosen(YES, LONG_AGO, at(100))
    assert shop.of_order(45) == chosen(NO, LONG_AGO, at(100))


def test_no_choice_was_made_after_it_was_read() -> None:
    shop = Shop()
    shop.reads(10, order(TICKED))
    assert shop.of_order() == chosen(YES, at(10), at(10), is_dated=True)


def test_who_says_nothing_has_chosen_nothing() -> None:
    shop = Shop()
    shop.reads(100, customer({}), order({}), customer(EMPTY, 8), order({"sms": "perhaps"}, 45))
    for choice in (shop.choice(), shop.of_order(), shop.choice(8), shop.of_order(45)):
        assert choice == NOTHING
    assert shop.ledger == []


def test_a_renewal_says_nothing_and_comes_between_nothing() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED))
    shop.reads(200, order(UNTICKED, 45, created=150, is_renewal=True))
    shop.reads(300, order(TICKED, 46, created=250))
    assert shop.of_order(45) == NOTHING
    assert shop.of_order(46) == shop.of_order(44)


# Changed since the last reading.


@pytest.mark.parametrize("before", [{}, EMPTY, UNTICKED])
def test_an_opt_in_was_made_after_the_last_reading_without_it_and_has_no_date(
    before: dict[str, object],
) -> None:
    shop = Shop()
    shop.reads(100, customer(before))
    shop.reads(200, customer(TICKED))
    assert shop.choice() == chosen(YES, just_after(100), at(200))


@pytest.mark.parametrize("before", [{}, EMPTY, TICKED])
def test_an_opt_out_was_made_until_it_was_seen(before: dict[str, object]) -> None:
    shop = Shop()
    shop.reads(100, customer(before))
    shop.reads(200, customer(UNTICKED))
    assert shop.choice() == chosen(NO, just_after(100), at(200))


def test_a_sweep_has_seen_every_customer_that_it_noted_nothing_of() -> None:
    shop = Shop()
    shop.reads(100, customer({}), customer({}, 8, phone=BOB), order({}))
    shop.loses(8)
    shop.reads(200, customer(TICKED), customer(TICKED, 8, phone=BOB), order(TICKED), swept=150)
    assert shop.choice() == chosen(YES, at(150), at(200))
    # But nobody whom it did not see, and no orders.
    assert shop.choice(8) == chosen(YES, just_after(100), at(200))
    shop.reads(300, order(UNTICKED), swept=250)
    assert shop.of_order() == chosen(NO, just_after(200), at(300))


def test_a_sweep_that_is_older_than_the_last_reading_tells_nothing() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED), swept=50)
    assert shop.choice() == chosen(YES, just_after(100), at(200))


@pytest.mark.parametrize(("meta", "consent"), [(TICKED, YES), (UNTICKED, NO)])
def test_what_was_entered_into_a_known_order_has_not_its_date(meta: dict[str, object], consent: str) -> None:
    shop = Shop()
    shop.reads(100, order({}))
    shop.reads(200, order(meta))
    assert shop.of_order() == chosen(consent, just_after(100), at(200))


def test_what_stays_as_it_was_is_no_new_choice() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED), order(UNTICKED, phone=BOB))
    before = shop.choice(), shop.of_order()
    shop.reads(200, customer(TICKED, email="new@example.com"), order(UNTICKED, phone=BOB, status="refunded"))
    assert (shop.choice(), shop.of_order()) == before
    assert len(shop.ledger) == 2


# Other keys, or none at all.

OTHER_RULES = ConsentRules(keys=("sms", "news", "newsletter"))


def test_what_only_other_keys_show_is_dated_as_if_it_were_met_for_the_first_time() -> None:
    shop = Shop()
    shop.reads(100, customer({"newsletter": "yes"}), order({"newsletter": "yes"}, phone=BOB))
    assert (shop.choice(), shop.of_order()) == (NOTHING, NOTHING)
    shop.reads(
        200, customer({"newsletter": "yes"}), order({"newsletter": "yes"}, phone=BOB), rules=OTHER_RULES
    )
    assert shop.choice() == chosen(YES, LONG_AGO, at(200))
    assert shop.of_order() == chosen(YES, at(10), dated_until(10), is_dated=True)


def test_what_disappears_only_because_other_keys_are_read_is_not_taken_back() -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "", "newsletter": "yes"}), rules=OTHER_RULES)
    shop.reads(200, customer({"sms": "", "newsletter": "yes"}))
    assert shop.choice() == Choice("unknown", YES, LONG_AGO, at(100))
    assert shop.told() == [("yes", "")]


def test_what_was_withheld_for_a_while_is_no_new_choice() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED), customer(UNTICKED, 8, phone=BOB))
    before = shop.choice(), shop.choice(8)
    shop.reads(200, customer(None), customer(None, 8, phone=BOB))
    assert shop.choice() == before[0]._replace(consent="unknown")
    assert shop.choice(8) == before[1], "an opt-out that disappears stays in force"
    shop.reads(300, customer(TICKED), customer(UNTICKED, 8, phone=BOB))
    assert (shop.choice(), shop.choice(8)) == before


# Taken back.


@pytest.mark.parametrize("answer", ["", "perhaps", None])
def test_a_key_that_is_left_without_its_yes_is_an_opt_out(answer: object) -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED), order(TICKED, phone=BOB))
    shop.reads(200, customer({"sms": answer}), order({"sms": answer}, phone=BOB))
    assert shop.choice() == shop.of_order() == chosen(NO, just_after(100), at(200))
    assert shop.known["customer", 7]["consent_origin"] == "customer meta sms"


def test_a_key_that_is_gone_is_none() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer({}))
    assert shop.choice() == Choice("unknown", YES, LONG_AGO, at(100))
    shop.reads(300, customer(TICKED))
    assert shop.choice()[:2] == (YES, YES)


def test_who_never_opted_in_takes_nothing_back() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(EMPTY))
    assert shop.choice() == NOTHING


@pytest.mark.parametrize("after", [{}, EMPTY, {"sms": "perhaps"}])
def test_an_opt_out_that_disappears_stays_in_force(after: dict[str, object]) -> None:
    shop = Shop()
    shop.reads(100, customer(UNTICKED), order(UNTICKED, phone=BOB))
    before = shop.choice(), shop.of_order()
    shop.reads(200, customer(after), order(after, phone=BOB))
    assert (shop.choice(), shop.of_order()) == before
    assert shop.known["customer", 7]["consent_origin"] == "customer meta sms"


# Back again.


def test_an_opt_in_that_comes_back_after_an_accident_is_the_old_one() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED))
    shop.reads(300, customer(EMPTY))
    assert shop.choice() == chosen(NO, just_after(200), at(300))
    shop.reads(400, customer(TICKED))
    assert shop.choice() == chosen(YES, just_after(100), at(200))
    assert shop.known["customer", 7]["choice_returned_at"] == just_after(300)
    assert shop.told() == [("yes", ""), ("no", ""), ("yes", CAME_BACK)]


def test_so_it_is_after_several_accidents() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED))
    for night in (300, 500):
        shop.reads(night, customer(EMPTY))
        shop.reads(night + 100, customer(TICKED))
    assert shop.choice() == chosen(YES, just_after(100), at(200))
    assert shop.known["customer", 7]["choice_returned_at"] == just_after(500)


def test_it_comes_back_with_its_date() -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    shop.reads(200, customer({}))
    shop.reads(300, customer({"sms": "", "sms_at": ""}))
    assert shop.choice()[:2] == ("unknown", YES)
    shop.reads(400, customer(said_at(30)))
    assert shop.choice() == chosen(YES, at(30), dated_until(30), is_dated=True)


def test_an_opt_in_of_a_later_date_has_not_come_back_but_is_new() -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    shop.reads(200, customer(EMPTY))
    shop.reads(300, customer(said_at(250)))
    assert shop.choice() == chosen(YES, at(250), dated_until(250), is_dated=True)
    assert shop.told()[-1] == ("yes", "")


def test_after_an_opt_out_with_a_date_nothing_comes_back() -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    shop.reads(200, customer({"sms": "no", "sms_at": at(150).isoformat()}))
    assert shop.choice() == chosen(NO, at(150), dated_until(150), is_dated=True)
    shop.reads(300, customer(TICKED))
    assert shop.choice() == chosen(YES, just_after(200), at(300))
    assert shop.known["customer", 7]["choice_returned_at"] is None


def test_where_there_was_no_opt_in_before_nothing_comes_back() -> None:
    shop = Shop()
    shop.reads(100, customer(UNTICKED))
    shop.reads(200, customer(TICKED))
    assert shop.choice() == chosen(YES, just_after(100), at(200))
    assert shop.told()[-1] == ("yes", "")


def test_an_opt_out_of_another_record_is_not_undone_by_it() -> None:
    """That is a matter of weighing: the opt-in keeps its old time."""
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(EMPTY), order(UNTICKED, created=150))
    shop.reads(300, customer(TICKED))
    assert shop.choice() == chosen(YES, LONG_AGO, at(100))
    assert shop.of_order() == chosen(NO, at(150), dated_until(150), is_dated=True)


# The clock of the store.


def test_an_order_is_dated_by_the_clock_of_its_store_with_its_error() -> None:
    shop = Shop()
    clock = (-2 * MINUTE, 5 * MINUTE)
    shop.reads(100, order(TICKED), order(UNTICKED, 45, phone=BOB, created=99), clock=clock)
    assert shop.of_order() == chosen(YES, at(5), dated_until(12), is_dated=True)
    assert shop.of_order(45) == chosen(NO, at(94), at(100), is_dated=True)


def test_an_order_is_from_the_future_only_if_it_surely_is() -> None:
    shop = Shop()
    clock = (3 * MINUTE, 5 * MINUTE)
    shop.reads(100, order(TICKED, created=105), order(TICKED, 45, phone=BOB, created=106), clock=clock)
    assert shop.of_order() == chosen(YES, at(100), at(100), is_dated=True)
    assert shop.of_order(45) == chosen(YES, LONG_AGO, at(100))


# A date of its own.


def said_at(minute: int) -> dict[str, object]:
    return {"sms": "yes", "sms_at": at(minute).isoformat()}


def test_a_choice_is_as_old_as_the_store_says() -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    assert shop.choice() == chosen(YES, at(30), dated_until(30), is_dated=True)
    shop.reads(110, customer(said_at(40), 8, phone=BOB), clock=(-2 * MINUTE, 5 * MINUTE))
    assert shop.choice(8) == chosen(YES, at(35), dated_until(42), is_dated=True)


@pytest.mark.parametrize(
    "stated", [at(101).isoformat(), "2300-01-01", "9999-12-31T23:59:59Z", "9999999999999"]
)
def test_a_date_from_the_future_is_none(stated: str) -> None:
    shop = Shop()
    shop.reads(100, customer({"sms": "yes", "sms_at": stated}))
    assert shop.choice() == chosen(YES, LONG_AGO, at(100))


def test_an_order_has_its_own_date_whatever_stands_in_it() -> None:
    shop = Shop()
    shop.reads(100, order(said_at(30)))
    assert shop.of_order() == chosen(YES, at(10), dated_until(10), is_dated=True)


def test_the_date_that_stays_beside_an_opt_out_is_not_its_own() -> None:
    shop = Shop()
    shop.reads(100, customer({**UNTICKED, "sms_at": at(30).isoformat()}))
    assert shop.choice() == chosen(NO, LONG_AGO, at(100))


def test_who_says_yes_again_at_a_later_date_has_chosen_anew() -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    shop.reads(200, customer(said_at(150)))
    assert shop.choice() == chosen(YES, at(150), dated_until(150), is_dated=True)
    assert shop.told() == [("yes", ""), ("yes", "")]


@pytest.mark.parametrize("again", [said_at(30), said_at(20), TICKED])
def test_a_yes_with_the_same_an_earlier_or_no_date_is_the_old_choice(again: dict[str, object]) -> None:
    shop = Shop()
    shop.reads(100, customer(said_at(30)))
    shop.reads(200, customer(again))
    assert shop.choice() == chosen(YES, at(30), dated_until(30), is_dated=True)
    assert len(shop.ledger) == 1


def test_a_choice_without_a_date_gets_the_one_that_the_store_shows_later() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(said_at(30)))
    assert shop.choice() == chosen(YES, at(30), dated_until(30), is_dated=True)


# Repetitions.


def test_the_next_order_repeats_the_choice_with_its_date() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED))
    shop.reads(200, order(TICKED, 45, created=150))
    assert shop.of_order(45) == shop.of_order(44) == chosen(YES, at(10), dated_until(10), is_dated=True)
    assert shop.told() == [("yes", ""), ("yes", REPEATS)]
    # In the ledger stands when it was said again.
    assert shop.ledger[1]["said_from"] == at(150)


def test_in_one_reading_too_and_whatever_the_order() -> None:
    for numbers in ((44, 45, 46), (46, 44, 45)):
        shop = Shop()
        shop.reads(100, *(order(TICKED, number, created=number) for number in numbers))
        for number in numbers:
            assert shop.of_order(number) == chosen(YES, at(44), dated_until(44), is_dated=True)


def test_where_no_box_is_prefilled_repetitions_count() -> None:
    shop = Shop(repeats_count=True)
    shop.reads(100, order(TICKED))
    shop.reads(200, order(TICKED, 45, created=150))
    assert shop.of_order(45) == chosen(YES, at(150), dated_until(150), is_dated=True)
    assert shop.told() == [("yes", ""), ("yes", "")]


def test_after_a_no_a_yes_is_new() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED), order(UNTICKED, 45, created=50))
    shop.reads(200, order(TICKED, 46, created=150))
    assert shop.of_order(46) == chosen(YES, at(150), dated_until(150), is_dated=True)


def test_after_a_no_without_a_date_it_has_none_either() -> None:
    """It was perhaps an accident of the store, and the yes repeats the one before."""
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.reads(200, customer(EMPTY))
    shop.reads(300, order(TICKED, customer_id=7, created=250))
    assert shop.of_order() == chosen(YES, at(250), dated_until(250))


@pytest.mark.parametrize(
    "other", [order(TICKED, 45, phone=BOB, created=150), order({"news": "yes"}, 45, created=150)]
)
def test_another_person_or_key_repeats_nothing(other: Record) -> None:
    shop = Shop()
    shop.reads(100, order(TICKED))
    shop.reads(200, other)
    assert shop.of_order(45) == chosen(YES, at(150), dated_until(150), is_dated=True)


def test_the_same_customer_repeats_it_whatever_phone_is_given() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED, customer_id=7))
    shop.reads(200, order(TICKED, 45, customer_id=7, phone=BOB, created=150))
    assert shop.of_order(45) == shop.of_order(44)


def test_without_a_phone_the_address_tells_whose_choice_it_is() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED, phone=None, email="ann@example.com"))
    shop.reads(200, order(TICKED, 45, phone=None, email="ann@example.com", created=150))
    assert shop.of_order(45) == shop.of_order(44)
    shop.reads(300, order(TICKED, 46, phone=BOB, email="ann@example.com", created=250))
    assert shop.of_order(46) == chosen(YES, at(250), dated_until(250), is_dated=True)


def test_people_who_are_imported_again_under_other_ids_have_chosen_nothing_new() -> None:
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED))
    shop.reads(300, customer(TICKED, 107))
    assert shop.choice(107) == shop.choice() == chosen(YES, just_after(100), at(200))
    assert shop.told()[-1] == ("yes", REPEATS)


def test_nor_have_they_if_the_box_was_unticked_meanwhile() -> None:
    shop = Shop()
    shop.reads(100, customer(TICKED))
    shop.loses(7)
    shop.reads(200, customer(EMPTY, 107))
    assert shop.choice(107) == chosen(NO, LONG_AGO, at(200))


def test_a_record_whose_key_is_gone_is_repeated_all_the_same() -> None:
    """Also if it is read together with what repeats it."""
    shop = Shop()
    shop.reads(100, customer({}))
    shop.reads(200, customer(TICKED))
    shop.reads(300, customer({}), order(TICKED, customer_id=7, created=250))
    assert shop.of_order() == chosen(YES, just_after(100), at(200))


def test_a_yes_with_a_date_of_its_own_in_the_account_is_never_a_repetition() -> None:
    shop = Shop()
    shop.reads(100, order(TICKED, customer_id=7))
    shop.reads(200, customer(said_at(150)))
    assert shop.choice() == chosen(YES, at(150), dated_until(150), is_dated=True)
