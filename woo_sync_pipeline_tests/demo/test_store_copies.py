"""Renewals of subscriptions and users imported over themselves: what they carry on, and what they lose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.demo.store.copies import RENEWAL_KEY
from woo_sync_pipeline_tests.demo.test_store_support import NOON, ask, empty_store, ids

CONSENT = "_wc_other/woo/sms-opt-in"
BEFORE = NOON - timedelta(days=30)
OWN_OF_A_USER = ("id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "_links")


@pytest.fixture
def store() -> Iterator[DemoStore]:
    data = empty_store()
    data.clock = lambda: BEFORE
    data.register_customer(
        email="ann@example.com",
        username="ann",
        first_name="Ann",
        last_name="Lee",
        billing={"phone": "0491 570 156", "country": "AU"},
        shipping={"phone": "0491 570 157"},
        meta={"sms_consent": "yes", "customer_tags": ["vip", "wine"]},
        roles=["wholesale", "customer"],
        modified_at=BEFORE,
    )
    data.register_customer(email="bob@example.com")
    data.save_account_field(1, CONSENT, True)
    data.clock = lambda: NOON
    with DemoStore(data) as served:
        yield served


def shown(store: DemoStore, path: str) -> Any:
    answer = ask(store, path, key=store.data.keys[0])
    assert answer.status_code == 200, answer.text
    return answer.json()


def meta_of(order: Any) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in order["meta_data"]}


def test_a_renewal_is_a_new_order_with_everything_of_its_parent(store: DemoStore) -> None:
    data = store.data
    parent_id = data.place_order(
        customer_id=1,
        billing={"phone": "0491 570 156"},
        shipping={"phone": "0491 570 157"},
        product_ids=[data.add_product("Tea", price=30), data.add_product("Milk")],
        status="completed",
        meta={CONSENT: "1", "gifts": ["cup"]},
        created_at=BEFORE,
    )
    parent = shown(store, f"orders/{parent_id}")
    renewal_id = data.renew(parent_id)
    renewal = shown(store, f"orders/{renewal_id}")
    assert renewal_id > parent_id
    assert (renewal["created_via"], renewal["status"]) == ("subscription", "processing")
    assert renewal["date_created_gmt"] == renewal["date_modified_gmt"] == "2026-11-23T12:00:00"
    for name in ("customer_id", "billing", "shipping", "total"):
        assert renewal[name] == parent[name], name
    assert [item["product_id"] for item in renewal["line_items"]] == [
        item["product_id"] for item in parent["line_items"]
    ]
    assert len({item["id"] for order in (parent, renewal) for item in order["line_items"]}) == 4
    meta = meta_of(renewal)
    assert int(meta.pop(RENEWAL_KEY)) not in data.orders, "the subscription itself is no order of the list"
    assert meta == meta_of(parent) == {CONSENT: "1", "gifts": ["cup"]}
    assert ids(store, "orders", {"orderby": "modified"}) == [renewal_id, parent_id]


def test_the_meta_of_a_renewal_are_its_own(store: DemoStore) -> None:
    parent_id = store.data.place_order(meta={CONSENT: "1", "gifts": ["cup"]})
    renewal_id = store.data.renew(parent_id)
    store.data.update_order(parent_id, billing={"phone": "1"}, meta={CONSENT: "0"})
    store.data.orders[parent_id].meta["gifts"].value.append("spoon")
    renewal, parent = shown(store, f"orders/{renewal_id}"), shown(store, f"orders/{parent_id}")
    assert (meta_of(renewal)[CONSENT], meta_of(renewal)["gifts"]) == ("1", ["cup"])
    assert renewal["billing"]["phone"] == ""
    own_ids = {entry["id"] for entry in renewal["meta_data"]}
    assert own_ids.isdisjoint(entry["id"] for entry in parent["meta_data"])


def test_renewals_of_one_order_are_of_one_subscription(store: DemoStore) -> None:
    data = store.data
    first, second = data.place_order(), data.place_order()
    renewals = [data.renew(first), data.renew(first), data.renew(second)]
    renewals.append(data.renew(renewals[0]))
    one, again, other, later = (meta_of(shown(store, f"orders/{each}"))[RENEWAL_KEY] for each in renewals)
    assert one == again == later != other


def test_a_renewal_may_be_dated_and_outlives_its_product(store: DemoStore) -> None:
    product_id = store.data.add_product("Tea", price=30)
    parent_id = store.data.place_order(product_ids=[product_id])
    store.data.delete_product(product_id)
    order = shown(store, f"orders/{store.data.renew(parent_id, created_at=BEFORE)}")
    assert order["date_created_gmt"] == order["date_modified_gmt"] == "2026-10-24T12:00:00"
    assert [(item["name"], item["price"]) for item in order["line_items"]] == [("Tea", 30)]
    assert order["customer_id"] == 0


def test_there_is_no_renewal_of_an_order_that_is_not_there(store: DemoStore) -> None:
    with pytest.raises(KeyError):
        store.data.renew(99)


def test_an_imported_user_is_the_same_person_with_a_new_id_and_new_dates(store: DemoStore) -> None:
    data = store.data
    before = {old: shown(store, f"customers/{old}") for old in (1, 2)}
    data.add_product("Tea")
    new_ids = data.import_again([1, 2, 1])
    assert list(new_ids) == [1, 2]
    assert ids(store, "customers", {"role": "all", "orderby": "id"}) == sorted(new_ids.values())
    for old, new in new_ids.items():
        assert new > 2
        after = shown(store, f"customers/{new}")
        for row in (before[old], after):
            for entry in row["meta_data"]:
                del entry["id"]
        same = {name: value for name, value in after.items() if name not in OWN_OF_A_USER}
        assert same == {name: value for name, value in before[old].items() if name not in OWN_OF_A_USER}
        assert after["date_created_gmt"] == "2026-11-23T12:00:00"
        assert after["date_modified_gmt"] is None
        assert ask(store, f"customers/{old}", key=data.keys[0]).status_code == 404
    assert data.customers[new_ids[1]].roles == ["wholesale", "customer"]


def test_what_no_answer_shows_is_imported_too(store: DemoStore) -> None:
    new_id = store.data.import_again([1])[1]
    order_id = store.data.check_out(customer_id=new_id)
    assert meta_of(shown(store, f"orders/{order_id}")) == {CONSENT: "1"}


def test_the_orders_of_an_imported_user_are_those_of_a_guest(store: DemoStore) -> None:
    data = store.data
    theirs = data.place_order(customer_id=1, created_at=BEFORE)
    others = data.place_order(customer_id=2, created_at=BEFORE)
    new_id = data.import_again([1])[1]
    order = shown(store, f"orders/{theirs}")
    assert (order["customer_id"], order["date_modified_gmt"]) == (0, "2026-11-23T12:00:00")
    assert shown(store, f"orders/{others}")["customer_id"] == 2
    assert ids(store, "orders", {"customer": str(new_id)}) == []


def test_an_import_of_somebody_who_is_not_there_does_nothing(store: DemoStore) -> None:
    with pytest.raises(KeyError):
        store.data.import_again([1, 99])
    assert ids(store, "customers", {"role": "all", "orderby": "id"}) == [1, 2]
