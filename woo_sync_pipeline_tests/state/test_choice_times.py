"""When was a choice made? The rules by which a record's choice gets its times when it is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET, ClockOffset
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    LONG_AGO,
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

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Choice(NamedTuple):
    """The consent in force, the last choice, between which times it was made, and whether that is its own date."""

    consent: str
    choice: str | None
    begins: datetime | None
    ends: datetime | None
    is_dated: bool = False


def choice(database: Database, record_id: int = 7, kind: str = "customer") -> Choice:
    found = record(database, record_id, kind)
    return Choice(
        found["consent"],
        found["choice"],
        found["choice_from"],
        found["choice_until"],
        found["choice_is_dated"],
    )


def chosen(consent: str, begins: datetime, ends: datetime, *, is_dated: bool = False) -> Choice:
    """A choice that is in force."""
    return Choice(consent, consent, begins, ends, is_dated)


def signal(database: Database, phone: str = ANN) -> tuple[str, datetime | None]:
    found = contacts(database)[phone]
    return found["consent"], found["consent_at"]


def dated_signal(database: Database, phone: str = ANN) -> tuple[str, datetime | None, datetime | None]:
    return *signal(database, phone), contacts(database)[phone]["consent_dated_at"]


@pytest.mark.parametrize("registered", [at(3), at(500), None])
def test_an_opt_in_met_for_the_first_time_can_be_as_old_as_anything(
    database: Database, registered: datetime | None
) -> None:
    """The day of registration says nothing: people are imported, and come back under other ids."""
    commit(database, customer(consent="opted_in", created_at=registered))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(100))
    assert dated_signal(database) == ("opted_in", LONG_AGO, None)


def test_an_opt_in_of_a_record_without_a_date_is_older_than_every_opt_out(database: Database) -> None:
    commit(
        database,
        customer(consent="opted_in", created_at=None),
        order(consent="opted_in", created_at=None),
        order(45, consent="opted_out", created_at=at(1)),
    )
    assert choice(database) == choice(database, 44, "order") == chosen("opted_in", LONG_AGO, at(100))
    assert signal(database) == ("opted_out", dated_until(1))


def test_an_opt_out_of_an_order_without_a_date_counts_until_the_reading(database: Database) -> None:
    commit(database, order(consent="opted_out", created_at=None))
    assert choice(database, 44, "order") == chosen("opted_out", LONG_AGO, at(100))
    assert signal(database) == ("opted_out", at(100))


def test_an_opt_out_entered_into_a_known_order_counts_until_it_was_seen(database: Database) -> None:
    commit(database, order(consent="unknown", created_at=at(1)), customer(consent="unknown"))
    commit(database, customer(consent="opted_in", read_at=at(150)))
    commit(database, order(consent="opted_out", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order") == chosen("opted_out", just_after(100), at(200))
    assert signal(database) == ("opted_out", at(200))


def test_an_opt_in_entered_into_a_known_order_has_not_the_order_s_date(database: Database) -> None:
    """Nobody knows when it was entered, nor who has said so."""
    commit(database, order(consent="unknown", created_at=at(1)))
    commit(database, order(consent="opted_in", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order") == chosen("opted_in", just_after(100), at(200))
    assert dated_signal(database) == ("opted_in", just_after(100), None)


@pytest.mark.parametrize("consent", ["opted_in", "opted_out"])
def test_a_choice_of_an_order_that_other_keys_show_has_the_order_s_date(
    database: Database, consent: str
) -> None:
    commit(database, order(consent="unknown", consent_basis="a", created_at=at(1)))
    commit(database, order(consent=consent, consent_basis="b", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order") == chosen(consent, at(1), dated_until(1), is_dated=True)


def test_an_opt_out_met_for_the_first_time_counts_until_now(database: Database) -> None:
    commit(database, customer(consent="opted_out", created_at=at(3)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(100))
    assert signal(database) == ("opted_out", at(100))


@pytest.mark.parametrize("before", ["opted_in", "unknown"])
def test_an_opt_out_counts_until_it_was_seen(database: Database, before: str) -> None:
    commit(database, customer(consent=before))
    commit(database, customer(consent="opted_out", read_at=at(200)))
    assert choice(database) == chosen("opted_out", just_after(100), at(200))
    assert signal(database) == ("opted_out", at(200))


@pytest.mark.parametrize("before", ["opted_out", "unknown"])
def test_an_opt_in_counts_from_when_the_customer_was_last_seen_without_it_and_has_no_date(
    database: Database, before: str
) -> None:
    commit(database, customer(consent=before))
    commit(database, customer(consent="opted_in", read_at=at(200)), read_until=200, started=199)
    assert choice(database) == chosen("opted_in", just_after(100), at(200))
    assert dated_signal(database) == ("opted_in", just_after(100), None)


def test_every_sweep_sees_who_has_not_opted_in(database: Database) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(database, run_id="second", started=150)
    commit(database, customer(consent="opted_in", read_at=at(200)), run_id="third", started=199)
    assert choice(database) == chosen("opted_in", at(150), at(200))


def test_every_sweep_sees_who_has_not_opted_out(database: Database) -> None:
    commit(database, customer(consent="opted_in"), run_id="first")
    commit(database, run_id="second", started=150)
    commit(database, customer(consent="opted_out", read_at=at(200)), run_id="third", started=199)
    assert choice(database) == chosen("opted_out", at(150), at(200))


def test_a_sweep_does_not_see_orders_that_were_not_changed(database: Database) -> None:
    commit(database, order(consent="unknown"), run_id="first")
    commit(database, run_id="second", started=150)
    commit(database, order(consent="opted_in", read_at=at(200)), run_id="third", started=199)
    assert choice(database, 44, "order") == chosen("opted_in", just_after(100), at(200))


def test_a_sweep_that_missed_somebody_has_not_seen_who_had_not_opted_in(database: Database) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(database, run_id="second", gone=[7], started=150)
    commit(database, customer(consent="opted_in", read_at=at(200)), run_id="third", started=199)
    assert choice(database) == chosen("opted_in", just_after(100), at(200))


def test_an_opt_out_at_the_checkout_is_newer_than_an_opt_in_that_was_perhaps_earlier(
    database: Database,
) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(
        database,
        customer(consent="opted_in", read_at=at(201)),
        order(consent="opted_out", of=7, created_at=at(180), read_at=at(200)),
        run_id="second",
        started=199,
    )
    assert signal(database) == ("opted_out", dated_until(180))


def test_an_edited_name_moves_no_choice(database: Database) -> None:
    commit(database, customer(consent="opted_out"))
    commit(database, customer(consent="opted_out", first_name="Anna", read_at=at(200)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(100))


def test_meta_that_was_withheld_and_is_visible_again_is_no_new_choice(database: Database) -> None:
    commit(database, customer(consent="opted_in"))
    commit(database, customer(consent="unknown", consent_basis="", read_at=at(200)))
    assert choice(database) == Choice("unknown", "opted_in", LONG_AGO, at(100))
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(100))


def test_an_opt_in_that_was_withheld_when_first_met_can_be_as_old_as_anything(database: Database) -> None:
    commit(database, customer(consent="unknown", consent_basis=""))
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(300))


def test_an_opt_in_seen_after_an_opt_out_and_a_gap_is_no_newer_choice(database: Database) -> None:
    commit(database, customer(consent="opted_out"))
    commit(database, customer(consent="unknown", consent_basis="", read_at=at(200)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(100))
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(300))


def test_an_opt_in_under_other_meta_keys_can_be_as_old_as_anything(database: Database) -> None:
    commit(database, customer(consent="unknown", consent_basis="sms"))
    commit(database, customer(consent="opted_in", consent_basis="sms,mail", read_at=at(200)))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(200))


def test_an_opt_out_under_other_meta_keys_counts_until_now(database: Database) -> None:
    commit(database, customer(consent="opted_in", consent_basis="sms"))
    commit(database, customer(consent="opted_out", consent_basis="sms,mail", read_at=at(200)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(200))


def test_an_opt_out_whose_value_disappears_stays_in_force(database: Database) -> None:
    commit(database, customer(consent="opted_out", consent_origin="customer meta sms"))
    commit(database, customer(consent="unknown", read_at=at(200)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(100))
    found = record(database, 7)
    assert (found["consent_origin"], found["consent_key"]) == ("customer meta sms", "sms")
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == chosen("opted_in", just_after(200), at(300))


def test_an_opt_in_whose_key_is_left_without_a_yes_is_taken_back(database: Database) -> None:
    origin = "customer meta sms"
    commit(database, customer(consent="opted_in", consent_origin=origin))
    commit(database, customer(consent_origin=origin, read_at=at(200)))
    assert choice(database) == chosen("opted_out", just_after(100), at(200))
    assert record(database, 7)["consent_origin"] == origin
    commit(database, customer(consent_origin=origin, first_name="Anna", read_at=at(250)))
    assert choice(database) == chosen("opted_out", just_after(100), at(200))


def test_an_opt_in_at_the_checkout_whose_key_is_left_without_a_yes_is_taken_back(database: Database) -> None:
    origin = "order meta sms"
    commit(database, order(consent="opted_in", consent_origin=origin))
    commit(database, order(consent_origin=origin, read_at=at(200)))
    assert choice(database, 44, "order") == chosen("opted_out", just_after(100), at(200))


def test_who_opted_in_again_after_it_was_taken_back_has_no_date(database: Database) -> None:
    """One night on which a store shows nothing is not told from somebody who changed his mind twice."""
    origin = "order meta sms"
    commit(database, order(consent="opted_in", consent_origin=origin))
    commit(database, order(consent_origin=origin, read_at=at(200)))
    commit(database, order(consent="opted_in", consent_origin=origin, read_at=at(300)))
    assert choice(database, 44, "order") == chosen("opted_in", just_after(200), at(300))


def test_who_never_opted_in_takes_nothing_back(database: Database) -> None:
    origin = "customer meta sms"
    commit(database, customer(consent_origin=origin))
    commit(database, customer(consent_origin=origin, first_name="Anna", read_at=at(200)))
    assert choice(database) == Choice("unknown", None, None, None)


def test_what_disappears_only_because_other_keys_are_read_is_not_taken_back(database: Database) -> None:
    commit(database, customer(consent="opted_in", consent_basis="sms"))
    commit(
        database,
        customer(consent_origin="customer meta mail", consent_basis="mail", read_at=at(200)),
    )
    assert choice(database) == Choice("unknown", "opted_in", LONG_AGO, at(100))


def test_an_opt_in_whose_key_disappears_is_no_choice_any_more(database: Database) -> None:
    commit(database, customer(consent="opted_in"))
    commit(database, customer(consent="unknown", read_at=at(200)))
    assert choice(database) == Choice("unknown", "opted_in", LONG_AGO, at(100))
    assert signal(database) == ("unknown", None)
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == chosen("opted_in", LONG_AGO, at(100))


@pytest.mark.parametrize(("consent", "counts_from"), [("opted_in", at(10)), ("opted_out", dated_until(10))])
def test_a_choice_made_with_an_order_has_the_order_s_time(
    database: Database, consent: str, counts_from: datetime
) -> None:
    """An opt-in counts from its earliest time, an opt-out until its latest."""
    commit(database, order(consent=consent, created_at=at(10)))
    assert choice(database, 44, "order") == chosen(consent, at(10), dated_until(10), is_dated=True)
    assert dated_signal(database) == (consent, counts_from, counts_from if consent == "opted_in" else None)


@pytest.mark.parametrize("consent", ["opted_in", "opted_out"])
def test_an_order_of_the_future_does_not_say_when_it_was_made(database: Database, consent: str) -> None:
    commit(database, order(consent=consent, created_at=at(500)))
    assert choice(database, 44, "order") == chosen(consent, LONG_AGO, at(100))


def test_what_was_read_at_once_was_chosen_before_it_was_read(database: Database) -> None:
    commit(database, order(consent="opted_in", created_at=at(100)))
    assert choice(database, 44, "order") == chosen("opted_in", at(100), at(100), is_dated=True)


def test_an_order_whose_opt_out_turns_into_an_opt_in_has_the_order_s_date_no_more(database: Database) -> None:
    commit(database, order(consent="opted_out"))
    commit(database, order(consent="opted_in", read_at=at(200)))
    assert choice(database, 44, "order") == chosen("opted_in", just_after(100), at(200))


def test_an_edited_order_keeps_the_date_of_its_choice(database: Database) -> None:
    commit(database, order(consent="opted_in"))
    commit(database, order(consent="opted_in", status="refunded", read_at=at(200)))
    assert choice(database, 44, "order") == chosen("opted_in", at(10), dated_until(10), is_dated=True)


@pytest.mark.parametrize(
    ("ahead", "begins", "ends"),
    [
        (ClockOffset(10 * MINUTE, 10 * MINUTE), at(40), dated_until(40)),
        (ClockOffset(-10 * MINUTE, -10 * MINUTE), at(60), dated_until(60)),
        (ClockOffset(-2 * MINUTE, 3 * MINUTE), at(47), dated_until(52)),
        (UNKNOWN_OFFSET, at(45), dated_until(55)),
    ],
)
def test_an_order_is_dated_by_the_clock_of_its_store_with_its_error(
    database: Database, ahead: ClockOffset, begins: datetime, ends: datetime
) -> None:
    rows = [order(consent=consent, created_at=at(50)) for consent in ("opted_in", "opted_out")]
    commit(database, rows[0], source_clock=ahead)
    commit(database, {**rows[1], "record_id": "45"}, source_clock=ahead)
    assert choice(database, 44, "order") == chosen("opted_in", begins, ends, is_dated=True)
    assert choice(database, 45, "order") == chosen("opted_out", begins, ends, is_dated=True)
    assert signal(database) == ("opted_out", ends)


def test_an_order_of_a_clock_that_may_be_ahead_is_not_from_the_future(database: Database) -> None:
    ahead = ClockOffset(timedelta(), 10 * MINUTE)
    commit(database, order(consent="opted_in", created_at=at(105)), source_clock=ahead)
    assert choice(database, 44, "order") == chosen("opted_in", at(95), at(100), is_dated=True)
    late = order(45, BOB, consent="opted_in", created_at=at(111))
    commit(database, late, source_clock=ahead)
    assert choice(database, 45, "order") == chosen("opted_in", LONG_AGO, at(100))


def committed_days_ago(database: Database, run_id: str, days: float) -> None:
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.sync_runs SET committed_at = now() - make_interval(secs => :seconds)"
                " WHERE run_id = :run_id"
            ),
            {"run_id": run_id, "seconds": 86_400 * days},
        )


def test_an_order_was_perhaps_dated_before_the_clock_was_set(database: Database) -> None:
    """What is new bears a time of the clock as it is now, or as it was at the readings of a day and the one before."""
    commit(database, run_id="first", source_clock=ClockOffset(5 * MINUTE, 6 * MINUTE))
    commit(database, run_id="second")
    commit(database, order(44, ANN, consent="opted_in", created_at=at(50)), run_id="third")
    assert choice(database, 44, "order") == chosen("opted_in", at(44), dated_until(50), is_dated=True)
    assert [run["store_ahead_by"] for run in table(database, "sync_runs")] == [[300, 360], [0, 0], [0, 0]]

    committed_days_ago(database, "first", 1.1)
    commit(database, order(45, BOB, consent="opted_in", created_at=at(50)), run_id="fourth")
    assert choice(database, 45, "order") == chosen("opted_in", at(50), dated_until(50), is_dated=True)


def test_after_a_pause_the_clock_of_the_reading_before_it_counts(database: Database) -> None:
    commit(database, run_id="first", source_clock=ClockOffset(-9 * MINUTE, 9 * MINUTE))
    commit(database, run_id="second", source_clock=ClockOffset(-5 * MINUTE, -4 * MINUTE))
    committed_days_ago(database, "first", 8)
    committed_days_ago(database, "second", 7)
    commit(database, order(44, ANN, consent="opted_in", created_at=at(50)), run_id="third")
    assert choice(database, 44, "order") == chosen("opted_in", at(50), dated_until(55), is_dated=True)


def test_the_clock_of_another_store_is_of_no_concern(database: Database) -> None:
    commit(database, source="outlet", source_clock=ClockOffset(5 * MINUTE, 6 * MINUTE))
    commit(database, order(consent="opted_in", created_at=at(50)))
    assert choice(database, 44, "order").begins == at(50)


def test_a_customer_s_choice_is_as_old_as_the_store_says(database: Database) -> None:
    commit(database, customer(consent="opted_in", said_at=at(20)))
    assert choice(database) == chosen("opted_in", at(20), dated_until(20), is_dated=True)
    assert dated_signal(database) == ("opted_in", at(20), at(20))


def test_the_date_of_a_choice_is_of_the_store_s_clock(database: Database) -> None:
    commit(
        database,
        customer(consent="opted_in", said_at=at(20)),
        source_clock=ClockOffset(-MINUTE, 2 * MINUTE),
    )
    assert choice(database) == chosen("opted_in", at(18), at(21) + SECOND, is_dated=True)


def test_a_choice_that_the_store_dates_into_the_future_has_no_date(database: Database) -> None:
    commit(database, customer(consent="unknown"))
    commit(database, customer(consent="opted_in", said_at=at(500), read_at=at(200)))
    assert choice(database) == chosen("opted_in", just_after(100), at(200))


@pytest.mark.parametrize("before", ["opted_in", "unknown"])
@pytest.mark.parametrize("stated", [at(20), at(99), at(500)])
def test_an_opt_out_is_as_new_as_it_can_be_where_the_date_beside_it_may_be_that_of_the_opt_in(
    database: Database, before: str, stated: datetime
) -> None:
    """Plugins write that date with the yes, and leave it there with the no."""
    commit(database, customer(consent=before, said_at=at(20)))
    commit(database, customer(consent="opted_out", said_at=stated, read_at=at(200)))
    assert choice(database) == chosen("opted_out", just_after(100), at(200))


def test_an_opt_out_met_for_the_first_time_is_as_new_as_it_can_be_whatever_date_stands_beside_it(
    database: Database,
) -> None:
    commit(database, customer(consent="opted_out", said_at=at(20)))
    assert choice(database) == chosen("opted_out", LONG_AGO, at(100))


def test_an_opt_out_has_the_date_beside_it_that_is_from_after_the_last_reading(database: Database) -> None:
    commit(database, customer(consent="opted_in", said_at=at(20)))
    commit(database, customer(consent="opted_out", said_at=at(150), read_at=at(200)))
    assert choice(database) == chosen("opted_out", at(150), dated_until(150), is_dated=True)
    assert signal(database) == ("opted_out", dated_until(150))


def test_an_order_has_its_own_date_whatever_stands_in_it(database: Database) -> None:
    commit(database, order(consent="opted_in", created_at=at(10), said_at=at(20)))
    assert choice(database, 44, "order") == chosen("opted_in", at(10), dated_until(10), is_dated=True)


def test_who_says_yes_again_at_a_later_date_has_chosen_anew(database: Database) -> None:
    commit(database, customer(consent="opted_in", said_at=at(20)))
    commit(database, customer(consent="opted_in", said_at=at(150), read_at=at(200)))
    assert choice(database) == chosen("opted_in", at(150), dated_until(150), is_dated=True)


@pytest.mark.parametrize("said_again", [at(20), at(15), None, at(500)])
def test_a_yes_with_the_same_an_earlier_an_impossible_or_no_date_is_the_old_choice(
    database: Database, said_again: datetime | None
) -> None:
    commit(database, customer(consent="opted_in", said_at=at(20)))
    commit(database, customer(consent="opted_in", first_name="Anna", said_at=said_again, read_at=at(200)))
    assert choice(database) == chosen("opted_in", at(20), dated_until(20), is_dated=True)


def test_a_choice_without_a_date_gets_the_one_that_the_store_shows_later(database: Database) -> None:
    commit(database, customer(consent="opted_in"))
    commit(database, customer(consent="opted_in", said_at=at(20), read_at=at(200)))
    assert choice(database) == chosen("opted_in", at(20), dated_until(20), is_dated=True)


def test_a_dated_choice_shows_behind_a_newer_one_without_a_date(database: Database) -> None:
    commit(
        database,
        customer(7),
        customer(8, consent="opted_in", consent_origin="customer meta dated", said_at=at(20)),
    )
    commit(database, customer(7, consent="opted_in", read_at=at(200)))
    assert dated_signal(database) == ("opted_in", just_after(100), at(20))


def test_a_dated_choice_older_than_an_opt_out_does_not_show(database: Database) -> None:
    commit(
        database,
        customer(7),
        order(44, consent="opted_in", consent_origin="order meta dated", created_at=at(10)),
        order(45, consent="opted_out", created_at=at(20)),
    )
    commit(database, customer(7, consent="opted_in", read_at=at(200)))
    assert dated_signal(database) == ("opted_in", just_after(100), None)
