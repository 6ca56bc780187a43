"""What people and plugins do to the store's state, and what of it moves a modification date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.dates import to_gmt_text
from woo_sync_pipeline.demo.store.query import find_orders
from woo_sync_pipeline_tests.demo.test_store_support import NOON, empty_store

BEFORE = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
STATUSES = st.sampled_from(["pending", "completed", "checkout-draft"])
Deed = Callable[[StoreData, int], object]


def store_with_customer() -> tuple[StoreData, int]:
    data = empty_store()
    customer_id = data.register_customer(
        email="ann@example.com",
        first_name="Ann",
        last_name="Lee",
        billing={"phone": "0491 570 156", "country": "AU"},
        meta={"sms_marketing_consent": "yes"},
        registered_at=BEFORE - timedelta(days=9),
        modified_at=BEFORE,
    )
    return data, customer_id


def save_meta_data_only(data: StoreData, customer_id: int) -> None:
    data.set_user_meta(customer_id, "customer_tags", ["vip"])


def complete_an_order(data: StoreData, customer_id: int) -> None:
    data.set_order_status(data.place_order(customer_id=customer_id), "completed")


MOVES: dict[str, Deed] = {
    "API PUT of the same value": lambda data, i: data.put_customer(i, fields={"first_name": "Ann"}),
    "API PUT of meta only": lambda data, i: data.put_customer(i, fields={}, meta={"x": 1}),
    "profile save": lambda data, i: data.save_profile(i, email="other@example.com"),
    "changed billing phone": lambda data, i: data.set_user_meta(i, "billing_phone", "0491 570 157"),
    "changed first name": lambda data, i: data.set_user_meta(i, "first_name", "Anne"),
    "first completed order": complete_an_order,
    "placed as completed": lambda data, i: data.place_order(customer_id=i, status="completed"),
}
MOVES_NOT: dict[str, Deed] = {
    "same billing phone": lambda data, i: data.set_user_meta(i, "billing_phone", "0491 570 156"),
    "billing city added": lambda data, i: data.set_user_meta(i, "billing_city", "Perth"),
    "shipping phone added": lambda data, i: data.set_user_meta(i, "shipping_phone", "0491 570 158"),
    "billing phone deleted": lambda data, i: data.delete_user_meta(i, "billing_phone"),
    "first name deleted": lambda data, i: data.delete_user_meta(i, "first_name"),
    "consent changed": lambda data, i: data.set_user_meta(i, "sms_marketing_consent", "no"),
    "consent deleted": lambda data, i: data.delete_user_meta(i, "sms_marketing_consent"),
    "tags written": save_meta_data_only,
    "role replaced": lambda data, i: data.set_roles(i, ["wholesale"]),
    "roles removed": lambda data, i: data.set_roles(i, []),
    "order placed, processing": lambda data, i: data.place_order(customer_id=i),
    "order placed, pending": lambda data, i: data.place_order(customer_id=i, status="pending"),
}


@pytest.mark.parametrize("deed", MOVES)
def test_customer_modification_date_moves(deed: str) -> None:
    data, customer_id = store_with_customer()
    MOVES[deed](data, customer_id)
    assert data.customers[customer_id].modified_at == NOON


@pytest.mark.parametrize("deed", MOVES_NOT)
def test_customer_modification_date_does_not_move(deed: str) -> None:
    data, customer_id = store_with_customer()
    version = data.customers_version, data.orders_version
    MOVES_NOT[deed](data, customer_id)
    assert data.customers[customer_id].modified_at == BEFORE
    assert (data.customers_version, data.orders_version) != version, "the deed must have done something"


def test_a_second_completed_order_does_not_move_the_customer() -> None:
    data, customer_id = store_with_customer()
    complete_an_order(data, customer_id)
    data.clock = lambda: NOON + timedelta(days=1)
    complete_an_order(data, customer_id)
    assert data.customers[customer_id].modified_at == NOON


def test_a_registered_customer_was_never_modified() -> None:
    data = empty_store()
    assert data.customers[data.register_customer(email="new@example.com")].modified_at is None


@pytest.mark.parametrize(
    "deed",
    [
        lambda data, i: data.update_order(i),
        lambda data, i: data.update_order(i, meta={"_wc_other/woo/sms-opt-in": "1"}),
        lambda data, i: data.update_order(i, billing={"phone": "0491 570 110"}),
        lambda data, i: data.set_order_status(i, "refunded"),
        lambda data, i: data.trash_order(i),
    ],
    ids=["save without a change", "meta", "billing", "status", "trash"],
)
def test_every_save_of_an_order_moves_it(deed: Deed) -> None:
    data = empty_store()
    order_id = data.place_order(created_at=BEFORE)
    deed(data, order_id)
    assert data.orders[order_id].modified_at == NOON
    assert data.orders[order_id].created_at == BEFORE


def test_an_order_comes_out_of_the_trash_with_its_status_and_a_new_date() -> None:
    data = empty_store()
    order_id = data.place_order(status="on-hold", created_at=BEFORE)
    data.trash_order(order_id)
    data.clock = lambda: NOON + timedelta(hours=1)
    data.untrash_order(order_id)
    assert data.orders[order_id].status == "on-hold"
    assert data.orders[order_id].modified_at == NOON + timedelta(hours=1)


def test_deleting_a_customer_makes_guest_orders_of_theirs_and_moves_them() -> None:
    data, customer_id = store_with_customer()
    theirs = [data.place_order(customer_id=customer_id, created_at=BEFORE) for _ in range(3)]
    other = data.place_order(customer_id=0, created_at=BEFORE)
    data.delete_customer(customer_id)
    assert customer_id not in data.customers
    assert [data.orders[i].customer_id for i in theirs] == [0, 0, 0]
    assert {data.orders[i].modified_at for i in theirs} == {NOON}
    assert data.orders[other].modified_at == BEFORE


def test_ids_of_deleted_users_are_not_given_again() -> None:
    data, customer_id = store_with_customer()
    data.delete_customer(customer_id)
    assert data.register_customer(email="next@example.com") > customer_id


def test_tags_are_kept_encoded_once_and_found_again() -> None:
    data = empty_store()
    tag_id = data.add_tag("Café & Bar")
    assert data.tags[tag_id].name == "Café &amp; Bar"
    assert data.tags[tag_id].slug == "cafe-bar"
    assert data.add_tag("Café &amp; Bar") == tag_id
    assert data.tags[data.add_tag("Ünïcode 🍷")].slug == "unicode-%f0%9f%8d%b7"


def test_changing_product_tags_moves_the_product_and_no_order() -> None:
    data = empty_store()
    data.clock = lambda: BEFORE
    product_id = data.add_product("Hamper", tags=["Cheese"])
    order_id = data.place_order(product_ids=[product_id])
    data.clock = lambda: NOON
    data.set_product_tags(product_id, ["Wine"])
    assert data.products[product_id].modified_at == NOON
    assert data.orders[order_id].modified_at == BEFORE


def test_unknown_statuses_and_profile_fields_are_refused() -> None:
    data, customer_id = store_with_customer()
    with pytest.raises(ValueError, match="wc-completed"):
        data.place_order(status="wc-completed")
    with pytest.raises(ValueError, match="nickname"):
        data.save_profile(customer_id, nickname="A")


def test_secrets_do_not_show_in_the_repr_of_a_key() -> None:
    assert "cs_read" not in repr(empty_store().keys[0])


class OrdersMachine(RuleBasedStateMachine):
    """Whatever is done to orders, the sorted indexes tell what the orders themselves tell."""

    def __init__(self) -> None:
        super().__init__()
        self.data = empty_store()
        self.customer_ids = [self.data.register_customer(email=f"c{n}@example.com") for n in range(3)]

    @rule(minute=st.integers(0, 9), status=STATUSES, who=st.integers(0, 3))
    def place(self, minute: int, status: str, who: int) -> None:
        customers = [0, *self.data.customers]
        moment = BEFORE + timedelta(minutes=minute)
        self.data.place_order(customer_id=customers[who % len(customers)], status=status, created_at=moment)

    @rule(minute=st.integers(0, 9), status=STATUSES, place=st.integers(0, 99))
    def change(self, minute: int, status: str, place: int) -> None:
        for order_id in self.some_order(place):
            moment = BEFORE + timedelta(minutes=minute)
            self.data.update_order(order_id, status=status, modified_at=moment)

    @rule(place=st.integers(0, 99))
    def trash_and_back(self, place: int) -> None:
        for order_id in self.some_order(place):
            before = self.data.orders[order_id].status
            self.data.trash_order(order_id)
            self.data.untrash_order(order_id)
            assert self.data.orders[order_id].status == before

    @rule(place=st.integers(0, 99))
    def delete(self, place: int) -> None:
        for order_id in self.some_order(place):
            self.data.delete_order(order_id)

    @rule()
    def delete_a_customer(self) -> None:
        if self.customer_ids:
            self.data.delete_customer(self.customer_ids.pop())

    def some_order(self, place: int) -> list[int]:
        return self.data.order_ids[place % len(self.data.order_ids) :][:1] if self.data.order_ids else []

    @invariant()
    def the_list_by_modification_is_what_sorting_gives(self) -> None:
        after, before = BEFORE + timedelta(minutes=2), BEFORE + timedelta(minutes=7)
        window = {"modified_after": to_gmt_text(after), "modified_before": to_gmt_text(before)}
        shown = [
            (order.modified_at, order.id)
            for order in self.data.orders.values()
            if order.status not in ("trash", "checkout-draft")
        ]
        for order, backwards in (("asc", False), ("desc", True)):
            params = {"orderby": "modified", "order": order, "dates_are_gmt": True}
            everything = find_orders(self.data, params)
            assert everything[:] == [i for _, i in sorted(shown, reverse=backwards)]
            assert len(everything) == len(shown)
            inside = [moment for moment in shown if after < moment[0] < before]
            found = find_orders(self.data, params | window)
            assert found[1:3] == [i for _, i in sorted(inside, reverse=backwards)][1:3]
            assert len(found) == len(inside)

    @invariant()
    def every_index_holds_every_order_once(self) -> None:
        orders = self.data.orders
        assert self.data.order_ids == sorted(orders)
        assert self.data.orders_by_created == sorted((order.created_at, i) for i, order in orders.items())
        owned = {i: owner for owner, theirs in self.data.orders_of_customer.items() for i in theirs}
        assert owned == {i: order.customer_id for i, order in orders.items()}


OrdersMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestOrderIndexes = OrdersMachine.TestCase
