from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.orchestration.decisions import DayRange, days_to_sync
from woo_sync_pipeline.sources.woocommerce.known import last_order_id, next_cursor
from woo_sync_pipeline.state.alerts import AlertKey, claim_alert, note_told, note_untold
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.retention import covered_days, prune_history
from woo_sync_pipeline.state.syncs import completed_sweeps, list_syncs, watermark
from woo_sync_pipeline_tests.state.long_history import TIMEZONE, write_history
from woo_sync_pipeline_tests.state.stored import Row, at, begin, commit, order, table

LAST_DAY = date(2026, 11, 22)
MORNING = date(2026, 11, 23)


def prune(database: Database, before: date, *, batch: int = 500) -> int:
    return prune_history(database, before=midnight(before, TIMEZONE), timezone=TIMEZONE, batch=batch)


def numbers_of_contacts(database: Database) -> set[int]:
    return {row["sync_id"] for row in table(database, "sync_run_contacts")}


def missing(database: Database, start: date) -> DayRange | None:
    return days_to_sync(
        start_date=start,
        today=MORNING,
        sweeps=completed_sweeps(database, "woocommerce"),
        timezone=TIMEZONE,
        covered_before=covered_days(database, "woocommerce"),
    )


def test_old_syncs_go_with_their_contacts_and_newer_ones_stay(database: Database) -> None:
    write_history(database, last_day=LAST_DAY, days=10, live_a_day=2)
    before = MORNING - timedelta(days=4)
    kept = [each for each in list_syncs(database) if each.started_at >= midnight(before, TIMEZONE)]
    everything = len(list_syncs(database))
    assert prune(database, before) == everything - len(kept) > 0
    assert list_syncs(database) == kept
    assert numbers_of_contacts(database) == {each.sync_id for each in kept}
    assert prune(database, before) == 0


def test_batches_change_nothing_but_the_number_of_transactions(database: Database) -> None:
    write_history(database, last_day=LAST_DAY, days=10, live_a_day=2)
    before = MORNING - timedelta(days=4)
    expected = sum(each.started_at < midnight(before, TIMEZONE) for each in list_syncs(database))
    assert prune(database, before, batch=3) == expected
    assert all(each.started_at >= midnight(before, TIMEZONE) for each in list_syncs(database))


def test_the_schedule_does_not_ask_again_for_days_whose_syncs_are_forgotten(database: Database) -> None:
    start = write_history(database, last_day=LAST_DAY, days=10)
    assert missing(database, start) is None
    prune(database, MORNING - timedelta(days=4))
    assert len(completed_sweeps(database, "woocommerce")) == 5
    assert missing(database, start) is None


def test_a_day_that_no_sync_had_covered_stays_missing(database: Database) -> None:
    start = write_history(database, last_day=LAST_DAY, days=10)
    hole = start + timedelta(days=2)
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.sync_runs SET status = 'failed' WHERE first_day = :day AND kind = 'daily'"
            ),
            {"day": hole},
        )
    expected = DayRange(hole, LAST_DAY)
    assert missing(database, start) == expected
    prune(database, MORNING - timedelta(days=4))
    assert missing(database, start) == expected


def test_a_day_that_was_not_over_when_it_was_read_stays_missing(database: Database) -> None:
    start = write_history(database, last_day=LAST_DAY, days=10)
    with database.transaction() as connection:
        connection.execute(
            sa.text("DELETE FROM woo_sync.sync_runs WHERE first_day = :day AND kind = 'daily'"),
            {"day": start},
        )
    prune(database, MORNING - timedelta(days=4))
    # The first sync read it at nine in the morning.
    assert missing(database, start) == DayRange(start, LAST_DAY)


def test_how_far_a_source_was_read_is_never_forgotten(database: Database) -> None:
    write_history(database, last_day=LAST_DAY, days=10, live_a_day=1)
    known = watermark(database, "woocommerce")
    assert known is not None
    prune(database, MORNING + timedelta(days=999))
    assert watermark(database, "woocommerce") == known
    (kept,) = list_syncs(database)
    assert (kept.read_until, kept.cursor) == (known.read_until, known.cursor)


def test_each_source_keeps_its_own_and_what_was_never_committed_goes(database: Database) -> None:
    write_history(database, last_day=LAST_DAY, days=3)
    begin(database, "failed", source="outlet")
    begin(database, "running", source="shop")
    with database.transaction() as connection:
        connection.execute(
            sa.text(
                "UPDATE woo_sync.sync_runs SET started_at = :then,"
                " status = CASE source WHEN 'outlet' THEN 'failed' ELSE status END"
                " WHERE source IN ('outlet', 'shop')"
            ),
            {"then": datetime(2020, 1, 1, tzinfo=UTC)},
        )
    prune(database, MORNING + timedelta(days=999))
    assert {each.source: each.status for each in list_syncs(database)} == {
        "woocommerce": "succeeded",
        "shop": "running",
    }


def test_the_latest_that_was_committed_stays_although_another_has_read_farther(database: Database) -> None:
    # A backfill of older days: what the source knows of how far it was read came with it.
    write_history(database, last_day=LAST_DAY, days=5)
    with database.transaction() as connection:
        newest = list_syncs(database)[0].sync_id
        connection.execute(
            sa.text(
                "UPDATE woo_sync.sync_runs SET read_until = read_until - interval '9 days',"
                """ cursor = '{"last_customer_id": 9000}' WHERE sync_id = :newest"""
            ),
            {"newest": newest},
        )
    known = watermark(database, "woocommerce")
    assert known is not None
    assert known.cursor == {"last_customer_id": 9000}
    prune(database, MORNING + timedelta(days=999))
    assert watermark(database, "woocommerce") == known
    assert [each.sync_id for each in list_syncs(database)] == [newest, newest - 1]


def test_the_same_alert_is_claimed_once_in_its_interval(database: Database) -> None:
    hour = timedelta(hours=1)
    failed = AlertKey("shop", "failed", "webhook")

    def claim(key: AlertKey, interval: timedelta = hour) -> bool:
        return claim_alert(database, key, message={}, min_interval=interval)

    assert claim(failed)
    assert not claim(failed)
    note_told(database, failed)
    assert not claim(failed)
    assert claim(replace(failed, source="outlet"))
    assert claim(replace(failed, condition="contacts refused"))
    assert claim(replace(failed, receiver="email"))
    assert claim(failed, timedelta(0))
    note_untold(database, failed)
    assert claim(failed, timedelta(0))


def commit_after(
    database: Database, run_id: str, *rows: Row, order_id: int | None = None, **options: Any
) -> None:
    """Commit a reading that has met all orders up to an id, or has not looked at that."""
    mark = watermark(database, "shop")
    assert mark is not None
    cursor = next_cursor(mark.cursor, customer_id=7, order_id=order_id)
    commit(database, *rows, run_id=run_id, cursor=cursor, **options)


def test_up_to_which_order_a_source_was_met_outlives_the_sync_that_met_it(database: Database) -> None:
    assert last_order_id(database, "shop") == 0
    commit(database, order(44), run_id="first")
    # Of readings that did not note it, the highest known order stands for it.
    assert last_order_id(database, "shop") == 44
    commit_after(database, "sweep", order_id=40, started=110, read_until=120)
    assert last_order_id(database, "shop") == 40
    commit_after(database, "live", order(60, read_at=at(200)), started=130, read_until=200)
    assert last_order_id(database, "shop") == 40
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE woo_sync.sync_runs SET status = 'succeeded'"))
    assert prune_history(database, before=datetime.now(UTC) + timedelta(days=1), timezone=TIMEZONE) == 2
    assert last_order_id(database, "shop") == 40
