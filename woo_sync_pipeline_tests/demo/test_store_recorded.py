"""The demo store gives the answers that a live store was recorded giving."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from requests_oauthlib import OAuth1

from woo_sync_pipeline.demo.store import ApiKey, DemoStore, generate_store
from woo_sync_pipeline_tests.demo.test_store_support import NOON, RECORDED, ask, https_store, keys, recorded

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded exchanges at {RECORDED.name}/")

READ, BOTH, WRITE, MANAGER, CUSTOMER = keys()
UNKNOWN = ApiKey("ck_bad", "cs_bad")
WRONG_SECRET = ApiKey(READ.consumer_key, "cs_bad")

OVER_HTTPS = {
    "auth_key_of_customer_role": CUSTOMER,
    "auth_none": None,
    "auth_read_key_post": READ,
    "auth_write_key_get": WRITE,
    "auth_wrong_key": UNKNOWN,
    "auth_wrong_secret": WRONG_SECRET,
    "customer_never_modified": READ,
    "customer_single": READ,
    "customer_two_roles": READ,
    "customer_without_role": READ,
    "customers_beyond_end": READ,
    "customers_default_params": READ,
    "customers_fields_nested": READ,
    "customers_key_of_shop_manager": MANAGER,
    "customers_last_page": READ,
    "customers_page1": READ,
    "customers_page2": READ,
    "customers_phone_variety": READ,
    "customers_shared_phone": READ,
    "customers_unknown_param_ignored": READ,
    "customers_with_meta": READ,
    "error_400_bad_json": BOTH,
    "error_400_create_bad_email": BOTH,
    "error_400_customers_orderby_modified": READ,
    "error_400_customers_page_0": READ,
    "error_400_customers_per_page_101": READ,
    "error_400_customers_role_unknown": READ,
    "error_400_orders_bad_date": READ,
    "error_400_orders_bad_status": READ,
    "error_404_customer": READ,
    "error_404_no_route": READ,
    "error_404_order": READ,
    "error_501_delete_without_force": BOTH,
    "index": None,
    "order_guest_shipping_phone_only": READ,
    "order_of_deleted_customer": READ,
    "order_statuses": READ,
    "order_with_private_meta": READ,
    "orders_beyond_end": READ,
    "orders_guests": READ,
    "orders_modified_after_naive_gmt": READ,
    "orders_modified_after_naive_local": READ,
    "orders_modified_after_z": READ,
    "orders_modified_after_z_and_dates_are_gmt_WRONG": READ,
    "orders_page1": READ,
    "orders_page2": READ,
    "orders_status_any_excludes": READ,
    "orders_status_checkout_draft": READ,
    "orders_status_trash": READ,
    "products_by_tag": READ,
    "products_tag_and_or": READ,
    "products_tags": READ,
    "system_status": READ,
}
OAUTH = {
    "auth_oauth1_hmac_sha1": (READ, "HMAC-SHA1"),
    "auth_oauth1_hmac_sha256": (READ, "HMAC-SHA256"),
    "auth_oauth1_bad_signature": (WRONG_SECRET, "HMAC-SHA1"),
    "auth_oauth1_unknown_key": (UNKNOWN, "HMAC-SHA1"),
}
FAULT_SHAPES = {
    "error_503_maintenance": "maintenance",
    "error_plain_permalinks": "redirect",
    "error_shape_bom": "bom",
    "error_shape_exit": "exit",
    "error_shape_fatal": "fatal",
    "error_shape_notice": "notice",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoStore, str]]:
    data = generate_store(seed=3, customers=599, orders=600, now=NOON)
    data.keys = keys()
    data.clock = lambda: NOON
    # The recorded queries name these orders; those of the daylight-saving night have their dates too.
    for order_id in (45, 50, 156):
        data.update_order(order_id, status="completed")
    for order_id, (hour, minute) in {44: (15, 5), 46: (16, 5), 47: (16, 30), 48: (17, 5)}.items():
        night = datetime(2026, 4, 4, hour, minute, tzinfo=UTC)
        data.update_order(order_id, status="completed", modified_at=night)
    with https_store(data, tmp_path_factory.mktemp("ca")) as (store, ca_file):
        yield store, ca_file


@pytest.fixture(scope="module")
def plain() -> Iterator[DemoStore]:
    data = generate_store(seed=3, customers=40, orders=10, now=NOON)
    data.keys = keys()
    with DemoStore(data) as store:
        yield store


def replay(store: DemoStore, exchange: dict[str, Any], **more: Any) -> requests.Response:
    request = exchange["request"]
    body = request.get("body")
    if isinstance(body, str):
        more["data"] = body
    elif body is not None:
        more["json"] = body
    query = more.pop("query", request["query"])
    return ask(store, request["path"], query, method=request["method"], **more)


def links(header: str) -> list[tuple[str, str, list[str]]]:
    """The relations of a Link header with their paths and the names of their parameters, in order."""
    found = re.findall(r'<([^>]*)>; rel="([^"]*)"', header)
    return [
        (relation, urlsplit(url).path, [name for name, _ in parse_qsl(urlsplit(url).query)])
        for url, relation in found
    ]


def shape(value: Any) -> Any:
    """The keys of a row, nested ones too, without the free content of lists and links."""
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return {key: None if key == "_links" else shape(inner) for key, inner in value.items()}
    return "scalar"


def assert_same_form(answer: requests.Response, expected: dict[str, Any]) -> None:
    assert answer.status_code == expected["status"]
    for name in expected["headers"]:
        assert name in answer.headers, name
    for name in ("Link", "X-WP-Total", "X-WP-TotalPages", "Allow", "Retry-After", "Location"):
        assert (name in answer.headers) == (name in expected["headers"]), name
    assert answer.headers["Content-Type"] == expected["headers"]["Content-Type"]
    assert answer.headers.get("Allow") == expected["headers"].get("Allow")
    assert "WWW-Authenticate" not in answer.headers
    if "Link" in expected["headers"]:
        assert links(answer.headers["Link"]) == links(expected["headers"]["Link"])


@pytest.mark.parametrize("name", sorted(OVER_HTTPS))
def test_the_same_request_gives_an_answer_of_the_same_form(served: tuple[DemoStore, str], name: str) -> None:
    store, ca_file = served
    exchange = recorded(name)
    answer = replay(store, exchange, key=OVER_HTTPS[name], ca_file=ca_file)
    expected = exchange["response"]
    assert_same_form(answer, expected)
    body, wanted = answer.json(), expected["body"]
    if answer.status_code >= 400 or name == "order_statuses" or name.startswith("orders_modified_after"):
        assert body == wanted
    elif isinstance(wanted, list):
        assert bool(body) == bool(wanted)
        if wanted and isinstance(wanted[0], dict) and body:
            assert all(shape(row) == shape(wanted[0]) for row in body)
    else:
        assert shape(body) == shape(wanted)


@pytest.mark.parametrize("name", sorted(OAUTH))
@pytest.mark.parametrize("place", ["query", "auth_header"])
def test_signed_requests_are_answered_as_recorded(plain: DemoStore, name: str, place: str) -> None:
    key, method = OAUTH[name]
    exchange = recorded(name)
    query = [pair for pair in exchange["request"]["query"] if not pair[0].startswith("oauth_")]
    signed = OAuth1(key.consumer_key, key.consumer_secret, signature_method=method, signature_type=place)
    answer = replay(plain, exchange, query=query, auth=signed)
    assert answer.status_code == exchange["response"]["status"]
    if answer.status_code == 401:
        assert answer.json() == exchange["response"]["body"]
    else:
        assert [list(row) for row in answer.json()] == [["id"]]
        replayed = "oauth_signature" in answer.headers["Link"]
        assert replayed == (place == "query")


@pytest.mark.parametrize("name", ["auth_basic_over_http", "auth_query_http", "auth_oauth1_missing_params"])
def test_unsigned_requests_over_plain_http_are_refused_as_recorded(plain: DemoStore, name: str) -> None:
    exchange = recorded(name)
    basic = (READ.consumer_key, READ.consumer_secret) if name == "auth_basic_over_http" else None
    answer = replay(plain, exchange, auth=basic)
    assert_same_form(answer, exchange["response"])
    assert answer.json() == exchange["response"]["body"]


def test_credentials_in_the_query_over_https_come_back_in_the_link(served: tuple[DemoStore, str]) -> None:
    store, ca_file = served
    query = [
        ("per_page", "1"),
        ("consumer_key", READ.consumer_key),
        ("consumer_secret", READ.consumer_secret),
        ("_fields", "id"),
    ]
    exchange = recorded("auth_query_https")
    answer = replay(store, exchange, query=query, ca_file=ca_file)
    assert_same_form(answer, exchange["response"])
    assert READ.consumer_secret in answer.headers["Link"]
    assert READ.consumer_secret not in repr(store.requests[-1])


@pytest.mark.parametrize("name", sorted(FAULT_SHAPES))
def test_faults_have_the_form_of_recorded_failures(served: tuple[DemoStore, str], name: str) -> None:
    store, ca_file = served
    store.faults.next(FAULT_SHAPES[name])  # type: ignore[arg-type]
    exchange = recorded(name)
    answer = replay(store, exchange, key=READ, ca_file=ca_file, headers={"Accept": "*/*"})
    expected = exchange["response"]
    assert_same_form(answer, expected)
    body = answer.content.decode()
    if isinstance(expected["body"], str) and expected["body"].endswith("]"):
        assert re.sub(r"\d+|/srv\S+", "", body)[:40] == re.sub(r"\d+|/srv\S+", "", expected["body"])[:40]
    else:
        assert body[:15] == expected["body"][:15]


def test_recorded_folder_is_complete() -> None:
    names = {path.stem for path in Path(RECORDED).glob("*.json")}
    assert set(OVER_HTTPS) | set(OAUTH) | set(FAULT_SHAPES) <= names
