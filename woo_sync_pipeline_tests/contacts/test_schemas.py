from __future__ import annotations

import warnings

import pandas as pd
import pytest

from woo_sync_pipeline.contacts.schemas import MergedContact, SourceRecord, validate

MIDNIGHT = pd.Timestamp("2026-11-01", tz="UTC")


def record(**changes: object) -> dict[str, object]:
    return {
        "record_type": "customer",
        "record_id": "1",
        "person_id": "1",
        "is_person": True,
        "phone": "+61412345678",
        "region": "AU",
        "phone_masked": "041•••••678",
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "ann@example.com",
        "email_dropped": False,
        "consent": "opted_in",
        "consent_origin": "customer meta sms",
        "consent_key": "sms",
        "consent_value": "yes",
        "consent_answers": '{"sms":["opted_in","sms",null]}',
        "consent_unread": "",
        "consent_basis": "sms",
        "said_at": pd.NaT,
        "tags": ["VIP"],
        "item_ids": ["7"],
        "status": "",
        "is_discarded": False,
        "holds_contact": True,
        "created_at": MIDNIGHT,
        "modified_at": pd.NaT,
        "invalid_reason": None,
        "is_erased": False,
        "hash": "abc",
        "read_at": MIDNIGHT,
        **changes,
    }


def contact(**changes: object) -> dict[str, object]:
    return {
        "phone": "+61412345678",
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "ann@example.com",
        "sources": ["Klaviyo", "WooCommerce"],
        "groups": ["WooCommerce", "WooCommerce - VIP"],
        "consent": "opted_in",
        "consent_at": MIDNIGHT,
        "consent_dated_at": pd.NaT,
        "consent_origin": "customer meta sms",
        "status": "SUBSCRIBED",
        **changes,
    }


@pytest.mark.parametrize(("model", "row"), [(SourceRecord, record()), (MergedContact, contact())])
def test_no_rows_have_the_types_of_the_model_too(
    model: type[SourceRecord] | type[MergedContact], row: dict[str, object]
) -> None:
    frame = pd.DataFrame([row])[[*reversed(row)]]
    good, _ = validate(model, frame)
    none, failures = validate(model, frame.iloc[:0])
    assert failures.empty
    assert none.empty
    assert none.dtypes.to_dict() == good.dtypes.to_dict()
    assert list(none.columns) == list(good.columns)
    assert isinstance(none.index, pd.RangeIndex)


def test_good_rows_pass_with_the_types_of_the_model() -> None:
    good, failures = validate(
        SourceRecord, pd.DataFrame([record(), record(phone=None, invalid_reason="not_mobile")])
    )
    assert failures.empty
    assert good["phone"].tolist() == ["+61412345678", None]
    types = good.dtypes.astype(str)
    for flag in ("is_person", "is_discarded", "holds_contact"):
        assert types[flag] == "bool"
    for time in ("said_at", "created_at", "modified_at", "read_at"):
        assert types[time] == "datetime64[us, UTC]"
    assert types["email_dropped"] == "bool"


@pytest.mark.parametrize(
    ("changes", "column", "check"),
    [
        ({"phone": "0412345678"}, "phone", "e164"),
        ({"phone": "+61412345678\n"}, "phone", "e164"),
        ({"phone": None}, "", "phone_or_reason"),
        ({"invalid_reason": "too_short"}, "", "phone_or_reason"),
        ({"phone": None, "invalid_reason": "no idea"}, "invalid_reason", "isin"),
        ({"record_type": ""}, "record_type", "str_length"),
        ({"record_id": ""}, "record_id", "str_length"),
        ({"record_id": 7}, "record_id", "text"),
        ({"record_id": None}, "record_id", "not_nullable"),
        ({"person_id": None}, "person_id", "not_nullable"),
        ({"consent_basis": None}, "consent_basis", "not_nullable"),
        ({"status": None}, "status", "not_nullable"),
        ({"consent": "perhaps"}, "consent", "isin"),
        ({"tags": "VIP"}, "tags", "list_of_str"),
        ({"tags": [None]}, "tags", "list_of_str"),
        ({"item_ids": [7]}, "item_ids", "list_of_str"),
        ({"created_at": "ann@example.com"}, "created_at", "coerce_dtype"),
        ({"read_at": None}, "read_at", "not_nullable"),
        ({"region": None}, "region", "not_nullable"),
        ({"consent_key": None}, "consent_key", "not_nullable"),
        ({"consent_value": 1}, "consent_value", "text"),
        ({"consent_answers": None}, "consent_answers", "not_nullable"),
        ({"consent_unread": None}, "consent_unread", "not_nullable"),
        ({"said_at": "soon"}, "said_at", "coerce_dtype"),
    ],
)
def test_a_bad_row_is_named_and_the_others_pass(changes: dict[str, object], column: str, check: str) -> None:
    good, failures = validate(
        SourceRecord, pd.DataFrame([record(), record(**changes), record(record_id="5")])
    )
    assert good["record_id"].tolist() == ["1", "5"]
    assert good.index.tolist() == [0, 1]
    assert set(failures["row_index"]) == {1}
    assert any(
        found == column and name.startswith(check)
        for found, name in zip(failures["column"], failures["check"], strict=True)
    )


