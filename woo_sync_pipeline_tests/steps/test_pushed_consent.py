"""Who is subscribed by a push, who is not, and what the history and the ledger tell of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.state.consent_ledger import LedgerEntry, ledger_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, sync_contacts
from woo_sync_pipeline_tests.state.stored import ANN, BOB, Row, at, commit, contacts, customer, order
from woo_sync_pipeline_tests.steps.pushed import Pushed
from woo_sync_pipeline_tests.steps.pushes import (
    CONTACTS,
    crash_before_settling,
    opted_in,
    pending,
    push,
    states,
)

AT_CHECKOUT = {"consent": "opted_in", "consent_origin": "order meta checkout"}
"""A choice under another key than the account's, so that it repeats none."""
NOT_APPLIED = (
    "MessageMedia answered that the contact is unsubscribed now, and goes on showing it as subscribed"
)


def ordered(when: datetime, **changes: Any) -> Row:
    """An order of Ann's with an opt-in, which is read as soon as it is there."""
    return order(44, ANN, created_at=when, read_at=max(when, at(200)), **{**AT_CHECKOUT, **changes})


def soon() -> datetime:
    """Later than all that has happened, by any clock."""
    return datetime.now(UTC) + timedelta(minutes=1)


def the_line(summary: Pushed) -> SyncContact:
    (line,) = summary.contacts
    return line


def last_line(database: Database) -> SyncContact:
    """The last line of the history."""
    line = sync_contacts(database, 1)[-1]
    return replace(line, changes=tuple(line.changes))


def on_the_platform(database: Database, phone: str = ANN) -> list[LedgerEntry]:
    """The entries of the ledger that tell what happened there."""
    return [entry for entry in ledger_of(database, phone) if entry.source is None]


def told(database: Database, phone: str = ANN) -> list[str]:
    return [entry.what for entry in on_the_platform(database, phone)]


