"""A demo account on loopback, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData, Rate
from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, connect
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings


class Account:
    """A running account without limits that anybody could meet."""

    def __init__(self, server: DemoKlaviyo) -> None:
        self.server = server
        self.beside = ExitStack()
        self.key = server.data.add_key()

    @property
    def data(self) -> KlaviyoData:
        return self.server.data

    def source(self, **settings: Any) -> KlaviyoSettings:
        return KlaviyoSettings.model_validate(
            {
                "name": "Klaviyo",
                "key": "klaviyo",
                "url": self.server.url,
                "api_key": self.key.secret,
                "start_date": date(2026, 11, 1),
                "default_region": "AU",
                **settings,
            }
        )

    def client(self, **settings: Any) -> KlaviyoClient:
        return connect(self.source(**settings))

    def asked(self, path: str = "/api/profiles") -> list[dict[str, str]]:
        """The queries with which a path was asked for."""
        return [request.query for request in self.server.requests if request.path == path]


@pytest.fixture
def account(impatient: None) -> Iterator[Account]:
    with DemoKlaviyo(KlaviyoData()) as server:
        for tier in server.limits.rates:
            server.limits.rates[tier] = Rate(burst=100_000, steady=1_000_000)
        running = Account(server)
        with running.beside:
            yield running
