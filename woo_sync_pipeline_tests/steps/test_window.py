from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.days import midnight, today
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow
from woo_sync_pipeline.sources.woocommerce.window import OVERLAP, order_window, read_until, sevenths_due
from woo_sync_pipeline.state.syncs import Watermark

DAY = datetime(2026, 11, 1, tzinfo=UTC)
NEXT_DAY = DAY + timedelta(days=1)
SECOND = timedelta(seconds=1)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def window(
    *,
    is_sweep: bool = True,
    mark: datetime | None = DAY,
    orders_from: datetime | None = None,
    now: datetime = NEXT_DAY + timedelta(hours=2),
) -> OrderWindow:
    return order_window(
        range_start=DAY,
        range_end=NEXT_DAY,
        is_sweep=is_sweep,
        watermark=None if mark is None else Watermark(mark, {"last_customer_id": 7}),
        orders_from=orders_from,
        store_now=now,
    )


@pytest.mark.parametrize("is_sweep", [True, False])
@pytest.mark.parametrize("orders_from", [None, at(-9000)])
def test_a_store_of_which_nothing_was_committed_is_read_from_the_beginning(
    is_sweep: bool, orders_from: datetime | None
) -> None:
    first = window(is_sweep=is_sweep, mark=None, orders_from=orders_from, now=at(26.5))
    assert first == OrderWindow(orders_from, at(26.5) + SECOND)


def test_a_sweep_reads_its_days_and_a_little_before_them() -> None:
    assert window(mark=at(500)) == OrderWindow(DAY - OVERLAP, NEXT_DAY)


def test_a_sweep_of_today_ends_now_by_the_clock_of_the_store() -> None:
    now = at(15) + timedelta(milliseconds=400)
    assert window(now=now) == OrderWindow(DAY - OVERLAP, at(15) + SECOND)


def test_a_sweep_of_a_day_that_has_not_begun_in_the_store_reads_what_came_before_it() -> None:
    assert window(now=at(-0.1)) == OrderWindow(DAY - OVERLAP, DAY)


def test_an_incremental_reading_goes_on_where_the_last_one_ended() -> None:
    assert window(is_sweep=False, mark=at(12), now=at(13)) == OrderWindow(at(12) - OVERLAP, at(13) + SECOND)


def test_an_incremental_reading_reaches_back_over_an_outage_of_days() -> None:
    assert window(is_sweep=False, mark=at(-100), now=at(13)).start == at(-100) - OVERLAP


def test_a_store_whose_clock_was_put_back_is_still_read() -> None:
    found = window(is_sweep=False, mark=at(14), now=at(13))
    assert found == OrderWindow(at(13) + SECOND - OVERLAP, at(13) + SECOND)


def test_the_second_under_way_is_read_and_is_not_taken_for_finished() -> None:
    now = at(13) + timedelta(milliseconds=700)
    found = window(is_sweep=False, mark=at(12), now=now)
    assert found.end > now
    assert read_until(found) == at(13)


moments = st.integers(-(10**8), 10**8).map(lambda milliseconds: DAY + timedelta(milliseconds=milliseconds))


@given(nows=st.lists(moments, min_size=2, max_size=6))
def test_incremental_windows_leave_no_moment_out_whatever_the_clock_does(nows: list[datetime]) -> None:
    mark = nows[0].replace(microsecond=0)
    for now in nows[1:]:
        found = window(is_sweep=False, mark=mark, now=now)
        assert found.start is not None
        assert found.start <= min(mark, now) - OVERLAP + SECOND
        assert found.start < found.end
        assert found.end > now
        assert found.end.microsecond == 0
        mark = max(mark, read_until(found))


@given(now=moments, is_sweep=st.booleans(), mark=st.none() | moments, orders_from=st.none() | moments)
def test_no_window_claims_more_than_was_there_to_read(
    now: datetime, is_sweep: bool, mark: datetime | None, orders_from: datetime | None
) -> None:
    found = window(is_sweep=is_sweep, mark=mark, orders_from=orders_from, now=now)
    assert read_until(found) <= max(now, DAY)


def test_midnight_is_that_of_the_time_zone_also_when_the_clocks_change() -> None:
    assert midnight(date(2026, 11, 1), "UTC") == datetime(2026, 11, 1, tzinfo=UTC)
    assert midnight(date(2026, 10, 4), "Australia/Sydney") == datetime(2026, 10, 3, 14, tzinfo=UTC)
    assert midnight(date(2026, 10, 5), "Australia/Sydney") == datetime(2026, 10, 4, 13, tzinfo=UTC)
    assert midnight(date(2026, 11, 1), "America/New_York").tzinfo is UTC


def test_a_day_begins_when_it_does_in_the_time_zone() -> None:
    evening = datetime(2026, 11, 1, 13, 30, tzinfo=UTC)
    assert today("Australia/Sydney", evening) == date(2026, 11, 2)
    assert today("UTC", evening) == date(2026, 11, 1)
    assert today("America/Los_Angeles", datetime(2026, 11, 1, 5, tzinfo=UTC)) == date(2026, 10, 31)


@pytest.mark.parametrize("days", range(1, 12))
def test_the_days_of_a_week_prove_all_known_orders_and_each_day_another_part(days: int) -> None:
    first = date(2026, 11, 2)
    due = sevenths_due(first, first + timedelta(days=days - 1))
    assert len(due) == min(days, 7)
    assert due <= set(range(7))
    apart = [sevenths_due(day, day) for day in (first + timedelta(days=number) for number in range(days))]
    assert due == frozenset().union(*apart)
