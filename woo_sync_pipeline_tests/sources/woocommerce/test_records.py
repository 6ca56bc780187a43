from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.records import (
    CUSTOMER_SCHEMA,
    ORDER_SCHEMA,
    TableMade,
    customer_page,
    order_table,
)
from woo_sync_pipeline.sources.woocommerce.values import kind_of_number
from woo_sync_pipeline_tests.checkout import SHARED

RECORDED = SHARED / "woocommerce" / "recorded"
READ_AT = datetime(2026, 11, 24, 1, 2, 3, 456, tzinfo=UTC)
CUSTOMER: dict[str, Any] = {
    "id": 5,
    "date_created_gmt": "2026-03-20T21:54:36",
    "date_modified_gmt": None,
    "email": "a@example.com",
    "first_name": "Ann",
    "last_name": "Lee",
    "role": "customer",
    "billing": {
        "first_name": "A",
        "last_name": "L",
        "phone": "0491 570 156",
        "country": "AU",
        "email": "b@example.com",
    },
    "shipping": {"first_name": "", "last_name": "", "phone": "", "country": "NZ"},
    "meta_data": [{"id": 2, "key": "tags", "value": ["vip", "ü"]}, {"id": 1, "key": "sms", "value": "yes"}],
}
ORDER: dict[str, Any] = {
    **{name: CUSTOMER[name] for name in ("id", "date_created_gmt", "billing", "shipping", "meta_data")},
    "date_modified_gmt": "2026-11-23T12:03:11",
    "status": "completed",
    "customer_id": 7,
    "line_items": [{"product_id": 40}, {"product_id": 0}, {"product_id": 22}, {"product_id": 40}],
}

SAYING_NOTHING: tuple[object, ...] = ("", " ", None, [], {}, False)


def customers(
    *rows: dict[str, Any], keys: tuple[str, ...] = ("sms", "tags"), fingerprint: str = "f"
) -> pd.DataFrame:
    table = customer_page(rows, meta_keys=keys, fingerprint=fingerprint, read_at=READ_AT).table
    frame: pd.DataFrame = table.to_pandas()
    return frame


def orders(*rows: dict[str, Any]) -> pd.DataFrame:
    frame: pd.DataFrame = order_table(rows, meta_keys=("sms",), fingerprint="f", read_at=READ_AT).to_pandas()
    return frame


def only(frame: pd.DataFrame, column: str) -> Any:
    [value] = frame[column]
    return value


def test_a_customer_becomes_one_flat_row() -> None:
    frame = customers(CUSTOMER)
    row = frame.iloc[0].to_dict()
    assert list(frame.columns) == CUSTOMER_SCHEMA.names
    assert row["record_id"] == 5
    assert row["created_at"] == datetime(2026, 3, 20, 21, 54, 36, tzinfo=UTC)
    assert pd.isna(row["modified_at"])
    assert (row["billing_phone"], row["billing_email"], row["shipping_country"]) == (
        "0491 570 156",
        "b@example.com",
        "NZ",
    )
    assert row["meta"] == '{"sms":"yes","tags":["vip","ü"]}'
    assert row["read_at"] == READ_AT
    assert len(row["hash"]) == 32


def test_an_order_becomes_one_flat_row_with_the_products_it_holds() -> None:
    frame = orders(ORDER)
    assert list(frame.columns) == ORDER_SCHEMA.names
    assert list(only(frame, "product_ids")) == [22, 40]
    assert (only(frame, "customer_id"), only(frame, "status")) == (7, "completed")
    assert only(frame, "meta") == '{"sms":"yes"}'


@pytest.mark.parametrize(("frame", "schema"), [(customers(), CUSTOMER_SCHEMA), (orders(), ORDER_SCHEMA)])
def test_a_frame_without_rows_has_the_types_of_one_with_rows(frame: pd.DataFrame, schema: pa.Schema) -> None:
    full = customers(CUSTOMER) if schema is CUSTOMER_SCHEMA else orders(ORDER)
    assert frame.empty
    assert frame.dtypes.to_dict() == full.dtypes.to_dict()
    for column in ("created_at", "modified_at", "read_at"):
        assert frame[column].dtype == "datetime64[us, UTC]"
    for each in (frame, full):
        assert pa.Table.from_pandas(each, schema=schema, preserve_index=False).schema.equals(schema)