@pytest.fixture(params=["the STOP moves the date", "it does not"])
def stopped(
    request: pytest.FixtureRequest, database: Database, platform: DemoPlatform, client: PlatformClient
) -> Database:
    """Ann had opted in and was subscribed; then she answered STOP, which no sync has seen yet."""
    platform.directory.stop_moves_date = request.param == "the STOP moves the date"
    commit(database, opted_in())
    assert push(database, client).counts["new"] == 1
    assert states(platform) == {ANN: "SUBSCRIBED"}
    platform.directory.unsubscribe(ANN)
    return database


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (ordered(at(150)), NotApplied.perhaps_earlier),
        (customer(7, ANN, said_at=at(150), read_at=at(200), **AT_CHECKOUT), NotApplied.perhaps_earlier),
        (customer(7, ANN, read_at=at(200), **AT_CHECKOUT), NotApplied.undated),
    ],
    ids=["an order", "an account with a date", "an account"],
)
def test_a_stop_that_is_seen_with_an_opt_in_is_not_undone_by_it(
    stopped: Database, platform: DemoPlatform, client: PlatformClient, row: Row, why: NotApplied
) -> None:
    """However soon after the order it was: nobody knows which of the two was first."""
    commit(stopped, row)
    summary = push(stopped, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert (summary.counts, summary.not_applied, summary.unsubscribed_on_platform) == ({"unchanged": 1}, 1, 1)
    line = the_line(summary)
    assert (line.outcome, line.state, line.changes, line.reason) == (
        "unchanged",
        "UNSUBSCRIBED",
        (),
        why.sentence,
    )
    assert last_line(stopped) == line
    assert contacts(stopped)[ANN]["not_applied"] == why.value
    assert told(stopped) == ["subscribed_by_sync", "stop", "not_applied"]

    # It is told once.
    commit(stopped, {**row, "first_name": "Anna", "hash": "another", "read_at": at(300)})
    again = push(stopped, client)
    assert (again.not_applied, [line.reason for line in again.contacts]) == (0, [None] * len(again.contacts))
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert told(stopped) == ["subscribed_by_sync", "stop", "not_applied"]


def test_what_else_an_opt_in_that_is_not_applied_brings_is_sent_and_told_with_it(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(stopped, ordered(at(150)), opted_in(first_name="Anna", read_at=at(200)))
    summary = push(stopped, client)
    assert (summary.counts, summary.not_applied) == ({"updated": 1, "unchanged": 0}, 1)
    line = the_line(summary)
    assert (line.outcome, line.changes, line.reason) == (
        "updated",
        ("first_name",),
        NotApplied.perhaps_earlier.sentence,
    )
    assert platform.directory.snapshot()[ANN]["first_name"] == "Anna"
    assert states(platform) == {ANN: "UNSUBSCRIBED"}


def test_who_opts_in_after_the_stop_was_seen_is_subscribed(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(stopped, opted_in(first_name="Anna", read_at=at(200)))
    push(stopped, client)
    commit(stopped, ordered(soon()))
    summary = push(stopped, client)
    assert states(platform) == {ANN: "SUBSCRIBED"}
    assert (the_line(summary).changes, the_line(summary).reason) == (("subscribed",), None)
    assert told(stopped) == ["subscribed_by_sync", "stop", "subscribed_by_sync"]
    assert contacts(stopped)[ANN]["not_applied"] is None


def test_a_prefilled_box_after_the_stop_was_seen_subscribes_nobody(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(stopped, ordered(soon(), consent_origin="order meta sms"))
    push(stopped, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}


def test_what_was_already_known_when_a_stop_is_seen_is_told_of_by_nobody(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    """The opt-in was applied when it was new: it is the STOP that is new now."""
    commit(stopped, opted_in(first_name="Anna", read_at=at(200)))
    summary = push(stopped, client)
    assert (summary.not_applied, the_line(summary).reason) == (0, None)
    assert told(stopped) == ["subscribed_by_sync", "stop"]


def test_a_person_who_was_unsubscribed_by_an_opt_out_is_subscribed_by_a_newer_opt_in(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    for minutes, consent in ((100, "opted_in"), (200, "opted_out"), (300, "opted_in")):
        commit(database, customer(7, ANN, consent=consent, read_at=at(minutes)))
        push(database, client)
        assert states(platform) == {ANN: "UNSUBSCRIBED" if consent == "opted_out" else "SUBSCRIBED"}
    assert told(database) == ["subscribed_by_sync", "unsubscribed_by_sync", "subscribed_by_sync"]


def test_a_contact_that_was_unsubscribed_before_the_first_sync_stays_so_and_is_told_of(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.add_contact(ANN, state="UNSUBSCRIBED", lists=["K"])
    commit(database, ordered(soon()))
    summary = push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert (the_line(summary).outcome, summary.not_applied) == ("updated", 1)
    assert the_line(summary).reason == NotApplied.unsubscribed_before.sentence
    assert told(database) == ["not_applied"]


@pytest.mark.parametrize("remembers", [False, True], ids=["forgotten", "remembered"])
def test_who_was_deleted_comes_back_unsubscribed_whatever_the_store_says(
    stopped: Database, platform: DemoPlatform, client: PlatformClient, remembers: bool
) -> None:
    platform.directory.remembers_opt_outs = remembers
    platform.directory.delete(ANN)
    commit(stopped, ordered(at(150), first_name="Anna"))
    summary = push(stopped, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    line = the_line(summary)
    assert (line.outcome, line.state, line.reason) == (
        "new",
        "UNSUBSCRIBED",
        NotApplied.perhaps_before_deletion.sentence,
    )
    assert told(stopped) == ["subscribed_by_sync", "gone", "not_applied"]
    known = contacts(stopped)[ANN]
    assert (known["base_state"], known["base_state_by"]) == ("UNSUBSCRIBED", "platform")

    # Whoever says yes after that is subscribed, unless the platform holds against it.
    commit(stopped, {**ordered(soon()), "record_id": "45", "consent_key": "other", "hash": "another"})
    push(stopped, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED" if remembers else "SUBSCRIBED"}


def test_a_deleted_contact_that_was_unsubscribed_by_an_opt_out_is_subscribed_by_a_newer_opt_in(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    for minutes, consent in ((100, "opted_in"), (200, "opted_out"), (300, "opted_in")):
        commit(database, customer(7, ANN, consent=consent, read_at=at(minutes)))
        if minutes == 300:
            platform.directory.delete(ANN)
        push(database, client)
    assert states(platform) == {ANN: "SUBSCRIBED"}


def test_an_opt_out_that_the_platform_does_not_apply_has_failed_and_is_tried_until_it_is(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in())
    push(database, client)
    platform.directory.keeps_state_of.add(ANN)
    commit(database, customer(7, ANN, consent="opted_out", first_name="Anna", read_at=at(200)))
    platform.requests.reset()
    summary = push(database, client)

    assert (summary.counts, summary.unsubscribed_on_platform) == ({"failed": 1, "unchanged": 0}, 0)
    line = the_line(summary)
    assert (line.outcome, line.phone, line.changes) == ("failed", ANN, ())
    assert line.reason is not None
    assert line.reason.startswith(NOT_APPLIED)
    assert last_line(database) == line
    assert platform.requests.count("PATCH", CONTACTS) == 3
    known = contacts(database)[ANN]
    assert (known["base_state"], known["is_pending"]) == ("SUBSCRIBED", True)
    assert known["rejected_reason"] == line.reason
    assert told(database) == ["subscribed_by_sync"]

    # The next live sync tries it again, and that of another store as well.
    assert pending(database, is_sweep=False) == [ANN]
    assert push(database, client, is_sweep=False).counts == {"failed": 1, "unchanged": 0}
    assert pending(database, is_sweep=False, source_name="Outlet") == [ANN]

    platform.directory.keeps_state_of.clear()
    last = push(database, client, is_sweep=False, source_name="Outlet")
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert (last.counts, the_line(last).changes) == ({"updated": 1, "unchanged": 0}, ("unsubscribed",))
    assert pending(database) == []
    # It was our doing, and no person's: so the next opt-in subscribes her again.
    assert last.unsubscribed_on_platform == 0
    assert contacts(database)[ANN]["base_state_by"] == "sync"
    assert told(database) == ["subscribed_by_sync", "unsubscribed_by_sync"]
    commit(database, opted_in(first_name="Anna", read_at=at(300)))
    push(database, client)
    assert states(platform) == {ANN: "SUBSCRIBED"}


def test_an_opt_out_that_is_not_applied_holds_up_no_other(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, opted_in(), opted_in(BOB, 8))
    push(database, client)
    platform.directory.keeps_state_of.add(ANN)
    commit(database, *(customer(n, p, consent="opted_out", read_at=at(200)) for n, p in ((7, ANN), (8, BOB))))
    assert push(database, client).counts == {"updated": 1, "failed": 1, "unchanged": 0}
    assert states(platform) == {ANN: "SUBSCRIBED", BOB: "UNSUBSCRIBED"}


def test_an_opt_out_of_a_contact_of_others_that_is_not_applied_is_tried_again_by_the_next_sweep(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    """Nothing was ever confirmed of it."""
    platform.directory.add_contact(ANN, lists=["K"])
    platform.directory.keeps_state_of.add(ANN)
    commit(database, customer(7, ANN, consent="opted_out"))
    assert push(database, client).counts == {"failed": 1, "unchanged": 0}
    assert pending(database) == [ANN]
    platform.directory.keeps_state_of.clear()
    push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}


def test_an_opt_in_that_the_platform_does_not_apply_is_no_subscription(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    """Where the platform holds the person's STOP against it, nobody is taken for subscribed."""
    commit(database, opted_in())
    push(database, client)
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(200)))
    push(database, client)
    platform.directory.keeps_state_of.add(ANN)
    commit(database, opted_in(read_at=at(300)))
    push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert contacts(database)[ANN]["base_state"] == "UNSUBSCRIBED"


def test_a_new_contact_that_nobody_opted_in_is_told_by_no_entry(
    database: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(database, customer(7, ANN), customer(8, BOB, consent="opted_out"))
    push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED", BOB: "UNSUBSCRIBED"}
    assert told(database) == told(database, BOB) == []


def test_what_a_push_sees_happened_between_the_look_before_and_now(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    before = contacts(stopped)[ANN]["base_seen_at"]
    commit(stopped, opted_in(first_name="Anna", read_at=at(200)))
    push(stopped, client)
    subscribed, stop = on_the_platform(stopped)
    assert (stop.what, stop.earliest) == ("stop", before)
    assert stop.latest == contacts(stopped)[ANN]["unsubscribed_seen_at"]
    assert subscribed.latest <= stop.latest <= stop.seen_at
    assert stop.sync_id == subscribed.sync_id


def test_who_subscribed_again_on_the_platform_is_told(
    stopped: Database, platform: DemoPlatform, client: PlatformClient
) -> None:
    commit(stopped, opted_in(first_name="Anna", read_at=at(200)))
    push(stopped, client)
    platform.directory.subscribe(ANN)
    commit(stopped, opted_in(first_name="Annie", read_at=at(300)))
    push(stopped, client)
    assert told(stopped) == ["subscribed_by_sync", "stop", "resubscribed"]
    assert states(platform) == {ANN: "SUBSCRIBED"}


def test_what_a_crash_kept_from_being_told_is_told_by_the_next_sync(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, opted_in())
    crash_before_settling(database, client, monkeypatch)
    assert told(database) == []
    push(database, client)
    push(database, client)
    assert told(database) == ["subscribed_by_sync"]


def test_a_stop_after_a_crash_is_told_and_not_what_was_perhaps_sent_before(
    database: Database, platform: DemoPlatform, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(database, customer(consent="opted_out", read_at=at(5)))
    push(database, client)
    commit(database, customer(consent="opted_in", read_at=at(10)))
    crash_before_settling(database, client, monkeypatch)
    platform.directory.unsubscribe(ANN)
    summary = push(database, client)
    assert states(platform) == {ANN: "UNSUBSCRIBED"}
    assert told(database) == ["stop", "not_applied"]
    assert (summary.unsubscribed_on_platform, summary.not_applied) == (1, 1)
