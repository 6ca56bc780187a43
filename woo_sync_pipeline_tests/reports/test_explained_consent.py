"""What `explain` tells of choices: when they were made, why one is not applied, and the ledger of consent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.reports.explanation_tables import explanation_json, explanation_tables
from woo_sync_pipeline.state.consent_ledger import note_platform_events
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.reports.explained import (
    Explain,
    confirm,
    explaining,
    record,
    set_contact,
    weights,
)
from woo_sync_pipeline_tests.reports.samples import shown
from woo_sync_pipeline_tests.state.stored import ANN, BOB, TRASHED, at, commit, customer, order

SECOND = timedelta(seconds=1)


@pytest.fixture
def explained(database_url: str) -> Iterator[Explain]:
    """Explains a phone of which something is known."""
    with explaining(database_url) as explain_phone:
        yield explain_phone


def test_between_which_times_a_choice_was_made_is_told_and_whether_it_has_a_date(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7), order(44, consent="opted_in", consent_origin="order meta box"))
    # The opt-in appeared between the two readings, of which the first began at minute 99.
    commit(database, customer(7, consent="opted_in", read_at=at(300)), started=299, run_id="later")
    commit(database, customer(8, consent="opted_in", consent_origin="old"), source="outlet")
    found = explained()
    choices = {str(each): each.choices[0] for each in found.records}
    assert {name: (each.earliest, each.latest, each.is_dated) for name, each in choices.items()} == {
        "shop: guest order 44": (at(10), at(10) + SECOND, True),
        "shop: customer 7": (at(100) + timedelta(microseconds=1), at(300), False),
        "outlet: customer 8": (None, at(100), False),
    }
    lines = [" ".join(line) for line in shown(*explanation_tables(found), width=250)]
    for told in (
        "opted in between 2026-11-01 00:10:00 and 00:10:01 yes",
        "opted in between 2026-11-01 01:40:00 and 05:00:00 no",
        "opted in before 2026-11-01 01:40:00 no",
        "choice opted in, counts from 2026-11-01 01:40:00 UTC shop: customer 7",
        "dated opt-in counts from 2026-11-01 00:10:00 UTC",
    ):
        assert [line for line in lines if told in line], told


def test_a_choice_as_old_as_anything_is_no_time(database: Database, explained: Explain) -> None:
    commit(database, customer(7, consent="opted_in"))
    lines = [" ".join(line) for line in shown(*explanation_tables(explained()))]
    assert "choice opted in, nobody knows when shop: customer 7" in lines
    commit(database, customer(7, consent="opted_out", read_at=at(300)), started=299, run_id="later")
    lines = [" ".join(line) for line in shown(*explanation_tables(explained()))]
    assert "choice opted out, counts until 2026-11-01 05:00:00 UTC shop: customer 7" in lines


def test_an_opt_in_in_the_trash_does_not_count(database: Database, explained: Explain) -> None:
    commit(database, customer(7), order(44, consent="opted_in", **TRASHED))
    assert weights(record(explained(), 44)) == [("opted_in", "does not count")]


@pytest.mark.parametrize("reason", NotApplied)
def test_why_an_opt_in_is_not_applied_is_told_with_what_to_do(
    database: Database, explained: Explain, reason: NotApplied
) -> None:
    commit(database, customer(7, consent="opted_in"))
    confirm(database, "UNSUBSCRIBED", "platform", not_applied=reason.value, base_modified_at=at(90))
    found = explained()
    assert found.platform is not None
    assert (found.platform["not_applied"], found.platform["base_modified_at"]) == (reason, at(90))
    assert found.state_told == reason.sentence
    assert "set the contact to subscribed in MessageMedia" in found.state_told
    assert " ".join(reason.sentence.split()[:4]) in " ".join(
        word for line in shown(*explanation_tables(found)) for word in line
    )


def test_what_was_not_applied_is_told_as_the_past_when_the_person_chose_again(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, consent="opted_in"))
    confirm(database, "UNSUBSCRIBED", "platform", not_applied="undated")
    commit(database, customer(7, consent="opted_out", read_at=at(300)), started=299, run_id="later")
    told = explained().state_told
    assert told.startswith(
        "The choice that decides has changed since, and was not sent yet. Before that: opted"
    )


def test_that_a_dated_opt_in_has_come_to_light_is_not_sent_yet(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, consent="opted_in"))
    confirm(database, "UNSUBSCRIBED", "sync")
    set_contact(database, consent_dated_at=at(10))
    found = explained()
    assert found.not_sent == ("consent_dated_at",)
    assert found.platform is not None
    assert found.platform["is_pending"]
    assert "was not sent yet" in found.state_told


def test_the_last_entries_of_the_ledger_are_told_the_newest_first(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, consent="opted_in"), order(44, BOB, consent="opted_in"))
    stop = ConsentEvent(ConsentEventKind.stop, at(200), at(300))
    with database.transaction() as connection:
        note_platform_events(connection, "run of shop", [(ANN, stop), (BOB, stop)])
    found = explained()
    assert [(each.what, each.sync_id) for each in found.ledger] == [("stop", 1), ("yes", 1)]
    told = json.loads(explanation_json(found))["ledger"]
    assert [(each["what"], each["latest"], each["value"]) for each in told] == [
        ("stop", at(300).isoformat(), ""),
        ("yes", at(100).isoformat(), "yes"),
    ]
    assert [line for line in shown(*explanation_tables(found)) if line[:2] == ["ledger", "of"]]

    with database.transaction() as connection:
        note_platform_events(connection, None, [(ANN, stop)] * 30)
    found = explained()
    assert len(found.ledger) == 20
    assert {each.what for each in found.ledger} == {"stop"}
    assert "the last 20; `woo-sync consent` has all" in " ".join(
        word for line in shown(*explanation_tables(found)) for word in line
    )


def test_a_phone_of_which_only_the_ledger_knows_is_explained_by_it(
    database: Database, explained: Explain
) -> None:
    with database.transaction() as connection:
        note_platform_events(connection, None, [(ANN, ConsentEvent(ConsentEventKind.gone, None, at(1)))])
    found = explained()
    assert found.contact is None
    assert (found.records, found.outcomes) == ((), ())
    assert [each.words for each in found.ledger] == ["deleted on MessageMedia"]
