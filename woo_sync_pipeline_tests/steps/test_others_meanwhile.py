"""What others do on the platform while a push is under way stays."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, FaultKind, Readings
from woo_sync_pipeline.messagemedia import freshness
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import ANN, CAM, at, commit, customer
from woo_sync_pipeline_tests.steps.pushes import CONTACTS, once, opted_in, pending, push, states


def test_a_contact_that_another_integration_makes_meanwhile_is_completed(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    asked = once(
        platform,
        "POST",
        CONTACTS,
        lambda: platform.directory.add_contact(
            ANN, first_name="Annie", state="UNSUBSCRIBED", custom_fields={"source": "Klaviyo"}, lists=["K"]
        ),
    )
    summary = push(database, client)

    assert asked
    assert platform.directory.snapshot()[ANN] == {
        "first_name": "Annie",
        "last_name": "Lee",
        "states": {"SMS": "UNSUBSCRIBED"},
        "custom_fields": {"source": "Klaviyo, WooCommerce"},
        "lists": ["K", "WooCommerce"],
    }
    assert summary.counts == {"updated": 1, "unchanged": 0}
    assert summary.contacts[0].changes == ("last_name", "source", "groups")
    assert pending(database) == []


def test_a_contact_deleted_between_reading_and_writing_is_made_anew_and_unsubscribed(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    push(database, client)
    commit(database, opted_in(first_name="Anna", read_at=at(200)))
    once(platform, "PATCH", CONTACTS, lambda: platform.directory.delete(ANN))

    summary = push(database, client)

    shown = platform.directory.snapshot()[ANN]
    # Perhaps the person had answered STOP before.
    assert (shown["first_name"], shown["states"], shown["lists"]) == (
        "Anna",
        {"SMS": "UNSUBSCRIBED"},
        ["WooCommerce"],
    )
    assert (summary.counts, summary.not_applied) == ({"new": 1, "unchanged": 0}, 1)
    (told,) = summary.contacts
    assert (told.changes, told.reason) == (("created",), NotApplied.perhaps_before_deletion.sentence)
    assert pending(database) == []


def test_what_is_edited_between_reading_and_writing_stays(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    push(database, client)
    commit(database, opted_in(first_name="Anna", read_at=at(200)))

    def edit() -> None:
        platform.directory.unsubscribe(ANN)
        platform.directory.edit(ANN, last_name="Leigh", custom_fields={"shoe": "42"}, lists=["K"])

    once(platform, "PATCH", CONTACTS, edit)
    push(database, client)

    assert platform.directory.snapshot()[ANN] == {
        "first_name": "Anna",
        "last_name": "Leigh",
        "states": {"SMS": "UNSUBSCRIBED"},
        "custom_fields": {"source": "WooCommerce", "shoe": "42"},
        "lists": ["K"],
    }


@pytest.mark.parametrize("fault", ["429", "503_later", "500", "drop", "lost_answer", "500_after"])
@pytest.mark.parametrize("readings", [Readings(), Readings("merge", "keep")], ids=["replace", "merge"])
def test_what_others_do_while_a_change_waits_to_be_sent_again_stays(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    fault: FaultKind,
) -> None:
    # Asked to wait, a change may be sent minutes after the contact was read: with others' channels and fields.
    monkeypatch.setattr(freshness, "FRESH_SECONDS", 0.0)
    commit(database, opted_in())
    push(database, client)
    store, ann = platform.directory.store, platform.directory.store.holder(ANN)
    assert ann is not None
    store.set_channels(ann, {**ann.channels, ("WHATSAPP", CAM): "SUBSCRIBED"})
    platform.directory.edit(ANN, custom_fields={"shoe": "42"})
    commit(database, customer(consent="opted_out", email="ann@example.com", read_at=at(200)))
    waited: list[Exchange] = []

    def edit_once(exchange: Exchange) -> None:
        if exchange.method == "PATCH" and not waited:
            waited.append(exchange)
            platform.directory.unsubscribe(CAM)
            platform.directory.edit(ANN, custom_fields={"shoe": "43"})

    platform.faults.queue(fault, methods=["PATCH"], path=CONTACTS)
    platform.on_exchange = edit_once
    # What is dropped unseen cannot be answered by an edit: somebody edits as the next reading begins.
    platform.on_request = lambda method, _: (
        edit_once(Exchange("PATCH", "", (), None, 0, None))
        if method == "GET" and platform.faults.happened["drop"] and not waited
        else None
    )
    summary = push(database, client)

    assert waited
    shown = platform.directory.snapshot()
    assert shown[ANN]["states"] == {"SMS": "UNSUBSCRIBED"}
    assert shown[CAM]["states"] == {"WHATSAPP": "UNSUBSCRIBED"}
    assert shown[ANN]["custom_fields"] == {
        "source": "WooCommerce",
        "email": "ann@example.com",
        "shoe": "43",
    }
    assert summary.counts == {"updated": 1, "unchanged": 0}
    assert summary.contacts[0].changes == ("email", "unsubscribed")
    assert pending(database) == []


def test_a_subscription_that_waits_is_sent_when_nobody_touched_the_contact(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "FRESH_SECONDS", 0.0)
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_in", read_at=at(10)))
    platform.faults.queue("drop", 2, methods=["PATCH"], path=CONTACTS)
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert states(platform) == {ANN: "SUBSCRIBED"}
