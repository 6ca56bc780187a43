from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import (
    SyncContact,
    Watermark,
    completed_sweeps,
    fail_sync,
    find_sync,
    finish_sync,
    get_sync,
    list_syncs,
    mark_crashed,
    note_contacts,
    sync_contacts,
    watermark,
    watermark_by,
)
from woo_sync_pipeline_tests.state.stored import ANN, at, begin, commit, customer

MINUTE = timedelta(minutes=1)


def test_a_sync_is_begun_once_per_run_and_numbered_without_gaps(database: Database) -> None:
    first = begin(database, "a", kind="live", reading="touched", first_day=date(2026, 11, 1))
    assert (first.sync_id, first.run_id, first.source, first.kind, first.reading) == (
        1,
        "a",
        "shop",
        "live",
        "touched",
    )
    assert (first.status, first.finished_at, first.counts, first.error) == ("running", None, {}, None)
    assert abs((datetime.now(UTC) - first.started_at).total_seconds()) < 60
    assert begin(database, "a", kind="daily") == first
    assert begin(database, "b").sync_id == 2


def test_a_sync_ends_well_with_its_counts_and_invalid_rows(database: Database) -> None:
    begin(database, "a")
    invalid = [
        SyncContact(
            outcome="invalid",
            record_type="customer",
            record_id="7",
            phone_masked="041•••••678",
            reason="not_mobile",
        )
    ]
    done = finish_sync(database, run_id="a", counts={"new": 3, "reasons": {"not_mobile": 1}}, invalid=invalid)
    assert (done.status, done.counts) == ("succeeded", {"new": 3, "reasons": {"not_mobile": 1}})
    assert done.finished_at is not None
    assert done.finished_at >= done.started_at
    assert sync_contacts(database, 1) == [
        SyncContact("invalid", None, "041•••••678", "customer", "7", None, [], "not_mobile")
    ]
    assert get_sync(database, 1) == find_sync(database, run_id="a") == done


def test_finishing_again_replaces_the_invalid_rows_and_keeps_the_others(database: Database) -> None:
    begin(database, "a")
    with database.transaction() as connection:
        note_contacts(
            connection, "a", [SyncContact("new", ANN), SyncContact("failed", ANN, reason="refused")]
        )
    for count in (1, 2):
        invalid = [SyncContact("invalid", record_id=str(number)) for number in range(count)]
        finish_sync(database, run_id="a", counts={"invalid": count}, invalid=invalid)
    assert [each.outcome for each in sync_contacts(database, 1)] == ["new", "failed", "invalid", "invalid"]


def test_what_happened_is_told_in_its_order(database: Database) -> None:
    begin(database, "a")
    phones = [f"+6149157{number:04d}" for number in (5, 1, 4, 2, 3)]
    with database.transaction() as connection:
        note_contacts(connection, "a", [SyncContact("new", phone) for phone in phones])
    assert [each.phone for each in sync_contacts(database, 1)] == phones
    assert sync_contacts(database, 2) == []


def test_a_failure_is_noted_with_its_reason_and_never_over_a_success(database: Database) -> None:
    begin(database, "a")
    fail_sync(database, run_id="a", error="the store is down")
    failed = get_sync(database, 1)
    assert failed is not None
    assert (failed.status, failed.error) == ("failed", "the store is down")
    assert failed.finished_at is not None

    begin(database, "b")
    finish_sync(database, run_id="b", counts={}, invalid=[])
    fail_sync(database, run_id="b", error="too late")
    assert [(each.status, each.error) for each in list_syncs(database)] == [
        ("succeeded", None),
        ("failed", "the store is down"),
    ]


def test_a_failed_sync_that_is_resumed_may_still_succeed(database: Database) -> None:
    begin(database, "a")
    fail_sync(database, run_id="a", error="the store is down")
    done = finish_sync(database, run_id="a", counts={}, invalid=[])
    assert (done.status, done.error) == ("succeeded", None)


def test_a_sync_that_was_never_begun_can_not_be_finished(database: Database) -> None:
    with pytest.raises(StateError):
        finish_sync(database, run_id="nobody", counts={}, invalid=[])
    assert find_sync(database, run_id="nobody") is None
    assert get_sync(database, 99) is None


def test_crashed_syncs_of_a_store_are_marked_and_all_others_left(database: Database) -> None:
    begin(database, "killed")
    begin(database, "ended")
    fail_sync(database, run_id="ended", error="why")
    begin(database, "other store", source="outlet")
    begin(database, "this one")
    mark_crashed(database, source="shop", except_run_id="this one")
    assert {each.run_id: each.status for each in list_syncs(database)} == {
        "killed": "crashed",
        "ended": "failed",
        "other store": "running",
        "this one": "running",
    }
    (crashed,) = [each for each in list_syncs(database) if each.run_id == "killed"]
    assert crashed.error is not None
    assert crashed.finished_at is not None


def test_the_history_is_newest_first_by_store_and_limited(database: Database) -> None:
    for number in range(5):
        begin(database, f"run {number}", source="shop" if number % 2 else "outlet")
    assert [each.sync_id for each in list_syncs(database)] == [5, 4, 3, 2, 1]
    assert [each.sync_id for each in list_syncs(database, limit=2)] == [5, 4]
    assert [each.run_id for each in list_syncs(database, source="shop")] == ["run 3", "run 1"]
    assert list_syncs(database, source="nobody") == []


def test_how_far_a_store_was_read_is_the_farthest_commit(database: Database) -> None:
    begin(database, "not committed")
    assert watermark(database, "shop") is None
    commit(database, customer(), run_id="a", read_until=200, cursor={"last_customer_id": 20})
    # A backfill of older days reads less far; what its source knows of that is in force.
    commit(database, customer(), run_id="b", read_until=50, cursor={"last_customer_id": 21})
    commit(database, customer(), run_id="c", source="outlet", read_until=900)
    assert watermark(database, "shop") == Watermark(at(200), {"last_customer_id": 21})


