"""Contacts that the platform does not take, and opt-outs that arrive all the same."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Readings, api, contacts_api
from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, InvalidField, api_error, conflict, invalid
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, commit, contacts, customer
from woo_sync_pipeline_tests.steps.pushes import (
    CONTACTS,
    EVERYBODY,
    everybody,
    once,
    opted_in,
    pending,
    push,
    states,
)


def test_a_rejected_contact_stops_no_other_and_is_not_sent_again_by_a_live_sync(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    secret = "Mallory" * 20
    rows = everybody()
    commit(database, *rows[1:], opted_in(EVERYBODY[0], 1, first_name=secret))
    summary = push(database, client)

    assert summary.counts == {"new": 4, "failed": 1, "unchanged": 0}
    (failed,) = [each for each in summary.contacts if each.outcome == "failed"]
    assert failed.phone == EVERYBODY[0]
    assert failed.reason is not None
    assert "firstName" in failed.reason
    assert "Mallory" not in failed.reason
    assert EVERYBODY[0] not in platform.directory

    assert pending(database, is_sweep=False) == []
    platform.requests.reset()
    assert push(database, client, is_sweep=False).counts == {}
    assert platform.requests.entries == []

    assert pending(database) == EVERYBODY[:1]
    assert push(database, client).counts == {"failed": 1, "unchanged": 0}

    commit(database, opted_in(EVERYBODY[0], 1, first_name="Ann", read_at=at(200)))
    assert pending(database, is_sweep=False) == EVERYBODY[:1]
    assert push(database, client, is_sweep=False).counts == {"new": 1, "unchanged": 0}
    assert contacts(database)[EVERYBODY[0]]["rejected_reason"] is None


def test_another_store_s_sync_leaves_a_rejected_contact_alone(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(first_name="x" * 101))
    push(database, client)
    assert pending_phones(database, source_name="Outlet", touched=[], include_rejected=True) == []
    assert pending(database) == [ANN]


def refuse_names(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> list[set[str]]:
    """Let every update with a first name be answered so; returns the keys of each update that arrives."""
    update, seen = contacts_api.update, list[set[str]]()

    def refusing(account: Account, call: Call) -> Answer:
        assert isinstance(call.body, dict)
        seen.append(set(call.body))
        return answer if "firstName" in call.body else update(account, call)

    monkeypatch.setitem(api._OPERATIONS["contacts", "{id}"], "PATCH", refusing)
    return seen


REFUSALS = {
    "refused": invalid([InvalidField("firstName", "invalid_format", "is not taken")]).answer,
    "conflict": conflict("Another contact has this name").answer,
    "broken": api_error(500, "internal_server_error", "Internal server error", "Try again"),
    "gateway": Answer(504),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("readings", [Readings(), Readings("merge", "keep")], ids=["replace", "merge"])
def test_an_opt_out_arrives_although_the_platform_does_not_take_the_rest(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    refusal: str,
) -> None:
    store = platform.directory.store
    commit(database, opted_in(), opted_in(BOB, 8))
    push(database, client)
    ann = store.holder(ANN)
    assert ann is not None
    store.set_channels(ann, {**ann.channels, ("WHATSAPP", CAM): "SUBSCRIBED"})
    with monkeypatch.context() as patched:
        updates = refuse_names(patched, REFUSALS[refusal])
        changed = customer(consent="opted_out", first_name="Anna", email="a@example.com", read_at=at(200))
        commit(database, changed)
        summary = push(database, client)

        shown = platform.directory.snapshot()
        assert shown[ANN]["states"] == {"SMS": "UNSUBSCRIBED"}
        assert shown[CAM]["states"] == {"WHATSAPP": "SUBSCRIBED"}
        assert shown[ANN]["first_name"] == "Ann"
        assert updates[-1] == {"channels"}
        assert summary.counts == {"failed": 1, "unchanged": 0}
        (failed,) = summary.contacts
        assert failed.changes == ()
        assert failed.reason is not None
        assert failed.reason.endswith("; the person is unsubscribed all the same")

        known = contacts(database)[ANN]
        assert (known["base_state"], known["is_pending"]) == ("SUBSCRIBED", True)
        assert known["in_flight"]["state"] == "UNSUBSCRIBED"

        # The next sync has the rest refused once more.
        again = push(database, client)
        assert again.counts == {"failed": 1, "unchanged": 0}
        assert "unsubscribed" not in str(again.contacts[0].reason)
        assert "channels" not in updates[-1]
        assert again.unsubscribed_on_platform == 0

    last = push(database, client)
    assert last.counts == {"updated": 1, "unchanged": 0}
    assert last.unsubscribed_on_platform == 0
    known = contacts(database)[ANN]
    # Between the syncs the person may have sent a STOP, which looks the same.
    assert (known["base_state"], known["base_state_by"]) == ("UNSUBSCRIBED", "platform")
    assert platform.directory.snapshot()[ANN]["first_name"] == "Anna"

    # So an opt-in without a date does not subscribe again.
    commit(database, customer(consent="opted_in", first_name="Anna", read_at=at(300)))
    push(database, client)
    assert platform.directory.snapshot()[ANN]["states"] == {"SMS": "UNSUBSCRIBED"}


def test_an_opt_out_arrives_although_a_custom_field_is_refused(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(email="ann@example.com"))
    push(database, client)
    platform.directory.edit(ANN, custom_fields={"shoe": "42"})
    before = platform.directory.snapshot()[ANN]["custom_fields"]
    (email,) = [each for each in platform.directory.store.fields.values() if each.merge_tag == "email"]
    email.type = "NUMBER"
    commit(database, customer(consent="opted_out", email="anna@example.com", read_at=at(200)))

    summary = push(database, client)

    assert summary.counts == {"failed": 1, "unchanged": 0}
    assert "customFields" in str(summary.contacts[0].reason)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert platform.directory.snapshot()[ANN]["custom_fields"] == before


@pytest.mark.parametrize("refusal", ["refused", "broken"])
def test_a_stop_of_another_channel_while_an_update_is_refused_is_not_undone_by_the_opt_out(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    refusal: str,
) -> None:
    commit(database, opted_in())
    push(database, client)
    store, ann = platform.directory.store, platform.directory.store.holder(ANN)
    assert ann is not None
    store.set_channels(ann, {**ann.channels, ("WHATSAPP", CAM): "SUBSCRIBED"})
    refuse_names(monkeypatch, REFUSALS[refusal])
    commit(database, customer(consent="opted_out", first_name="Anna", read_at=at(200)))
    stopped = once(platform, "PATCH", CONTACTS, lambda: platform.directory.unsubscribe(CAM))

    push(database, client)

    assert stopped
    shown = platform.directory.snapshot()
    assert shown[ANN]["states"] == {"SMS": "UNSUBSCRIBED"}
    assert shown[CAM]["states"] == {"WHATSAPP": "UNSUBSCRIBED"}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_opt_out_that_is_refused_by_itself_as_well_fails_like_any_other_contact(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    refusal: str,
) -> None:
    commit(database, *everybody())
    push(database, client)
    ann = contacts(database)[EVERYBODY[0]]["contact_id"]
    update = contacts_api.update

    def refusing(account: Account, call: Call) -> Answer:
        return REFUSALS[refusal] if call.ids == (str(ann),) else update(account, call)

    monkeypatch.setitem(api._OPERATIONS["contacts", "{id}"], "PATCH", refusing)
    rows = everybody(first_name="Anna", read_at=at(200))
    opted_out = customer(1, EVERYBODY[0], consent="opted_out", first_name="Anna", read_at=at(200))
    commit(database, opted_out, *rows[1:])

    summary = push(database, client)

    assert summary.counts == {"updated": 4, "failed": 1, "unchanged": 0}
    (failed,) = [each for each in summary.contacts if each.outcome == "failed"]
    assert "unsubscribed" not in str(failed.reason)
    assert states(platform)[EVERYBODY[0]] == "SUBSCRIBED"


def test_a_contact_at_which_only_a_gateway_answers_is_put_aside_until_the_next_sweep(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    broken = contacts(database)[EVERYBODY[0]]["contact_id"]
    commit(database, *everybody(first_name="Anna", read_at=at(200)))
    platform.faults.rate("504", 1.0, methods=["PATCH"], path=f"{CONTACTS}/{broken}")

    assert push(database, client).counts == {"updated": 4, "failed": 1, "unchanged": 0}
    assert pending(database, is_sweep=False) == []
    assert pending(database) == EVERYBODY[:1]

    platform.faults.clear()
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert pending(database) == []
