"""All roles of users, with few requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreUnavailableError
from woo_sync_pipeline.sources.woocommerce.roles import several_roles, store_roles, with_all_roles
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply

ROLES = ["administrator", "customer", "wholesale", "subscriber"]


def test_the_store_tells_its_roles(shop: DemoStore, client: StoreClient) -> None:
    shop.data.roles.append("vip")
    assert store_roles(client) == shop.data.roles
    assert client.requests_made == 1


@pytest.mark.parametrize(
    "reply", [Reply(b"no", 403), Reply(b"{}"), Reply(b'{"endpoints": [{"args": null}]}')]
)
def test_a_store_that_does_not_describe_itself_tells_none(
    connect: Callable[..., StoreClient], reply: Reply
) -> None:
    with LoopbackStore(lambda _: reply) as server, connect(server.url) as client:
        assert store_roles(client) == []


def test_a_store_that_is_down_is_not_taken_for_one_without_roles(connect: Callable[..., StoreClient]) -> None:
    with (
        LoopbackStore(lambda _: Reply(b"", 502)) as server,
        connect(server.url) as client,
        pytest.raises(StoreUnavailableError),
    ):
        store_roles(client)


def test_users_with_several_roles_are_found_without_listing_the_largest(
    shop: DemoStore, client: StoreClient
) -> None:
    data = shop.data
    for number in range(400):
        data.register_customer(email=f"c{number}@example.com")
    few = [data.register_customer(email=f"w{number}@example.com", roles=["wholesale"]) for number in range(5)]
    both = data.register_customer(email="both@example.com", roles=["wholesale", "customer"])
    three = data.register_customer(
        email="three@example.com", roles=["subscriber", "customer", "wholesale", "odd_one"]
    )
    data.register_customer(email="none@example.com", roles=[])
    assert several_roles(client, ROLES) == {
        both: ("customer", "wholesale"),
        three: ("customer", "wholesale", "subscriber"),
    }
    assert few[0] not in several_roles(client, ROLES)
    # Each time a count for each role, a page for each of the small ones, and one of the large.
    assert len(shop.requests) == 2 * (4 + 3 + 1)


def test_a_user_who_shows_a_role_that_was_not_found_has_only_that_one() -> None:
    rows = [{"id": 1, "role": "customer"}, {"id": 2, "role": "editor"}, {"id": 3, "role": "customer"}]
    known = {1: ("wholesale", "customer"), 2: ("wholesale", "customer")}
    assert with_all_roles(rows, known) == [
        {"id": 1, "role": "customer\nwholesale"},
        {"id": 2, "role": "editor"},
        {"id": 3, "role": "customer"},
    ]
