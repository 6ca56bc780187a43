"""Additional fields of the block checkout: where they are written, where they stick, who mirrors them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline_tests.demo.test_store_support import NOON, ask, empty_store, stop_clock

FIELD, SECOND = "_wc_other/woo/sms-opt-in", "_wc_billing/woo/call-me"
BEFORE, LATER = NOON - timedelta(days=30), NOON + timedelta(hours=2)


@pytest.fixture
def store() -> Iterator[DemoStore]:
    data = empty_store()
    data.register_customer(email="ann@example.com", meta={"customer_tags": "vip"}, modified_at=BEFORE)
    with DemoStore(data) as served:
        yield served


def shown(store: DemoStore, path: str) -> Any:
    answer = ask(store, path, key=store.data.keys[0])
    assert answer.status_code == 200, answer.text
    return answer.json()


def meta_of(store: DemoStore, path: str) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in shown(store, path)["meta_data"]}


def order_meta(store: DemoStore, order_id: int) -> dict[str, Any]:
    return meta_of(store, f"orders/{order_id}")


def user_meta(store: DemoStore) -> dict[str, Any]:
    """The customer's meta as the store keeps them, those that no answer shows included."""
    return {key: entry.value for key, entry in store.data.customers[1].meta.items()}


def test_a_checkout_is_an_order_of_the_store_api(store: DemoStore) -> None:
    product_id = store.data.add_product("Tea")
    order_id = store.data.check_out(
        customer_id=1,
        billing={"phone": "0491 570 156"},
        shipping={"phone": "0491 570 157"},
        product_ids=[product_id],
        status="on-hold",
        created_at=BEFORE,
        modified_at=BEFORE + timedelta(hours=1),
    )
    order = shown(store, f"orders/{order_id}")
    assert (order["created_via"], order["status"], order["customer_id"]) == ("store-api", "on-hold", 1)
    assert (order["billing"]["phone"], order["shipping"]["phone"]) == ("0491 570 156", "0491 570 157")
    assert [item["product_id"] for item in order["line_items"]] == [product_id]
    assert (order["date_created_gmt"], order["date_modified_gmt"]) == (
        "2026-10-24T12:00:00",
        "2026-10-24T13:00:00",
    )
    assert order["meta_data"] == [], "a field neither sent nor kept is not there"


@pytest.mark.parametrize(("ticked", "on_order", "on_user"), [(True, "1", "1"), (False, "0", "")])
def test_a_field_of_a_user_sticks_to_later_orders_and_is_never_shown_on_the_user(
    store: DemoStore, ticked: bool, on_order: str, on_user: str
) -> None:
    first = store.data.check_out(customer_id=1, fields={FIELD: ticked})
    second = store.data.check_out(customer_id=1)
    assert order_meta(store, first) == order_meta(store, second) == {FIELD: on_order}
    assert user_meta(store) == {"customer_tags": "vip", FIELD: on_user}
    customer = shown(store, "customers/1")
    assert [entry["key"] for entry in customer["meta_data"]] == ["customer_tags"]
    assert customer["date_modified_gmt"] == "2026-10-24T12:00:00"


def test_a_field_of_a_guest_sticks_to_the_cart_session(store: DemoStore) -> None:
    check_out = store.data.check_out
    first = check_out(session="a", fields={FIELD: True})
    assert order_meta(store, first) == {FIELD: "1"}
    assert order_meta(store, check_out(session="a")) == {FIELD: "1"}
    assert order_meta(store, check_out(session="a", fields={FIELD: False})) == {FIELD: "0"}
    assert order_meta(store, check_out(session="a")) == {FIELD: "0"}
    for strangers in (check_out(session="b"), check_out(), check_out(customer_id=1, session="a")):
        assert order_meta(store, strangers) == {}


def test_without_a_session_a_guests_field_is_kept_nowhere(store: DemoStore) -> None:
    assert order_meta(store, store.data.check_out(fields={FIELD: True})) == {FIELD: "1"}
    assert order_meta(store, store.data.check_out()) == {}


@pytest.mark.parametrize("who", [{"customer_id": 1}, {"session": "a"}], ids=["user", "guest"])
def test_a_field_that_is_sent_leaves_the_others_as_they_are_kept(
    store: DemoStore, who: dict[str, Any]
) -> None:
    store.data.check_out(**who, fields={FIELD: True})
    store.data.check_out(**who, fields={SECOND: False})
    order_id = store.data.check_out(**who, fields={FIELD: False})
    assert order_meta(store, order_id) == {FIELD: "0", SECOND: "0"}
    order_id = store.data.check_out(**who, fields={SECOND: True})
    assert order_meta(store, order_id) == {FIELD: "0", SECOND: "1"}
    assert order_meta(store, store.data.check_out(**who)) == {FIELD: "0", SECOND: "1"}


def test_a_kept_zero_is_unticked_as_in_php(store: DemoStore) -> None:
    store.data.set_user_meta(1, FIELD, "0")
    assert order_meta(store, store.data.check_out(customer_id=1)) == {FIELD: "0"}


