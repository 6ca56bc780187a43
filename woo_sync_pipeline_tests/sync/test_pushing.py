from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import (
    DemoPlatform,
    Exchange,
    FaultKind,
    Readings,
    api,
    contacts_api,
    lists_api,
)
from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, InvalidField, api_error, conflict, invalid
from woo_sync_pipeline.errors import PlanError
from woo_sync_pipeline.messagemedia import (
    PlatformAuthError,
    PlatformClient,
    PlatformSettings,
    PlatformUnavailable,
)
from woo_sync_pipeline.messagemedia import push as messagemedia_push
from woo_sync_pipeline.messagemedia.plan import ContactPlan, plan_contact
from woo_sync_pipeline.state.contacts import note_in_flight, pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import sync_contacts
from woo_sync_pipeline.sync import planning, pushing
from woo_sync_pipeline.sync.dry_run import plan_pending
from woo_sync_pipeline.sync.planning import PushSummary
from woo_sync_pipeline.sync.pushing import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, BOB, CAM, Row, at, begin, commit, contacts, customer
from woo_sync_pipeline_tests.sync.pushed import Pushed, pushed

CONTACTS, LISTS = "/api/v1/contacts/contacts", "/api/v1/contacts/lists"
EVERYBODY = [f"+6149157{number:04d}" for number in range(5)]


@pytest.fixture
def platform() -> Iterator[DemoPlatform]:
    with DemoPlatform() as running:
        yield running


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    with connect(platform) as opened:
        yield opened


def connect(platform: DemoPlatform) -> PlatformClient:
    return PlatformClient(
        PlatformSettings(platform.url, platform.api_key, platform.api_secret, backoff=0.01, attempts=3)
    )


def opted_in(phone: str = ANN, record_id: int = 7, minutes: int = 0, **changes: Any) -> Row:
    return customer(record_id, phone, consent="opted_in", created_at=at(minutes), **changes)


def everybody(**changes: Any) -> list[Row]:
    return [opted_in(phone, number, **changes) for number, phone in enumerate(EVERYBODY, start=1)]


def push(
    database: Database,
    client: PlatformClient,
    *,
    is_sweep: bool = True,
    run_id: str = "run of shop",
    progress: Callable[[int], None] = lambda _: None,
    concurrency: int = 4,
    act: Callable[..., PushSummary] = push_pending,
) -> Pushed:
    begin(database, run_id)
    phones = pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=is_sweep)
    return pushed(
        act, database, client, phones, run_id=run_id, max_concurrency=concurrency, progress=progress
    )


def pending(database: Database, *, is_sweep: bool = True) -> list[str]:
    return pending_phones(database, source_name="WooCommerce", touched=[], include_rejected=is_sweep)


def states(platform: DemoPlatform) -> dict[str, str]:
    return {phone: shown["states"]["SMS"] for phone, shown in platform.directory.snapshot().items()}


def creations(platform: DemoPlatform) -> int:
    return sum(
        (each.method, each.path, each.status) == ("POST", CONTACTS, 201) for each in platform.requests.entries
    )


