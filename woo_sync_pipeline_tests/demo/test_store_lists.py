"""Lists of the demo store: which rows, in which order, on which page, with which fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.demo.store.php import as_list, build_query, flatten, parse_query
from woo_sync_pipeline_tests.demo.test_store_support import NOON, ask, empty_store, ids, rows


@pytest.fixture(scope="module")
def store() -> Iterator[DemoStore]:
    """Users 1 to 9 and a few orders; everything in here is only read."""
    data = empty_store()
    data.register_customer(email="admin@store.example", username="admin", roles=["administrator"])
    for name in ("Dora", "Cleo", "Abel", "Bert"):
        data.register_customer(
            email=f"{name}@Example.com",
            first_name=name,
            billing={"phone": "0491 570 156", "email": f"{name}@example.com"},
            meta={"sms_marketing_consent": True, "tags": ["a", "b"], "_wc_other/woo/sms-opt-in": "1"},
        )
    data.register_customer(email="w@example.com", first_name="Wim", roles=["wholesale"])
    data.register_customer(email="none@example.com", first_name="Nil", roles=[])
    data.register_customer(email="two@example.com", first_name="Zoe", roles=["subscriber", "customer"])
    data.register_customer(email="bad@example.com", first_name="Yan", billing={"email": "not an address"})
    cheese = data.add_product("Brie", tags=["Cheese"])
    both = data.add_product("Basket", tags=["Cheese", "Wine & Co"], status="draft")
    data.add_product("Mug")
    for position, status in enumerate(("pending", "completed", "trash", "checkout-draft", "processing")):
        data.place_order(
            customer_id=(0, 2, 2, 0, 3)[position],
            status=status,
            product_ids=[(cheese, both)[position % 2]],
            billing={"phone": f"0491 570 15{position}", "email": "Guest@Example.com"},
            meta={"_wc_other/woo/sms-opt-in": "0"},
            created_at=NOON - timedelta(days=position),
            modified_at=NOON - timedelta(days=position % 3),
        )
    gone = data.add_product("Gone")
    data.place_order(product_ids=[gone], created_at=NOON - timedelta(days=9))
    data.delete_product(gone)
    with DemoStore(data) as served:
        yield served


def refusal(store: DemoStore, path: str, **params: str) -> dict[str, Any]:
    answer = ask(store, path, params, key=store.data.keys[0])
    assert answer.status_code == 400
    body: dict[str, Any] = answer.json()
    assert body["code"] == "rest_invalid_param"
    details: dict[str, Any] = body["data"]["details"]
    return details


def test_the_default_list_holds_only_the_role_customer_by_display_name(store: DemoStore) -> None:
    found = rows(store, "customers", {"_fields": "first_name,role"})
    assert [row["first_name"] for row in found] == ["Abel", "Bert", "Cleo", "Dora", "Yan", "Zoe"]
    assert found[-1]["role"] == "subscriber", "the filter matches any role, the field shows the first"


@pytest.mark.parametrize(
    ("role", "expected"),
    [("all", list(range(1, 10))), ("wholesale", [6]), ("administrator", [1]), ("subscriber", [8])],
)
def test_role_filter(store: DemoStore, role: str, expected: list[int]) -> None:
    assert ids(store, "customers", {"role": role, "orderby": "id"}) == expected


def test_a_user_without_role_is_shown_as_customer_but_only_found_among_all(store: DemoStore) -> None:
    assert ids(store, "customers", {"include": "7"}) == []
    assert rows(store, "customers", {"include": "7", "role": "all"})[0]["role"] == "customer"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"orderby": "id", "order": "desc", "per_page": "3"}, [9, 8, 7]),
        ({"orderby": "id", "per_page": "3", "page": "3"}, [7, 8, 9]),
        ({"orderby": "id", "per_page": "3", "page": "3", "offset": "1"}, [2, 3, 4]),
        ({"orderby": "id", "include": "5,2", "exclude": "2"}, [2, 5]),
        ({"orderby": "include", "include": "5,2"}, [5, 2]),
        ({"orderby": "id", "exclude": "1,2,3"}, [4, 5, 6, 7, 8, 9]),
        ({"include": "77"}, []),
        ({"email": "dora@example.COM"}, [2]),
        ({"search": "zoe"}, [8]),
        ({"search": "0491"}, []),
        ({"orderby": "id", "per_page": "2", "modified_after": "2099-01-01T00:00:00", "zz": "1"}, [1, 2]),
    ],
)
def test_customer_parameters(store: DemoStore, params: dict[str, str], expected: list[int]) -> None:
    assert ids(store, "customers", {"role": "all", **params}) == expected


@pytest.mark.parametrize(
    ("path", "name", "value", "code"),
    [
        ("customers", "role", "customer,wholesale", "rest_not_in_enum"),
        ("customers", "orderby", "date", "rest_not_in_enum"),
        ("customers", "order", "up", "rest_not_in_enum"),
        ("customers", "per_page", "0", "rest_out_of_bounds"),
        ("customers", "per_page", "-1", "rest_out_of_bounds"),
        ("customers", "per_page", "ten", "rest_invalid_type"),
        ("customers", "include", "1,x", "rest_invalid_type"),
        ("customers", "email", "nobody", "rest_invalid_email"),
        ("customers", "context", "embed", "rest_not_in_enum"),
        ("orders", "customer", "", "rest_invalid_type"),
        ("orders", "status", "draft", "rest_not_in_enum"),
        ("orders", "status", "all", "rest_not_in_enum"),
        ("orders", "dates_are_gmt", "maybe", "rest_invalid_type"),
    ],
)
def test_refused_values(store: DemoStore, path: str, name: str, value: str, code: str) -> None:
    details = refusal(store, path, **{name: value})
    assert {parameter: detail["code"] for parameter, detail in details.items()} == {name: code}


def test_all_refused_parameters_are_named_at_once(store: DemoStore) -> None:
    assert set(refusal(store, "customers", per_page="0", role="x")) == {"per_page", "role"}


def test_customer_meta_keeps_its_form_and_hides_private_keys(store: DemoStore) -> None:
    row = rows(store, "customers", {"include": "2"})[0]
    meta = {entry["key"]: entry["value"] for entry in row["meta_data"]}
    assert meta == {"sms_marketing_consent": "1", "tags": ["a", "b"]}


def test_an_invalid_billing_email_comes_back_empty(store: DemoStore) -> None:
    assert rows(store, "customers", {"include": "9"})[0]["billing"]["email"] == ""


def test_a_shop_managers_key_sees_no_customer_meta_but_order_meta(store: DemoStore) -> None:
    manager = store.data.key(user_role="shop_manager")
    fields = {"_fields": "id,meta_data", "per_page": "1"}
    assert set(ask(store, "customers", fields, key=manager).json()[0]) == {"id"}
    assert "meta_data" not in ask(store, "customers/2", key=manager).json()
    assert ask(store, "orders", fields, key=manager).json()[0]["meta_data"] != []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([("_fields", "id,billing.phone")], {"id": 2, "billing": {"phone": "0491 570 156"}}),
        ([("_fields[0]", "id"), ("_fields[1]", "email")], {"id": 2, "email": "Dora@Example.com"}),
        ([("_fields", "nothing")], []),
        ([("_fields", "id,billing.nothing")], {"id": 2, "billing": []}),
        ([("_fields", "billing,billing.phone,id")], "everything after the redundant name is lost"),
    ],
)
def test_fields(store: DemoStore, params: list[tuple[str, str]], expected: Any) -> None:
    found = rows(store, "customers", [("include", "2"), *params])[0]
    if isinstance(expected, str):
        assert list(found) == ["billing"]
    else:
        assert found == expected


def test_a_single_resource_keeps_its_links_whatever_fields_are_asked_for(store: DemoStore) -> None:
    answer = ask(store, "customers/2", {"_fields": "id"}, key=store.data.keys[0]).json()
    assert set(answer) == {"id", "_links"}


def test_fields_below_a_list_are_lost(store: DemoStore) -> None:
    assert rows(store, "orders", {"_fields": "line_items.product_id", "per_page": "1"}) == [
        {"line_items": []}
    ]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([], ["pending", "completed", "processing", "processing"]),
        ([("status", "any,trash")], ["pending", "completed", "processing", "processing"]),
        ([("status", "trash,checkout-draft")], ["trash", "checkout-draft"]),
        ([("status[0]", "trash"), ("status[1]", "pending")], ["pending", "trash"]),
        ([("status", "")], ["pending", "completed", "processing", "processing"]),
        ([("customer", "0")], ["pending", "processing"]),
        ([("customer", "2")], ["completed"]),
        ([("customer", "-1")], []),
        ([("search", "570 151")], ["completed"]),
        ([("orderby", "modified"), ("order", "asc")], ["processing", "completed", "processing", "pending"]),
        ([("orderby", "modified"), ("per_page", "2"), ("page", "2")], ["completed", "processing"]),
        ([("orderby", "modified"), ("customer", "0")], ["pending", "processing"]),
    ],
)
def test_order_filters(store: DemoStore, params: list[tuple[str, str]], expected: list[str]) -> None:
    assert [row["status"] for row in rows(store, "orders", params)] == expected


def test_brackets_without_numbers_break_the_signature(store: DemoStore) -> None:
    pairs = [("status[]", "trash"), ("status[]", "pending")]
    answer = ask(store, "orders", pairs, key=store.data.keys[0])
    assert (answer.status_code, answer.json()["message"].split(" - ")[0]) == (401, "Invalid signature")


def test_the_line_of_a_deleted_product_has_no_product(store: DemoStore) -> None:
    item = rows(store, "orders", {"order": "asc", "per_page": "1"})[0]["line_items"][0]
    assert (item["product_id"], item["sku"], item["name"]) == (0, None, "Gone")


def test_statuses_are_listed_without_trash(store: DemoStore) -> None:
    slugs = [row["slug"] for row in rows(store, "orders/statuses")]
    assert slugs[0] == "pending"
    assert slugs[-1] == "checkout-draft"
    assert "trash" not in slugs


def test_products_are_found_by_tag_id_and_not_by_slug(store: DemoStore) -> None:
    tags = {row["name"]: row for row in rows(store, "products/tags")}
    assert list(tags) == ["Cheese", "Wine &amp; Co"]
    assert tags["Cheese"]["count"] == 1, "drafts are not counted"
    assert tags["Wine &amp; Co"]["count"] == 0
    found = rows(store, "products", {"tag": str(tags["Cheese"]["id"]), "orderby": "id", "order": "asc"})
    assert [row["name"] for row in found] == ["Brie", "Basket"]
    assert found[1]["tags"][1]["name"] == "Wine &amp; Co"
    assert rows(store, "products", {"tag": "cheese"}) == []


def test_orders_past_the_end_lose_their_total_and_customers_do_not(store: DemoStore) -> None:
    key = store.data.keys[0]
    orders = ask(store, "orders", {"page": "9"}, key=key)
    customers = ask(store, "customers", {"page": "9", "role": "all", "per_page": "4"}, key=key)
    assert (orders.headers["X-WP-Total"], customers.headers["X-WP-Total"]) == ("0", "9")
    assert "page=3&" in customers.headers["Link"]


def test_a_single_page_has_a_link_header_that_leads_nowhere(store: DemoStore) -> None:
    answer = ask(store, "customers", {"per_page": "100"}, key=store.data.keys[0])
    assert answer.headers["Link"] == f'<{store.url}/wp-json/>; rel="https://api.w.org/"'


def test_head_gives_the_total_without_a_body(store: DemoStore) -> None:
    answer = ask(store, "customers", {"role": "all"}, key=store.data.keys[0], method="HEAD")
    assert (answer.status_code, answer.headers["X-WP-Total"], answer.content) == (200, "9", b"")


def test_the_envelope_holds_status_and_headers(store: DemoStore) -> None:
    answer = ask(store, "customers", {"_envelope": "1", "per_page": "0"}, key=store.data.keys[0])
    assert answer.status_code == 200
    assert answer.json()["status"] == 400


def test_other_ways_to_the_same_list(store: DemoStore) -> None:
    for path in ("/wp-json/wc/v3/customers/", "/index.php/wp-json/wc/v3/customers"):
        assert ask(store, path, key=store.data.keys[0]).status_code == 200
    by_route = ask(store, "/", {"rest_route": "/wc/v3/customers"}, key=store.data.keys[0])
    assert by_route.status_code == 401, "keys count only below /wp-json/wc/"
    old = ask(store, "/wc-api/v3/customers")
    assert (old.status_code, old.json()["errors"][0]["code"]) == (404, "woocommerce_api_disabled")
    assert ask(store, "/wp-json/wc/v4/customers").json()["code"] == "rest_no_route"


NAMES = st.text("abcxyz_", min_size=1, max_size=6)
VALUES = st.one_of(
    st.text(max_size=8),
    st.lists(st.text(max_size=4), min_size=1, max_size=3).map(
        lambda items: {str(place): item for place, item in enumerate(items)}
    ),
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_query_survives_being_spelled_and_read_again(query: dict[str, Any]) -> None:
    assert parse_query(build_query(query)) == query


def test_php_reads_brackets_commas_and_repeats() -> None:
    assert parse_query("a[]=1&a[]=2&b=1&b=2&c+d=x%20y+z") == {
        "a": {"0": "1", "1": "2"},
        "b": "2",
        "c_d": "x y z",
    }
    assert list(flatten({"a": {"0": "1"}, "b": "2"})) == [("a[0]", "1"), ("b", "2")]
    assert as_list("1, 2 3,,") == ["1", "2", "3"]
