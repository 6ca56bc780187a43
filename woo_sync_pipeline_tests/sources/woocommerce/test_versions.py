"""Everything that is asked of a store, on WooCommerce old and new; and how a store's version is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import DemoStore, StoreData
from woo_sync_pipeline.demo.store.__main__ import main as run_demo_store
from woo_sync_pipeline.sources.woocommerce.check import check_lines, check_store
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_after, customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.errors import StoreFilterIgnoredError
from woo_sync_pipeline.sources.woocommerce.live import newest_change
from woo_sync_pipeline.sources.woocommerce.orders import (
    OrderWindow,
    newest_orders,
    order_statuses,
    walk_orders,
)
from woo_sync_pipeline.sources.woocommerce.products import product_tags
from woo_sync_pipeline.sources.woocommerce.versions import StoreVersion, find_version, lacking, release_of
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply, Request, of_rows
from woo_sync_pipeline_tests.sources.woocommerce.sources import CONSENT, ORDER_CONSENT, source_of

VERSIONS = ["6.0", "8.9", "9.5", "11"]
Connect = Callable[..., StoreClient]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest, shop: DemoStore) -> str:
    shop.data.woocommerce_version = str(request.param)
    return str(request.param)


def ids(pages: Any) -> list[int]:
    return [row["id"] for page in pages for row in page]


def test_customers_are_read_alike(version: str, shop: DemoStore, client: StoreClient) -> None:
    for number in range(250):
        shop.data.register_customer(
            email=f"c{number}@example.com", roles=["wholesale"], shipping={"phone": "0491 570 156"}
        )
        if number % 3 == 0:
            shop.data.set_user_meta(number + 2, CONSENT, "yes")
    everybody = sorted(shop.data.customers)
    assert ids(sweep_customers(client, meta_keys=[CONSENT])) == everybody
    assert ids(customers_after(client, 200, meta_keys=[])) == [each for each in everybody[::-1] if each > 200]
    (page,) = customers_by_id(client, [2, 3, 999], meta_keys=[CONSENT])
    assert [row["id"] for row in page] == [2, 3]
    assert page[0]["shipping"]["phone"] == "0491 570 156"
    assert page[0]["meta_data"] == [{**page[0]["meta_data"][0], "key": CONSENT, "value": "yes"}]


def test_orders_of_a_window_are_read_alike(version: str, shop: DemoStore, client: StoreClient) -> None:
    """Also in the hour that local time repeats when daylight time ends in Sydney, at 16:00 UTC."""
    begins = datetime(2026, 4, 4, 15, tzinfo=UTC)
    placed = [
        shop.data.place_order(
            created_at=begins, modified_at=begins + timedelta(seconds=40 * number), meta={ORDER_CONSENT: "1"}
        )
        for number in range(280)
    ]
    at_once = [
        shop.data.place_order(created_at=begins, modified_at=begins + timedelta(hours=4)) for _ in range(130)
    ]
    trashed = shop.data.place_order(created_at=begins)
    shop.data.update_order(trashed, status="trash", modified_at=begins + timedelta(hours=1))
    window = OrderWindow(begins, begins + timedelta(hours=6))
    pages = list(walk_orders(client, window, meta_keys=[ORDER_CONSENT]))
    assert sorted(ids(pages)) == sorted([*placed, *at_once, trashed])
    assert pages[0][0]["meta_data"][0]["value"] == "1"
    half = OrderWindow(begins + timedelta(seconds=4000), begins + timedelta(seconds=8000))
    assert sorted(ids(walk_orders(client, half, meta_keys=[]))) == placed[100:200]
    whole = OrderWindow(None, shop.data.now() + timedelta(hours=1))
    assert sorted(ids(walk_orders(client, whole, meta_keys=[]))) == sorted([*placed, *at_once, trashed])


def test_the_other_questions_are_answered_alike(version: str, shop: DemoStore, client: StoreClient) -> None:
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    product = shop.data.add_product("Cup", tags=["Café & Bar"])
    order = shop.data.place_order(product_ids=[product], status="in-the-kiln")
    statuses = order_statuses(client)
    assert "in-the-kiln" in statuses
    assert statuses[-1] == "trash"
    assert product_tags(client, [product]) == product_tags(client, None) == {product: ("Café & Bar",)}
    found = newest_change(client, since=shop.data.now() - timedelta(hours=1))
    assert found.order_modified_at == shop.data.orders[order].modified_at
    assert found.customer_id == 1
    assert newest_orders(client, statuses).lead < timedelta(minutes=1)


LACKS = {"6.0": ["posts", "statuses"], "8.9": ["statuses"], "9.5": ["statuses"], "11": []}


def test_check_shows_the_version_and_what_it_lacks(version: str, shop: DemoStore) -> None:
    shop.data.register_customer(email="ann@example.com")
    first, *others = check_lines(source_of(shop, consent={"meta_keys": [CONSENT]}))
    assert (first.verdict, first.subject) == ("ok", "shop")
    assert f"Bean & Leaf, WooCommerce {version}, Australia/Sydney, 2 customers" in first.text
    assert [line.verdict for line in others] == ["ok"] * len(LACKS[version])
    assert all(word in line.text for word, line in zip(LACKS[version], others, strict=True))


def test_a_field_of_the_block_checkout_is_warned_of_where_woocommerce_does_not_write_it(
    version: str, shop: DemoStore
) -> None:
    key = "_wc_other/acme/sms"
    source = source_of(shop, consent={"meta_keys": [key], "mirrored_by": {key: "acme_sms"}})
    warnings = [line.text for line in check_lines(source) if line.verdict == "warn"]
    if version == "6.0":
        (warning,) = warnings
        assert f"has {key}, which WooCommerce itself writes only since 8.9" in warning
        assert "update WooCommerce 6.0" in warning
    else:
        assert warnings == []


def test_the_meta_of_customers_is_hidden_from_shop_managers_since_7_3(
    version: str, shop: DemoStore, connect: Connect
) -> None:
    manager = {"consumer_key": SHOP_MANAGER.consumer_key, "consumer_secret": SHOP_MANAGER.consumer_secret}
    with connect(shop.url, **manager) as client:
        found = check_store(client, needs_customer_meta=True)
    assert str(found.version) == version
    assert found.customer_meta_visible is (version == "6.0")
    assert bool(found.warnings) is (version != "6.0")


@pytest.mark.parametrize(("version", "chosen"), [("8.1", None), ("7.1", True), ("11", False), ("6.0", True)])
def test_where_orders_are_kept_is_told_by_the_store(
    shop: DemoStore, client: StoreClient, version: str, chosen: bool | None
) -> None:
    shop.data.woocommerce_version, shop.data.keeps_orders_in_tables = version, chosen
    found = find_version(client)
    # Before 7.1 there is nothing to choose, and nothing is told.
    assert found.in_tables == (None if version == "6.0" else chosen is True)
    assert any("posts" in lack for lack in lacking(found)) is not (version == "7.1")


def test_before_5_8_the_filter_is_ignored_and_that_is_said(shop: DemoStore, connect: Connect) -> None:
    """Such a store would give every order for every window."""
    with connect(shop.url) as client:
        index = client.get_object("/", {})

    def answer(request: Request) -> Reply:
        path = request.path.removeprefix("/wp-json/").removeprefix("wc/v3/")
        if path in ("", "system_status"):
            body = index if not path else {"environment": {"version": "5.7.1"}}
            return Reply(json.dumps(body).encode())
        return of_rows([{"id": 1, "date_modified_gmt": "2026-01-01T00:00:00"}])

    with (
        LoopbackStore(answer) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError, match=r"5\.8 or newer"),
    ):
        check_store(client, needs_customer_meta=False)


FORBIDDEN = Reply(
    b'{"code":"woocommerce_rest_cannot_view","message":"Sorry, you cannot list resources.","data":{"status":403}}',
    status=403,
)


@pytest.mark.parametrize(
    "status",
    [
        FORBIDDEN,
        Reply(b'{"code":"rest_no_route","message":"No.","data":{"status":404}}', status=404),
        Reply(b"<html><title>Blocked</title></html>", status=406, headers={"Content-Type": "text/html"}),
        Reply(b"{}"),
        Reply(b"[]"),
        Reply(b'{"environment":{"version":null},"settings":[]}'),
        Reply(b'{"environment":[]}'),
    ],
)
@pytest.mark.parametrize(
    ("orders", "shown"),
    [
        (of_rows([{"id": 7, "version": "8.9.1"}]), "8.9.1 or newer (the version is not shown to this key)"),
        (of_rows([]), "of a version that is not shown to this key"),
        (of_rows([{"id": 7, "version": ""}]), "of a version that is not shown to this key"),
        (FORBIDDEN, "of a version that is not shown to this key"),
    ],
)
def test_where_the_version_is_not_shown_the_newest_order_tells_the_least_that_it_can_be(
    connect: Connect, status: Reply, orders: Reply, shown: str
) -> None:
    def answer(request: Request) -> Reply:
        return status if request.path.endswith("system_status") else orders

    with LoopbackStore(answer) as server, connect(server.url) as client:
        found = find_version(client)
    assert (str(found), found.release, lacking(found)) == (shown, None, ())


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("11", (11, 0)),
        ("9.6.0-rc.1", (9, 6)),
        (" 8.9.1 ", (8, 9)),
        ("9.6+build", (9, 6)),
        ("", None),
        ("latest", None),
        ("9.x", None),
        ("1" * 9, None),
    ],
)
def test_the_first_two_numbers_of_a_version_count(text: str, release: tuple[int, int] | None) -> None:
    assert release_of(text) == release


def test_a_version_is_shown_as_the_store_writes_it() -> None:
    assert str(StoreVersion("9.6.0-rc.1")) == "9.6.0-rc.1"


def test_the_demo_store_refuses_what_is_no_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_demo_store(["--woocommerce", "newest"])
    assert "'newest' is no version: write one such as 8.9" in capsys.readouterr().err


@pytest.mark.parametrize("version", VERSIONS)
def test_the_demo_store_knows_the_versions(version: str) -> None:
    data = StoreData(woocommerce_version=version)
    assert data.lists_order_statuses is (version == "11")
    assert data.has_order_tables is (version != "6.0")
