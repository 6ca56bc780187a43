"""Crashes, lost answers and outages: nothing is sent twice, and the next sync finishes."""

from __future__ import annotations

from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, FaultKind
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import PlatformAuthError, PlatformUnavailable
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import sync_contacts
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps import push as pushing
from woo_sync_pipeline_tests.state.stored import ANN, at, commit, contacts, customer
from woo_sync_pipeline_tests.steps.pushes import (
    CONTACTS,
    EVERYBODY,
    LISTS,
    connect,
    crash_before_settling,
    creations,
    everybody,
    once,
    opted_in,
    pending,
    push,
    states,
)


def test_a_crash_before_confirming_sends_nothing_twice(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, *everybody())

    def crash(*_: object, **__: object) -> None:
        raise SystemExit("the process was killed")

    with monkeypatch.context() as patched:
        patched.setattr(pushing, "settle", crash)
        with pytest.raises(SystemExit):
            push(database, client)
    assert len(platform.directory) == 5
    assert pending(database) == EVERYBODY
    platform.requests.reset()

    summary = push(database, client)

    assert platform.requests.writes == 0
    assert summary.counts["unchanged"] == 5
    assert pending(database) == []


def test_a_stop_after_a_crash_is_not_taken_for_our_own_unsubscription(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_in", read_at=at(10)))
    crash_before_settling(database, client, monkeypatch)
    assert states(platform) == {ANN: "SUBSCRIBED"}
    platform.directory.unsubscribe(ANN)

    push(database, client)

    assert states(platform) == {ANN: "UNSUBSCRIBED"}


def test_a_stop_after_a_half_refused_subscription_is_not_taken_for_our_own_unsubscription(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_in", tags=["VIP"], read_at=at(10)))
    once(platform, "PATCH", LISTS, lambda: platform.directory.delete_list("WooCommerce - VIP"))
    assert push(database, client).counts["failed"] == 1
    assert states(platform) == {ANN: "SUBSCRIBED"}
    platform.directory.unsubscribe(ANN)

    push(database, client)

    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert platform.directory.list_members("WooCommerce - VIP") == {ANN}


@pytest.mark.parametrize("fault", ["lost_answer", "500_after", "drop", "502"])
def test_lost_answers_make_no_duplicates(
    database: Database, platform: DemoPlatform, client: PlatformClient, fault: Any
) -> None:
    commit(database, *everybody(tags=["VIP"]))
    for path in (CONTACTS, LISTS, "/api/v1/contacts/custom-fields"):
        platform.faults.queue(fault, 1 if path != CONTACTS else 3, methods=["POST"], path=path)
    answers: list[int] = []

    def note(exchange: Exchange) -> None:
        if exchange.method == "POST":
            answers.append(exchange.status)

    platform.on_exchange = note
    summary = push(database, client)

    assert platform.faults.happened[fault] == 5
    assert summary.counts == {"new": 5, "unchanged": 0}
    # Nothing was made that was there already: not even an attempt met a conflict.
    assert 409 not in answers
    assert creations(platform) <= 5
    assert len(platform.directory) == 5
    assert platform.directory.list_names() == ["WooCommerce", "WooCommerce - VIP"]
    assert pending(database) == []


def test_refused_credentials_stop_at_once_and_keep_what_was_done(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 2)
    commit(database, *everybody())
    secret = platform.api_secret

    def revoke_after_three(exchange: Exchange) -> None:
        if creations(platform) + (exchange.path == CONTACTS and exchange.status == 201) == 3:
            platform.api_secret = "revoked"

    platform.on_exchange = revoke_after_three
    with pytest.raises(PlatformAuthError), connect(platform, max_concurrency=1) as one_at_a_time:
        push(database, one_at_a_time)

    assert len(platform.directory) == 3
    assert pending(database) == [phone for phone in EVERYBODY if phone not in platform.directory]
    # Beside the creation that met the refusal, at most what was asked at that moment for the batch after.
    assert 1 <= [each.status for each in platform.requests.entries].count(401) <= 3
    assert len(sync_contacts(database, 1)) == 3

    platform.api_secret, platform.on_exchange = secret, None
    assert push(database, client).counts == {"new": 2, "unchanged": 0}
    assert creations(platform) == 5


def test_an_outage_leaves_a_state_that_the_next_sync_finishes(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 2)
    commit(database, *everybody(tags=["VIP"]))
    batches: list[int] = []

    def pull_the_plug(done: int) -> None:
        # The second batch is under way, the third is not yet begun.
        batches.append(done)
        platform.stop()

    with pytest.raises(PlatformUnavailable):
        push(database, client, progress=pull_the_plug)
    assert batches == [2]
    left = pending(database)
    assert {EVERYBODY[4]} <= set(left) <= set(EVERYBODY[2:])

    platform.start()
    with connect(platform) as reconnected:
        counts = push(database, reconnected).counts
    assert counts["new"] + counts["unchanged"] == len(left)
    assert pending(database) == []
    assert creations(platform) == len(platform.directory) == 5
    assert platform.directory.list_members("WooCommerce - VIP") == set(EVERYBODY)


def test_an_outage_before_the_lists_are_changed_leaves_these_to_the_next_sync(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, *everybody())
    push(database, client)
    rows = everybody(first_name="Anna", read_at=at(200))
    commit(
        database, *rows[:3], *[opted_in(p, n, tags=["VIP"], read_at=at(200)) for n, p in [(5, EVERYBODY[4])]]
    )
    platform.faults.queue("503", 3, methods=["PATCH"], path=LISTS)
    with pytest.raises(PlatformUnavailable):
        push(database, client)
    assert pending(database) == EVERYBODY[4:]

    platform.requests.reset()
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert platform.requests.writes == 1
    assert platform.directory.list_members("WooCommerce - VIP") == set(EVERYBODY[4:])


def test_a_crash_with_two_batches_under_way_sends_nothing_twice(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, *everybody(tags=["VIP"]))

    def crash(*_: object, **__: object) -> None:
        raise SystemExit("the process was killed")

    with monkeypatch.context() as patched:
        patched.setattr(planning, "BATCH", 2)
        patched.setattr(pushing, "settle", crash)
        with pytest.raises(SystemExit):
            push(database, client)
    known = contacts(database)
    sent = [phone for phone in EVERYBODY if phone in platform.directory]
    assert 2 <= len(sent) <= 4
    assert pending(database) == EVERYBODY
    # Nothing was sent that had not been noted before.
    assert all(known[phone]["in_flight"] is not None for phone in sent)

    assert push(database, client).counts == {"new": 5 - len(sent), "unchanged": len(sent)}

    assert creations(platform) == len(platform.directory) == 5
    assert platform.directory.list_members("WooCommerce - VIP") == set(EVERYBODY)


def test_an_outage_of_creations_alone_is_an_outage_and_the_next_live_sync_goes_on(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    people = [opted_in(f"+6149157{number:04d}", number) for number in range(40)]
    commit(database, *people)
    platform.faults.rate("500", 1.0, methods=["POST"], path=CONTACTS)
    with pytest.raises(PlatformUnavailable, match="in a row"):
        push(database, client)
    assert len(pending(database, is_sweep=False)) == 40

    platform.faults.clear()
    assert push(database, client, is_sweep=False).counts == {"new": 40, "unchanged": 0}
    assert len(platform.directory) == 40


@pytest.mark.parametrize("fault", ["500", "502", "503", "504", "drop"])
def test_an_outage_that_meets_the_last_contacts_of_a_sync_leaves_them_to_the_next_live_sync(
    database: Database, platform: DemoPlatform, client: PlatformClient, fault: FaultKind
) -> None:
    commit(database, *everybody())
    push(database, client)
    commit(database, *everybody(first_name="Anna", read_at=at(200)))
    platform.on_exchange = lambda exchange: (
        platform.faults.rate(fault, 1.0) if exchange.path == CONTACTS else None
    )
    with pytest.raises(PlatformUnavailable):
        push(database, client)
    assert pending(database, is_sweep=False) == EVERYBODY

    platform.on_exchange = None
    platform.faults.clear()
    assert push(database, client, is_sweep=False).counts == {"updated": 5, "unchanged": 0}


def test_lists_and_fields_whose_making_is_never_answered_are_looked_for_before_each_attempt(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    platform.faults.queue("drop", 2, methods=["POST"], path="/api/v1/contacts/custom-fields")
    platform.faults.queue("500_after", 1, methods=["POST"], path="/api/v1/contacts/custom-fields")
    platform.faults.queue("drop", 3, methods=["POST"], path=LISTS)
    assert push(database, client).counts == {"new": 1, "unchanged": 0}
    assert platform.directory.list_names() == ["WooCommerce"]
    assert len(platform.directory.store.fields) == 2
