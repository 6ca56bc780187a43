from __future__ import annotations

from collections.abc import Iterator

import pytest

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker, Clock, stopped_account


@pytest.fixture
def stopped() -> tuple[KlaviyoData, Clock]:
    return stopped_account()


@pytest.fixture
def data(stopped: tuple[KlaviyoData, Clock]) -> KlaviyoData:
    """An account without anybody."""
    return stopped[0]


@pytest.fixture
def clock(stopped: tuple[KlaviyoData, Clock]) -> Clock:
    """The clock of `data`: it stands at noon until somebody moves it."""
    return stopped[1]


@pytest.fixture
def server(data: KlaviyoData) -> Iterator[DemoKlaviyo]:
    """`data`, served without limits."""
    with DemoKlaviyo(data) as running:
        running.limits.enforced = False
        yield running


@pytest.fixture
def ask(server: DemoKlaviyo, data: KlaviyoData) -> Asker:
    return Asker(server, data.keys[0])
