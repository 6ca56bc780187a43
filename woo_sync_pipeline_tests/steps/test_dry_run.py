"""A dry run plans what the next push then really sends, and sends nothing."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, sync_contacts
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps.dry_run import plan_pending
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, begin, commit, contacts, customer, table
from woo_sync_pipeline_tests.steps.pushed import Pushed, pushed

DEE = "+61491570158"


def pending(database: Database) -> list[str]:
    return pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=True)


def run(database: Database, client: PlatformClient, *, dry: bool, told: list[int] | None = None) -> Pushed:
    begin(database, "run of shop")
    act = plan_pending if dry else push_pending
    return pushed(
        act,
        database,
        client,
        pending(database),
        run_id="run of shop",
        progress=(told if told is not None else []).append,
    )


def by_phone(summary: Pushed) -> dict[str | None, SyncContact]:
    return {each.phone: each for each in summary.contacts}


def shop_that_changed(database: Database, client: PlatformClient, platform: DemoPlatform) -> None:
    """Contacts to be made, renamed, unsubscribed, moved between lists, left alone, and one of others."""
    commit(
        database,
        customer(1, ANN, consent="opted_in", tags=["Old"]),
        customer(2, BOB, consent="opted_in"),
        customer(3, CAM, consent="opted_in"),
    )
    run(database, client, dry=False)
    platform.directory.unsubscribe(BOB)
    platform.directory.edit(CAM, first_name="Camilla")
    platform.directory.add_contact(DEE, custom_fields={"source": "Klaviyo"}, lists=["K"])
    commit(
        database,
        customer(1, ANN, consent="opted_out", tags=["New"], read_at=at(200)),
        customer(2, BOB, consent="opted_in", first_name="Bobby", email="b@example.com", read_at=at(200)),
        customer(3, CAM, consent="opted_in", first_name="Camilla", read_at=at(200)),
        customer(4, DEE, consent="opted_in", read_at=at(200)),
        customer(5, "+61491570159", consent="opted_in", tags=["New"], read_at=at(200)),
    )


@pytest.mark.parametrize("batch", [1000, 2])
def test_a_dry_run_plans_what_a_push_then_sends(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr(planning, "BATCH", batch)
    shop_that_changed(database, client, platform)
    told: list[int] = []
    planned = run(database, client, dry=True, told=told)
    sent = run(database, client, dry=False)

    assert by_phone(planned) == by_phone(sent)
    assert planned.counts == sent.counts == {"new": 1, "updated": 3, "unchanged": 1}
    assert planned.unsubscribed_on_platform == sent.unsubscribed_on_platform == 1
    assert planned.groups_made == sent.groups_made == 1
    assert sum(told) == 5
    assert by_phone(planned)[ANN].changes == ("unsubscribed", "groups")


def test_a_dry_run_writes_nothing_and_leaves_everything_pending(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    shop_that_changed(database, client, platform)
    before, account, waiting = contacts(database), platform.directory.snapshot(), pending(database)
    noted = len(sync_contacts(database, 1))
    platform.requests.reset()
    run(database, client, dry=True)

    assert len(waiting) == 5
    assert platform.requests.writes == 0
    assert {each.method for each in platform.requests.entries} == {"GET"}
    assert (contacts(database), pending(database)) == (before, waiting)
    assert platform.directory.snapshot() == account
    assert len(sync_contacts(database, 1)) == noted + 4


def test_a_dry_run_tells_which_opt_ins_a_push_then_does_not_apply(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(DEE, state="UNSUBSCRIBED")
    people = {1: ANN, 2: BOB, 3: CAM}
    commit(database, *(customer(number, phone, consent="opted_in") for number, phone in people.items()))
    run(database, client, dry=False)
    platform.directory.unsubscribe(ANN)
    platform.directory.unsubscribe(BOB)
    platform.directory.delete(CAM)
    said_again = {"consent": "opted_in", "said_at": at(150), "read_at": at(200)}
    commit(
        database,
        customer(1, ANN, **said_again),
        customer(2, BOB, first_name="Bobby", **said_again),
        customer(3, CAM, first_name="Cam", **said_again),
        customer(4, DEE, consent="opted_in", read_at=at(200)),
    )
    planned = [run(database, client, dry=True) for _ in range(2)]
    sent = run(database, client, dry=False)

    assert [by_phone(each) for each in planned] == [by_phone(sent)] * 2
    assert {each.phone: (each.outcome, each.reason) for each in sent.contacts} == {
        ANN: ("unchanged", NotApplied.perhaps_earlier.sentence),
        BOB: ("updated", NotApplied.perhaps_earlier.sentence),
        CAM: ("new", NotApplied.perhaps_before_deletion.sentence),
        DEE: ("updated", NotApplied.unsubscribed_before.sentence),
    }
    assert [each.not_applied for each in (*planned, sent)] == [4, 4, 4]
    assert [each.counts for each in planned] == [sent.counts] * 2
    assert {shown["states"]["SMS"] for shown in platform.directory.snapshot().values()} == {"UNSUBSCRIBED"}


def test_a_dry_run_tells_nothing_to_the_ledger(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    shop_that_changed(database, client, platform)
    before = table(database, "consent_events", order_by="event_id")
    run(database, client, dry=True)
    assert table(database, "consent_events", order_by="event_id") == before
    run(database, client, dry=False)
    assert len(table(database, "consent_events", order_by="event_id")) > len(before)


def test_an_account_without_lists_and_fields_is_no_hindrance_and_none_are_made(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, customer(1, ANN, consent="opted_in", email="a@example.com", tags=["VIP"]))
    platform.directory.add_contact(BOB, first_name="Bob")
    commit(database, customer(2, BOB, tags=["vip"]))
    planned = run(database, client, dry=True)

    assert {each.phone: (each.outcome, each.state) for each in planned.contacts} == {
        ANN: ("new", "SUBSCRIBED"),
        BOB: ("updated", "SUBSCRIBED"),
    }
    assert platform.directory.list_names() == []
    assert platform.directory.store.fields == {}


def test_phones_of_one_contact_are_planned_one_after_the_other(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(ANN, channels=[("SMS", BOB, "SUBSCRIBED")])
    commit(database, customer(1, ANN), customer(2, BOB))
    told: list[int] = []
    planned = run(database, client, dry=True, told=told)
    assert sorted(each.phone or "" for each in planned.contacts) == [ANN, BOB]
    assert sum(told) == 2


def test_nothing_pending_is_no_request(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    assert run(database, client, dry=True).counts == {}
    assert platform.requests.entries == []