def once(platform: DemoPlatform, method: str, path: str, act: Callable[[], object]) -> list[str]:
    """Let somebody act just before the next such request is carried out; returns the requests that set it off."""
    seen: list[str] = []

    def hook(asked: str, at_path: str) -> None:
        if asked == method and at_path.startswith(path) and not seen:
            seen.append(at_path)
            act()

    platform.on_request = hook
    return seen


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
    with monkeypatch.context() as patched:
        patched.setattr(pushing, "settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            push(database, client)
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


def test_a_contact_deleted_between_reading_and_writing_is_made_anew(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    push(database, client)
    commit(database, opted_in(first_name="Anna", read_at=at(200)))
    once(platform, "PATCH", CONTACTS, lambda: platform.directory.delete(ANN))

    summary = push(database, client)

    shown = platform.directory.snapshot()[ANN]
    assert (shown["first_name"], shown["states"], shown["lists"]) == (
        "Anna",
        {"SMS": "SUBSCRIBED"},
        ["WooCommerce"],
    )
    assert summary.counts == {"new": 1, "unchanged": 0}
    assert summary.contacts[0].changes == ("created",)
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
    with pytest.raises(PlatformAuthError):
        push(database, client, concurrency=1)

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
        max_concurrency=2,
        progress=lambda _: None,
    )

    assert summary.counts == {"new": 1, "unchanged": 0}
    assert platform.directory.list_members("Outlet") == {ANN, BOB}


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
        max_concurrency=2,
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


def test_a_custom_field_that_the_shop_empties_is_empty_also_where_arrays_are_merged(
    database: Database,
) -> None:
    with DemoPlatform(readings=Readings(patch_arrays="merge")) as platform, connect(platform) as client:
        commit(database, opted_in(email="ann@example.com"))
        push(database, client)
        platform.directory.edit(ANN, custom_fields={"shoe": "42"})
        commit(database, opted_in(email="", read_at=at(200)))
        assert push(database, client).counts == {"updated": 1, "unchanged": 0}
        fields = {"source": "WooCommerce", "shoe": "42"}
        assert platform.directory.snapshot()[ANN]["custom_fields"] == fields


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


@pytest.mark.parametrize("fault", ["429", "503_later", "500", "drop", "lost_answer", "500_after"])
@pytest.mark.parametrize("readings", [Readings(), Readings("merge", "keep")], ids=["replace", "merge"])
def test_what_others_do_while_a_change_waits_to_be_sent_again_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch, fault: FaultKind, readings: Readings
) -> None:
    # Asked to wait, a change may be sent minutes after the contact was read: with others' channels and fields.
    monkeypatch.setattr(messagemedia_push, "FRESH_SECONDS", 0.0)
    with DemoPlatform(readings=readings) as platform, connect(platform) as client:
        platform.faults.retry_after = "0"
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
    monkeypatch.setattr(messagemedia_push, "FRESH_SECONDS", 0.0)
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_in", read_at=at(10)))
    platform.faults.queue("drop", 2, methods=["PATCH"], path=CONTACTS)
    assert push(database, client).counts == {"updated": 1, "unchanged": 0}
    assert states(platform) == {ANN: "SUBSCRIBED"}


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
    database: Database, monkeypatch: pytest.MonkeyPatch, refusal: str, readings: Readings
) -> None:
    with DemoPlatform(readings=readings) as platform, connect(platform) as client:
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

            # The next sync knows whose doing it was, and has the rest refused once more.
            again = push(database, client)
            assert again.counts == {"failed": 1, "unchanged": 0}
            assert "unsubscribed" not in str(again.contacts[0].reason)
            assert "channels" not in updates[-1]
            assert again.unsubscribed_on_platform == 0

        last = push(database, client)
        assert last.counts == {"updated": 1, "unchanged": 0}
        assert last.unsubscribed_on_platform == 0
        known = contacts(database)[ANN]
        assert (known["base_state"], known["base_state_by"]) == ("UNSUBSCRIBED", "sync")
        assert platform.directory.snapshot()[ANN]["first_name"] == "Anna"

        # So whoever opts in again in the store is subscribed again.
        commit(database, customer(consent="opted_in", first_name="Anna", read_at=at(300)))
        push(database, client)
        assert platform.directory.snapshot()[ANN]["states"] == {"SMS": "SUBSCRIBED"}


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


def test_where_several_lists_may_have_one_name_ours_is_the_oldest_and_others_are_left_alone(
    database: Database,
) -> None:
    readings = Readings(list_names="free")
    with DemoPlatform(readings=readings) as platform, connect(platform) as client:
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
        patched.setattr(messagemedia_push, "_is_stale", lambda *_: True)
        patched.setattr(pushing, "plan_contact", subscribing)
        with pytest.raises(PlanError, match="an_opt_out_is_never_overruled"):
            push(database, client)
    assert platform.requests.writes == 0
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