def test_withheld_meta_is_told_from_no_meta() -> None:
    without = {name: value for name, value in CUSTOMER.items() if name != "meta_data"}
    assert only(customers(without), "meta") is None
    assert only(customers({**CUSTOMER, "meta_data": []}), "meta") == "{}"
    assert only(customers(CUSTOMER, keys=("other",)), "meta") == "{}"


def test_of_a_meta_key_stored_twice_the_first_comes_first_and_the_others_are_kept() -> None:
    twice = [{"key": "sms", "value": "no"}, {"key": "sms", "value": "yes"}, {"key": "sms", "value": "no"}]
    assert only(customers({**CUSTOMER, "meta_data": twice}), "meta") == '{" ":{"sms":["yes"]},"sms":"no"}'
    same = [{"key": "sms", "value": "no"}, {"key": "sms", "value": "no"}]
    assert only(customers({**CUSTOMER, "meta_data": same}), "meta") == '{"sms":"no"}'


@pytest.mark.parametrize(
    "change",
    [
        {"email": "c@example.com"},
        {"role": "wholesale"},
        {"date_created_gmt": "2026-03-20T21:54:37"},
        {"billing": {**CUSTOMER["billing"], "phone": ""}},
        {"shipping": {**CUSTOMER["shipping"], "country": "AU"}},
        {"meta_data": [{"key": "sms", "value": "no"}]},
        {"id": 6},
    ],
)
def test_every_change_that_is_used_moves_the_hash(change: dict[str, Any]) -> None:
    assert only(customers({**CUSTOMER, **change}), "hash") != only(customers(CUSTOMER), "hash")


@pytest.mark.parametrize(
    "change",
    [
        {"date_modified_gmt": "2026-11-23T12:03:11"},
        {"avatar_url": "x"},
        {"meta_data": [*CUSTOMER["meta_data"][::-1], {"key": "wc_last_active", "value": "1"}]},
    ],
)
def test_what_is_not_used_does_not_move_the_hash(change: dict[str, Any]) -> None:
    assert only(customers({**CUSTOMER, **change}), "hash") == only(customers(CUSTOMER), "hash")


def test_the_hashes_of_what_was_stored_long_ago_stay_what_they_are() -> None:
    """They are in users' databases: with another hash every record would count as changed."""
    assert only(customers(CUSTOMER), "hash") == "cd585fe5b7688659cc74de4b60df2894"
    assert only(orders(ORDER), "hash") == "84a35d4470707383a55b2651b2fc1431"
    by_whom = {"created_via": "checkout"}
    not_a_renewal = [*ORDER["meta_data"], {"key": "_subscription_renewal", "value": ""}]
    known = orders({**ORDER, **by_whom, "meta_data": not_a_renewal})
    assert only(known, "hash") == "84a35d4470707383a55b2651b2fc1431"


@pytest.mark.parametrize(
    "change",
    [
        {"created_via": "subscription"},
        {"created_via": "WC_Subscriptions"},
        {"created_via": "Early-Renewal"},
        {"meta_data": [*ORDER["meta_data"], {"key": "_subscription_renewal", "value": "17"}]},
        {"meta_data": [*ORDER["meta_data"], {"key": "_subscription_renewal", "value": 17}]},
    ],
)
def test_an_order_that_a_subscription_made_is_a_renewal_and_hashed_as_one(change: dict[str, Any]) -> None:
    renewal = orders({**ORDER, **change})
    assert only(renewal, "is_renewal") is True
    assert only(renewal, "hash") != only(orders(ORDER), "hash")
    # Only the flag counts, not what it was made of.
    assert only(renewal, "hash") == only(orders({**ORDER, "created_via": "renewal"}), "hash")
    assert only(renewal, "meta") == only(orders(ORDER), "meta")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"created_via": "checkout"},
        {"created_via": None},
        {"created_via": ["subscription"]},
        *(
            {"meta_data": [*ORDER["meta_data"], {"key": "_subscription_renewal", "value": value}]}
            for value in SAYING_NOTHING
        ),
        {"meta_data": [*ORDER["meta_data"], {"key": "_subscription_resubscribe", "value": "17"}]},
    ],
)
def test_every_other_order_is_none(change: dict[str, Any]) -> None:
    frame = orders({**ORDER, **change})
    assert only(frame, "is_renewal") is False
    assert only(frame, "hash") == only(orders(ORDER), "hash")


