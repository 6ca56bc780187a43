"""What a push sends, and what it writes down of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, Readings
from woo_sync_pipeline.errors import PlanError
from woo_sync_pipeline.messagemedia import contact_sending
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import ContactPlan, plan_contact
from woo_sync_pipeline.state.contacts import note_in_flight
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import sync_contacts
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps import push as pushing
from woo_sync_pipeline.steps.dry_run import plan_pending
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, BOB, at, commit, contacts, customer
from woo_sync_pipeline_tests.steps.pushed import pushed
from woo_sync_pipeline_tests.steps.pushes import (
    CONTACTS,
    EVERYBODY,
    creations,
    everybody,
    opted_in,
    pending,
    push,
    states,
)


def test_new_contacts_arrive_whole_and_are_confirmed(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(email="ann@example.com", tags=["VIP"]), customer(8, BOB))
    told: list[int] = []
    summary = push(database, client, progress=told.append)

    assert summary.counts["new"] == sum(told) == 2
    assert platform.directory.snapshot()[ANN] == {
        "first_name": "Ann",
        "last_name": "Lee",
        "states": {"SMS": "SUBSCRIBED"},
        "custom_fields": {"source": "WooCommerce", "email": "ann@example.com"},
        "lists": ["WooCommerce", "WooCommerce - VIP"],
    }
    assert states(platform)[BOB] == "UNSUBSCRIBED"
    assert pending(database) == []
    assert contacts(database)[ANN]["contact_id"] is not None
    history = {each.phone: each for each in sync_contacts(database, 1)}
    assert (history[ANN].outcome, history[ANN].state, history[ANN].changes) == (
        "new",
        "SUBSCRIBED",
        ["created"],
    )


def test_pushing_again_sends_nothing(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    before = platform.directory.snapshot()
    platform.requests.reset()

    commit(database, *everybody())
    assert pending(database) == []
    summary = push(database, client)

    assert summary.counts == {}
    assert platform.requests.entries == []
    assert platform.directory.snapshot() == before


def test_contacts_that_need_nothing_are_read_and_confirmed_without_a_write(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    for phone in EVERYBODY:
        platform.directory.edit(phone, first_name="Anna")
    commit(database, *everybody(first_name="Anna", read_at=at(200)))
    platform.requests.reset()

    summary = push(database, client)

    assert summary.counts["unchanged"] == 5
    assert platform.requests.writes == 0
    assert pending(database) == []


def test_a_contact_that_another_store_has_pushed_meanwhile_is_not_sent_again(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    phones = pending(database)
    push(database, client)
    platform.requests.reset()
    summary = pushed(
        push_pending,
        database,
        client,
        phones,
        run_id="run of shop",
        progress=lambda _: None,
    )
    assert summary.counts == {"unchanged": 0}
    assert platform.requests.writes == 0


def test_without_pending_phones_the_platform_is_not_asked(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    assert push(database, client).counts == {}
    assert platform.requests.entries == []


def test_a_newer_opt_out_of_a_store_unsubscribes_and_an_opt_out_on_the_platform_is_counted(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(), opted_in(BOB, 8))
    push(database, client)
    platform.directory.unsubscribe(BOB)
    commit(
        database,
        customer(7, ANN, consent="opted_out", read_at=at(200)),
        opted_in(BOB, 8, first_name="Bobby", read_at=at(200)),
    )
    summary = push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED", BOB: "UNSUBSCRIBED"}
    assert summary.unsubscribed_on_platform == 1
    by_phone = {each.phone: each for each in summary.contacts}
    assert (by_phone[ANN].state, by_phone[ANN].changes) == ("UNSUBSCRIBED", ("unsubscribed",))
    assert by_phone[BOB].changes == ("first_name",)


def test_a_customer_gone_from_the_store_leaves_our_lists_and_label_on_the_platform(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(
        ANN, first_name="Annie", custom_fields={"source": "Klaviyo", "shoe": "42"}, lists=["K"]
    )
    commit(database, opted_in(email="ann@example.com"))
    push(database, client)
    commit(database, gone=[7], started=150)
    push(database, client)
    assert platform.directory.snapshot()[ANN] == {
        "first_name": "Annie",
        "last_name": "Lee",
        "states": {"SMS": "SUBSCRIBED"},
        "custom_fields": {"source": "Klaviyo", "email": "ann@example.com", "shoe": "42"},
        "lists": ["K"],
    }
    assert pending(database) == []


def test_what_is_too_long_for_a_field_of_the_account_is_not_sent_and_stops_nobody(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_custom_field("source", label="Source", max_length=14)
    platform.directory.add_custom_field("email", label="Email", type="EMAIL", max_length=15)
    platform.directory.add_contact(BOB, custom_fields={"source": "Klaviyo"})
    commit(database, opted_in(email="ann@example.com"), opted_in(BOB, 8, email="robert@example.com"))

    assert push(database, client).counts == {"new": 1, "updated": 1, "unchanged": 0}

    shown = platform.directory.snapshot()
    assert shown[ANN]["custom_fields"] == {"source": "WooCommerce", "email": "ann@example.com"}
    # Of the label as many whole names as fit, of the address nothing.
    assert shown[BOB]["custom_fields"] == {"source": "Klaviyo"}
    assert pending(database) == []


def test_two_phones_of_one_contact_are_both_unsubscribed(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    # Each phone's channels travel with the other's: planned on one reading, one would take back the other.
    platform.directory.add_contact(ANN, channels=[("SMS", BOB, "SUBSCRIBED")])
    commit(database, customer(7, ANN, consent="opted_out"), customer(8, BOB, consent="opted_out"))
    told: list[int] = []
    summary = push(database, client, progress=told.append)

    assert states(platform) == {ANN: "UNSUBSCRIBED", BOB: "UNSUBSCRIBED"}
    assert sum(told) == 2
    assert summary.counts == {"updated": 2, "unchanged": 0}


@pytest.mark.parametrize("readings", [Readings(patch_arrays="merge")])
def test_a_custom_field_that_the_shop_empties_is_empty_also_where_arrays_are_merged(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(email="ann@example.com"))
    push(database, client)
    platform.directory.edit(ANN, custom_fields={"shoe": "42"})
    commit(database, opted_in(email="", read_at=at(200)))
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    fields = {"source": "WooCommerce", "shoe": "42"}
    assert platform.directory.snapshot()[ANN]["custom_fields"] == fields


def test_batches_overlap_and_are_noted_before_they_are_sent(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 2)
    commit(database, *everybody())
    unnoted: list[str] = []

    def check(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.path == CONTACTS:
            assert isinstance(exchange.request, dict)
            phone = exchange.request["channels"][0]["channelId"]
            if contacts(database)[phone]["in_flight"] is None:
                unnoted.append(phone)

    platform.on_exchange = check
    written_down: list[int] = []
    note = note_in_flight

    def noting(*arguments: Any) -> None:
        # When the third batch is made ready the first is written down, and the second is not.
        written_down.append(sum(each["contact_id"] is not None for each in contacts(database).values()))
        note(*arguments)

    monkeypatch.setattr(pushing, "note_in_flight", noting)
    push(database, client)

    assert unnoted == []
    assert written_down == [0, 0, 2]
    assert creations(platform) == 5


def subscribing(*arguments: Any, **options: Any) -> ContactPlan:
    """A plan of a broken version: it subscribes everybody."""
    made = plan_contact(*arguments, **options)
    channel = {"channelId": made.phone, "type": "SMS", "subscriptionState": "SUBSCRIBED"}
    return replace(made, body={**made.body, "channels": [channel]}, changes=(*made.changes, "subscribed"))


@pytest.mark.parametrize("dry", [False, True])
def test_a_plan_that_breaks_a_rule_stops_everything_before_it_is_sent(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    dry: bool,
) -> None:
    commit(database, opted_in(), customer(8, BOB, consent="opted_out", read_at=at(5)))
    act = plan_pending if dry else push_pending
    with monkeypatch.context() as patched:
        patched.setattr(planning, "plan_contact", subscribing)
        with pytest.raises(PlanError, match=r"row: an_opt_out_is_never_overruled \(1\)") as stopped:
            push(database, client, act=act)
    assert "+61" not in str(stopped.value)
    assert "Ann" not in str(stopped.value)
    assert len(platform.directory) == 0
    assert {each["in_flight"] for each in contacts(database).values()} == {None}
    assert pending(database) == [ANN, BOB]

    push(database, client)
    assert states(platform) == {ANN: "SUBSCRIBED", BOB: "UNSUBSCRIBED"}


def test_what_was_sent_before_a_plan_that_breaks_a_rule_is_kept(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 2)
    commit(database, *everybody()[:4], customer(5, EVERYBODY[4], consent="opted_out", read_at=at(5)))
    with monkeypatch.context() as patched:
        patched.setattr(planning, "plan_contact", subscribing)
        with pytest.raises(PlanError):
            push(database, client)
    assert EVERYBODY[4] not in platform.directory
    assert len(platform.directory) + len(pending(database)) == 5


def test_a_plan_made_anew_while_it_is_sent_may_break_no_rule_either(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_out", first_name="Anna", read_at=at(200)))
    platform.requests.reset()
    with monkeypatch.context() as patched:
        patched.setattr(contact_sending, "is_to_be_read_again", lambda *_: True)
        patched.setattr(pushing, "plan_contact", subscribing)
        with pytest.raises(PlanError, match="an_opt_out_is_never_overruled"):
            push(database, client)
    assert platform.requests.writes == 0
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
