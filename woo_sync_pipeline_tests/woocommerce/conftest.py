from __future__ import annotations

from collections.abc import Callable

import pytest

from woo_sync_pipeline.woocommerce.client import StoreClient, StoreSettings


@pytest.fixture
def naps() -> list[float]:
    """How long the clients of a test would have slept, in seconds."""
    return []


@pytest.fixture
def connect(naps: list[float]) -> Callable[..., StoreClient]:
    def make(url: str, **settings: object) -> StoreClient:
        values: dict[str, object] = {
            "source": "shop",
            "url": url,
            "consumer_key": "ck_0123456789abcdef",
            "consumer_secret": "cs_fedcba9876543210",
            "max_concurrency": 3,
            "read_timeout": 5.0,
            **settings,
        }
        return StoreClient(StoreSettings(**values), sleep=naps.append)  # type: ignore[arg-type] # a free mapping

    return make
