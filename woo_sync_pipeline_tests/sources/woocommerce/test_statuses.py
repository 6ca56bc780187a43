"""Order statuses of stores old and new."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce import statuses as statuses_module
from woo_sync_pipeline.sources.woocommerce.check import check_store
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreBlockedError,
    StoreMaintenanceError,
    StoreRouteMissingError,
    StoreUnavailableError,
)
from woo_sync_pipeline.sources.woocommerce.live import newest_change
from woo_sync_pipeline.sources.woocommerce.statuses import (
    OrderStatuses,
    find_order_statuses,
    forget_order_statuses,
    known_order_statuses,
    order_statuses,
)
from woo_sync_pipeline_tests.sources.woocommerce.loopback import (
    LoopbackStore,
    Reply,
    Request,
    in_turn,
    of_rows,
)

BUILT_IN = ["pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed"]
Connect = Callable[..., StoreClient]


def failure(status: int, code: str) -> Reply:
    body = {"code": code, "message": "No.", "data": {"status": status}}
    return Reply(json.dumps(body).encode(), status=status)


NO_ROUTE = failure(404, "rest_no_route")


def described(*enum: str, **more: Any) -> Reply:
    statuses = {"default": ["any"], "type": "array", "items": {"type": "string", "enum": [*enum]}}
    endpoints = [{"methods": ["GET"], "args": {"page": {}, "status": statuses}}]
    return Reply(json.dumps({"namespace": "wc/v3", "endpoints": endpoints, **more}).encode())


def an_old_store(
    *, options: Reply = NO_ROUTE, totals: Reply = NO_ROUTE, has: tuple[str, ...] = (*BUILT_IN, "trash")
) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        path = request.path.removeprefix("/wp-json/wc/v3/")
        if path == "orders" and request.method == "OPTIONS":
            return options
        if path == "orders":
            asked = request.query["status"].split(",")
            return of_rows([]) if set(asked) <= {*has} else failure(400, "rest_invalid_param")
        return totals if path == "reports/orders/totals" else NO_ROUTE

    return answer


@pytest.fixture
def found(connect: Connect) -> Callable[[Callable[[Request], Reply]], OrderStatuses]:
    def ask(answer: Callable[[Request], Reply]) -> OrderStatuses:
        with LoopbackStore(answer) as server, connect(server.url) as client:
            return find_order_statuses(client)

    return ask


Found = Callable[[Callable[[Request], Reply]], OrderStatuses]


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("11.0.1", ["GET"]),
        ("9.6.0", ["GET"]),
        ("9.5.2", ["GET", "OPTIONS"]),
        ("8.9.1", ["GET", "OPTIONS"]),
        ("6.0.0", ["GET", "OPTIONS"]),
    ],
)
def test_stores_of_all_versions_tell_the_same_statuses(
    shop: DemoStore, client: StoreClient, version: str, asked: list[str]
) -> None:
    shop.data.woocommerce_version = version
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    assert order_statuses(client) == [*BUILT_IN, "in-the-kiln", "trash"]
    assert [request.method for request in shop.requests] == asked


def test_an_old_store_can_be_checked_and_has_its_version_named(shop: DemoStore, client: StoreClient) -> None:
    shop.data.woocommerce_version = "8.9.1"
    found = check_store(client, needs_customer_meta=False, statuses=("completed", "trash"))
    assert (str(found.version), found.warnings) == ("8.9.1", ())


def test_of_the_arguments_those_to_filter_by_count(found: Found) -> None:
    writing = {"methods": ["POST"], "args": {"status": {"type": "string", "enum": ["pending"]}}}
    reading = json.loads(described("any", "trash", "auto-draft", "pending", "checkout-draft", "x").body)
    endpoints = {"0": writing, "3": reading["endpoints"][0]}
    assert found(an_old_store(options=described(endpoints=endpoints))) == OrderStatuses(
        ["pending", "x", "trash"], are_told=True
    )
    holes = {"status": {"items": {"enum": {"0": "any", "2": "done"}}}}
    with_holes = described(endpoints=[{"methods": ["GET"], "args": holes}])
    assert found(an_old_store(options=with_holes)).slugs == ["done", "trash"]


EMPTY = Reply(b"")
TOTALS = of_rows([{"slug": slug, "name": "x", "total": 1} for slug in ("pending", "x", "checkout-draft")])


@pytest.mark.parametrize(
    "options",
    [
        NO_ROUTE,
        failure(401, "rest_forbidden"),
        failure(403, "rest_forbidden"),
        Reply(b"<h1>Not allowed</h1>", status=405),
        EMPTY,
        Reply(b"<html></html>"),
        Reply(b"[]"),
        described(),
        described(endpoints=None),
        described(endpoints=[{"methods": ["GET"], "args": []}]),
    ],
)
def test_where_the_arguments_are_not_told_the_totals_are(found: Found, options: Reply) -> None:
    told = found(an_old_store(options=options, totals=TOTALS))
    assert told == OrderStatuses(["pending", "x", "trash"], are_told=True)


def test_where_neither_is_told_the_built_in_ones_are_tried(connect: Connect) -> None:
    with LoopbackStore(an_old_store()) as server, connect(server.url) as client:
        assert find_order_statuses(client) == OrderStatuses([*BUILT_IN, "trash"], are_told=False)
        assert len(server.requests) == 4
    without = an_old_store(has=("processing", "completed", "trash"))
    with LoopbackStore(without) as server, connect(server.url) as client:
        assert find_order_statuses(client).slugs == ["processing", "completed", "trash"]
        assert all(request.query.get("per_page") == "1" for request in server.requests[3:])
        assert len(server.requests) == 12


def test_statuses_that_are_not_told_are_warned_of(shop: DemoStore, connect: Connect) -> None:
    with connect(shop.url) as client:
        index = client.get_object("/", {})
        system = client.get_object("system_status", {})
    old = an_old_store()

    def answer(request: Request) -> Reply:
        path = request.path.removeprefix("/wp-json/").removeprefix("wc/v3/")
        if path in ("", "system_status"):
            return Reply(json.dumps(system if path else index).encode())
        if path in ("customers", "products") or (request.method == "GET" and "status" not in request.query):
            return NO_ROUTE if path.startswith(("orders/", "reports")) else of_rows([])
        return old(request)

    with LoopbackStore(answer) as server, connect(server.url) as client:
        [warning] = check_store(client, needs_customer_meta=False).warnings
    assert "does not tell its order statuses" in warning


def test_no_woocommerce_at_all_is_still_a_missing_route(found: Found) -> None:
    with pytest.raises(StoreRouteMissingError, match="orders/statuses"):
        found(lambda _: NO_ROUTE)
    with pytest.raises(StoreRouteMissingError, match="orders/statuses"):
        found(an_old_store(has=()))


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply(b"", status=500), StoreUnavailableError),
        (Reply(b"", status=503, headers={"Retry-After": "1"}), StoreMaintenanceError),
    ],
)
def test_trouble_is_no_answer_to_the_question(found: Found, bad: Reply, kind: type[Exception]) -> None:
    """Else one bad moment would hide the orders of custom statuses."""
    with pytest.raises(kind):
        found(an_old_store(options=bad, totals=TOTALS))
    with pytest.raises(kind):
        found(an_old_store(totals=bad))


def test_a_description_is_asked_for_with_the_key_and_again_after_trouble(
    connect: Connect, naps: list[float]
) -> None:
    replies = in_turn(Reply(b"", status=500), described("pending"))
    with LoopbackStore(replies) as server, connect(server.url) as client:
        assert client.describe("orders")["namespace"] == "wc/v3"
    assert [request.method for request in server.requests] == ["OPTIONS", "OPTIONS"]
    assert all("ck_0123456789abcdef" in request.headers["Authorization"] for request in server.requests)
    assert len(naps) == 1
    refused = failure(403, "rest_forbidden")
    with (
        LoopbackStore(lambda _: refused) as server,
        connect(server.url) as client,
        pytest.raises(StoreBlockedError, match="OPTIONS orders"),
    ):
        client.describe("orders")


def test_what_is_known_is_asked_once_for_each_store(
    shop: DemoStore, client: StoreClient, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known_order_statuses(client) == known_order_statuses(client) == [*BUILT_IN, "trash"]
    with connect(shop.url) as another, connect(shop.url, source="other") as other:
        known_order_statuses(another)
        assert len(shop.requests) == 1
        known_order_statuses(other)
        assert len(shop.requests) == 2
    known_order_statuses(client).clear()
    assert known_order_statuses(client) == [*BUILT_IN, "trash"]
    forget_order_statuses(client)
    known_order_statuses(client)
    assert len(shop.requests) == 3
    monkeypatch.setattr(statuses_module, "_LONGEST_KNOWN", 0.0)
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    assert "in-the-kiln" in known_order_statuses(client)


def test_a_failure_is_not_known(shop: DemoStore, client: StoreClient) -> None:
    shop.faults.next("maintenance")
    with pytest.raises(StoreMaintenanceError):
        known_order_statuses(client)
    assert known_order_statuses(client) == [*BUILT_IN, "trash"]


def test_a_status_that_the_store_no_longer_has_is_forgotten(shop: DemoStore, client: StoreClient) -> None:
    """A plugin was switched off: else the store would refuse each question until the process ends."""
    now = shop.data.now()
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    known = known_order_statuses(client)
    del shop.data.order_statuses["in-the-kiln"]
    newest = newest_change(client, since=now, statuses=known)
    assert newest.customer_id == 1
    assert known_order_statuses(client) == [*BUILT_IN, "trash"]