def test_positions_are_named_whatever_the_index_of_the_frame() -> None:
    frame = pd.DataFrame([record(), record(phone="junk"), record(record_id=""), record(record_id="9")])
    frame.index = pd.Index([7, 7, 7, 7])
    good, failures = validate(SourceRecord, frame)
    assert good["record_id"].tolist() == ["1", "9"]
    assert set(failures["row_index"]) == {1, 2}


def test_failures_never_show_a_value() -> None:
    secret = "ann.lee@example.com"
    columns = list(record())
    frame = pd.DataFrame([record()] + [record(**{column: secret}) for column in columns])
    _, failures = validate(SourceRecord, frame)
    assert list(failures.columns) == ["row_index", "column", "check"]
    assert len(failures) > 5
    assert "ann" not in failures.to_csv()


@pytest.mark.parametrize(
    ("frame", "column", "check"),
    [
        (pd.DataFrame([record()]).drop(columns="hash"), "hash", "column_in_dataframe"),
        (pd.DataFrame([record()]).assign(extra=1), "extra", "column_in_schema"),
    ],
)
def test_wrong_columns_leave_no_good_row(frame: pd.DataFrame, column: str, check: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        good, failures = validate(SourceRecord, frame)
    assert good.empty
    assert list(good.columns) == list(record())
    assert failures[["column", "check"]].to_dict("records") == [{"column": column, "check": check}]
    assert failures["row_index"].isna().all()


def test_an_empty_frame_with_the_right_columns_is_good() -> None:
    good, failures = validate(SourceRecord, pd.DataFrame([record()]).iloc[:0])
    assert good.empty
    assert failures.empty


def test_every_row_may_be_bad() -> None:
    good, failures = validate(SourceRecord, pd.DataFrame([record(phone="x"), record(record_id="")]))
    assert good.empty
    assert set(failures["row_index"]) == {0, 1}


def test_a_contact_gone_from_every_store_still_fits() -> None:
    gone = contact(sources=[], groups=[], consent="unknown", consent_at=pd.NaT, status="UNSUBSCRIBED")
    good, failures = validate(MergedContact, pd.DataFrame([gone, contact(phone="+64211234567")]))
    assert failures.empty
    assert len(good) == 2
    assert str(good["consent_at"].dtype) == str(good["consent_dated_at"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("changes", "column", "check"),
    [
        ({"phone": None}, "phone", "not_nullable"),
        ({"phone": "0412345678"}, "phone", "e164"),
        ({"phone": "+61412345678\n"}, "phone", "e164"),
        ({"phone": "+61412345670"}, "phone", "field_uniqueness"),
        ({"first_name": None}, "first_name", "text"),
        ({"email": 7}, "email", "text"),
        ({"sources": ["WooCommerce", "Klaviyo"]}, "sources", "sorted_distinct_texts"),
        ({"sources": ["WooCommerce", "WooCommerce"]}, "sources", "sorted_distinct_texts"),
        ({"groups": ("WooCommerce",)}, "groups", "sorted_distinct_texts"),
        ({"groups": [None]}, "groups", "sorted_distinct_texts"),
        ({"groups": None}, "groups", "not_nullable"),
        ({"consent": "perhaps"}, "consent", "isin"),
        ({"consent": "unknown"}, "", "a_known_choice_has_a_time"),
        ({"consent_at": pd.NaT}, "", "a_known_choice_has_a_time"),
        ({"status": "subscribed"}, "status", "isin"),
    ],
)
def test_a_bad_contact_is_named_and_the_others_pass(
    changes: dict[str, object], column: str, check: str
) -> None:
    frame = pd.DataFrame([contact(phone="+61412345670"), contact(**changes), contact(phone="+61412345671")])
    good, failures = validate(MergedContact, frame)
    assert "+61412345671" in good["phone"].tolist()
    assert len(good) == 3 - failures["row_index"].nunique()
    assert 1 in set(failures["row_index"])
    assert any(
        found == column and name.startswith(check)
        for found, name in zip(failures["column"], failures["check"], strict=True)
    )
    assert "+61" not in failures.to_csv()


@pytest.mark.parametrize("spoil", [{}, {"phone": "junk"}, {"record_id": ""}])
def test_the_frame_that_is_checked_is_left_as_it_was(spoil: dict[str, object]) -> None:
    frame = pd.DataFrame([record(), record(**spoil)], index=[5, 5])
    before = frame.copy(deep=True)
    good, _ = validate(SourceRecord, frame)
    good["region"] = "changed"
    good["tags"] = [["changed"] for _ in range(len(good))]
    pd.testing.assert_frame_equal(frame, before)


def test_shared_lists_are_checked_like_any_other() -> None:
    shared, broken = ["Shop"], ["Shop", "Beans"]
    frame = pd.DataFrame(
        [
            contact(phone=f"+6141234567{n}", groups=broken if n > 3 else shared, sources=shared)
            for n in range(6)
        ]
    )
    _, failures = validate(MergedContact, frame)
    assert set(failures["row_index"]) == {4, 5}
