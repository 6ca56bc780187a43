from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from woo_sync_pipeline.demo.store import ApiKey, DemoStore, StoreData
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, StoreSettings
from woo_sync_pipeline.sources.woocommerce.statuses import forget_order_statuses


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


@pytest.fixture(autouse=True)
def no_known_statuses() -> None:
    """Each test begins as a new process does."""
    forget_order_statuses()


ADMINISTRATOR = ApiKey("ck_0123456789abcdef", "cs_fedcba9876543210")
SHOP_MANAGER = ApiKey("ck_00000000000manager", "cs_00000000000manager", user_role="shop_manager")


@pytest.fixture
def shop() -> Iterator[DemoStore]:
    """A store with nobody in it but its administrator (id 1)."""
    data = StoreData(name="Bean &amp; Leaf")
    data.keys += [ADMINISTRATOR, SHOP_MANAGER]
    data.register_customer(email="admin@shop.example", roles=["administrator"])
    with DemoStore(data) as store:
        yield store


@pytest.fixture
def client(shop: DemoStore, connect: Callable[..., StoreClient]) -> Iterator[StoreClient]:
    with connect(shop.url) as made:
        yield made
