"""The daily look at the directory: who unsubscribed on the platform is known, also where no store has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.limits import Limit
from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.known_account import note_states
from woo_sync_pipeline.steps.observe import begin_look, observe_directory
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, begin, commit, contacts, customer, order
from woo_sync_pipeline_tests.steps.pushed import pushed

PEOPLE = {7: ANN, 8: BOB, 9: CAM}


def push(database: Database, client: PlatformClient) -> None:
    phones = pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=True)
    pushed(
        push_pending,
        database,
        client,
        phones,
        run_id="run of shop",
        progress=lambda _: None,
    )


@pytest.fixture
def synced(database: Database, client: PlatformClient) -> Database:
    """Three people who opted in, as the platform has confirmed."""
    commit(database, *(customer(number, phone, consent="opted_in") for number, phone in PEOPLE.items()))
    push(database, client)
    return database


def observe(database: Database, client: PlatformClient, *, run_id: str = "a later run") -> int:
    begin(database, run_id)
    began = begin_look(database, run_id=run_id)
    if began is None:
        return 0
    look = observe_directory(
        database, client, run_id=run_id, began=began, enough=Limit(), progress=lambda _: None
    )
    return look.unsubscribed


def finish(database: Database, run_id: str) -> None:
    with database.transaction() as connection:
        connection.execute(
            sa.text("UPDATE woo_sync.sync_runs SET status = 'succeeded' WHERE run_id = :run_id"),
            {"run_id": run_id},
        )


def age_of_looks(database: Database, age: timedelta) -> None:
    with database.transaction() as connection:
        connection.execute(
            sa.text("UPDATE woo_sync.sync_runs SET directory_read_at = directory_read_at - :age"),
            {"age": age},
        )


def test_who_unsubscribed_on_the_platform_is_counted_once_and_kept(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.unsubscribe(BOB)
    platform.requests.reset()
    assert observe(synced, client) == 1
    assert platform.requests.writes == 0
    known = contacts(synced)[BOB]
    assert (known["base_state"], known["base_state_by"]) == ("UNSUBSCRIBED", "platform")
    assert known["unsubscribed_seen_at"] is not None
    assert contacts(synced)[ANN]["base_state"] == "SUBSCRIBED"
    assert observe(synced, client, run_id="another one") == 0


def test_an_older_choice_of_the_store_does_not_subscribe_whom_the_look_found_unsubscribed(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.unsubscribe(BOB)
    observe(synced, client)
    commit(synced, customer(8, BOB, consent="opted_in", first_name="Bobby", read_at=at(200)))
    push(synced, client)
    assert platform.directory.snapshot()[BOB]["first_name"] == "Bobby"
    assert platform.directory.snapshot()[BOB]["states"] == {"SMS": "UNSUBSCRIBED"}


@pytest.mark.parametrize("moves", [True, False])
def test_only_a_choice_dated_after_the_look_subscribes_whom_it_found_unsubscribed(
    synced: Database, platform: DemoPlatform, client: PlatformClient, moves: bool
) -> None:
    platform.directory.stop_moves_date = moves
    platform.directory.unsubscribe(BOB)
    observe(synced, client)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    for number, (created, state) in enumerate(
        [(at(150), "UNSUBSCRIBED"), (None, "UNSUBSCRIBED"), (soon, "SUBSCRIBED")]
    ):
        key = f"order meta checkout {number}"
        commit(
            synced,
            order(number, BOB, consent="opted_in", consent_origin=key, created_at=created, read_at=soon),
        )
        push(synced, client)
        assert platform.directory.snapshot()[BOB]["states"] == {"SMS": state}


def test_who_unsubscribed_is_told_to_the_ledger_with_the_time_of_the_looks(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    confirmed = contacts(synced)[BOB]["base_seen_at"]
    platform.directory.unsubscribe(BOB)
    observe(synced, client)
    *_, entry = ledger_of(synced, BOB)
    assert (entry.what, entry.earliest) == ("stop", confirmed)
    assert entry.latest == contacts(synced)[BOB]["unsubscribed_seen_at"]
    assert [each.what for each in ledger_of(synced, ANN)] == ["yes", "subscribed_by_sync"]

    finish(synced, "a later run")
    platform.directory.subscribe(BOB)
    age_of_looks(synced, timedelta(hours=13))
    observe(synced, client, run_id="another one")
    *_, entry = ledger_of(synced, BOB)
    assert entry.what == "resubscribed"
    assert contacts(synced)[BOB]["base_seen_at"] == entry.latest


def test_who_was_subscribed_again_on_the_platform_is_known_to_be(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.unsubscribe(BOB)
    observe(synced, client)
    platform.directory.subscribe(BOB)
    assert observe(synced, client, run_id="another one") == 0
    known = contacts(synced)[BOB]
    assert (known["base_state"], known["base_state_by"]) == ("SUBSCRIBED", "platform")
    assert known["unsubscribed_seen_at"] is None


def test_what_is_about_to_be_pushed_is_left_to_the_push(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.unsubscribe(BOB)
    commit(synced, customer(8, BOB, consent="opted_in", first_name="Bobby", read_at=at(200)))
    assert observe(synced, client) == 0
    assert contacts(synced)[BOB]["base_state"] == "SUBSCRIBED"


def test_what_a_push_confirmed_after_the_reading_began_is_newer(
    synced: Database, platform: DemoPlatform
) -> None:
    confirmed_at = contacts(synced)[BOB]["confirmed_at"]
    states = {BOB: SubscriptionState.UNSUBSCRIBED}
    earlier, later = confirmed_at - timedelta(seconds=1), confirmed_at + timedelta(seconds=1)
    assert note_states(synced, states, run_id="run of shop", read_at=earlier) == 0
    assert note_states(synced, states, run_id="run of shop", read_at=later) == 1


def test_one_look_serves_all_sources_for_half_a_day(
    synced: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    observe(synced, client, run_id="first")
    platform.requests.reset()
    # A sync that failed may have seen a part only.
    observe(synced, client, run_id="second")
    assert len(platform.requests.entries) == 1
    finish(synced, "second")
    assert observe(synced, client, run_id="third") == 0
    assert len(platform.requests.entries) == 1


def test_nothing_is_read_before_anything_was_confirmed(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(BOB)
    assert observe(database, client) == 0
    assert platform.requests.entries == []