def test_another_configuration_moves_the_hash() -> None:
    assert only(customers(CUSTOMER, fingerprint="g"), "hash") != only(customers(CUSTOMER), "hash")


@pytest.mark.parametrize("change", [{"status": "trash"}, {"customer_id": 0}, {"line_items": []}])
def test_an_order_is_hashed_with_its_own_fields(change: dict[str, Any]) -> None:
    assert only(orders({**ORDER, **change}), "hash") != only(orders(ORDER), "hash")


def test_texts_that_nothing_can_store_are_mended() -> None:
    odd = {"key": "sms", "value": "\ud83d\0"}
    frame = customers({**CUSTOMER, "first_name": "A\0\udc00n", "meta_data": [odd]})
    assert only(frame, "first_name") == "A?n"
    assert json.loads(only(frame, "meta")) == {"sms": "?"}


def test_rows_that_are_known_in_this_form_are_left_out() -> None:
    rows = [{**CUSTOMER, "id": number} for number in (5, 6, 7)]
    frame = customers(*rows)
    hashes = dict(zip(frame["record_id"], frame["hash"], strict=True))
    known = {**hashes, 6: "another form", 8: hashes[5]}
    left = customer_page(rows, meta_keys=("sms", "tags"), fingerprint="f", read_at=READ_AT, known=known).table
    assert left.column("record_id").to_pylist() == [6]
    assert left.schema.equals(CUSTOMER_SCHEMA)


def test_rows_that_were_saved_and_are_known_all_the_same_are_counted() -> None:
    moment = datetime(2026, 11, 23, 12, 3, 11, tzinfo=UTC)
    before, at, after = "2026-11-23T12:03:10", "2026-11-23T12:03:11", "2026-11-23T12:03:12"
    dates = {5: before, 6: at, 7: after, 8: None, 9: "2925-03-20T21:54:36", 10: after, 11: after, 12: after}
    rows = [{**CUSTOMER, "id": number, "date_modified_gmt": date} for number, date in dates.items()]
    frame = customers(*rows)
    hashes = dict(zip(frame["record_id"], frame["hash"], strict=True))
    known = {**hashes, 10: "another form"}
    del known[12]

    def page(saved_since: datetime | None) -> TableMade:
        return customer_page(
            rows,
            meta_keys=("sms", "tags"),
            fingerprint="f",
            read_at=READ_AT,
            known=known,
            saved_since=saved_since,
        )

    made = page(moment)
    assert made.table.column("record_id").to_pylist() == [10, 12]
    assert made.known_but_saved == 2
    assert page(moment - timedelta(seconds=1)).known_but_saved == 3
    assert page(None).known_but_saved == 0
    assert page(None).table.equals(made.table)


@pytest.mark.parametrize("date", ["2925-03-20T21:54:36", "0016-03-20T21:54:36", "0001-01-01T00:00:00+05:00"])
def test_a_date_that_nobody_can_have_meant_is_none(date: str) -> None:
    frame = orders({**ORDER, "date_created_gmt": date, "date_modified_gmt": date})
    assert frame["created_at"].isna().all()
    assert frame["modified_at"].isna().all()


def test_a_product_whose_number_nothing_can_hold_is_none() -> None:
    frame = orders({**ORDER, "line_items": [{"product_id": 2**63}, {"product_id": 22}]})
    assert frame["product_ids"].map(list).tolist() == [[22]]


@pytest.mark.parametrize("number", [None, "five", True, 5.5, 2**63, "9223372036854775808"])
def test_a_row_without_an_integer_id_is_an_error(number: object) -> None:
    with pytest.raises(StoreAnswerMalformedError):
        customers({**CUSTOMER, "id": number})


@pytest.mark.parametrize("number", ["5", 5.0, " 5"])
def test_ids_that_are_written_as_texts_or_floats_are_the_same_record(number: object) -> None:
    assert customers({**CUSTOMER, "id": number}).equals(customers({**CUSTOMER, "id": 5}))
    written = {"customer_id": str(ORDER["customer_id"]), "line_items": [{"product_id": "22"}]}
    plain = {"customer_id": ORDER["customer_id"], "line_items": [{"product_id": 22.0}]}
    assert orders({**ORDER, **written}).equals(orders({**ORDER, **plain, "id": float(ORDER["id"])}))


