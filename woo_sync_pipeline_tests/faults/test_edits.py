"""Other people's edits, made after a contact was read and before it is written to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from woo_sync_pipeline.demo.platform import ContactSnapshot, DemoPlatform, Exchange
from woo_sync_pipeline.messagemedia import freshness
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps import push as pushing
from woo_sync_pipeline_tests.databases import DatabaseServer
from woo_sync_pipeline_tests.faults.scenario import (
    CONTACTS,
    LISTS,
    OUTLET,
    SHOP,
    account,
    change_shop,
    furnish,
    person,
    phone,
    sync,
    sync_until_done,
)
from woo_sync_pipeline_tests.state.stored import at, commit, customer


def after_reading(platform: DemoPlatform, phones: Iterable[str], edit: Callable[[str], None]) -> set[str]:
    """Let somebody edit each contact when it was read with others; returns the phones that were edited."""
    wanted, edited = set(phones), set[str]()

    def hook(exchange: Exchange) -> None:
        asked = {value for name, value in exchange.query if name == "channelIds"}
        if exchange.method == "GET" and len(asked) > 1:
            for each in (asked & wanted) - edited:
                edited.add(each)
                edit(each)

    platform.on_exchange = hook
    return edited


def changed(database: Database, platform: DemoPlatform) -> list[str]:
    """A synced shop that changes; returns the phones that the platform holds and that will be updated."""
    change_shop(database, first=True)
    sync_until_done(database, platform)
    change_shop(database, first=False)
    phones = pending_phones(database, source_name=SHOP, touched=[], include_rejected=True)
    return [each for each in phones if each in platform.directory]


def test_nothing_that_others_write_is_lost_and_a_stop_stays(
    database: Database, platform: DemoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "FRESH_SECONDS", 0.0)
    phones = changed(database, platform)
    store, subscribing, whatsapp = platform.directory.store, phone(15), phone(515)
    contact = store.holder(subscribing)
    assert contact is not None
    store.set_channels(contact, {**contact.channels, ("WHATSAPP", whatsapp): "SUBSCRIBED"})

    def edit(each: str) -> None:
        platform.directory.edit(each, last_name="Leigh", custom_fields={"shoe": "43", "hat": "L"})
        platform.directory.add_to_list(each, "Theirs")
        platform.directory.unsubscribe(whatsapp if each == subscribing else each)

    edited = after_reading(platform, phones, edit)
    sync_until_done(database, platform)

    assert edited == set(phones)
    shown = platform.directory.snapshot()
    for each in phones:
        assert shown[each]["last_name"] == "Leigh"
        assert {"shoe": "43", "hat": "L"}.items() <= shown[each]["custom_fields"].items()
        assert "Theirs" in shown[each]["lists"]
    # Who was unsubscribed by us and opts in with a date is subscribed; nobody else is, and on no other channel. What
    # others changed for a person who refused before was perhaps a STOP: an opt-in without a date does not undo that.
    opted_in = {phone(12), phone(15)}
    assert {each for each in phones if shown[each]["states"]["SMS"] == "SUBSCRIBED"} == opted_in
    assert shown[whatsapp]["states"] == {"WHATSAPP": "UNSUBSCRIBED"}
    # And what the shop changed is there as well.
    assert shown[phone(0)]["first_name"] == "Anna 0"
    assert shown[phone(4)]["custom_fields"]["email"] == "ann4@example.com"
    assert "WooCommerce - VIP" in shown[phone(8)]["lists"]


def test_contacts_that_others_delete_meanwhile_are_made_anew_and_no_opt_out_is_forgotten(
    database: Database, platform: DemoPlatform
) -> None:
    phones = changed(database, platform)
    before = platform.directory.snapshot()
    edited = after_reading(platform, phones, platform.directory.delete)
    assert sync_until_done(database, platform) == 1

    assert edited == set(phones)
    shown = platform.directory.snapshot()
    held = [each for each in phones if each not in (phone(16), phone(17))]
    assert all(each in shown for each in held)
    opted_in_again = {phone(12), phone(13), phone(15)}
    for each in held:
        if before[each]["states"]["SMS"] == "UNSUBSCRIBED" and each not in opted_in_again:
            assert shown[each]["states"]["SMS"] == "UNSUBSCRIBED"
    assert len(platform.directory) == len({*shown} - {f"+6149157{number:04d}" for number in range(500, 602)})


def test_two_phones_of_one_contact_are_written_one_after_the_other(
    database: Database, platform: DemoPlatform
) -> None:
    # Each phone's channels travel with the other's: planned on the same reading, one would undo the other.
    for number in (40, 42, 44):
        platform.directory.add_contact(
            phone(number), channels=[("SMS", phone(number + 1), "SUBSCRIBED")], lists=["Theirs"]
        )
    rows = [customer(number, phone(number), consent="opted_in") for number in range(40, 46)]
    commit(database, *rows)
    sync_until_done(database, platform)
    commit(
        database,
        *(customer(number, phone(number), consent="opted_out", read_at=at(200)) for number in range(40, 46)),
    )
    summary = sync(database, platform)

    shown = platform.directory.snapshot()
    assert {shown[phone(number)]["states"]["SMS"] for number in range(40, 46)} == {"UNSUBSCRIBED"}
    assert summary.counts["updated"] == 6
    assert pending_phones(database, source_name=SHOP, touched=[], include_rejected=True) == []


def test_two_sources_that_push_the_same_phones_at_once_send_each_once(
    postgres: DatabaseServer, database: Database, platform: DemoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 8)
    monkeypatch.setattr(pushing, "TURN_SECONDS", 0.0)
    open_shops(database)
    platform.faults.latency = 0.002
    created: list[str] = []
    under_way: list[str] = []

    def note(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.path == CONTACTS:
            assert isinstance(exchange.request, dict)
            created.append(exchange.request["channels"][0]["channelId"])
            under_way.append(threading.current_thread().name)

    platform.on_exchange = note
    both_ready = threading.Barrier(2)
    failures: list[BaseException] = []

    def run(source: str) -> None:
        try:
            both_ready.wait(10)
            sync(database, platform, source=source)
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=run, args=(source,)) for source in (SHOP, OUTLET)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    shown: dict[str, ContactSnapshot] = platform.directory.snapshot()
    assert sorted(created) == [phone(number) for number in range(30, 60)]
    assert shown[phone(45)]["lists"] == [OUTLET, SHOP]
    assert shown[phone(45)]["custom_fields"]["source"] == f"{OUTLET}, {SHOP}"
    assert platform.requests.count("PATCH", LISTS) == 0
    for source in (SHOP, OUTLET):
        assert pending_phones(database, source_name=source, touched=[], include_rejected=True) == []
    with postgres.database(template="template_state") as url, DemoPlatform() as undisturbed:
        calm = Database(url)
        furnish(undisturbed)
        open_shops(calm)
        for source in (SHOP, OUTLET):
            sync(calm, undisturbed, source=source)
        calm.close()
        assert account(platform) == account(undisturbed)


def open_shops(database: Database) -> None:
    """Two shops that have ten customers in common."""
    commit(database, *(person(number, tags=[]) for number in range(30, 50)))
    commit(database, *(person(number, tags=[]) for number in range(40, 60)), source="outlet")


def test_two_syncs_take_turns_and_never_send_at_the_same_time(
    database: Database, platform: DemoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 5)
    monkeypatch.setattr(pushing, "TURN_SECONDS", 0.0)
    commit(database, *(person(number, tags=[]) for number in range(30, 50)))
    commit(database, *(person(number, tags=[]) for number in range(60, 80)), source="outlet")
    platform.faults.latency = 0.005
    order: list[str] = []
    outlet_begins, outlet = threading.Event(), {phone(number) for number in range(60, 80)}

    def note(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.path == CONTACTS:
            assert isinstance(exchange.request, dict)
            order.append(OUTLET if exchange.request["channels"][0]["channelId"] in outlet else SHOP)
            outlet_begins.set()

    platform.on_exchange = note
    first = threading.Thread(target=sync, args=(database, platform))
    first.start()
    assert outlet_begins.wait(30)
    sync(database, platform, source=OUTLET)
    first.join(60)

    assert len(platform.directory) == 5 + 40
    # Whole batches of one source: nobody's requests lie among those of the other one's batch.
    assert [set(order[start : start + 5]) for start in range(0, 40, 5)] == [
        {order[start]} for start in range(0, 40, 5)
    ]
    # And a push that is under way lets the other one have its turn.
    assert order.index(OUTLET) < 20
