from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_after, customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerCutError,
    StoreAnswerMalformedError,
    StoreFilterIgnoredError,
)
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER
from woo_sync_pipeline_tests.sources.woocommerce.loopback import JSON, LoopbackStore, Reply, Request, of_rows


def ids(pages: Iterable[list[dict[str, Any]]]) -> list[int]:
    return [row["id"] for page in pages for row in page]


def register(shop: DemoStore, count: int, **fields: Any) -> list[int]:
    return [shop.data.register_customer(email=f"p{step}@example.com", **fields) for step in range(count)]


def delete_some(shop: DemoStore, doomed: Iterable[int], *, at_a_time: int) -> None:
    """Let the next of these customers be deleted before each answer."""
    left = iter(doomed)

    def delete(path: str) -> None:
        for number in islice(left, at_a_time):
            shop.data.delete_customer(number)

    shop.on_request = delete


def test_a_sweep_reads_everyone_of_every_role_once_and_in_order(shop: DemoStore, client: StoreClient) -> None:
    register(shop, 150)
    register(shop, 60, roles=["wholesale"])
    register(shop, 45, roles=[])
    assert ids(sweep_customers(client, meta_keys=())) == list(range(1, 257))
    assert {request.query["role"] for request in shop.requests} == {"all"}


def test_a_sweep_goes_on_through_whatever_a_store_does_wrong(shop: DemoStore, client: StoreClient) -> None:
    register(shop, 500)
    for fault in ("drop", "cut", "fatal", "exit", "notice", "bom", "too_many_requests", "unavailable"):
        shop.faults.next(fault)
    assert ids(sweep_customers(client, meta_keys=())) == list(range(1, 502))
    assert client.notices == 2


def test_a_sweep_that_cannot_be_finished_is_an_error_and_never_a_short_list(
    shop: DemoStore, connect: Callable[..., StoreClient]
) -> None:
    register(shop, 500)
    taken = 0

    def break_later(path: str) -> None:
        nonlocal taken
        taken += 1
        if taken == 3:
            shop.faults.next("cut", times=50)

    shop.on_request = break_later
    with connect(shop.url, attempts=2) as client, pytest.raises(StoreAnswerCutError):
        ids(sweep_customers(client, meta_keys=()))


def test_customers_deleted_during_a_sweep_hide_nobody_else(shop: DemoStore, client: StoreClient) -> None:
    register(shop, 600)
    delete_some(shop, range(2, 120), at_a_time=9)
    read = ids(sweep_customers(client, meta_keys=()))
    assert read == sorted(set(read))
    assert {1, *range(120, 602)} <= set(read)


def test_only_the_fields_and_meta_that_are_used_are_kept(shop: DemoStore, client: StoreClient) -> None:
    register(shop, 1, billing={"phone": "0491 570 156", "company": "x"}, meta={"sms": "yes", "other": "x"})
    [[_, row]] = sweep_customers(client, meta_keys=["sms"])
    assert [(item["key"], item["value"]) for item in row["meta_data"]] == [("sms", "yes")]
    assert set(row["billing"]) == {"first_name", "last_name", "phone", "country", "email"}
    assert set(row["shipping"]) == {"first_name", "last_name", "phone", "country"}
    assert not {"username", "avatar_url", "_links"} & set(row)


def test_meta_that_the_store_withholds_stays_absent(
    shop: DemoStore, connect: Callable[..., StoreClient]
) -> None:
    register(shop, 1, meta={"sms": "yes"})
    key = SHOP_MANAGER
    with connect(shop.url, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret) as client:
        rows = [row for page in sweep_customers(client, meta_keys=["sms"]) for row in page]
    assert len(rows) == 2
    assert not any("meta_data" in row for row in rows)


@pytest.mark.parametrize(
    ("last_id", "expected"), [(301, []), (299, [301, 300]), (0, list(range(301, 0, -1)))]
)
def test_new_registrations_are_read_from_the_newest_down(
    shop: DemoStore, client: StoreClient, last_id: int, expected: list[int]
) -> None:
    register(shop, 300)
    assert ids(customers_after(client, last_id, meta_keys=())) == expected
    assert client.requests_made == (1 if last_id else 4)


def test_new_registrations_hide_nobody_while_others_are_deleted(shop: DemoStore, client: StoreClient) -> None:
    register(shop, 400)
    delete_some(shop, range(401, 300, -1), at_a_time=20)
    assert set(range(101, 301)) <= set(ids(customers_after(client, 100, meta_keys=())))


