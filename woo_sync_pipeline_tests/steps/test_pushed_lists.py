"""Lists that are made, changed, deleted and renamed while contacts are pushed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Readings, lists_api
from woo_sync_pipeline.demo.platform.answers import InvalidField, conflict, invalid
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps import push as pushing
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, at, commit, contacts, customer
from woo_sync_pipeline_tests.steps.pushed import pushed
from woo_sync_pipeline_tests.steps.pushes import (
    EVERYBODY,
    LISTS,
    connect,
    everybody,
    once,
    opted_in,
    pending,
    push,
    states,
)


@pytest.mark.parametrize("batch", [1000, 2])
def test_the_lists_that_a_push_makes_are_counted_over_all_batches_and_turns(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr(planning, "BATCH", batch)
    monkeypatch.setattr(pushing, "TURN_SECONDS", 0.0)
    platform.directory.store.add_list("WooCommerce - Tag 1")
    commit(database, *(opted_in(phone, n, tags=[f"Tag {n}"]) for n, phone in enumerate(EVERYBODY)))

    assert push(database, client).groups_made == 5
    assert len(platform.directory.list_names()) == 6
    commit(
        database,
        *(opted_in(phone, n, tags=["Tag 1", "VIP"], read_at=at(200)) for n, phone in enumerate(EVERYBODY)),
    )
    assert push(database, client).groups_made == 1
    assert push(database, client).groups_made == 0


def test_a_list_deleted_on_the_platform_is_made_anew_for_those_who_join_it(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(tags=["VIP"]))
    push(database, client)
    platform.directory.delete_list("WooCommerce - VIP")
    commit(database, opted_in(BOB, 8, tags=["VIP"]))

    with connect(platform) as later:
        assert push(database, later).counts == {"new": 1, "unchanged": 0}

    assert platform.directory.list_members("WooCommerce - VIP") == {BOB}
    commit(database, opted_in(tags=["VIP"], first_name="Anna", read_at=at(200)))
    push(database, client)
    assert platform.directory.list_members("WooCommerce - VIP") == {BOB}


def test_a_list_deleted_during_the_push_costs_one_request_and_is_healed_by_the_next_sweep(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    commit(database, *everybody(tags=["VIP"], read_at=at(200)))
    once(platform, "PATCH", LISTS, lambda: platform.directory.delete_list("WooCommerce - VIP"))
    platform.requests.reset()

    assert push(database, client).counts == {"failed": 5, "unchanged": 0}
    assert platform.requests.count("PATCH", LISTS) == 1

    with connect(platform) as later:
        assert push(database, later).counts == {"updated": 5, "unchanged": 0}
    assert platform.directory.list_members("WooCommerce - VIP") == set(EVERYBODY)
    assert pending(database) == []


def test_a_list_renamed_by_a_person_to_the_name_of_another_store_is_taken_over(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    push(database, client)
    renamed = platform.directory.store.list_named("WooCommerce")
    assert renamed is not None
    with platform.directory.lock:
        platform.directory.store.rename_list(renamed, "Outlet")
    commit(database, opted_in(BOB, 3), source="outlet")
    phones = pending_phones(database, source_name="Outlet", touched=[], include_rejected=True)

    summary = pushed(
        push_pending,
        database,
        client,
        phones,
        run_id="run of outlet",
        progress=lambda _: None,
    )

    assert summary.counts == {"new": 1, "unchanged": 0}
    assert platform.directory.list_members("Outlet") == {ANN, BOB}


def test_a_list_deleted_during_a_long_push_is_made_anew_after_a_while(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 2)
    monkeypatch.setattr(pushing, "TURN_SECONDS", 0.0)
    commit(database, *everybody(tags=["VIP"]))
    batches: list[int] = []

    def delete_once(done: int) -> None:
        if not batches:
            platform.directory.delete_list("WooCommerce - VIP")
        batches.append(done)

    counts = push(database, client, progress=delete_once).counts
    assert counts["new"] + counts["failed"] == 5
    assert counts["failed"] <= 2
    assert batches == [2, 2, 1]
    # The second batch was under way already when the first was done.
    assert platform.directory.list_members("WooCommerce - VIP") >= {EVERYBODY[4]}


def test_a_list_that_cannot_be_changed_holds_up_no_other_sync(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    rows = everybody(read_at=at(200))
    commit(database, opted_in(EVERYBODY[0], 1, tags=["VIP"], first_name="Anna", read_at=at(200)), *rows[1:])
    platform.faults.rate("500", 1.0, methods=["PATCH"], path=LISTS)

    assert push(database, client).counts == {"failed": 1, "unchanged": 0}
    assert platform.directory.snapshot()[EVERYBODY[0]]["first_name"] == "Anna"
    assert pending(database, is_sweep=False) == []
    commit(database, *everybody(first_name="Anna", read_at=at(300))[1:])
    assert push(database, client).counts == {"updated": 4, "failed": 1, "unchanged": 0}

    platform.faults.clear()
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert platform.directory.list_members("WooCommerce - VIP") == {EVERYBODY[0]}
    assert pending(database) == []


@pytest.mark.parametrize("refusal", ["too long", "conflict"])
def test_a_list_that_cannot_be_made_keeps_nobody_from_coming_over(
    database: Database,
    platform: DemoPlatform,
    client: PlatformClient,
    monkeypatch: pytest.MonkeyPatch,
    refusal: str,
) -> None:
    tag = "A tag with a long name"

    def refuse(_: object, name: str, **__: object) -> None:
        if name.endswith(tag):
            raise (
                conflict("Such a list exists")
                if refusal == "conflict"
                else invalid([InvalidField("name", "invalid_length", "must have at most 20 characters")])
            )

    with monkeypatch.context() as patched:
        patched.setattr(lists_api, "_check_free", refuse)
        commit(database, opted_in(tags=[tag, "VIP"]), opted_in(BOB, 8, tags=["VIP"]), customer(9, CAM))
        summary = push(database, client)
        assert summary.counts == {"new": 2, "failed": 1, "unchanged": 0}
        (failed,) = [each for each in summary.contacts if each.outcome == "failed"]
        assert failed.phone == ANN
        assert failed.reason is not None
        assert failed.reason.startswith(f"the list 'WooCommerce - {tag}' cannot be made: ")
        assert platform.directory.list_members("WooCommerce - VIP") == {ANN, BOB}
        assert states(platform)[ANN] == "SUBSCRIBED"
        assert (pending(database), pending(database, is_sweep=False)) == ([ANN], [])
        known = contacts(database)[ANN]
        assert (known["base_groups"], known["in_flight"]) == (["WooCommerce", "WooCommerce - VIP"], None)

        # Every day it is tried again, and nothing else is sent.
        platform.requests.reset()
        assert push(database, client).counts == {"failed": 1, "unchanged": 0}
        assert platform.requests.writes == 0
        assert platform.requests.count("POST", LISTS) == 1

    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert platform.directory.list_members(f"WooCommerce - {tag}") == {ANN}
    assert platform.requests.count("PATCH", LISTS) == 1
    assert pending(database) == []


@pytest.mark.parametrize("readings", [Readings(list_names="free")])
def test_where_several_lists_may_have_one_name_ours_is_the_oldest_and_others_are_left_alone(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody(tags=["VIP"]))
    push(database, client)
    theirs = platform.directory.store.add_list("WooCommerce - VIP")
    theirs.created += timedelta(minutes=1)
    members = [contact for phone in EVERYBODY[:2] if (contact := platform.directory.store.holder(phone))]
    for contact in members:
        platform.directory.store.add_member(theirs, contact)

    # Some leave our list, others join it.
    commit(
        database,
        *everybody(read_at=at(200))[:3],
        opted_in(EVERYBODY[3], 4, tags=["VIP"], read_at=at(200)),
        opted_in(ANN, 7, tags=["VIP"], read_at=at(200)),
    )
    push(database, client)

    assert platform.directory.list_names().count("WooCommerce - VIP") == 2
    assert theirs.members == {contact.id for contact in members}
    assert platform.directory.list_members("WooCommerce - VIP") == {*EVERYBODY[3:], ANN}
    assert pending(database) == []
