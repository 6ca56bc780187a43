"""A yes that repeats a yes of the same person and key, without a no in between, is the old choice with the old date."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.state import records
from woo_sync_pipeline.state.consent_ledger import prune_ledger
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    LONG_AGO,
    SOURCES,
    TRASHED,
    Row,
    at,
    commit,
    contacts,
    customer,
    dated_until,
    just_after,
    order,
    record,
    table,
)

REPEATS_COUNT = {key: replace(source, repeats_count=True) for key, source in SOURCES.items()}
ADDRESS = "ann@example.com"


def yes(record_id: int, minute: int, phone: str | None = ANN, **changes: Any) -> Row:
    """An order that opts in."""
    return order(record_id, phone, consent="opted_in", created_at=at(minute), **changes)


def no(record_id: int, minute: int, phone: str | None = ANN, **changes: Any) -> Row:
    """An order that opts out."""
    return order(record_id, phone, consent="opted_out", created_at=at(minute), **changes)


def times(database: Database, record_id: int, kind: str = "order") -> tuple[datetime, datetime]:
    """Between which times a choice was made."""
    found = record(database, record_id, kind)
    return found["choice_from"], found["choice_until"]


def dated(minute: int) -> tuple[datetime, datetime]:
    """The times of a choice that was made with an order of this minute."""
    return at(minute), dated_until(minute)


def commit_each(database: Database, *rows: Row) -> None:
    """Commit each record as a reading of its own."""
    for number, row in enumerate(rows, start=1):
        commit(database, {**row, "read_at": at(100 * number)}, started=100 * number)


def test_the_next_order_of_the_same_phone_repeats_the_choice(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50), yes(46, 60))
    assert times(database, 45) == times(database, 46) == dated(10)
    assert all(record(database, number, "order")["choice_is_dated"] for number in (44, 45, 46))
    assert contacts(database)[ANN]["consent_at"] == contacts(database)[ANN]["consent_dated_at"] == at(10)


def test_what_the_same_phone_said_in_another_store_is_repeated(database: Database) -> None:
    commit(database, yes(44, 10))
    commit(database, yes(45, 50), source="outlet")
    assert contacts(database)[ANN]["consent_at"] == at(10)


def test_another_phone_repeats_nothing(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50, BOB))
    assert times(database, 45) == dated(50)


def test_the_same_customer_repeats_the_choice_whatever_phone_is_given(database: Database) -> None:
    commit_each(database, yes(44, 10, of=7), yes(45, 50, BOB, of=7))
    assert times(database, 45) == dated(10)
    commit(database, yes(46, 60, None, of=7))
    assert times(database, 46) == dated(10)


def test_the_same_number_of_a_customer_of_another_store_is_another_customer(database: Database) -> None:
    commit(database, yes(44, 10, of=7))
    commit(database, yes(44, 50, BOB, of=7), source="outlet")
    assert record(database, 44, "order", source="outlet")["choice_from"] == at(50)


def test_guests_are_not_one_customer(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50, BOB), yes(46, 60, None))
    assert [times(database, number) for number in (44, 45, 46)] == [dated(10), dated(50), dated(60)]


def test_the_box_that_the_account_has_ticked_is_ticked_again_at_the_checkout(database: Database) -> None:
    """WooCommerce keeps a field of the block checkout with the user, and writes it into the next order."""
    commit(database, customer(7, ANN), run_id="first")
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(200)), run_id="second", started=199)
    assert times(database, 7, "customer") == (just_after(100), at(200))
    commit(database, yes(44, 250, of=7, read_at=at(300)), run_id="third", started=299)
    assert times(database, 44) == (just_after(100), at(200))
    assert not record(database, 44, "order")["choice_is_dated"]
    assert contacts(database)[ANN]["consent_dated_at"] is None


def test_the_account_that_keeps_what_the_checkout_was_told_repeats_it(database: Database) -> None:
    commit(database, customer(7, ANN), run_id="first")
    commit(
        database,
        customer(7, ANN, consent="opted_in", read_at=at(200)),
        yes(44, 150, of=7, read_at=at(200)),
        run_id="second",
        started=199,
    )
    assert times(database, 7, "customer") == dated(150)
    assert record(database, 7)["choice_is_dated"]
    assert contacts(database)[ANN]["consent_dated_at"] == at(150)


def test_people_who_are_imported_again_under_other_ids_have_chosen_nothing_new(database: Database) -> None:
    commit(database, customer(7, ANN), run_id="first")
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(200)), run_id="second", started=199)
    commit(
        database,
        customer(17, ANN, consent="opted_in", created_at=at(290), read_at=at(300)),
        gone=[7],
        run_id="third",
        started=299,
    )
    assert times(database, 17, "customer") == (just_after(100), at(200))
    assert contacts(database)[ANN]["consent_at"] == just_after(100)


def test_orders_that_are_imported_again_under_other_ids_have_chosen_nothing_new(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(1044, 150))
    assert times(database, 1044) == dated(10)


def test_without_a_phone_the_address_tells_whose_choice_it_is(database: Database) -> None:
    commit_each(
        database,
        yes(44, 10, None, email=ADDRESS),
        yes(45, 50, None, email=ADDRESS),
        yes(46, 60, None, email="bob@example.com"),
        yes(47, 70, None),
        yes(48, 80, None),
    )
    found = [times(database, number) for number in (44, 45, 46, 47, 48)]
    assert found == [dated(10), dated(10), dated(60), dated(70), dated(80)]


def test_where_there_is_a_phone_the_address_tells_nothing(database: Database) -> None:
    """A family, or a shop that orders for its customers, has one address."""
    commit_each(
        database,
        yes(44, 10, ANN, email=ADDRESS),
        yes(45, 50, BOB, email=ADDRESS),
        yes(46, 60, None, email=ADDRESS),
    )
    assert [times(database, number) for number in (44, 45, 46)] == [dated(10), dated(50), dated(60)]


def test_another_key_asks_another_question(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50, consent_origin="order meta other"), yes(46, 60))
    assert times(database, 45) == dated(50)
    # And the one key has no part in what is repeated under the other.
    assert times(database, 46) == dated(10)


def test_after_a_no_a_yes_is_new(database: Database) -> None:
    commit_each(database, yes(44, 10), no(45, 30), yes(46, 50), yes(47, 60))
    assert times(database, 46) == times(database, 47) == dated(50)
    assert contacts(database)[ANN]["consent"] == "opted_in"


def test_a_no_under_another_key_is_no_answer_to_this_one(database: Database) -> None:
    commit_each(database, yes(44, 10), no(45, 30, consent_origin="order meta other"), yes(46, 50))
    assert times(database, 46) == dated(10)
    assert contacts(database)[ANN]["consent"] == "opted_out"


def test_a_no_of_somebody_else_is_not_in_between(database: Database) -> None:
    commit_each(database, yes(44, 10), no(45, 30, BOB), yes(46, 50))
    assert times(database, 46) == dated(10)


def test_a_no_in_the_account_is_between_two_orders(database: Database) -> None:
    commit(database, customer(7, ANN), yes(44, 10, of=7), run_id="first")
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(200)), run_id="second", started=199)
    commit(database, yes(46, 250, of=7, read_at=at(400)), run_id="third", started=399)
    assert times(database, 46) == dated(250)
    assert contacts(database)[ANN]["consent"] == "opted_in"
    # Nobody knows whether that no was the person's; if it was not, the yes repeats the one before it.
    assert not record(database, 46, "order")["choice_is_dated"]


def test_what_follows_an_order_that_was_perhaps_made_after_the_no_repeats_it(database: Database) -> None:
    commit(database, customer(7, ANN), yes(44, 10, of=7), run_id="first")
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(200)), run_id="second", started=199)
    # What was ordered while the no could still be to come repeats the yes before it.
    commit(database, yes(45, 190, of=7, read_at=at(300)), run_id="third", started=299)
    assert times(database, 45) == dated(10)
    # If that yes was said after the no, the box was ticked from then on, and the next order says nothing new.
    commit(database, yes(46, 250, of=7, read_at=at(400)), run_id="fourth", started=399)
    assert times(database, 46) == dated(10)
    assert contacts(database)[ANN]["consent"] == "opted_out"


def test_of_a_yes_and_a_no_at_the_same_time_the_no_counts_also_for_what_repeats_them(
    database: Database,
) -> None:
    """A box that was ticked and unticked at once is prefilled later on: that answers nothing."""
    commit_each(database, yes(44, 10), no(45, 30), yes(46, 30), yes(47, 60))
    assert times(database, 46) == times(database, 47) == dated(30)
    assert contacts(database)[ANN]["consent"] == "opted_out"


def test_a_no_that_a_person_took_back_is_not_between_the_yes_of_others(database: Database) -> None:
    """The no is known no more, but the yes that took its place is newer than what it would be taken for."""
    commit(database, yes(44, 10), customer(7, ANN))
    for read, consent in ((200, "opted_out"), (300, "opted_in")):
        commit(database, customer(7, ANN, consent=consent, read_at=at(read)))
    assert times(database, 7, "customer") == (just_after(200), at(300))
    commit(database, yes(45, 310, read_at=at(400)))
    assert times(database, 45) == (just_after(200), at(300))


def test_a_yes_with_a_date_of_its_own_is_never_a_repetition(database: Database) -> None:
    commit(database, yes(44, 10), customer(7, ANN))
    commit(database, customer(7, ANN, consent="opted_in", said_at=at(150), read_at=at(200)))
    assert times(database, 7, "customer") == dated(150)


def test_what_is_gone_or_in_the_trash_is_repeated_all_the_same(database: Database) -> None:
    """It counts for nothing any more; but that the person said it before is true."""
    commit_each(database, yes(44, 10, **TRASHED), yes(45, 50))
    assert times(database, 45) == dated(10)
    assert contacts(database)[ANN]["consent_at"] == at(10)


def test_what_was_trashed_opts_in_nobody_by_its_copies(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50, **TRASHED))
    commit(database, yes(44, 10, **TRASHED, read_at=at(300)))
    assert contacts(database)[ANN]["consent"] == "unknown"


def test_a_renewal_which_says_nothing_neither_chooses_nor_comes_between(database: Database) -> None:
    commit_each(database, yes(44, 10), order(45, ANN, created_at=at(30)), yes(46, 50))
    assert record(database, 45, "order")["choice"] is None
    assert times(database, 46) == dated(10)
    assert contacts(database)[ANN]["consent_at"] == at(10)
    assert [event["record_id"] for event in table(database, "consent_events")] == ["44", "46"]


@pytest.mark.parametrize("source", ["shop", "outlet"])
def test_where_no_box_is_prefilled_repetitions_count(database: Database, source: str) -> None:
    commit(database, yes(44, 10), sources=REPEATS_COUNT)
    commit(database, yes(45, 50), source=source, sources=REPEATS_COUNT)
    found = record(database, 45, "order", source=source)
    assert (found["choice_from"], found["choice_is_dated"]) == (at(50), True)
    assert contacts(database)[ANN]["consent_dated_at"] == at(50)


def test_only_what_is_new_is_looked_at_when_the_setting_changes(database: Database) -> None:
    commit(database, yes(44, 10), yes(45, 50))
    commit(database, yes(44, 10), yes(45, 50, first_name="Anna", read_at=at(200)), sources=REPEATS_COUNT)
    assert times(database, 45) == dated(10)
    commit(database, yes(46, 60, read_at=at(200)), sources=REPEATS_COUNT)
    assert times(database, 46) == dated(60)


ONE_PERSON = [
    yes(44, 10, of=7),
    yes(45, 20, BOB, of=7),
    no(46, 30, of=7),
    yes(47, 40, of=7),
    yes(48, 50, None, of=7),
    yes(49, 60, CAM, consent_origin="order meta other", of=7),
]
"""Two choices made twice each, and one under another key."""
AS_CHOSEN = {44: dated(10), 45: dated(10), 46: dated(30), 47: dated(40), 48: dated(40), 49: dated(60)}


@pytest.mark.parametrize("rows", list(itertools.permutations(ONE_PERSON))[::71])
def test_in_one_reading_records_come_in_any_order(database: Database, rows: Sequence[Row]) -> None:
    commit(database, *rows, row_by_row=True)
    assert {number: times(database, number) for number in AS_CHOSEN} == AS_CHOSEN


@pytest.mark.parametrize("portion", [1, 2, 4])
def test_what_comes_in_portions_in_the_order_of_time_is_as_if_it_came_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    monkeypatch.setattr(records, "PORTION", portion)
    commit(database, *ONE_PERSON, row_by_row=True)
    assert {number: times(database, number) for number in AS_CHOSEN} == AS_CHOSEN


def test_what_comes_in_readings_in_the_order_of_time_is_as_if_it_came_at_once(database: Database) -> None:
    commit_each(database, *ONE_PERSON)
    assert {number: times(database, number) for number in AS_CHOSEN} == AS_CHOSEN


@pytest.mark.parametrize("rows", list(itertools.permutations([yes(44, 10), no(45, 30), yes(46, 50)])))
def test_whatever_comes_first_the_last_choice_counts(database: Database, rows: Sequence[Row]) -> None:
    """A no that is met late makes no repetition into a new choice: then the no counts, which sends fewer messages."""
    commit_each(database, *rows)
    found = [int(row["record_id"]) for row in rows]
    repeats_before_the_no_is_known = found.index(44) < found.index(46) < found.index(45)
    assert times(database, 46) == dated(10 if repeats_before_the_no_is_known else 50)
    counts = "opted_out" if repeats_before_the_no_is_known else "opted_in"
    assert contacts(database)[ANN]["consent"] == counts


def test_an_older_yes_that_is_met_later_leaves_the_newer_one_where_it_was(database: Database) -> None:
    commit_each(database, yes(45, 50), yes(44, 10))
    assert (times(database, 45), times(database, 44)) == (dated(50), dated(10))


def test_an_order_without_a_date_repeats_and_is_repeated(database: Database) -> None:
    commit_each(database, yes(44, 10), {**yes(45, 50), "created_at": None}, yes(46, 250))
    assert times(database, 45) == dated(10)
    assert times(database, 46) == dated(10)


def test_a_first_yes_without_a_date_is_as_old_as_anything_for_all_that_repeat_it(database: Database) -> None:
    commit_each(database, customer(7, ANN, consent="opted_in"), yes(44, 150))
    assert times(database, 44) == (LONG_AGO, at(100))
    assert not record(database, 44, "order")["choice_is_dated"]


def forget_the_ledger(database: Database) -> None:
    prune_ledger(database, before=datetime.now(UTC) + timedelta(days=1))
    assert table(database, "consent_events") == []


def test_what_the_ledger_has_forgotten_is_repeated_all_the_same(database: Database) -> None:
    """It is kept for so many days, and people buy again after that."""
    commit(database, yes(44, 10), yes(45, 10, BOB, of=7), run_id="first")
    forget_the_ledger(database)
    commit(database, yes(46, 50), yes(47, 50, CAM, of=7), run_id="second")
    assert times(database, 46) == times(database, 47) == dated(10)
    forget_the_ledger(database)
    commit(database, no(48, 55), yes(49, 60), run_id="third")
    assert times(database, 49) == dated(60)


def test_committing_a_repetition_again_changes_nothing(database: Database) -> None:
    commit_each(database, yes(44, 10), yes(45, 50))
    before = table(database, "source_records"), contacts(database), table(database, "consent_events")
    commit(database, yes(45, 50, read_at=at(200)))
    commit(database, yes(44, 10, read_at=at(100)), yes(45, 50, read_at=at(200)))
    after = table(database, "source_records"), contacts(database), table(database, "consent_events")
    assert after == before
