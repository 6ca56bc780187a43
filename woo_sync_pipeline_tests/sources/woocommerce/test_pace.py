"""How a client keeps the pace of a store: at most so many at once and a second, less when it is overloaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.http.pace import GOOD_ANSWERS_PER_STEP, Pace
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreThrottledError
from woo_sync_pipeline.sources.woocommerce.paging import walk
from woo_sync_pipeline_tests.sources.woocommerce.loopback import (
    LoopbackStore,
    Reply,
    Request,
    in_turn,
    of_rows,
)

Connect = Callable[..., StoreClient]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace(clock: Clock, *, most_at_once: int = 8, per_second: float | None = None) -> Pace:
    return Pace(
        most_at_once=most_at_once, per_second=per_second, slow_after=10, sleep=clock.sleep, clock=clock
    )


def answers(paced: Pace, *, overloaded: bool = False, times: int = 1) -> None:
    for _ in range(times):
        with paced.turn() as turn:
            turn.overloaded = overloaded


def test_each_sign_of_overload_halves_the_requests_under_way_and_one_always_stays() -> None:
    paced = pace(Clock())
    seen = []
    for _ in range(5):
        answers(paced, overloaded=True)
        seen.append(paced.at_once)
    assert seen == [4, 2, 1, 1, 1]


def test_good_answers_bring_the_pace_back_one_request_at_a_time_and_no_further() -> None:
    paced = pace(Clock(), most_at_once=4)
    answers(paced, overloaded=True, times=2)
    seen = []
    for _ in range(5):
        answers(paced, times=GOOD_ANSWERS_PER_STEP - 1)
        before = paced.at_once
        answers(paced)
        seen.append((before, paced.at_once))
    assert seen == [(1, 2), (2, 3), (3, 4), (4, 4), (4, 4)]


@pytest.mark.parametrize(("seconds", "at_once"), [(9.9, 8), (10.1, 4)])
def test_a_slow_answer_is_a_sign_of_overload(seconds: float, at_once: int) -> None:
    clock = Clock()
    paced = pace(clock)
    with paced.turn():
        clock.sleep(seconds)
    assert paced.at_once == at_once


def test_requests_that_fail_together_count_once_and_good_ones_among_them_bring_nothing_back() -> None:
    paced = pace(Clock())
    with ExitStack() as under_way:
        turns = [under_way.enter_context(paced.turn()) for _ in range(8)]
        for turn in turns[:4]:
            turn.overloaded = True
    assert paced.at_once == 4
    answers(paced, times=GOOD_ANSWERS_PER_STEP - 1)
    assert paced.at_once == 4


def test_no_more_requests_start_than_are_allowed() -> None:
    paced = pace(Clock(), most_at_once=2)
    started = threading.Semaphore(0)
    finish = threading.Event()

    def work() -> None:
        with paced.turn():
            started.release()
            finish.wait(10)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.acquire(timeout=10)
    assert started.acquire(timeout=10)
    assert not started.acquire(timeout=0.05)
    finish.set()
    assert started.acquire(timeout=10)
    for thread in threads:
        thread.join()


@given(
    per_second=st.sampled_from([0.5, 3.0, 10.0]),
    waits=st.lists(st.floats(0, 2), min_size=2, max_size=30),
    paused=st.lists(st.floats(0, 20), max_size=30),
)
def test_no_second_sees_more_starts_than_allowed_and_no_start_falls_into_a_pause(
    per_second: float, waits: list[float], paused: list[float]
) -> None:
    clock = Clock()
    paced = pace(clock, per_second=per_second)
    starts: list[float] = []
    pause_ends = 0.0
    for step, wait in enumerate(waits):
        clock.sleep(wait)
        if step < len(paused):
            paced.pause(paused[step])
            pause_ends = max(pause_ends, clock.now + paused[step])
        with paced.turn():
            starts.append(clock.now)
        assert starts[-1] >= pause_ends - 1e-9
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) >= 1 / per_second - 1e-9


def test_an_idle_pace_saves_nothing_up_and_a_busy_one_waits_no_longer_than_it_must() -> None:
    clock = Clock()
    paced = pace(clock, per_second=4)
    answers(paced, times=9)
    assert clock.now == 1002.0
    clock.sleep(60)
    answers(paced, times=5)
    assert clock.now == 1063.0


def test_a_pause_that_comes_while_somebody_waits_for_a_start_holds_for_him_too() -> None:
    clock = Clock()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        if not waits:
            paced.pause(30)
        waits.append(seconds)
        clock.sleep(seconds)

    paced = Pace(most_at_once=2, per_second=1, sleep=sleep, clock=clock)
    answers(paced)
    with paced.turn():
        assert clock.now == 1030.0
    assert len(waits) == 2


class BusyStore:
    """Answers 429 whenever more requests than it can serve are under way; knows the most that it met."""

    def __init__(self, serves: int) -> None:
        self.serves = serves
        self.under_way = 0
        self.met: list[int] = []
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)

    def answer(self, request: Request) -> Reply:
        with self._arrived:
            self.under_way += 1
            self.met.append(self.under_way)
            self._arrived.notify_all()
            # Hold the answer back until others have had the time to arrive.
            self._arrived.wait_for(lambda: self.under_way > self.serves, timeout=0.02)
            refused = self.under_way > self.serves
            self.under_way -= 1
        if refused:
            return Reply(b"stop", status=429)
        offset = int(request.query["offset"])
        rows = [{"id": number} for number in range(1, 1001)]
        return of_rows(rows[offset : offset + int(request.query["per_page"])], total=1000)


def test_a_store_that_serves_few_requests_at_a_time_is_read_whole_and_soon_asked_for_no_more(
    connect: Connect,
) -> None:
    busy = BusyStore(serves=2)
    with (
        LoopbackStore(busy.answer) as server,
        connect(server.url, max_concurrency=8, attempts=10) as client,
    ):
        read = [row["id"] for page in walk(client, "customers", {}, page_size=20) for row in page]
    assert read == list(range(1, 1001))
    assert max(busy.met) > 2
    # Slowed down at once, it meets more than it can serve only when the pace is raised again.
    assert sum(count > 2 for count in busy.met) < len(busy.met) / 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_of_an_overloaded_store_slows_the_whole_client_down(connect: Connect, status: int) -> None:
    bad = Reply(b"stop", status=status)
    with (
        LoopbackStore(in_turn(bad, of_rows([]))) as server,
        connect(server.url, max_concurrency=8) as client,
    ):
        client.get_list("customers", {})
        assert client.at_once == 4


def test_a_slow_store_is_asked_for_less_at_a_time(shop: DemoStore, connect: Connect) -> None:
    shop.faults.latency = 0.06
    with connect(shop.url, max_concurrency=8, slow_answer=0.05) as client:
        client.get_list("customers", {})
        assert client.at_once == 4
        shop.faults.latency = 0.0
        for _ in range(GOOD_ANSWERS_PER_STEP):
            client.get_list("orders/statuses", {})
        assert client.at_once == 5


def test_a_refusal_of_the_key_says_nothing_about_the_load(connect: Connect) -> None:
    wrong = Reply(b'{"code":"woocommerce_rest_cannot_view","message":"no"}', status=401)
    with (
        LoopbackStore(in_turn(wrong, of_rows([]))) as server,
        connect(server.url, max_concurrency=8) as client,
    ):
        with pytest.raises(Exception, match="consumer_key"):
            client.get_list("customers", {})
        assert client.at_once == 8


def test_the_limit_of_requests_per_second_holds_for_repeated_requests_too(
    connect: Connect, naps: list[float]
) -> None:
    with (
        LoopbackStore(lambda _: Reply(b"stop", status=429, headers={"Retry-After": "0"})) as server,
        connect(server.url, max_requests_per_second=0.1, attempts=3) as client,
        pytest.raises(StoreThrottledError),
    ):
        client.get_list("customers", {})
    assert len(naps) == 2
    assert naps == [pytest.approx(10, abs=0.5), pytest.approx(20, abs=0.5)]


def test_the_times_of_answers_and_the_requests_made_are_counted(shop: DemoStore, connect: Connect) -> None:
    with connect(shop.url) as client:
        assert client.statistics().to_metadata() == {"requests": 0, "answers": 0}
        for latency in (0.0, 0.0, 0.0, 0.1):
            shop.faults.latency = latency
            client.get_list("orders", {})
        shop.faults.latency = 0.0
        shop.faults.next("drop")
        client.get_list("orders", {})
        counted = client.statistics()
    # The request that was dropped got no answer.
    assert (counted.requests, counted.answers) == (6, 5)
    assert counted.median is not None
    assert counted.longest is not None
    assert counted.median < 0.1 <= counted.longest < 5
    assert counted.p95 == counted.longest
    assert set(counted.to_metadata()) == {
        "requests",
        "answers",
        "answer_seconds_median",
        "answer_seconds_p95",
        "answer_seconds_longest",
    }
