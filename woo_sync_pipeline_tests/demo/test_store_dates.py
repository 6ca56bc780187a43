"""Date filters of orders: exclusive bounds, whole seconds, every way to write a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.demo.store.dates import InvalidDateError, parse_bound, to_gmt_text, to_local_text
from woo_sync_pipeline_tests.demo.test_store_support import ask, empty_store, ids

SYDNEY = ZoneInfo("Australia/Sydney")
# Daylight time ended at 16:00 GMT: the local hour from 2:00 to 3:00 came twice.
NIGHT = [
    datetime(2026, 4, 4, hour, minute, tzinfo=UTC) for hour, minute in ((15, 5), (16, 5), (16, 30), (17, 5))
]

MOMENTS = st.integers(946_684_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.fixture(scope="module")
def store() -> Iterator[DemoStore]:
    data = empty_store()
    for moment in NIGHT:
        data.place_order(created_at=moment)
    with DemoStore(data) as served:
        yield served


def positions(store: DemoStore, **params: str) -> list[int]:
    """The orders of that night that a filter lets through, by their place in it."""
    found = ids(store, "orders", {"orderby": "id", "order": "asc", "_fields": "id", **params})
    known = sorted(store.data.orders)
    return [known.index(order_id) for order_id in found]


@pytest.mark.parametrize(
    ("value", "gmt", "expected"),
    [
        pytest.param("2026-04-04T16:05:00", "true", [2, 3], id="naive GMT"),
        pytest.param("2026-04-04 16:05:00", "1", [2, 3], id="a space for the T"),
        pytest.param("2026-04-04T16:04:59.999", "true", [1, 2, 3], id="fractions are dropped"),
        pytest.param("2026-04-05T02:05:00", "", [2, 3], id="naive local, second of the repeated hour"),
        pytest.param("2026-04-05T01:59:00", "false", [0, 1, 2, 3], id="naive local before it"),
        pytest.param("2026-04-04T16:05:00Z", "", [2, 3], id="Z"),
        pytest.param("2026-04-05T02:05:00+10:00", "", [2, 3], id="offset"),
        pytest.param("2026-04-05T02:05:00+11:00", "", [1, 2, 3], id="the other offset of that hour"),
        pytest.param("2026-04-04T16:05:00Z", "true", [], id="Z with dates_are_gmt is wrong by ten hours"),
        pytest.param("2026-04-04T05:05:00Z", "true", [2, 3], id="Z with dates_are_gmt, wrong by eleven"),
        pytest.param("2026-02-34T16:05:00", "true", None, id="day 34"),
        pytest.param("2026-02-30T16:05:00", "true", [0, 1, 2, 3], id="30 February rolls over"),
        pytest.param("2026-04-04", "", None, id="no time"),
        pytest.param("2026-04-04T16:05", "", None, id="no seconds"),
        pytest.param("", "", None, id="empty"),
        pytest.param("yesterday", "", None, id="a word"),
    ],
)
@pytest.mark.parametrize("name", ["after", "modified_after"])
def test_a_lower_bound_is_read_as_the_store_reads_it(
    store: DemoStore, name: str, value: str, gmt: str, expected: list[int] | None
) -> None:
    params = {name: value} | ({"dates_are_gmt": gmt} if gmt else {})
    if expected is None:
        answer = ask(store, "orders", params, key=store.data.keys[0])
        assert answer.status_code == 400
        assert answer.json()["data"]["details"][name]["code"] == "rest_invalid_date"
    else:
        assert positions(store, **params) == expected


def test_an_unencoded_plus_in_an_offset_is_a_space_and_refused(store: DemoStore) -> None:
    key = store.data.keys[0]
    path = "/wp-json/wc/v3/orders?modified_after=2026-04-05T02:05:00+10:00"
    answer = ask(store, path, key=key)
    assert answer.status_code == 400
    assert answer.json()["data"]["params"] == {"modified_after": "Invalid date."}


@pytest.mark.parametrize("orderby", ["modified", "date", "id"])
def test_bounds_are_exclusive_on_both_sides(store: DemoStore, orderby: str) -> None:
    window = {
        "modified_after": to_gmt_text(NIGHT[0]),
        "modified_before": to_gmt_text(NIGHT[3]),
        "dates_are_gmt": "true",
        "orderby": orderby,
    }
    assert positions(store, **window) == [1, 2]
    inside = {"modified_after": to_gmt_text(NIGHT[1] - timedelta(seconds=1))}
    inside["modified_before"] = to_gmt_text(NIGHT[1] + timedelta(seconds=1))
    assert positions(store, **window | inside) == [1]


def test_a_window_that_ends_before_it_begins_is_empty(store: DemoStore) -> None:
    window = {"modified_after": to_gmt_text(NIGHT[3]), "modified_before": to_gmt_text(NIGHT[0])}
    assert positions(store, orderby="modified", dates_are_gmt="true", **window) == []


def test_a_local_time_that_never_was_moves_forward() -> None:
    # Daylight time began at 2:00 on 4 October: 2:30 was not on any clock.
    skipped = parse_bound("2026-10-04T02:30:00", dates_are_gmt=False, zone=SYDNEY)
    assert skipped == datetime(2026, 10, 3, 16, 30, tzinfo=UTC)


@given(MOMENTS)
def test_naive_gmt_always_means_the_second_it_says(moment: datetime) -> None:
    assert parse_bound(to_gmt_text(moment), dates_are_gmt=True, zone=SYDNEY) == moment
    assert parse_bound(f"{to_gmt_text(moment)}Z", dates_are_gmt=False, zone=SYDNEY) == moment


@given(MOMENTS)
def test_local_time_means_its_second_except_in_the_first_of_two_equal_hours(moment: datetime) -> None:
    read = parse_bound(to_local_text(moment, SYDNEY), dates_are_gmt=False, zone=SYDNEY)
    assert read - moment in (timedelta(0), timedelta(hours=1))


@given(st.text(max_size=25))
def test_no_text_makes_the_reading_of_a_date_fail_otherwise(text: str) -> None:
    try:
        parse_bound(text, dates_are_gmt=True, zone=SYDNEY)
    except InvalidDateError:
        return
    assert text[:4].isdecimal()
