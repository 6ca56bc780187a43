"""What is written into the ledger of consent, and that it is never changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.subscription import SetBy, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.state import consent_ledger
from woo_sync_pipeline.state.consent_ledger import (
    LedgerEntry,
    ledger_of,
    ledger_since,
    note_platform_events,
    prune_ledger,
)
from woo_sync_pipeline.state.contacts import Confirmation, load_pending, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.known_account import note_states
from woo_sync_pipeline.state.records import commit_reading
from woo_sync_pipeline.state.retention import prune_history
from woo_sync_pipeline.state.syncs import find_sync
from woo_sync_pipeline_tests.state.stored import (
    ANN,
    BOB,
    CAM,
    SOURCES,
    TRASHED,
    Row,
    at,
    begin,
    commit,
    contacts,
    customer,
    dated_until,
    just_after,
    order,
    reading,
    table,
)

LONG_SINCE = datetime(2000, 1, 1, tzinfo=UTC)


def told(database: Database, phone: str = ANN) -> list[tuple[str, str]]:
    """What happened to a phone, and what became of it."""
    return [(entry.what, entry.became) for entry in ledger_of(database, phone)]


def events(database: Database) -> list[Row]:
    return table(database, "consent_events", order_by="event_id")


def number_of(database: Database, run_id: str) -> int:
    found = find_sync(database, run_id=run_id)
    assert found is not None
    return found.sync_id


def confirm(database: Database, *phones: str, state: str = "SUBSCRIBED", **changes: Any) -> None:
    """Let the platform have confirmed these contacts, some days ago."""
    subscription = SubscriptionBase(SubscriptionState(state), SetBy.sync, seen_at=at(150))
    confirmations = [
        Confirmation(
            each.phone,
            None,
            ContactBase(
                each.first_name,
                each.last_name,
                each.email,
                each.sources,
                each.groups,
                each.signal,
                subscription,
            ),
            **changes,
        )
        for each in load_pending(database, phones)
    ]
    settle(database, run_id="run of shop", confirmations=confirmations, rejections=[], contacts=[])


def test_a_choice_at_the_checkout_is_told_with_all_that_proves_it(database: Database) -> None:
    commit(
        database, order(44, ANN, consent="opted_in", consent_origin="order meta sms", consent_value="Yes!")
    )
    (entry,) = ledger_of(database, ANN)
    assert datetime.now(UTC) - entry.seen_at < timedelta(minutes=1)
    assert entry == LedgerEntry(
        event_id=entry.event_id,
        phone=ANN,
        what="yes",
        earliest=at(10),
        latest=dated_until(10),
        seen_at=entry.seen_at,
        source="shop",
        record_type="order",
        record_id="44",
        key="sms",
        value="Yes!",
        sync_id=number_of(database, "run of shop"),
        became="",
        is_dated=True,
    )
    assert entry.words == "opted in"


def test_every_change_of_mind_is_told_with_when_it_can_have_been(database: Database) -> None:
    for read, consent in ((100, "opted_in"), (200, "opted_out"), (300, "opted_in")):
        commit(database, customer(7, ANN, consent=consent, read_at=at(read)), run_id=f"sync {read}")
    assert [(each.what, each.earliest, each.latest, each.sync_id) for each in ledger_of(database, ANN)] == [
        ("yes", None, at(100), number_of(database, "sync 100")),
        ("no", just_after(100), at(200), number_of(database, "sync 200")),
        ("yes", just_after(200), at(300), number_of(database, "sync 300")),
    ]


def test_a_yes_that_is_taken_back_is_a_no_with_what_is_left_of_it(database: Database) -> None:
    origin = "customer meta sms"
    commit(database, customer(7, ANN, consent="opted_in", consent_origin=origin))
    commit(database, customer(7, ANN, consent_origin=origin, read_at=at(200)))
    assert [(each.what, each.key, each.value) for each in ledger_of(database, ANN)] == [
        ("yes", "sms", "yes"),
        ("no", "sms", ""),
    ]


def test_who_says_nothing_and_who_says_the_same_is_not_told(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"), customer(8, BOB))
    commit(
        database,
        customer(7, ANN, consent="opted_in", first_name="Anna", read_at=at(200)),
        customer(8, BOB, first_name="Bob", read_at=at(200)),
    )
    assert [told(database, phone) for phone in (ANN, BOB)] == [[("yes", "")], []]


def test_a_key_that_was_gone_for_a_while_repeats_what_stood_under_it(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    commit(database, customer(7, ANN, read_at=at(200)))
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(300)))
    assert told(database) == [("yes", ""), ("yes", "repeats an earlier one")]


def test_the_same_reading_again_is_not_told_twice(database: Database) -> None:
    rows = [customer(7, ANN, consent="opted_in"), order(44, BOB, consent="opted_out"), order(45, CAM)]
    for run_id in ("first", "first", "second"):
        commit(database, *rows, run_id=run_id)
    assert [(each["phone"], each["what"]) for each in events(database)] == [(ANN, "yes"), (BOB, "no")]


def test_a_stale_reading_tells_nothing(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in", read_at=at(200)))
    commit(database, customer(7, ANN, consent="opted_out", read_at=at(150)))
    commit(database, customer(7, BOB, consent="opted_in", read_at=at(160)))
    assert (told(database), told(database, BOB)) == ([("yes", "")], [])


def test_a_reading_that_is_not_accepted_tells_nothing(database: Database) -> None:
    begin(database, "run of shop")
    commit_reading(
        database,
        source="shop",
        run_id="run of shop",
        reading=reading(customer(7, ANN, consent="opted_in")),
        sources=SOURCES,
        accept=lambda _: False,
    )
    assert events(database) == []


def test_an_order_without_a_phone_is_told_of_its_customer_s(database: Database) -> None:
    commit(
        database,
        customer(7, ANN),
        order(44, None, of=7, consent="opted_in"),
        order(45, None, of=9, consent="opted_out"),
        order(46, None, consent="opted_out"),
        order(47, BOB, of=7, consent="opted_out"),
    )
    assert [(each["phone"], each["record_id"], each["what"]) for each in events(database)] == [
        (ANN, "44", "yes"),
        (BOB, "47", "no"),
    ]


def test_a_repetition_is_told_as_one_with_when_it_was_made_itself(database: Database) -> None:
    commit(database, order(44, ANN, consent="opted_in"))
    commit(database, order(45, ANN, consent="opted_in", created_at=at(50)))
    first, again = ledger_of(database, ANN)
    assert (again.what, again.became) == ("yes", "repeats an earlier one")
    assert (again.record_id, again.earliest, again.latest) == ("45", at(50), dated_until(50))
    assert (first.earliest, first.latest) == (at(10), dated_until(10))
    assert contacts(database)[ANN]["consent_at"] == at(10)


def test_a_yes_in_the_trash_is_told_to_count_for_nothing_and_a_no_counts(database: Database) -> None:
    commit(
        database,
        order(44, ANN, consent="opted_in", **TRASHED),
        order(45, BOB, consent="opted_out", **TRASHED),
    )
    assert told(database) == [("yes", "on a trashed order: does not count")]
    assert told(database, BOB) == [("no", "")]


@pytest.mark.parametrize(("consent", "what"), [("opted_in", "yes"), ("opted_out", "no")])
def test_a_choice_that_comes_along_to_another_phone_is_told_of_that_one_too(
    database: Database, consent: str, what: str
) -> None:
    commit(database, customer(7, ANN, consent=consent))
    commit(database, customer(7, BOB, consent=consent, read_at=at(200)))
    commit(database, customer(7, None, consent=consent, read_at=at(300)))
    (of_ann,), (of_bob,) = ledger_of(database, ANN), ledger_of(database, BOB)
    assert (of_ann.what, of_ann.became) == (what, "")
    assert (of_bob.what, of_bob.became) == (what, "came along to another phone")
    assert (of_bob.earliest, of_bob.latest) == (of_ann.earliest, of_ann.latest)


def test_a_choice_that_is_made_with_the_move_is_simply_new(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_in"))
    commit(database, customer(7, BOB, consent="opted_out", read_at=at(200)))
    assert told(database, BOB) == [("no", "")]


def test_what_a_push_has_found_and_done_is_told_with_its_sync(database: Database) -> None:
    begin(database, "run of shop")
    commit(database, customer(7, ANN, consent="opted_in"))
    confirm(
        database,
        ANN,
        events=(
            ConsentEvent(ConsentEventKind.gone, at(10), at(20)),
            ConsentEvent(ConsentEventKind.not_applied, at(20), at(20), became="undated"),
            ConsentEvent.by_sync(SubscriptionState.UNSUBSCRIBED, at=at(21)),
        ),
    )
    found = ledger_of(database, ANN)[1:]
    assert [(each.what, each.earliest, each.latest, each.became) for each in found] == [
        ("gone", at(10), at(20), ""),
        ("not_applied", at(20), at(20), "undated"),
        ("unsubscribed_by_sync", at(21), at(21), ""),
    ]
    assert {each.sync_id for each in found} == {number_of(database, "run of shop")}
    assert {(each.source, each.record_type, each.record_id, each.key, each.value) for each in found} == {
        (None, None, None, "", "")
    }


@pytest.mark.parametrize("kind", ConsentEventKind)
def test_every_kind_can_be_told_and_has_words(database: Database, kind: ConsentEventKind) -> None:
    with database.transaction() as connection:
        note_platform_events(connection, None, [(ANN, ConsentEvent(kind, None, at(5)))])
    (entry,) = ledger_of(database, ANN)
    assert (entry.what, entry.earliest, entry.latest, entry.sync_id) == (kind.value, None, at(5), None)
    assert " " in entry.words


def finish(database: Database, run_id: str, *, read_at: datetime) -> None:
    """Let a sync have looked at the whole directory at a time."""
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.sync_runs SET status = 'succeeded', directory_read_at = :read_at"
                " WHERE run_id = :run_id"
            ),
            {"run_id": run_id, "read_at": read_at},
        )


def test_a_look_at_the_directory_tells_who_was_unsubscribed_or_subscribed_since_the_last(
    database: Database,
) -> None:
    commit(database, *(customer(number, phone) for number, phone in ((7, ANN), (8, BOB), (9, CAM))))
    confirm(database, ANN, CAM)
    confirm(database, BOB, state="UNSUBSCRIBED")
    begin(database, "a look")
    now = datetime.now(UTC)
    seen = {ANN: "UNSUBSCRIBED", BOB: "SUBSCRIBED", CAM: "SUBSCRIBED"}
    states = {phone: SubscriptionState(state) for phone, state in seen.items()}
    assert note_states(database, states, run_id="a look", read_at=now) == 1

    for phone, what in ((ANN, "stop"), (BOB, "resubscribed")):
        (entry,) = ledger_of(database, phone)
        assert (entry.what, entry.sync_id) == (what, number_of(database, "a look"))
        # It was seen otherwise when it was confirmed.
        assert entry.earliest == at(150)
        assert now < entry.latest < now + timedelta(minutes=1)
        known = contacts(database)[phone]
        assert (known["base_state_by"], known["base_seen_at"]) == ("platform", entry.latest)
    assert told(database, CAM) == []
    assert note_states(database, states, run_id="a look", read_at=datetime.now(UTC)) == 0
    assert len(events(database)) == 2


def test_every_look_sees_who_was_not_unsubscribed(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    for run_id, minutes in (("first look", 200), ("second look", 300)):
        begin(database, run_id)
        finish(database, run_id, read_at=at(minutes))
    begin(database, "third look")
    states = {ANN: SubscriptionState.UNSUBSCRIBED}
    note_states(database, states, run_id="third look", read_at=datetime.now(UTC))
    (entry,) = ledger_of(database, ANN)
    assert (entry.what, entry.earliest) == ("stop", at(300))


def test_what_is_left_to_the_push_is_not_told_by_the_look(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    commit(database, customer(7, ANN, first_name="Anna", read_at=at(200)))
    states = {ANN: SubscriptionState.UNSUBSCRIBED}
    assert note_states(database, states, run_id="run of shop", read_at=datetime.now(UTC)) == 0
    assert events(database) == []


def test_entries_are_added_and_never_changed(database: Database) -> None:
    """Whatever happens afterwards, what was told stays as it was."""
    begin(database, "run of shop")
    lives: list[Callable[[], object]] = [
        lambda: commit(database, customer(7, ANN, consent="opted_in"), order(44, ANN, consent="opted_in")),
        lambda: confirm(database, ANN, events=(ConsentEvent(ConsentEventKind.gone, None, at(5)),)),
        lambda: commit(database, customer(7, ANN, consent="opted_out", read_at=at(200))),
        lambda: confirm(database, ANN),
        lambda: note_states(
            database,
            {ANN: SubscriptionState.UNSUBSCRIBED},
            run_id="run of shop",
            read_at=datetime.now(UTC),
        ),
        lambda: commit(database, customer(7, BOB, consent="opted_out", read_at=at(300))),
        lambda: commit(database, order(44, BOB, consent="opted_in", **TRASHED, read_at=at(300))),
        lambda: commit(database, gone=[7], started=400),
        lambda: commit(database, customer(17, ANN, consent="opted_in", read_at=at(500))),
    ]
    before: list[Row] = []
    for live in lives:
        live()
        after = events(database)
        assert after[: len(before)] == before
        before = after
    assert len(before) == 8


def test_the_history_of_syncs_is_forgotten_and_the_ledger_is_not(database: Database) -> None:
    commit(database, order(44, ANN, consent="opted_in"), run_id="long ago")
    commit(database, run_id="newer", read_until=200)
    finish(database, "long ago", read_at=at(100))
    finish(database, "newer", read_at=at(200))
    before = events(database)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert prune_history(database, before=tomorrow, timezone="UTC") == 1
    assert find_sync(database, run_id="long ago") is None
    assert events(database) == before


def test_old_entries_are_deleted_and_what_is_in_force_stays(database: Database) -> None:
    commit(database, customer(7, ANN, consent="opted_out"))
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.consent_events SET seen_at = :at"), {"at": at(0)})
    commit(database, customer(8, BOB, consent="opted_out"))
    assert prune_ledger(database, before=at(0)) == 0
    assert prune_ledger(database, before=at(1)) == 1
    assert (told(database), told(database, BOB)) == ([], [("no", "")])
    assert contacts(database)[ANN]["consent"] == "opted_out"
    # What is known is not told anew for that.
    commit(database, customer(7, ANN, consent="opted_out", first_name="Anna", read_at=at(200)))
    assert told(database) == []


def test_the_entries_of_one_phone_come_in_the_order_in_which_they_were_seen(database: Database) -> None:
    commit(
        database, order(44, ANN, consent="opted_out", created_at=at(50)), order(45, BOB, consent="opted_in")
    )
    commit(database, order(46, ANN, consent="opted_in", created_at=at(10)))
    assert [each.record_id for each in ledger_of(database, ANN)] == ["44", "46"]
    assert ledger_of(database, CAM) == []


def test_the_ledger_is_read_page_by_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_ledger, "_PAGE", 2)
    phones = [f"+6149157{number:04d}" for number in range(5)]
    commit(database, *(order(number, phone, consent="opted_in") for number, phone in enumerate(phones)))
    pages = []
    after = 0
    while page := ledger_since(database, LONG_SINCE, after=after):
        pages.append([entry.phone for entry in page])
        after = page[-1].event_id
    assert pages == [phones[:2], phones[2:4], phones[4:]]


def test_since_a_time_is_by_when_it_was_seen_and_with_that_time(database: Database) -> None:
    commit(database, order(44, ANN, consent="opted_in", created_at=at(1)))
    commit(database, order(45, BOB, consent="opted_in", created_at=at(1)))
    first, second = ledger_since(database, LONG_SINCE)
    assert first.seen_at < second.seen_at
    assert ledger_since(database, second.seen_at) == [second]
    assert ledger_since(database, second.seen_at + timedelta(microseconds=1)) == []


def test_what_the_platform_confirms_without_news_is_not_told(database: Database) -> None:
    commit(database, customer(7, ANN))
    confirm(database, ANN)
    assert events(database) == []
    assert contacts(database)[ANN]["base_state"] == "SUBSCRIBED"