def test_customers_are_read_by_id_whatever_their_role_and_the_gone_are_absent(
    shop: DemoStore, client: StoreClient
) -> None:
    register(shop, 250)
    shop.data.set_roles(7, ["wholesale"])
    shop.data.delete_customer(8)
    asked = [0, -1, 7, 8, 7, 9999, *range(20, 240)]
    assert set(ids(customers_by_id(client, asked, meta_keys=()))) == {7, *range(20, 240)}
    assert client.requests_made == 3


@pytest.mark.parametrize("most", [2, 10, 20, 49, 99])
def test_a_store_that_caps_its_pages_loses_nobody(shop: DemoStore, client: StoreClient, most: int) -> None:
    register(shop, 250)
    shop.data.delete_customer(8)
    shop.data.most_per_page = most
    everyone = [1, *range(2, 8), *range(9, 252)]
    assert ids(sweep_customers(client, meta_keys=())) == everyone
    assert ids(customers_after(client, 100, meta_keys=())) == list(range(251, 100, -1))
    assert sorted(ids(customers_by_id(client, range(300), meta_keys=()))) == everyone


@pytest.mark.parametrize("most", [1, 3, 100])
def test_customers_are_read_by_id_from_a_store_that_caps_its_pages_and_does_not_count(
    connect: Callable[..., StoreClient], most: int
) -> None:
    def answer(request: Request) -> Reply:
        asked = [int(number) for number in request.query["include"].split(",")]
        there = [{"id": number} for number in asked if number != 8]
        return Reply(json.dumps(there[:most]).encode())

    with LoopbackStore(answer) as server, connect(server.url) as client:
        assert ids(customers_by_id(client, range(1, 11), meta_keys=())) == [1, 2, 3, 4, 5, 6, 7, 9, 10]


@pytest.mark.parametrize("asked", [[], [0], [0, -5]])
def test_no_ids_make_no_request(shop: DemoStore, client: StoreClient, asked: list[int]) -> None:
    assert ids(customers_by_id(client, asked, meta_keys=())) == []
    assert client.requests_made == 0


def test_rows_that_were_not_asked_for_are_an_error(connect: Callable[..., StoreClient]) -> None:
    with (
        LoopbackStore(lambda _: of_rows([{"id": 3}])) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError),
    ):
        ids(customers_by_id(client, [4], meta_keys=()))


ODD: list[dict[str, Any]] = [{"id": 1}, {"id": "2"}, {"id": "WC-3"}, {"id": 4.0}, {"id": 2**64}, {"id": 6}]


def test_a_row_without_a_readable_id_ends_a_sweep_unless_somebody_counts_it(
    connect: Callable[..., StoreClient],
) -> None:
    """Whoever is missing from a sweep is taken for deleted."""
    with LoopbackStore(lambda _: of_rows(ODD)) as server, connect(server.url) as client:
        with pytest.raises(StoreAnswerMalformedError, match="without an integer id"):
            list(sweep_customers(client, meta_keys=()))
        left_out = LeftOut()
        pages = sweep_customers(client, meta_keys=(), left_out=left_out)
        assert [row["id"] for page in pages for row in page] == [1, 2, 4, 6]
    assert left_out.count == 2


def test_rows_of_other_readings_are_left_out_and_counted(connect: Callable[..., StoreClient]) -> None:
    by_id, newest = LeftOut(), LeftOut()
    with LoopbackStore(lambda _: of_rows(ODD)) as server, connect(server.url) as client:
        pages = customers_by_id(client, range(1, 7), meta_keys=(), left_out=by_id)
        assert [row["id"] for page in pages for row in page] == [1, 2, 4, 6]
    with LoopbackStore(lambda _: of_rows(ODD[::-1])) as server, connect(server.url) as client:
        pages = customers_after(client, 1, meta_keys=(), left_out=newest)
        assert [row["id"] for page in pages for row in page] == [6, 4, 2]
    assert (by_id.count, newest.count) == (2, 2)


def test_lists_with_holes_are_lists_wherever_they_come(connect: Callable[..., StoreClient]) -> None:
    meta = {"0": {"key": "plugin", "value": 1}, "2": {"key": "sms", "value": "yes"}}
    body = {"1": {"id": 5, "meta_data": meta, "billing": None}, "4": {"id": 7, "meta_data": {}}}
    reply = Reply(json.dumps(body).encode(), headers={**JSON, "X-WP-Total": "2"})
    with LoopbackStore(lambda _: reply) as server, connect(server.url) as client:
        [page] = sweep_customers(client, meta_keys=("sms",))
    assert [(row["id"], row["meta_data"]) for row in page] == [
        (5, [{"key": "sms", "value": "yes"}]),
        (7, []),
    ]
