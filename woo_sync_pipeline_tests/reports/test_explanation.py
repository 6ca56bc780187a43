"""Why a contact is as it is, told from records that were committed to the state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

import click
import pandas as pd
import pytest

from woo_sync_pipeline.cli.common import check_phone
from woo_sync_pipeline.reports.explanation import explain
from woo_sync_pipeline.reports.explanation_tables import explanation_json
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.people import Naming, read_naming
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts
from woo_sync_pipeline.steps.findings import every_phone_is_e164
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.reports.explained import (
    Explain,
    configured,
    confirm,
    explaining,
    record,
    set_contact,
    weights,
)
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, commit, customer, order

SECOND = timedelta(seconds=1)


@pytest.fixture
def explained(database_url: str) -> Iterator[Explain]:
    """Explains a phone of which something is known."""
    with explaining(database_url) as explain_phone:
        yield explain_phone


def test_each_field_names_the_record_that_gave_it(database: Database, explained: Explain) -> None:
    commit(database, customer(7, first_name="Ann", last_name=""), order(44, last_name="Guest"))
    commit(database, customer(8, first_name="", last_name="Lee", email="a@b.cc"), source="outlet")
    found = explained()
    assert found.contact is not None
    assert (found.contact["first_name"], found.contact["last_name"]) == ("Ann", "Lee")
    assert found.contact["sources"] == ["Outlet", "WooCommerce"]
    assert {str(record): record.gives for record in found.records} == {
        "outlet: customer 8": ("last_name", "email"),
        "shop: customer 7": ("first_name",),
        "shop: guest order 44": (),
    }


def test_the_choice_that_decides_is_told_from_those_that_are_older(
    database: Database, explained: Explain
) -> None:
    commit(
        database,
        customer(7),
        order(44, consent="opted_in", consent_origin="sms", created_at=at(10)),
        order(45, consent="opted_out", consent_origin="stop", created_at=at(20)),
    )
    newest, older, without = (record(explained(), number) for number in (45, 44, 7))
    assert weights(newest) == [("opted_out", "decides")]
    (choice,) = newest.choices
    assert (choice.earliest, choice.origin) == (at(20), "stop")
    assert choice.latest == at(20) + SECOND
    assert weights(older) == [("opted_in", "outweighed")]
    assert without.choices == ()


def test_of_a_customer_s_orders_with_another_phone_only_the_choices_are_shown(
    database: Database, explained: Explain
) -> None:
    commit(
        database,
        customer(7),
        order(44, BOB, of=7, consent="opted_out", first_name="Bob"),
        order(45, BOB, of=7, consent="opted_in", first_name="Bob"),
    )
    found = explained()
    out, of_another_phone = record(found, 44), record(found, 45)
    assert weights(out) == [("opted_out", "decides")]
    assert weights(of_another_phone) == [("opted_in", "does not count")]
    assert str(out) == "shop: order 44 of customer 7"
    assert not out.has_phone
    assert "Bob" not in explanation_json(found)
    assert BOB not in explanation_json(found)


def test_a_customer_who_is_gone_is_shown_with_the_opt_in_that_counts_no_longer(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, consent="opted_in"), order(44))
    commit(database, gone=[7], started=200, run_id="later")
    found = explained()
    gone = record(found, 7)
    assert gone.gone_at is not None
    assert gone.gives == ()
    assert weights(gone) == [("opted_in", "does not count")]
    assert record(found, 44).gives == ("first_name", "last_name")


def test_an_opt_out_under_an_earlier_phone_is_a_choice_of_the_same_record(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, BOB, consent="opted_out", consent_origin="sms"))
    moved = customer(7, ANN, consent="opted_out", consent_origin="sms", read_at=at(300))
    commit(database, moved, run_id="later")
    (only,) = explained().records
    times = {choice.origin: (choice.earliest, choice.latest) for choice in only.choices}
    # Since when somebody had opted out under the earlier phone is not kept.
    assert times == {"sms": (None, at(100)), "opt-out under an earlier phone": (None, at(100))}
    assert sorted(choice.weight for choice in only.choices) == ["decides", "outweighed"]


def test_a_record_of_a_source_that_is_configured_no_more_does_not_count(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, consent="opted_in"))
    commit(database, customer(8, consent="opted_out"), source="outlet")
    without = record(explained(keys=("shop",)), 8)
    assert without.gives == ()
    assert weights(without) == [("opted_out", "does not count")]


def test_a_phone_that_only_orders_of_somebody_else_name_has_no_contact(
    database: Database, explained: Explain
) -> None:
    commit(database, customer(7, BOB), order(44, CAM, of=7))
    found = explained(CAM)
    assert found.contact is found.platform is None
    assert [str(each) for each in found.records] == ["shop: order 44 of customer 7"]


def test_of_a_phone_that_nobody_has_nothing_is_known(database_url: str) -> None:
    settings = configured(database_url, ("shop",))
    state = StateResource(settings)
    assert explain(settings, state.database(), ANN) is None
    state.close()


@pytest.mark.parametrize(
    ("consent", "state", "by", "told"),
    [
        ("opted_in", "SUBSCRIBED", "sync", "The stores make it subscribed too."),
        (
            "opted_in",
            "UNSUBSCRIBED",
            "platform",
            "only an opt-in dated after that was seen subscribes it again",
        ),
        ("opted_in", "UNSUBSCRIBED", "sync", "only a newer choice changes it again"),
        ("opted_out", "SUBSCRIBED", "platform", "only a newer choice changes it again"),
        ("unknown", "SUBSCRIBED", "platform", "only a choice changes a state that is there"),
    ],
)
def test_a_sentence_tells_why_the_state_is_what_it_is(
    database: Database, explained: Explain, consent: str, state: str, by: str, told: str
) -> None:
    commit(database, customer(7, consent=consent))
    confirm(database, state, by)
    found = explained()
    assert told in found.state_told
    assert found.not_sent == ()


def test_what_was_not_sent_yet_is_told_field_by_field(database: Database, explained: Explain) -> None:
    commit(database, customer(7, consent="opted_in"))
    assert "MessageMedia has not confirmed it yet" in explained().state_told
    confirm(database, "SUBSCRIBED", "sync")
    set_contact(database, first_name="Anne", rejected_reason="firstName: too [long]")
    found = explained()
    assert found.not_sent == ("first_name",)
    assert found.platform is not None
    assert found.platform["is_pending"]
    assert found.platform["rejected_reason"] == "firstName: too [long]"
    # What differs from the record was not given by it.
    assert found.records[0].gives == ("last_name",)
    commit(database, customer(7, consent="opted_out", read_at=at(300)), run_id="later")
    assert "was not sent yet" in explained().state_told


def test_the_outcomes_are_those_of_this_phone_newest_first(database: Database, explained: Explain) -> None:
    commit(database, customer(7))
    commit(database, customer(7, last_name="Low", read_at=at(300)), run_id="later")
    with database.transaction() as connection:
        note_contacts(connection, "run of shop", [SyncContact("new", ANN), SyncContact("new", BOB)])
        note_contacts(connection, "later", [SyncContact("updated", ANN, changes=["last_name"])])
    lines = [(each["outcome"], each["changes"]) for each in explained().outcomes]
    assert lines == [("updated", ["last_name"]), ("new", [])]


@pytest.mark.parametrize(
    ("text", "is_phone"),
    [("+61491570006", True), ("0491570006", False), ("+0491570006", False), ("+61 491 570 006", False)],
)
def test_a_phone_is_written_alike_for_every_command(text: str, is_phone: bool) -> None:
    records = pd.DataFrame([{"record_type": "customer", "record_id": 7, "phone": text}])
    assert every_phone_is_e164(records).passed is is_phone
    assert (read_naming(text) == Naming(phone=text)) is is_phone
    with nullcontext() if is_phone else pytest.raises(click.BadParameter):
        check_phone(text)
