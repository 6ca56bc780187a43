"""Rate limits: fixed windows of the account, shared by its keys, told in headers."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData, Rate, RateLimits
from woo_sync_pipeline.demo.klaviyo.answers import ApiError
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker

BEGINNING = 60_000.0


class Seconds:
    """A clock of seconds that stands at the beginning of a minute until it is moved."""

    def __init__(self) -> None:
        self.now = BEGINNING

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds(server: DemoKlaviyo) -> Seconds:
    """The clock of the server's limits, which are enforced."""
    clock = Seconds()
    server.limits.clock = clock
    server.limits.enforced = True
    return clock


def statuses(ask: Asker, address: str, count: int, **params: object) -> list[int]:
    return [ask.get(address, **params).status_code for _ in range(count)]


def test_a_burst_is_refused_until_its_second_is_over(ask: Asker, seconds: Seconds) -> None:
    assert statuses(ask, "/profiles", 76) == [200] * 75 + [429]
    seconds.now += 0.4
    refused = ask.get("/lists")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert not [name for name in refused.headers if name.startswith("RateLimit")]
    seconds.now = BEGINNING + 1
    assert statuses(ask, "/segments", 2) == [200, 200]


def test_a_minute_is_used_up(ask: Asker, server: DemoKlaviyo, seconds: Seconds) -> None:
    server.limits.rates["reads"] = Rate(burst=75, steady=5)
    left = [ask.get("/profiles").headers["RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    seconds.now += 18.5
    refused = ask.get("/profiles")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "42")
    seconds.now += 41
    assert ask.get("/profiles").headers["Retry-After"] == "1"
    seconds.now += 0.5
    assert ask.get("/profiles").status_code == 200
    assert server.limits.refused == 2


def test_the_minute_stands_on_the_clock_not_on_the_first_request(ask: Asker, seconds: Seconds) -> None:
    seconds.now += 50.25
    told = ask.get("/profiles").headers
    assert (told["RateLimit-Limit"], told["RateLimit-Remaining"]) == ("750", "749")
    assert told["RateLimit-Reset"] == "10"
    seconds.now = BEGINNING + 60
    told = ask.get("/profiles").headers
    assert (told["RateLimit-Remaining"], told["RateLimit-Reset"]) == ("749", "60")


@pytest.mark.parametrize(
    ("address", "params", "rate"),
    [
        ("/profiles", {}, Rate(75, 750)),
        ("/profiles", {"additional-fields[profile]": "subscriptions"}, Rate(75, 750)),
        ("/profiles", {"additional-fields[profile]": "subscriptions,predictive_analytics"}, Rate(10, 150)),
        ("/profiles/{profile}", {}, Rate(75, 750)),
        ("/profiles/{profile}", {"include": "lists"}, Rate(1, 15)),
        ("/profiles/{profile}", {"include": "segments,push-tokens"}, Rate(1, 15)),
        ("/profiles/{profile}", {"include": "push-tokens"}, Rate(75, 750)),
        ("/profiles/{profile}/relationships/lists", {}, Rate(3, 60)),
        ("/profiles/{profile}/relationships/segments", {}, Rate(3, 60)),
        ("/accounts", {}, Rate(1, 15)),
        ("/lists", {}, Rate(75, 750)),
        ("/segments", {}, Rate(75, 750)),
        ("/lists/{list}/profiles", {}, Rate(75, 750)),
        ("/segments/{segment}/profiles", {}, Rate(75, 750)),
    ],
)
def test_each_operation_has_its_rate(
    ask: Asker, data: KlaviyoData, seconds: Seconds, address: str, params: dict[str, str], rate: Rate
) -> None:
    ids = {"profile": data.add_profile(), "list": data.add_list("A"), "segment": data.add_segment("B")}
    address = address.format(**ids)
    assert ask.get(address, **params).headers["RateLimit-Limit"] == str(rate.steady)
    assert statuses(ask, address, rate.burst, **params) == [200] * (rate.burst - 1) + [429]


def test_all_keys_of_the_account_share_what_there_is(ask: Asker, data: KlaviyoData, seconds: Seconds) -> None:
    other = replace(ask, key=data.add_key())
    ask.get("/profiles")
    other.get("/segments")
    assert ask.get("/lists").headers["RateLimit-Remaining"] == "747"


def test_others_take_their_part(ask: Asker, server: DemoKlaviyo, seconds: Seconds) -> None:
    server.limits.spend(700)
    assert ask.get("/profiles").headers["RateLimit-Remaining"] == "49"
    server.limits.spend(100)
    assert ask.get("/profiles").headers["Retry-After"] == "60"
    seconds.now += 60
    assert ask.get("/profiles").headers["RateLimit-Remaining"] == "749"


def test_every_answer_but_a_429_tells_what_is_left(ask: Asker, data: KlaviyoData, seconds: Seconds) -> None:
    answers = [
        ask.get("/profiles"),
        ask.get(f"{ask.server.url}/api/profiles?sort=id&sort=id"),
        ask.get("/lists/none/profiles"),
        replace(ask, revision="").get("/profiles"),
        replace(ask, revision="2020-01-01").get("/profiles"),
        replace(ask, key=data.add_key([])).get("/profiles"),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 404, 400, 410, 403]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [
        "749",
        "748",
        "747",
        "746",
        "745",
        "744",
    ]


def test_a_faster_clock_makes_minutes_short() -> None:
    limits = RateLimits()
    began = time.monotonic()
    limits.clock = lambda: (time.monotonic() - began) * 600
    limits.rates["reads"] = Rate(burst=1000, steady=3)
    answered, until = 0, began + 0.35
    while time.monotonic() < until:
        try:
            limits.take("reads")
            answered += 1
        except ApiError as error:
            seconds = int(error.answer.headers["Retry-After"])
            time.sleep(seconds / 600)
    assert 9 <= answered <= 12
