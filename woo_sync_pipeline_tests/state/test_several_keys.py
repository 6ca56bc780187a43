"""Records that answer under several meta keys: only what changed under one of them is new."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from woo_sync_pipeline.contacts.consent import Answer, Consent, answers_text
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
    table,
)

MEANINGS = {"yes": Consent.opted_in, "no": Consent.opted_out, "": Consent.unknown}


def answering(kind: str = "customer", said_at: datetime | None = None, **answers: str) -> dict[str, Any]:
    """What stands under the keys of a record: an opt-out under any of them decides, else the first opt-in."""
    read = {key: Answer(MEANINGS[answer], key, said_at) for key, answer in answers.items()}
    for wanted in (Consent.opted_out, Consent.opted_in, Consent.unknown):
        deciding = [key for key, answer in read.items() if answer.consent is wanted]
        if deciding:
            break
    return {
        "consent": read[deciding[0]].consent.value,
        "consent_origin": f"{kind} meta {deciding[0]}",
        "consent_answers": answers_text(read),
        "said_at": said_at,
    }


def account(minutes: int, **answers: Any) -> Row:
    return customer(7, ANN, read_at=at(minutes), **answering(**answers))


def in_force(database: Database) -> tuple[str, str, datetime, datetime]:
    """The consent, the key that it stands under, and when it was said."""
    found = record(database, 7)
    return found["consent"], found["consent_key"], found["choice_from"], found["choice_until"]


def told(database: Database) -> list[tuple[str, str, str]]:
    return [(entry.what, entry.key, entry.became) for entry in ledger_of(database, ANN)]


BESIDE = "beside another choice of the same record"


def test_a_no_decides_and_what_stands_beside_it_is_told_too(database: Database) -> None:
    commit(database, account(100, account="yes", popup="no"))
    assert in_force(database) == ("opted_out", "popup", LONG_AGO, at(100))
    assert sorted(told(database)) == [("no", "popup", ""), ("yes", "account", BESIDE)]


def test_a_yes_under_another_key_does_not_make_the_old_one_new(database: Database) -> None:
    commit(database, account(100, account="yes"))
    commit(database, account(200, account="yes", popup="yes"))
    assert in_force(database) == ("opted_in", "popup", just_after(100), at(200))
    commit(database, account(300, account="yes"))
    assert contacts(database)[ANN]["consent"] == "opted_in"
    assert [event["key"] for event in table(database, "consent_events", order_by="event_id")] == [
        "account",
        "popup",
    ]


def test_a_no_that_goes_away_beside_an_old_yes_stays_in_force(database: Database) -> None:
    commit(database, account(100, account="yes"))
    commit(database, account(200, account="yes", popup="no"))
    assert in_force(database) == ("opted_out", "popup", just_after(100), at(200))
    for minutes, answers in ((300, {"popup": ""}), (400, {})):
        commit(database, account(minutes, account="yes", **answers))
        assert in_force(database) == ("opted_out", "popup", just_after(100), at(200))
    assert told(database) == [("yes", "account", ""), ("no", "popup", "")]


def test_a_yes_beside_a_no_changes_nothing_and_is_told(database: Database) -> None:
    commit(database, account(100, account="", popup="no"))
    commit(database, account(200, account="yes", popup="no"))
    assert in_force(database) == ("opted_out", "popup", LONG_AGO, at(100))
    assert told(database)[-1] == ("yes", "account", BESIDE)
    # Nor does it when the no goes away: it was said before that.
    commit(database, account(300, account="yes", popup=""))
    assert in_force(database) == ("opted_out", "popup", LONG_AGO, at(100))


def test_a_no_that_turns_into_a_yes_under_its_key_is_a_yes(database: Database) -> None:
    commit(database, account(100, account="yes", popup="no"))
    commit(database, account(200, account="yes", popup="yes"))
    assert in_force(database) == ("opted_in", "popup", just_after(100), at(200))


def test_a_yes_taken_back_under_one_key_is_a_no_although_another_says_yes(database: Database) -> None:
    commit(database, account(100, account="yes", popup="yes"))
    commit(database, account(200, account="", popup="yes"))
    assert in_force(database) == ("opted_out", "account", just_after(100), at(200))


def test_what_a_record_said_beside_its_choice_is_repeated_by_the_next_order(database: Database) -> None:
    """The box of the checkout was ticked already when the account said no."""
    commit(database, account(100, checkout="yes", account="no"))
    later = order(44, ANN, of=7, created_at=at(150), read_at=at(200), **answering("order", checkout="yes"))
    commit(database, later)
    assert record(database, 44, "order")["choice_from"] == LONG_AGO
    assert contacts(database)[ANN]["consent"] == "opted_out"


def test_an_order_without_that_yes_before_it_is_a_new_one(database: Database) -> None:
    commit(database, account(100, account="no"))
    later = order(44, ANN, of=7, created_at=at(150), read_at=at(200), **answering("order", checkout="yes"))
    commit(database, later)
    assert contacts(database)[ANN]["consent"] == "opted_in"


def test_each_answer_of_an_order_bears_the_order_s_date(database: Database) -> None:
    commit(database, order(44, ANN, created_at=at(10), **answering("order", checkout="yes", popup="no")))
    found = {
        entry.key: (entry.what, entry.earliest, entry.latest, entry.is_dated)
        for entry in ledger_of(database, ANN)
    }
    assert found == {
        "checkout": ("yes", at(10), dated_until(10), True),
        "popup": ("no", at(10), dated_until(10), True),
    }


def test_the_same_answers_again_say_nothing(database: Database) -> None:
    commit(database, account(100, account="yes", popup="no"))
    before = told(database), in_force(database)
    commit(database, {**account(200, account="yes", popup="no"), "first_name": "Anna", "hash": "another"})
    commit(database, account(100, account="yes", popup="no"))
    assert (told(database), in_force(database)) == before
