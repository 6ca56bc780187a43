"""Which orders are gone: by the store's own word alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce import order_changes
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreUnavailableError
from woo_sync_pipeline.sources.woocommerce.order_changes import Presence, find_gone_orders
from woo_sync_pipeline_tests.sources.woocommerce.loopback import JSON, LoopbackStore, Reply, Request, of_rows

STATUSES = ("processing", "completed", "trash")


def test_a_hundred_orders_take_a_request_and_each_missing_one_another(
    shop: DemoStore, client: StoreClient
) -> None:
    orders = [shop.data.place_order(status="completed") for _ in range(250)]
    shop.data.trash_order(orders[7])
    for order in orders[100:103]:
        shop.data.delete_order(order)
    assert find_gone_orders(client, orders, statuses=STATUSES) == Presence(frozenset(orders[100:103]))
    assert len(shop.requests) == 3 + 3


def test_nothing_to_prove_takes_no_request(shop: DemoStore, client: StoreClient) -> None:
    assert find_gone_orders(client, [], statuses=STATUSES) == Presence()
    assert shop.requests == []


def test_an_order_with_a_status_of_a_plugin_that_was_switched_off_is_not_gone(
    shop: DemoStore, client: StoreClient
) -> None:
    shop.data.order_statuses["shipped"] = "Shipped"
    shipped, deleted = shop.data.place_order(status="shipped"), shop.data.place_order()
    del shop.data.order_statuses["shipped"]
    shop.data.delete_order(deleted)
    assert find_gone_orders(client, [shipped, deleted], statuses=STATUSES) == Presence(
        frozenset({deleted}), 1
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "woocommerce_rest_cannot_view"),
        (401, "woocommerce_rest_cannot_view"),
        (404, "rest_no_route"),
        (404, "hidden_by_a_plugin"),
        (400, "rest_invalid_param"),
        (200, ""),
    ],
)
def test_any_other_word_than_the_store_s_own_that_there_is_none_proves_nothing(
    connect: Callable[..., StoreClient], status: int, code: str
) -> None:
    error = json.dumps({"code": code, "message": "No.", "data": {"status": status}} if code else {"id": 7})

    def answer(request: Request) -> Reply:
        return of_rows([]) if request.path.endswith("/orders") else Reply(error.encode(), status, JSON)

    with LoopbackStore(answer) as server, connect(server.url) as client:
        assert find_gone_orders(client, [7], statuses=STATUSES) == Presence(unclear=1)


def test_while_the_store_does_not_answer_nothing_is_concluded(connect: Callable[..., StoreClient]) -> None:
    def answer(request: Request) -> Reply:
        return of_rows([]) if request.path.endswith("/orders") else Reply(b"", 502)

    with (
        LoopbackStore(answer) as server,
        connect(server.url) as client,
        pytest.raises(StoreUnavailableError),
    ):
        find_gone_orders(client, [7], statuses=STATUSES)


def test_when_very_many_are_missing_some_wait(
    shop: DemoStore, client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_changes, "MOST_ASKED_FOR_ALONE", 5)
    orders = [shop.data.place_order() for _ in range(12)]
    for order in orders:
        shop.data.delete_order(order)
    first = find_gone_orders(client, orders, statuses=STATUSES)
    assert (len(first.gone), first.unclear) == (5, 7)
    assert first.gone < set(orders)