def test_a_first_completed_checkout_moves_the_customer_like_any_order(store: DemoStore) -> None:
    store.data.check_out(customer_id=1, status="completed")
    assert shown(store, "customers/1")["date_modified_gmt"] == "2026-11-23T12:00:00"


def test_a_checkout_that_fails_keeps_nothing(store: DemoStore) -> None:
    for who in ({"customer_id": 1}, {"session": "a"}):
        with pytest.raises(ValueError, match="wc-completed"):
            store.data.check_out(**who, status="wc-completed", fields={FIELD: True})
        assert order_meta(store, store.data.check_out(**who)) == {}
    with pytest.raises(KeyError):
        store.data.check_out(customer_id=99)


def test_a_key_that_is_no_additional_fields_is_refused(store: DemoStore) -> None:
    with pytest.raises(ValueError, match="sms_marketing"):
        store.data.check_out(customer_id=1, fields={"sms_marketing": True})
    with pytest.raises(ValueError, match="sms_marketing"):
        store.data.save_account_field(1, "sms_marketing", True)
    with pytest.raises(ValueError, match="sms_marketing"):
        store.data.mirror_field("sms_marketing", into="a", dated="b")
    assert len(store.data.orders) == 0


def test_my_account_moves_the_date_and_shows_nothing(store: DemoStore) -> None:
    before = shown(store, "customers/1")
    for ticked, kept in ((True, "1"), (False, "")):
        stop_clock(store.data, LATER + timedelta(days=ticked))
        store.data.save_account_field(1, FIELD, ticked)
        assert user_meta(store)[FIELD] == kept
        after = shown(store, "customers/1")
        changed = {name for name, value in after.items() if value != before[name]}
        assert changed == {"date_modified", "date_modified_gmt"}
        assert store.data.customers[1].modified_at == LATER + timedelta(days=ticked)
        assert order_meta(store, store.data.check_out(customer_id=1)) == {FIELD: "1" if ticked else "0"}


def mirrored(store: DemoStore) -> tuple[Any, Any]:
    meta = meta_of(store, "customers/1")
    return meta.get("sms_consent"), meta.get("sms_consent_at")


def stamp(hours: int) -> str:
    return str(int((NOON + timedelta(hours=hours)).timestamp()))


def test_the_mirror_shows_each_change_of_a_field_with_its_time(store: DemoStore) -> None:
    data = store.data
    data.save_account_field(1, SECOND, True)
    data.mirror_field(FIELD, into="sms_consent", dated="sms_consent_at")
    deeds: list[tuple[Callable[[], object], tuple[str, int] | None]] = [
        (lambda: data.check_out(customer_id=1), None),
        (lambda: data.check_out(customer_id=1, fields={SECOND: False}), None),
        (lambda: data.check_out(session="a", fields={FIELD: True}), None),
        (lambda: data.check_out(customer_id=1, fields={FIELD: True}, created_at=BEFORE), ("yes", 3)),
        (lambda: data.check_out(customer_id=1, fields={FIELD: True}), ("yes", 3)),
        (lambda: data.check_out(customer_id=1), ("yes", 3)),
        (lambda: data.save_account_field(1, FIELD, True), ("yes", 3)),
        (lambda: data.save_account_field(1, FIELD, False), ("no", 7)),
        (lambda: data.check_out(customer_id=1, fields={FIELD: False}), ("no", 7)),
        (lambda: data.save_account_field(1, FIELD, True), ("yes", 9)),
        (lambda: data.check_out(customer_id=1, fields={FIELD: False}), ("no", 10)),
    ]
    for hour, (deed, expected) in enumerate(deeds):
        stop_clock(data, NOON + timedelta(hours=hour))
        deed()
        assert mirrored(store) == ((expected[0], stamp(expected[1])) if expected else (None, None)), hour


def test_a_box_left_unticked_the_first_time_is_a_value_too(store: DemoStore) -> None:
    store.data.mirror_field(FIELD, into="sms_consent", dated="sms_consent_at")
    store.data.check_out(customer_id=1, fields={FIELD: False})
    assert mirrored(store) == ("no", stamp(0))


def test_the_mirror_knows_nothing_from_before_it_was_installed(store: DemoStore) -> None:
    store.data.save_account_field(1, FIELD, True)
    store.data.mirror_field(FIELD, into="sms_consent", dated="sms_consent_at")
    store.data.check_out(customer_id=1, fields={FIELD: True})
    assert mirrored(store) == (None, None)


def test_a_mirrored_checkout_moves_no_date_of_the_customer(store: DemoStore) -> None:
    store.data.mirror_field(FIELD, into="sms_consent", dated="sms_consent_at")
    store.data.check_out(customer_id=1, fields={FIELD: True})
    assert mirrored(store) == ("yes", stamp(0))
    assert store.data.customers[1].modified_at == BEFORE
