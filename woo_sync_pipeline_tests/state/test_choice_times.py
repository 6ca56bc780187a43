"""When was a choice made? The rules by which a record's choice gets its time when it is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import ANN, at, commit, contacts, customer, order, record


def choice(
    database: Database, record_id: int = 7, kind: str = "customer"
) -> tuple[str, str | None, datetime | None]:
    """The signal in force, the last choice, and the time of it."""
    found = record(database, record_id, kind)
    return found["consent"], found["choice"], found["choice_at"]


def signal(database: Database, phone: str = ANN) -> tuple[str, datetime | None]:
    found = contacts(database)[phone]
    return found["consent"], found["consent_at"]


def just_after(minutes: int) -> datetime:
    """When somebody who was seen at this minute can have chosen at the earliest."""
    return at(minutes) + timedelta(microseconds=1)


def test_an_opt_in_met_for_the_first_time_counts_from_the_registration(database: Database) -> None:
    commit(database, customer(consent="opted_in", created_at=at(3)))
    assert choice(database) == ("opted_in", "opted_in", at(3))
    assert signal(database) == ("opted_in", at(3))


def test_an_opt_in_of_a_customer_registered_in_the_future_counts_from_the_reading(database: Database) -> None:
    commit(database, customer(consent="opted_in", created_at=at(500)))
    assert choice(database)[2] == at(100)


def test_an_opt_in_of_a_record_without_a_date_is_older_than_every_opt_out(database: Database) -> None:
    commit(
        database,
        customer(consent="opted_in", created_at=None),
        order(consent="opted_in", created_at=None),
        order(45, consent="opted_out", created_at=at(1)),
    )
    assert choice(database)[2] == choice(database, 44, "order")[2] == datetime(1970, 1, 1, tzinfo=UTC)
    assert signal(database) == ("opted_out", at(1))


def test_an_opt_out_of_an_order_without_a_date_counts_from_the_reading(database: Database) -> None:
    commit(database, order(consent="opted_out", created_at=None))
    assert choice(database, 44, "order")[2] == at(100)


def test_an_opt_out_entered_into_a_known_order_counts_from_when_it_was_seen(database: Database) -> None:
    commit(database, order(consent="unknown", created_at=at(1)), customer(consent="unknown"))
    commit(database, customer(consent="opted_in", read_at=at(150)))
    commit(database, order(consent="opted_out", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order") == ("opted_out", "opted_out", at(200))
    assert signal(database) == ("opted_out", at(200))


def test_an_opt_in_entered_into_a_known_order_has_the_orders_date(database: Database) -> None:
    commit(database, order(consent="unknown", created_at=at(1)))
    commit(database, order(consent="opted_in", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order") == ("opted_in", "opted_in", at(1))


def test_an_opt_out_of_an_order_that_other_keys_show_has_the_orders_date(database: Database) -> None:
    commit(database, order(consent="unknown", consent_basis="a", created_at=at(1)))
    commit(database, order(consent="opted_out", consent_basis="b", created_at=at(1), read_at=at(200)))
    assert choice(database, 44, "order")[2] == at(1)


def test_an_opt_out_met_for_the_first_time_counts_from_now(database: Database) -> None:
    commit(database, customer(consent="opted_out", created_at=at(3)))
    assert choice(database) == ("opted_out", "opted_out", at(100))


@pytest.mark.parametrize("before", ["opted_in", "unknown"])
def test_an_opt_out_counts_from_when_it_was_seen(database: Database, before: str) -> None:
    commit(database, customer(consent=before))
    commit(database, customer(consent="opted_out", read_at=at(200)))
    assert choice(database) == ("opted_out", "opted_out", at(200))
    assert signal(database) == ("opted_out", at(200))


@pytest.mark.parametrize("before", ["opted_out", "unknown"])
def test_an_opt_in_counts_from_when_the_customer_was_last_seen_without_it(
    database: Database, before: str
) -> None:
    commit(database, customer(consent=before))
    commit(database, customer(consent="opted_in", read_at=at(200)), read_until=200, started=199)
    assert choice(database) == ("opted_in", "opted_in", just_after(100))
    assert signal(database) == ("opted_in", just_after(100))


def test_every_sweep_sees_who_has_not_opted_in(database: Database) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(database, run_id="second", started=150)
    commit(database, customer(consent="opted_in", read_at=at(200)), run_id="third", started=199)
    assert choice(database) == ("opted_in", "opted_in", at(150))


def test_a_sweep_that_missed_somebody_has_not_seen_who_had_not_opted_in(database: Database) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(database, run_id="second", gone=[7], started=150)
    commit(database, customer(consent="opted_in", read_at=at(200)), run_id="third", started=199)
    assert choice(database) == ("opted_in", "opted_in", just_after(100))


def test_an_opt_out_at_the_checkout_is_newer_than_an_opt_in_that_was_perhaps_earlier(
    database: Database,
) -> None:
    commit(database, customer(consent="unknown"), run_id="first")
    commit(
        database,
        customer(consent="opted_in", read_at=at(201)),
        order(consent="opted_out", customer_id=7, created_at=at(180), read_at=at(200)),
        run_id="second",
        started=199,
    )
    assert signal(database) == ("opted_out", at(180))


def test_an_edited_name_moves_no_choice(database: Database) -> None:
    commit(database, customer(consent="opted_out"))
    commit(database, customer(consent="opted_out", first_name="Anna", read_at=at(200)))
    assert choice(database) == ("opted_out", "opted_out", at(100))


def test_meta_that_was_withheld_and_is_visible_again_is_no_new_choice(database: Database) -> None:
    commit(database, customer(consent="opted_in", created_at=at(3)))
    commit(database, customer(consent="unknown", consent_basis="", read_at=at(200)))
    assert choice(database) == ("unknown", "opted_in", at(3))
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == ("opted_in", "opted_in", at(3))


def test_an_opt_in_that_was_withheld_when_first_met_counts_from_the_registration(database: Database) -> None:
    commit(database, customer(consent="unknown", consent_basis="", created_at=at(3)))
    commit(database, customer(consent="opted_in", created_at=at(3), read_at=at(300)))
    assert choice(database) == ("opted_in", "opted_in", at(3))


def test_an_opt_in_seen_after_an_opt_out_and_a_gap_is_no_newer_choice(database: Database) -> None:
    commit(database, customer(consent="opted_out", created_at=at(3)))
    commit(database, customer(consent="unknown", consent_basis="", created_at=at(3), read_at=at(200)))
    assert choice(database) == ("opted_out", "opted_out", at(100))
    commit(database, customer(consent="opted_in", created_at=at(3), read_at=at(300)))
    assert choice(database) == ("opted_in", "opted_in", at(3))


def test_an_opt_in_under_other_meta_keys_counts_from_the_registration(database: Database) -> None:
    commit(database, customer(consent="unknown", consent_basis="sms", created_at=at(3)))
    commit(
        database, customer(consent="opted_in", consent_basis="sms,mail", created_at=at(3), read_at=at(200))
    )
    assert choice(database) == ("opted_in", "opted_in", at(3))


def test_an_opt_out_under_other_meta_keys_counts_from_now(database: Database) -> None:
    commit(database, customer(consent="opted_in", consent_basis="sms", created_at=at(3)))
    commit(database, customer(consent="opted_out", consent_basis="sms,mail", read_at=at(200)))
    assert choice(database) == ("opted_out", "opted_out", at(200))


def test_an_opt_out_whose_value_disappears_stays_in_force(database: Database) -> None:
    commit(database, customer(consent="opted_out", consent_origin="sms"))
    commit(database, customer(consent="unknown", read_at=at(200)))
    assert choice(database) == ("opted_out", "opted_out", at(100))
    assert record(database, 7)["consent_origin"] == "sms"
    commit(database, customer(consent="opted_in", read_at=at(300)))
    assert choice(database) == ("opted_in", "opted_in", just_after(200))


@pytest.mark.parametrize("origin", ["sms", ""])
def test_an_opt_in_whose_key_is_left_without_a_yes_is_taken_back(database: Database, origin: str) -> None:
    commit(database, customer(consent="opted_in", consent_origin="sms", created_at=at(3)))
    commit(database, customer(consent_origin=origin, created_at=at(3), read_at=at(200)))
    if origin:
        assert choice(database) == ("opted_out", "opted_out", at(200))
        assert record(database, 7)["consent_origin"] == "sms"
        commit(database, customer(consent_origin=origin, first_name="Anna", read_at=at(250)))
        assert choice(database) == ("opted_out", "opted_out", at(200))
    else:
        assert choice(database) == ("unknown", "opted_in", at(3))


def test_who_never_opted_in_takes_nothing_back(database: Database) -> None:
    commit(database, customer(consent_origin="sms"))
    commit(database, customer(consent_origin="sms", first_name="Anna", read_at=at(200)))
    assert choice(database) == ("unknown", None, None)


def test_an_opt_in_whose_value_disappears_is_no_choice_any_more(database: Database) -> None:
    commit(database, customer(consent="opted_in", created_at=at(3)))
    commit(database, customer(consent="unknown", created_at=at(3), read_at=at(200)))
    assert choice(database) == ("unknown", "opted_in", at(3))
    assert signal(database) == ("unknown", None)
    commit(database, customer(consent="opted_in", created_at=at(3), read_at=at(300)))
    assert choice(database) == ("opted_in", "opted_in", at(3))


@pytest.mark.parametrize("consent", ["opted_in", "opted_out"])
def test_a_choice_made_with_an_order_has_the_order_s_time(database: Database, consent: str) -> None:
    commit(database, order(consent=consent, created_at=at(10)))
    assert choice(database, 44, "order") == (consent, consent, at(10))
    assert signal(database) == (consent, at(10))


def test_an_order_of_the_future_counts_from_the_reading(database: Database) -> None:
    commit(database, order(consent="opted_in", created_at=at(500)))
    assert choice(database, 44, "order")[2] == at(100)


def test_an_order_whose_opt_out_turns_into_an_opt_in_keeps_its_date(database: Database) -> None:
    commit(database, order(consent="opted_out"))
    commit(database, order(consent="opted_in", read_at=at(200)))
    assert choice(database, 44, "order") == ("opted_in", "opted_in", at(10))
