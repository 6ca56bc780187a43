"""A walk over a store that changes between the requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.sources.woocommerce import page_walk
from woo_sync_pipeline.sources.woocommerce.client import Attempt, Page
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerMalformedError,
    StoreChangesTooFastError,
    StoreFilterIgnoredError,
    StoreListEndlessError,
)
from woo_sync_pipeline.sources.woocommerce.page_walk import cover, map_ahead
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline_tests.examples import examples

READING = Attempt("shop", "reading")


@dataclass(frozen=True)
class Append:
    count: int


@dataclass(frozen=True)
class InsertAt:
    """Rows with unused ids in the middle: an order that comes back into the filter."""

    share: float
    count: int


@dataclass(frozen=True)
class DeleteAt:
    share: float
    count: int


Change = Append | InsertAt | DeleteAt
_counts = st.integers(1, 12)
_shares = st.floats(0, 1)
changes = st.one_of(
    st.builds(Append, _counts),
    st.builds(InsertAt, _shares, _counts),
    st.builds(DeleteAt, _shares, _counts),
)


@dataclass
class ChangingStore:
    """Answers pages of its ids, and applies the next changes of the script before each answer."""

    ids: list[int]
    script: list[list[Change]]
    counts_total: bool = True
    cap: int = 100
    throughout: set[int] = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    requests: int = 0

    def __post_init__(self) -> None:
        self.throughout = set(self.ids)

    def fetch(self, offset: int, limit: int) -> Page:
        with self.lock:
            self.requests += 1
            for change in self.script.pop(0) if self.script else []:
                self._apply(change)
            most = min(limit, self.cap)
            rows: list[dict[str, Any]] = [{"id": number} for number in self.ids[offset : offset + most]]
            return Page(rows, len(self.ids) if self.counts_total else None)

    def _apply(self, change: Change) -> None:
        if isinstance(change, Append):
            top = max(self.ids, default=0)
            self.ids += [top + 1 + step for step in range(change.count)]
            return
        place = int(change.share * len(self.ids))
        if isinstance(change, DeleteAt):
            gone = self.ids[place : place + change.count]
            self.ids = self.ids[:place] + self.ids[place + change.count :]
            self.throughout -= set(gone)
            return
        low = self.ids[place - 1] if place else 0
        high = self.ids[place] if place < len(self.ids) else low + 1000
        self.ids[place:place] = range(low + 1, high)[: change.count]


def collect(store: ChangingStore, *, limit: int, ahead: int = 1, descending: bool = False) -> list[int]:
    pages = cover(store.fetch, READING, limit=limit, ahead=ahead, descending=descending)
    return [row["id"] for page in pages for row in page]


scripts = st.lists(st.lists(changes, max_size=3), max_size=40)


@given(
    size=st.integers(0, 60),
    limit=st.integers(2, 9),
    script=scripts,
    ahead=st.sampled_from([1, 3]),
    total=st.booleans(),
)
@example(size=12, limit=4, script=[[], [DeleteAt(0, 3)]], ahead=1, total=True)
@settings(max_examples=examples(100), deadline=None)
def test_every_row_that_exists_throughout_comes_exactly_once_and_in_order(
    size: int, limit: int, script: list[list[Change]], ahead: int, total: bool
) -> None:
    # Ids are spaced out so that rows can appear between them.
    store = ChangingStore([20 * (place + 1) for place in range(size)], script, counts_total=total)
    read = collect(store, limit=limit, ahead=ahead)
    assert read == sorted(set(read))
    assert store.throughout <= set(read)


@given(
    size=st.integers(0, 60),
    limit=st.integers(2, 30),
    cap=st.integers(2, 9),
    script=scripts,
    ahead=st.sampled_from([1, 3]),
    total=st.booleans(),
)
@example(size=12, limit=30, cap=2, script=[[], [InsertAt(0, 12)]], ahead=1, total=True)
@example(size=12, limit=30, cap=2, script=[[], [InsertAt(0, 12)]], ahead=1, total=False)
@settings(max_examples=examples(100), deadline=None)
def test_the_same_holds_for_a_store_that_gives_fewer_rows_than_asked_for(
    size: int, limit: int, cap: int, script: list[list[Change]], ahead: int, total: bool
) -> None:
    ids = [20 * (place + 1) for place in range(size)]
    store = ChangingStore(ids, script, counts_total=total, cap=cap)
    read = collect(store, limit=limit, ahead=ahead)
    assert read == sorted(set(read))
    assert store.throughout <= set(read)


class DescendingStore(ChangingStore):
    def fetch(self, offset: int, limit: int) -> Page:
        with self.lock:
            for change in self.script.pop(0) if self.script else []:
                self._apply(change)
            newest_first = self.ids[::-1]
            return Page([{"id": number} for number in newest_first[offset : offset + limit]], len(self.ids))


@given(size=st.integers(0, 40), limit=st.integers(2, 9), script=scripts)
@settings(max_examples=examples(37), deadline=None)
def test_the_same_holds_from_the_newest_down(size: int, limit: int, script: list[list[Change]]) -> None:
    store = DescendingStore([20 * (place + 1) for place in range(size)], script)
    read = collect(store, limit=limit, descending=True)
    assert read == sorted(set(read), reverse=True)
    assert store.throughout <= set(read)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 199, 250, 1000])
def test_a_quiet_store_costs_no_request_more_than_the_overlap_needs(size: int) -> None:
    store = ChangingStore(list(range(1, size + 1)), [])
    assert collect(store, limit=100, ahead=4) == list(range(1, size + 1))
    assert store.requests == max(0, size - 1) // 99 + 1


def test_a_hundred_thousand_customers_take_1011_requests_where_pages_without_overlap_would_take_1000() -> (
    None
):
    store = ChangingStore(list(range(1, 100_001)), [])
    assert len(collect(store, limit=100, ahead=4)) == 100_000
    assert store.requests == 1011


def test_rows_that_move_left_across_a_page_boundary_are_found_by_reading_again() -> None:
    store = ChangingStore(list(range(1, 301)), [[], [DeleteAt(0, 30)]])
    assert collect(store, limit=100) == list(range(1, 301))


def test_a_mass_deletion_is_bridged() -> None:
    store = ChangingStore(list(range(1, 5001)), [[]] * 40 + [[DeleteAt(0, 3900)]])
    assert set(range(3901, 5001)) <= set(collect(store, limit=100))


def test_a_store_whose_count_never_fits_its_rows_is_an_error_and_not_an_end() -> None:
    def fetch(offset: int, limit: int) -> Page:
        return Page([{"id": number} for number in range(1, 151)][offset : offset + limit], 500)

    with pytest.raises(StoreChangesTooFastError, match="reading"):
        list(cover(fetch, READING, limit=100))


@pytest.mark.parametrize("cap", [2, 10, 20, 25, 49, 50, 70, 99])
@pytest.mark.parametrize("counts_total", [True, False])
@pytest.mark.parametrize("ahead", [1, 3])
def test_a_store_that_gives_fewer_rows_than_asked_for_is_read_to_its_end(
    counts_total: bool, cap: int, ahead: int
) -> None:
    store = ChangingStore(list(range(1, 251)), [], counts_total=counts_total, cap=cap)
    assert collect(store, limit=100, ahead=ahead) == list(range(1, 251))
    # As many as pages of that size need, one to find the end, and what was read ahead in vain.
    assert store.requests <= -(-250 // (cap - 1)) + 1 + 2 * ahead


@pytest.mark.parametrize("hidden", [{250}, {249, 250}, {230}, {100}, {99, 100, 101}, set(range(220, 251))])
def test_rows_that_are_counted_and_hidden_keep_no_other_row_from_being_read(hidden: set[int]) -> None:
    def fetch(offset: int, limit: int) -> Page:
        ids = range(1, 251)[offset : offset + limit]
        return Page([{"id": number} for number in ids if number not in hidden], 250)

    pages = cover(fetch, READING, limit=100, ahead=3)
    assert {row["id"] for page in pages for row in page} == set(range(1, 251)) - hidden


@given(
    size=st.integers(0, 60),
    limit=st.integers(2, 30),
    cap=st.integers(2, 30),
    hidden=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=4),
)
@example(size=20, limit=30, cap=4, hidden=[(10, 8)])
@settings(max_examples=examples(100), deadline=None)
def test_of_a_store_that_caps_pages_and_hides_rows_either_every_other_row_comes_or_an_error(
    size: int, limit: int, cap: int, hidden: list[tuple[int, int]]
) -> None:
    every = range(1, size + 1)
    visible = set(every).difference(*(range(first + 1, first + count + 1) for first, count in hidden))

    def fetch(offset: int, limit: int) -> Page:
        ids = every[offset : offset + min(limit, cap)]
        return Page([{"id": number} for number in ids if number in visible], size)

    try:
        read = [row["id"] for page in cover(fetch, READING, limit=limit) for row in page]
    except StoreChangesTooFastError:
        return
    assert read == sorted(visible)


@pytest.mark.parametrize(("size", "requests"), [(0, 1), (1, 2), (99, 2), (100, 2), (101, 3)])
def test_a_store_that_does_not_count_costs_one_request_more(size: int, requests: int) -> None:
    store = ChangingStore(list(range(1, size + 1)), [], counts_total=False)
    assert collect(store, limit=100, ahead=4) == list(range(1, size + 1))
    assert store.requests == requests


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"id": 2}, {"id": 1}], StoreFilterIgnoredError),
        ([{"id": 1}, {"id": 2}, {"id": 1}], StoreFilterIgnoredError),
        ([{"id": 1}, {"id": "one"}], StoreAnswerMalformedError),
        ([{"id": 1}, {"id": -2}], StoreAnswerMalformedError),
        ([{"id": 1}, {"id": 2**63}], StoreAnswerMalformedError),
        ([{"id": True}], StoreAnswerMalformedError),
        ([{}], StoreAnswerMalformedError),
    ],
)
def test_rows_that_cannot_be_placed_are_an_error(rows: list[dict[str, Any]], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        list(cover(lambda offset, limit: Page(rows, len(rows)), READING, limit=10))


@pytest.mark.parametrize("ahead", [1, 3])
def test_ids_that_are_texts_or_floats_are_numbers(ahead: int) -> None:
    rows: list[dict[str, Any]] = [{"id": "1"}, {"id": 2.0}, {"id": " 3 "}, {"id": 4}]
    pages = cover(
        lambda offset, limit: Page(rows[offset : offset + limit], 4),
        READING,
        limit=3,
        ahead=ahead,
    )
    ids = [row["id"] for page in pages for row in page]
    assert ids == [1, 2, 3, 4]
    assert {type(number) for number in ids} == {int}


@pytest.mark.parametrize("size", [1, 99, 100, 101, 250])
@pytest.mark.parametrize("ahead", [1, 3])
def test_a_customer_who_is_deleted_while_a_page_is_made_costs_one_look_more(size: int, ahead: int) -> None:
    store = ChangingStore(list(range(1, size + 1)), [])
    ghosts = [size // 2]

    def fetch(offset: int, limit: int) -> Page:
        page = store.fetch(offset, limit)
        if ghosts and offset <= ghosts[0] < offset + len(page.rows):
            # It was counted and selected, and its row could no longer be filled.
            place = ghosts.pop()
            page.rows[place - offset] = {"id": 0, "email": ""}
            del store.ids[place]
        return page

    pages = cover(fetch, READING, limit=100, ahead=ahead)
    gone = size // 2 + 1
    assert [row["id"] for page in pages for row in page] == [n for n in range(1, size + 1) if n != gone]


UNREADABLE: list[Any] = [None, "abc", -5, 2**63, 1.5, True, [], "", "12a", float("inf")]


@given(
    size=st.integers(1, 60),
    limit=st.integers(2, 30),
    cap=st.integers(2, 100),
    odd=st.dictionaries(st.integers(0, 60), st.sampled_from([0, *UNREADABLE]), max_size=6),
    total=st.booleans(),
    ahead=st.sampled_from([1, 3]),
)
@example(size=3, limit=2, cap=2, odd={1: None, 2: None}, total=False, ahead=1)
@example(size=2, limit=3, cap=3, odd={1: "abc"}, total=False, ahead=1)
@settings(max_examples=examples(100), deadline=None)
def test_rows_without_an_id_keep_no_other_row_from_being_read(
    size: int, limit: int, cap: int, odd: dict[int, Any], total: bool, ahead: int
) -> None:
    rows = [{"id": odd.get(place, place + 1), "place": place} for place in range(size)]
    left_out = LeftOut()
    pages = cover(
        lambda offset, most: Page(rows[offset : offset + min(most, cap)], size if total else None),
        READING,
        limit=limit,
        ahead=ahead,
        left_out=left_out,
    )
    try:
        read = [row["id"] for page in pages for row in page]
    except (StoreChangesTooFastError, StoreAnswerMalformedError):
        # Only where a run of such rows fills a page, or the store does not say that nothing is behind one.
        assert min(limit, cap) <= 7 or not total
        return
    assert read == [place + 1 for place in range(size) if place not in odd]
    assert left_out.count == sum(value != 0 or value is False for at, value in odd.items() if at < size)


def test_a_row_that_is_left_out_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"id": number if number % 7 else f"WC-{number}"} for number in range(1, 301)]
    left_out = LeftOut()
    pages = cover(
        lambda offset, limit: Page(rows[offset : offset + limit], 300),
        Attempt("shop", "reading all customers"),
        limit=100,
        left_out=left_out,
    )
    assert sum(len(page) for page in pages) == 300 - 42
    assert left_out.count == 42
    assert [record.getMessage() for record in caplog.records] == [
        "shop: reading all customers: rows whose id is no number of at most 64 bits are left out"
    ]


@pytest.mark.parametrize(("total", "most"), [(500, 1012), (None, 3000)])
def test_a_list_without_an_end_ends_with_an_error(
    monkeypatch: pytest.MonkeyPatch, total: int | None, most: int
) -> None:
    monkeypatch.setattr(page_walk, "_MOST_PAGES_UNCOUNTED", 3000)
    asked = []

    def fetch(offset: int, limit: int) -> Page:
        asked.append(offset)
        promised = total if total is None or len(asked) == 1 else offset + 1000
        return Page([{"id": number} for number in range(offset + 1, offset + limit + 1)], promised)

    with pytest.raises(StoreListEndlessError, match="and no end"):
        list(cover(fetch, READING, limit=100))
    assert len(asked) == most + 1


def test_no_more_pages_are_in_flight_or_waiting_than_allowed() -> None:
    store = ChangingStore(list(range(1, 2001)), [])
    pages = cover(store.fetch, READING, limit=100, ahead=3)
    for taken, _ in enumerate(pages, start=1):
        assert store.requests <= taken + 6


def test_no_more_requests_are_under_way_than_allowed_and_the_next_ones_do_not_wait_for_the_reader() -> None:
    under_way, most = 0, 0
    lock, all_there = threading.Lock(), threading.Barrier(3, timeout=10)

    def fetch(offset: int, limit: int) -> Page:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        if 300 <= offset < 900:
            all_there.wait()
        with lock:
            under_way -= 1
        return Page([{"id": number + 1} for number in range(offset, min(offset + limit, 2000))], 2000)

    pages = cover(fetch, READING, limit=101, ahead=3)
    assert sum(len(page) for page in pages) == 2000
    assert most == 3


def test_a_failed_page_ends_the_walk_with_its_error() -> None:
    def fetch(offset: int, limit: int) -> Page:
        if offset:
            raise RuntimeError("no page")
        return Page([{"id": number} for number in range(1, limit + 1)], 1000)

    pages = cover(fetch, READING, limit=100, ahead=3)
    assert len(next(pages)) == 100
    with pytest.raises(RuntimeError, match="no page"):
        next(pages)


def test_map_ahead_keeps_the_order_and_works_through_everything() -> None:
    assert list(map_ahead(lambda number: number * 2, range(50), ahead=4)) == [
        2 * number for number in range(50)
    ]


@pytest.mark.parametrize("ahead", [1, 3])
def test_the_same_page_at_every_offset_ends_the_walk_soon(ahead: int) -> None:
    asked = []

    def fetch(offset: int, limit: int) -> Page:
        asked.append(offset)
        return Page([{"id": number} for number in range(1, limit + 1)], 10_000)

    pages = cover(fetch, Attempt("shop", "reading all customers"), limit=100, ahead=ahead)
    with pytest.raises(StoreFilterIgnoredError, match="the same page whatever the offset"):
        list(pages)
    assert len(asked) <= 6 + 3 * ahead


def test_a_list_that_grows_in_front_of_the_walk_is_read_to_its_end() -> None:
    """Rows that enter it move all others to the right: the same page comes again, but not for ever."""
    rows = list(range(1_000, 1_400))

    def fetch(offset: int, limit: int) -> Page:
        if offset and rows[0] > 750:
            rows[:0] = range(rows[0] - 99, rows[0])
        return Page([{"id": number} for number in rows[offset : offset + limit]], len(rows))

    read = [row["id"] for page in cover(fetch, READING, limit=100) for row in page]
    assert read == list(range(1_000, 1_400))
