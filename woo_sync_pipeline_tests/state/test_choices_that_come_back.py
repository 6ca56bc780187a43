"""What a store shows for a night and takes back: a yes that comes back is the old one, and answers nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    LONG_AGO,
    Row,
    at,
    commit,
    contacts,
    customer,
    dated_until,
    just_after,
    order,
    record,
)

ACCOUNT = "customer meta sms"
NOTHING: dict[str, Any] = {"consent": "unknown"}
YES: dict[str, Any] = {"consent": "opted_in"}
NO: dict[str, Any] = {"consent": "opted_out"}


def read(database: Database, *answers: dict[str, Any], **changes: Any) -> None:
    """Sweeps that read the account, at the minutes 100, 200 and so on; each answer stands under its key."""
    for number, answer in enumerate(answers, start=1):
        row = customer(7, ANN, consent_origin=ACCOUNT, read_at=at(100 * number), **{**changes, **answer})
        commit(database, row, run_id=f"sweep {number}", started=100 * number - 1)


def known(database: Database) -> tuple[str, datetime, datetime, bool, datetime | None]:
    found = record(database, 7)
    return (
        found["consent"],
        found["choice_from"],
        found["choice_until"],
        found["choice_is_dated"],
        found["choice_returned_at"],
    )


def signal(database: Database) -> tuple[str, datetime | None, datetime | None]:
    found = contacts(database)[ANN]
    return found["consent"], found["consent_at"], found["consent_dated_at"]


def told(database: Database) -> list[tuple[str, str]]:
    return [(entry.what, entry.became) for entry in ledger_of(database, ANN)]


@pytest.mark.parametrize("night", [NOTHING, NO], ids=["an empty answer", "a no"])
def test_a_yes_that_was_away_for_a_night_is_the_old_one(database: Database, night: dict[str, Any]) -> None:
    read(database, YES, night, YES)
    assert known(database) == ("opted_in", LONG_AGO, at(100), False, just_after(200))
    assert told(database) == [("yes", ""), ("no", ""), ("yes", "came back")]


def test_that_it_came_back_is_news_of_a_choice_that_weighs_what_it_weighed(database: Database) -> None:
    """We have perhaps unsubscribed the person because of that night."""
    read(database, YES, NOTHING, YES)
    assert signal(database) == ("opted_in", just_after(200), None)
    commit(database, order(44, ANN, consent="opted_out", created_at=at(10)), started=350)
    assert signal(database) == ("opted_out", dated_until(10), None)


def test_a_yes_with_a_date_comes_back_with_it(database: Database) -> None:
    read(database, YES, NOTHING, YES, said_at=at(20))
    assert known(database) == ("opted_in", at(20), dated_until(20), True, just_after(200))
    assert signal(database) == ("opted_in", just_after(200), at(20))


def test_a_yes_with_a_later_date_is_a_new_one(database: Database) -> None:
    read(database, {**YES, "said_at": at(20)}, NOTHING, {**YES, "said_at": at(250)})
    assert known(database) == ("opted_in", at(250), dated_until(250), True, None)
    assert told(database)[-1] == ("yes", "")


def test_after_a_no_with_a_date_a_yes_is_a_new_one(database: Database) -> None:
    """That was no accident of the store."""
    read(database, {**YES, "said_at": at(20)}, {**NO, "said_at": at(150)}, YES)
    assert known(database) == ("opted_in", just_after(200), at(300), False, None)
    assert told(database)[-1] == ("yes", "")


def test_a_yes_where_there_was_none_before_the_no_is_a_new_one(database: Database) -> None:
    read(database, NO, YES)
    assert known(database) == ("opted_in", just_after(100), at(200), False, None)


def test_after_many_nights_it_is_still_the_old_one(database: Database) -> None:
    read(database, YES, NOTHING, YES, NO, YES, NOTHING, NOTHING, YES)
    # The sweep that found nothing new has seen the customer as well.
    assert known(database) == ("opted_in", LONG_AGO, at(100), False, at(699))


def test_a_no_that_stays_is_a_no(database: Database) -> None:
    read(database, YES, NOTHING, YES, NOTHING)
    assert known(database) == ("opted_out", just_after(300), at(400), False, None)
    assert signal(database) == ("opted_out", at(400), None)


def test_an_edit_of_something_else_keeps_when_it_came_back(database: Database) -> None:
    read(database, YES, NOTHING, YES, {**YES, "first_name": "Anna"})
    assert known(database) == ("opted_in", LONG_AGO, at(100), False, just_after(200))
    assert signal(database) == ("opted_in", just_after(200), None)


def yes_at_the_checkout(minute: int, number: int = 44) -> Row:
    return order(number, ANN, of=7, created_at=at(minute), read_at=at(minute + 10), **YES)


def test_a_prefilled_order_after_the_night_repeats_the_old_yes(database: Database) -> None:
    read(database, YES, NOTHING, YES)
    commit(database, yes_at_the_checkout(350), run_id="live", started=350)
    found = record(database, 44, "order")
    assert (found["choice_from"], found["choice_is_dated"]) == (LONG_AGO, False)
    assert contacts(database)[ANN]["consent_dated_at"] is None


def test_a_prefilled_order_read_with_the_yes_that_came_back_repeats_the_old_yes(database: Database) -> None:
    read(database, YES, NOTHING)
    again = customer(7, ANN, consent_origin=ACCOUNT, read_at=at(300), **YES)
    commit(database, again, {**yes_at_the_checkout(290), "read_at": at(300)}, run_id="third", started=299)
    found = record(database, 44, "order")
    assert (found["choice_from"], found["choice_is_dated"]) == (LONG_AGO, False)
    assert signal(database) == ("opted_in", just_after(200), None)


def test_a_prefilled_order_of_the_night_has_no_date(database: Database) -> None:
    """Either the box was still ticked and the order repeats the old yes, or the no was true and it is a new one."""
    read(database, YES, NOTHING)
    commit(database, yes_at_the_checkout(250), run_id="live", started=350)
    found = record(database, 44, "order")
    assert (found["choice_from"], found["choice_is_dated"]) == (at(250), False)
    assert signal(database) == ("opted_in", at(250), None)


def test_an_order_s_own_yes_that_was_away_for_a_night_has_no_date_any_more(database: Database) -> None:
    for minutes, answer in ((100, YES), (200, NOTHING), (300, YES)):
        commit(database, order(44, ANN, consent_origin="order meta sms", read_at=at(minutes), **answer))
    assert signal(database) == ("opted_in", just_after(200), None)


def test_a_key_that_was_gone_for_a_night_changes_nothing(database: Database) -> None:
    read(database, {**YES, "said_at": at(20)})
    commit(database, customer(7, ANN, read_at=at(200)), run_id="second", started=199)
    assert signal(database) == ("unknown", None, None)
    commit(database, customer(7, ANN, said_at=at(20), read_at=at(300), **YES), run_id="third", started=299)
    assert known(database)[:4] == ("opted_in", at(20), dated_until(20), True)
