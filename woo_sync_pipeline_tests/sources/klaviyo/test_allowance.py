"""The limits of an account are kept to, and leave others their share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from requests.structures import CaseInsensitiveDict

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData, Rate
from woo_sync_pipeline.sources.klaviyo.allowance import Allowance, Told
from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, connect
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoThrottledError
from woo_sync_pipeline_tests.sources.klaviyo.conftest import Account


class FastClock:
    """Seconds that pass only while somebody sleeps, and a little with each look at them."""

    def __init__(self, *, per_look: float = 0.0) -> None:
        self.now = 1_000.0
        self.per_look = per_look
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self.now += self.per_look
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += max(0.0, seconds)


@pytest.fixture
def limited() -> Iterator[Account]:
    """An account with the published limits."""
    with DemoKlaviyo(KlaviyoData()) as server:
        yield Account(server)


def connect_by(account: Account, clock: FastClock, **settings: object) -> KlaviyoClient:
    account.server.limits.clock = clock
    return connect(account.source(**settings), sleep=clock.sleep, clock=clock)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.3])
def test_a_hundred_thousand_profiles_take_as_long_as_the_limits_say_and_are_never_refused(
    limited: Account, share: float
) -> None:
    """A thousand pages of a hundred: what is on them takes no part in the pace."""
    limited.data.add_profile(first_name="Ann")
    clock, pages = FastClock(), 1_000
    with connect_by(limited, clock, max_share_of_limit=share) as client:
        began = clock.now
        for _ in range(pages):
            client.get("profiles", {"page[size]": 100})
    minutes = (clock.now - began) / 60
    assert limited.server.limits.refused == 0
    assert minutes <= 1.05 * pages / (750 * share)
    assert client.requests_made == pages


def test_what_others_use_of_the_minute_is_respected(limited: Account) -> None:
    clock = FastClock()
    with connect_by(limited, clock, max_share_of_limit=0.5) as client:
        client.get("profiles", {})
        limited.server.limits.spend(373)
        for _ in range(3):
            client.get("profiles", {})
    # The minute that begins at 1,020 brings new room: what was left before was others'.
    assert clock.now >= 1_020
    assert limited.server.limits.refused == 0


def test_a_refusal_is_waited_out_and_told_when_it_lasts(limited: Account) -> None:
    clock = FastClock()
    with connect_by(limited, clock) as client:
        limited.server.faults.retry_after = 7
        limited.server.faults.next("too_many_requests")
        client.get("profiles", {})
        assert clock.now >= 1_007
        limited.server.faults.down = "too_many_requests"
        with pytest.raises(KlaviyoThrottledError, match="5 attempts"):
            client.get("profiles", {})
        limited.server.faults.retry_after = 600
        with pytest.raises(KlaviyoThrottledError, match="Klaviyo asks to come back after"):
            client.get("profiles", {})


def test_many_threads_keep_to_the_limits_together(limited: Account) -> None:
    clock = FastClock(per_look=0.002)
    limited.server.limits.rates["reads"] = Rate(burst=75, steady=100)
    with connect_by(limited, clock, max_share_of_limit=0.9) as client:

        def ask() -> None:
            for _ in range(50):
                client.get("lists", {})

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert client.requests_made == 300
    assert limited.server.limits.refused == 0


def test_without_word_of_limits_the_published_ones_are_kept() -> None:
    clock = FastClock()
    allowance = Allowance(0.8, sleep=clock.sleep, clock=clock)
    for _ in range(601):
        allowance.take()
        allowance.give_back(Told(200, {}))
    assert clock.now - 1_000 == pytest.approx(60, abs=0.5)


@pytest.mark.parametrize(
    ("limit", "left", "reset"),
    [("10", "3", "5"), ("75, 75;w=1, 10;w=60", "74, 3;w=60", "1, 5;w=60"), ("10;w=60", "3", "5")],
)
def test_limits_are_read_in_every_form(limit: str, left: str, reset: str) -> None:
    clock = FastClock()
    allowance = Allowance(1.0, sleep=clock.sleep, clock=clock)
    headers = {"RateLimit-Limit": limit, "RateLimit-Remaining": left, "RateLimit-Reset": reset}
    allowance.take()
    allowance.give_back(Told(200, headers))
    for _ in range(3):
        allowance.take()
        allowance.give_back(Told(200, headers))
    assert clock.now == 1_000
    allowance.take()
    assert clock.now >= 1_005


def told(status: int = 200, **headers: str) -> Told:
    return Told(
        status, CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    )


def test_a_refusal_lets_nobody_go_before_its_time() -> None:
    """Whoever waits for his turn meanwhile waits as well."""
    clock = FastClock()
    allowance = Allowance(1.0, sleep=clock.sleep, clock=clock)
    allowance.take()
    allowance.give_back(told(429, Retry_After="5"))
    assert not allowance.has_room
    allowance.take()
    assert clock.now >= 1_005


def test_a_refusal_without_a_time_waits_a_while_and_one_of_hours_two_minutes() -> None:
    clock = FastClock()
    allowance = Allowance(1.0, sleep=clock.sleep, clock=clock)
    for headers, waited in (({}, 15), ({"Retry_After": "9000"}, 120)):
        began = clock.now
        allowance.take()
        allowance.give_back(told(429, **headers))
        allowance.take()
        allowance.give_back(None)
        assert waited <= clock.now - began <= waited + 1


def test_a_reset_that_is_no_number_of_seconds_is_a_minute_at_most() -> None:
    clock = FastClock()
    allowance = Allowance(1.0, sleep=clock.sleep, clock=clock)
    allowance.take()
    allowance.give_back(told(RateLimit_Limit="750", RateLimit_Remaining="0", RateLimit_Reset="1793534400"))
    allowance.take()
    assert 1_060 <= clock.now <= 1_062


def test_what_answers_in_the_place_of_the_service_says_nothing_of_limits() -> None:
    clock = FastClock()
    allowance = Allowance(1.0, sleep=clock.sleep, clock=clock)
    allowance.take()
    allowance.give_back(told(RateLimit_Limit="750", RateLimit_Remaining="1", RateLimit_Reset="30"))
    allowance.take()
    allowance.give_back(told(503))
    allowance.take()
    assert clock.now >= 1_030
