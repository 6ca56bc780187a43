"""How fast the platform is asked: a limit per second, and less at a time after it said that it is busy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
import yaml

from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.demo.platform import DemoPlatform, FaultKind
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.steps.resources import MessageMediaResource
from woo_sync_pipeline_tests.checkout import CHECKOUT


def connect(platform: DemoPlatform, *, per_second: float | None = None, attempts: int = 5) -> PlatformClient:
    return PlatformClient(
        PlatformSettings(
            platform.url,
            platform.api_key,
            platform.api_secret,
            max_concurrency=8,
            max_requests_per_second=per_second,
            backoff=0.001,
            attempts=attempts,
        )
    )


def ask(client: PlatformClient, times: int) -> None:
    with ThreadPoolExecutor(16) as threads:
        for answer in [threads.submit(client.count_contacts) for _ in range(times)]:
            answer.result()


def test_requests_begin_no_faster_than_the_limit(platform: DemoPlatform) -> None:
    with connect(platform, per_second=100) as client:
        began = monotonic()
        ask(client, 41)
        assert monotonic() - began >= 0.4
    assert len(platform.requests) == 41


def test_repeated_requests_count_for_the_limit(platform: DemoPlatform) -> None:
    platform.faults.queue("500", 20)
    with connect(platform, per_second=100, attempts=30) as client:
        began = monotonic()
        ask(client, 11)
        assert monotonic() - began >= 0.3
        assert client.requests_made == 31


@pytest.mark.parametrize("kind", ["429", "503", "503_later"])
def test_a_busy_platform_is_asked_less_at_a_time_and_gradually_as_much_as_before(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    with connect(platform) as client:
        pace = client._requester.pace
        assert pace.at_once == 8
        for left in (4, 2, 1, 1):
            platform.faults.queue(kind)
            ask(client, 1)
            assert pace.at_once == left

        # Sixteen threads want to ask; one may.
        platform.requests.reset()
        platform.faults.latency = 0.002
        ask(client, 8)
        assert platform.requests.most_at_once == 1

        seen = []
        for _ in range(10):
            ask(client, 10)
            seen.append(pace.at_once)
        assert seen == sorted(seen)
        assert seen[0] == 2
        assert seen[-1] == 8
        assert platform.requests.most_at_once > 1


@pytest.mark.parametrize("kind", ["500", "502", "504", "drop"])
def test_failures_that_say_nothing_of_the_load_slow_nothing_down(
    platform: DemoPlatform, kind: FaultKind
) -> None:
    platform.faults.queue(kind, 3)
    with connect(platform) as client:
        ask(client, 5)
        assert client._requester.pace.at_once == 8


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_a_limit_that_lets_nothing_through_is_refused(limit: float) -> None:
    with pytest.raises(ConfigurationError, match="max_requests_per_second"):
        PlatformSettings("https://h.example", "key", "secret", max_requests_per_second=limit)


def test_the_limit_comes_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MESSAGEMEDIA_API_KEY", "MESSAGEMEDIA_API_SECRET", "WOO_KEY", "WOO_SECRET"):
        monkeypatch.setenv(name, "x")
    example = CHECKOUT / "woo_sync.example.yaml"
    values = yaml.safe_load(example.read_text(encoding="utf-8"))
    file = tmp_path / "woo_sync.yaml"
    for limit in (None, 12.5):
        if limit is not None:
            values["messagemedia"]["max_requests_per_second"] = limit
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        with MessageMediaResource(load_settings(file)).connect() as client:
            assert client.settings.max_requests_per_second == limit

    values["messagemedia"]["max_requests_per_second"] = 0
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="max_requests_per_second"):
        load_settings(file)