@pytest.mark.parametrize("nobody", [None, "", 0, "0", False, []])
def test_an_order_of_nobody_is_a_guest_s(nobody: object) -> None:
    assert only(orders({**ORDER, "customer_id": nobody}), "customer_id") == 0


@pytest.mark.parametrize("somebody", ["C-7", 2**63, "9223372036854775808", 1.5, -3, True, {"id": 7}, [7]])
def test_an_order_of_somebody_who_cannot_be_read_is_no_guest_s(somebody: object) -> None:
    assert only(orders({**ORDER, "customer_id": somebody}), "customer_id") < 0


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (False, "a flag"),
        ("N7", "a text"),
        ("", "a text"),
        (7.5, "a fraction"),
        (2**63, "a number of more than 64 bits"),
        ("9223372036854775808", "a number of more than 64 bits"),
        ("1" * 5000, "a number of more than 64 bits"),
        (-7, "a negative number"),
        ("-7", "a negative number"),
        ([7], "a list"),
        ({"id": 7}, "an object"),
    ],
)
def test_what_is_no_id_is_named_without_its_value(value: object, kind: str) -> None:
    assert kind_of_number(value) == kind


def test_a_key_of_meta_that_is_no_text_is_passed_over() -> None:
    meta = [{"key": ["sms"], "value": "no"}, {"key": None, "value": "no"}, {"key": "sms", "value": "yes"}]
    assert only(customers({**CUSTOMER, "meta_data": meta}), "meta") == '{"sms":"yes"}'


def test_lists_with_holes_are_read_as_lists() -> None:
    meta = {"0": {"key": "plugin", "value": 1}, "2": {"key": "sms", "value": "yes"}}
    frame = customers({**CUSTOMER, "meta_data": meta})
    assert json.loads(only(frame, "meta")) == {"sms": "yes"}
    lines = {"1": {"product_id": 22}, "7": {"product_id": 33}}
    assert list(only(orders({**ORDER, "line_items": lines}), "product_ids")) == [22, 33]
    renewed = {"3": {"key": "_subscription_renewal", "value": "17"}}
    assert only(orders({**ORDER, "meta_data": renewed}), "is_renewal") is True


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0])
def test_an_address_that_is_none_is_empty(nothing: object) -> None:
    frame = customers({**CUSTOMER, "billing": nothing, "shipping": nothing})
    assert only(frame, "billing_phone") == only(frame, "shipping_phone") == ""


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        customer_page([], meta_keys=(), fingerprint="", read_at=datetime(2026, 1, 1))  # noqa: DTZ001
    naive = READ_AT.replace(tzinfo=None)
    with pytest.raises(ValueError, match="saved_since without a time zone"):
        customer_page([], meta_keys=(), fingerprint="", read_at=READ_AT, saved_since=naive)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    fields=st.dictionaries(
        st.sampled_from([name for name in {**CUSTOMER, **ORDER, "created_via": ""} if name != "id"]), anything
    )
)
def test_whatever_stands_in_a_field_gives_one_row_of_the_right_types(fields: dict[str, Any]) -> None:
    for frame, schema in (
        (customers({**CUSTOMER, **fields}), CUSTOMER_SCHEMA),
        (orders({**ORDER, **fields}), ORDER_SCHEMA),
    ):
        assert len(pa.Table.from_pandas(frame, schema=schema, preserve_index=False)) == 1


@pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded exchanges beside the checkout (shared/woocommerce)"
)
@pytest.mark.parametrize(
    "name",
    [
        "customers_page1",
        "customers_phone_variety",
        "customers_fields_nested",
        "orders_page1",
        "orders_guests",
    ],
)
def test_recorded_rows_become_frames(name: str) -> None:
    rows = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["response"]["body"]
    frame = customers(*rows) if name.startswith("customers") else orders(*rows)
    assert list(frame["record_id"]) == [row["id"] for row in rows]
    assert list(frame["billing_phone"]) == [row["billing"].get("phone", "") for row in rows]