def test_how_far_a_store_was_read_stands_if_its_clock_has_come_that_far(database: Database) -> None:
    commit(database, customer(), run_id="a", read_until=200, cursor={"last_customer_id": 20})
    known = Watermark(at(200), {"last_customer_id": 20})
    for minutes in (200, 201, 9000):
        assert watermark_by(database, "shop", known, store_now=at(minutes)) == known


def test_a_sync_that_read_with_a_clock_that_was_ahead_counts_as_read_a_little_before_it_began(
    database: Database,
) -> None:
    start_at(database, "right", 100, read_until=100, cursor={"last_customer_id": 20})
    start_at(database, "ahead", 150, read_until=9000, cursor={"last_customer_id": 21})
    start_at(database, "other store", 170, read_until=170, source="outlet")
    known = watermark(database, "shop")
    assert known is not None
    assert known == Watermark(at(9000), {"last_customer_id": 21})
    assert watermark_by(database, "shop", known, store_now=at(160)) == Watermark(
        at(145), {"last_customer_id": 21}
    )
    start_at(database, "right again", 160, read_until=160, cursor={"last_customer_id": 21})
    assert watermark_by(database, "shop", known, store_now=at(161)) == Watermark(
        at(160), {"last_customer_id": 21}
    )
    # Put back once more: what was read since is as doubtful.
    assert watermark_by(database, "shop", known, store_now=at(140)) == Watermark(
        at(135), {"last_customer_id": 21}
    )


def test_clocks_that_differ_by_seconds_do_not_have_anything_read_again(database: Database) -> None:
    """Where several machines answer for a store, each has its own."""
    start_at(database, "a", 200, read_until=200, cursor={"last_customer_id": 20})
    now = at(200) - timedelta(seconds=20)
    assert watermark_by(
        database, "shop", Watermark(at(200), {"last_customer_id": 20}), store_now=now
    ) == Watermark(now, {"last_customer_id": 20})


@pytest.mark.parametrize(("ahead", "until"), [(0, 194), (5, 199), (6, 200), (9, 200), (-3, 191), (60, 200)])
def test_a_clock_that_was_set_back_since_has_read_no_further_than_it_says_now_itself(
    database: Database, ahead: int, until: int
) -> None:
    """It was five or six minutes ahead when it was read until minute 200, and shows minute 210 now."""
    clock = ClockOffset(5 * MINUTE, 6 * MINUTE)
    commit(
        database, customer(), run_id="a", read_until=200, cursor={"last_customer_id": 20}, source_clock=clock
    )
    known = Watermark(at(200), {"last_customer_id": 20})
    found = watermark_by(database, "shop", known, store_now=at(210), store_ahead=ahead * MINUTE)
    assert found == Watermark(at(until), {"last_customer_id": 20})
    assert watermark_by(database, "shop", known, store_now=at(210)) == known


def test_the_farthest_of_several_clocks_counts(database: Database) -> None:
    ahead = ClockOffset(30 * MINUTE, 30 * MINUTE)
    commit(
        database, customer(), run_id="a", read_until=200, cursor={"last_customer_id": 20}, source_clock=ahead
    )
    commit(database, customer(), run_id="b", read_until=180, cursor={"last_customer_id": 20})
    known = Watermark(at(200), {"last_customer_id": 20})
    found = watermark_by(database, "shop", known, store_now=at(300), store_ahead=timedelta())
    assert found == Watermark(at(180), {"last_customer_id": 20})


@pytest.mark.parametrize(("now", "until"), [(210, 200), (190, 145)])
def test_of_a_sync_that_did_not_measure_the_clock_only_the_future_is_not_believed(
    database: Database, now: int, until: int
) -> None:
    start_at(database, "a", 150, read_until=200, cursor={"last_customer_id": 20})
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.sync_runs SET store_ahead_by = NULL"))
    known = Watermark(at(200), {"last_customer_id": 20})
    found = watermark_by(database, "shop", known, store_now=at(now), store_ahead=timedelta())
    assert found == Watermark(at(until), {"last_customer_id": 20})


def start_at(database: Database, run_id: str, minutes: int, **changes: Any) -> None:
    """A sync that began at a minute of this project's clock, and was committed."""
    commit(database, customer(), run_id=run_id, **changes)
    with database.transaction() as connection:
        connection.execute(
            sa.text("UPDATE woo_sync.sync_runs SET started_at = :then WHERE run_id = :run_id"),
            {"then": at(minutes), "run_id": run_id},
        )


def test_a_failed_sync_that_was_committed_counts_for_how_far_it_was_read(database: Database) -> None:
    commit(database, customer(), run_id="a", read_until=200, cursor={"last_customer_id": 20})
    fail_sync(database, run_id="a", error="the platform is down")
    assert watermark(database, "shop") == Watermark(at(200), {"last_customer_id": 20})


def test_sweeps_that_ended_well_are_listed_oldest_first(database: Database) -> None:
    for run_id, reading, source in [
        ("a", "sweep", "shop"),
        ("b", "touched", "shop"),
        ("c", "sweep", "outlet"),
        ("d", "sweep", "shop"),
        ("e", "sweep", "shop"),
    ]:
        begin(database, run_id, reading=reading, source=source)
        if run_id != "d":
            finish_sync(database, run_id=run_id, counts={}, invalid=[])
    assert [each.run_id for each in completed_sweeps(database, "shop")] == ["a", "e"]
