from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Answer, Consent, answers_text
from woo_sync_pipeline.contacts.merge import MergeInput, MergeSource, merge_contacts
from woo_sync_pipeline.contacts.normalise import normalise
from woo_sync_pipeline.contacts.schemas import MergedContact, SourceRecord, validate
from woo_sync_pipeline.sources.woocommerce.normalise import customer_records, order_records
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline_tests.checkout import SHARED
from woo_sync_pipeline_tests.contacts.test_merge import known_from


def settings_with(**sections: Any) -> WooCommerceSettings:
    """The settings of a store with these sections."""
    store = {"name": "WooCommerce", "key": "woocommerce", "url": "https://shop.example.com"}
    key = {"consumer_key": "unused", "consumer_secret": "unused", "start_date": "2026-11-01"}
    return WooCommerceSettings.model_validate({**store, **key, "default_region": "AU", **sections})


SETTINGS = settings_with(
    consent={
        "meta_keys": ["sms_marketing_consent", "sms_optout_at", "_wc_other/acme/sms-opt-in"],
        "dated_by": {"sms_marketing_consent": "sms_consent_at"},
        "mirrored_by": {"_wc_other/acme/sms-opt-in": "acme_sms"},
    },
    groups={"meta_keys": ["customer_tags"]},
)
BASIS = SETTINGS.consent.basis
MIDNIGHT = pd.Timestamp("2026-11-01", tz="UTC")
ADDRESS = [
    f"{kind}_{part}"
    for kind in ("billing", "shipping")
    for part in ("first_name", "last_name", "phone", "country")
]
TIMES = ["created_at", "modified_at", "read_at"]


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return frame.assign(
        **{name: pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]") for name in TIMES}
    )


def customer(**changes: object) -> dict[str, Any]:
    texts = dict.fromkeys([*ADDRESS, "billing_email", "email", "first_name", "last_name"], "")
    common = {"record_id": 7, "created_at": MIDNIGHT, "modified_at": pd.NaT, "role": "customer"}
    return {**common, **texts, "meta": "{}", "hash": "abc", "read_at": MIDNIGHT, **changes}


def order(**changes: object) -> dict[str, Any]:
    texts = dict.fromkeys([*ADDRESS, "billing_email"], "")
    common = {
        "record_id": 44,
        "created_at": MIDNIGHT,
        "modified_at": MIDNIGHT,
        "status": "completed",
        "customer_id": 0,
        "is_renewal": False,
        "is_anonymised": False,
    }
    return {**common, **texts, "meta": "{}", "product_ids": [], "hash": "abc", "read_at": MIDNIGHT, **changes}


def normalise_customers(frame: pd.DataFrame, settings: WooCommerceSettings) -> pd.DataFrame:
    return normalise(customer_records(frame, settings), settings.default_region)


def normalise_orders(frame: pd.DataFrame, settings: WooCommerceSettings, *guest_ids: int) -> pd.DataFrame:
    return normalise(
        order_records(frame, settings, pd.Index(guest_ids, dtype="int64")), settings.default_region
    )


def one_customer(**changes: object) -> dict[str, Any]:
    return row_of(normalise_customers(frame_of([customer(**changes)]), SETTINGS))


def one_order(**changes: object) -> dict[str, Any]:
    return row_of(normalise_orders(frame_of([order(**changes)]), SETTINGS))


def row_of(records: pd.DataFrame) -> dict[str, Any]:
    good, failures = validate(SourceRecord, records)
    assert failures.empty, failures.to_string()
    (row,) = good.to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_a_whole_customer_becomes_one_record() -> None:
    row = one_customer(
        billing_phone="0412 345 678",
        billing_country="AU",
        billing_first_name="Bob &amp; Sue",
        billing_last_name="O'Connor",
        email="Bob@Example.com",
        role="wholesale",
        meta=json.dumps(
            {
                "sms_marketing_consent": "Yes",
                "sms_consent_at": "2026-10-31T23:59:00Z",
                "customer_tags": ["VIP", "Wine &amp; Cheese"],
            }
        ),
    )
    said_at = MIDNIGHT - pd.Timedelta(minutes=1)
    assert row == {
        "record_type": "customer",
        "record_id": "7",
        "person_id": "7",
        "is_person": True,
        "phone": "+61412345678",
        "region": "AU",
        "phone_masked": "",
        "first_name": "Bob & Sue",
        "last_name": "O'Connor",
        "email": "Bob@example.com",
        "email_dropped": False,
        "consent": "opted_in",
        "consent_origin": "customer meta sms_marketing_consent",
        "consent_key": "sms_marketing_consent",
        "consent_value": "Yes",
        "consent_answers": answers_text(
            {
                "sms_marketing_consent": Answer(
                    Consent.opted_in, "sms_marketing_consent", said_at.to_pydatetime()
                )
            }
        ),
        "consent_unread": "",
        "consent_basis": BASIS,
        "said_at": said_at,
        "tags": ["Wholesale", "VIP", "Wine & Cheese"],
        "item_ids": [],
        "status": "",
        "is_discarded": False,
        "holds_contact": True,
        "created_at": MIDNIGHT,
        "modified_at": pd.NaT,
        "invalid_reason": None,
        "is_erased": False,
        "hash": "abc",
        "read_at": MIDNIGHT,
    }


def test_a_whole_order_becomes_one_record() -> None:
    row = one_order(
        customer_id=12,
        billing_phone="021 123 4567",
        billing_country="NZ",
        billing_first_name="Ann",
        billing_email="ann@example.com",
        product_ids=np.array([7, 0, 9]),
        meta=json.dumps({"_wc_other/acme/sms-opt-in": "0", "customer_tags": ["VIP"]}),
    )
    assert row["record_type"] == "order"
    assert (row["record_id"], row["person_id"], row["is_person"]) == ("44", "12", False)
    assert (row["phone"], row["region"]) == ("+64211234567", "NZ")
    assert (row["first_name"], row["last_name"], row["email"]) == ("Ann", "", "ann@example.com")
    assert (row["consent"], row["consent_origin"]) == ("opted_out", "order meta _wc_other/acme/sms-opt-in")
    assert (row["item_ids"], row["status"], row["is_discarded"]) == (["7", "9"], "completed", False)
    assert row["tags"] == []


def test_the_renewal_of_a_subscription_says_nothing_of_consent() -> None:
    copied = json.dumps({"sms_marketing_consent": "yes", "sms_consent_at": "2026-10-31T23:59:00Z"})
    row = one_order(meta=copied, is_renewal=True, billing_phone="0412 345 678", product_ids=[7])
    assert (row["consent"], row["consent_origin"], row["consent_key"]) == ("unknown", "", "")
    assert (row["consent_value"], row["consent_answers"], row["consent_unread"]) == ("", "", "")
    assert pd.isna(row["said_at"])
    assert (row["phone"], row["item_ids"]) == ("+61412345678", ["7"])
    assert one_order(meta=copied)["consent"] == "opted_in"


def test_a_copy_of_a_hidden_field_is_read_as_the_field_itself() -> None:
    row = one_customer(meta='{"acme_sms": "0"}')
    assert (row["consent"], row["consent_key"]) == ("opted_out", "_wc_other/acme/sms-opt-in")
    assert row["consent_origin"] == "customer meta acme_sms"


def test_a_key_without_an_answer_is_named_and_one_that_nobody_understands_is_shown() -> None:
    row = one_customer(meta='{"sms_marketing_consent": ""}')
    assert (row["consent"], row["consent_key"], row["consent_unread"]) == (
        "unknown",
        "sms_marketing_consent",
        "",
    )
    row = one_customer(meta='{"sms_marketing_consent": "perhaps"}')
    assert row["consent_unread"] == "sms_marketing_consent = perhaps"
    assert row["consent_value"] == "perhaps"


def test_a_guest_order_names_no_customer() -> None:
    assert one_order(customer_id=0)["person_id"] == ""


@pytest.mark.parametrize(
    ("billing", "shipping", "phone", "reason", "masked"),
    [
        ("0412 345 678", "0499 111 222", "+61412345678", None, ""),
        ("02 9876 5432", "0499 111 222", "+61499111222", None, ""),
        ("", "0499 111 222", "+61499111222", None, ""),
        ("02 9876 5432", "0499", None, "not_mobile", "029•••••432"),
        ("", "0499", None, "too_short", "••••"),
        ("call me", "", None, "unparseable", "•••••••"),
        ("\u200b", "0499", None, "too_short", "••••"),
        ("", "", None, "missing_phone", ""),
        ("\u202d+61412345681\u202c", "", "+61412345681", None, ""),
    ],
)
def test_the_billing_phone_goes_before_the_shipping_phone(
    billing: str, shipping: str, phone: str | None, reason: str | None, masked: str
) -> None:
    row = one_customer(billing_phone=billing, shipping_phone=shipping)
    assert (row["phone"], row["invalid_reason"], row["phone_masked"]) == (phone, reason, masked)


@pytest.mark.parametrize(
    ("billing", "shipping", "region"),
    [
        ("NZ", "GB", "NZ"),
        ("", "GB", "GB"),
        ("", "", "AU"),
        (" nz ", "", "NZ"),
        ("Australia", "NZ", "NZ"),
        ("AQ", "NZ", "AQ"),
    ],
)
def test_the_region_is_billing_then_shipping_then_default(billing: str, shipping: str, region: str) -> None:
    assert one_customer(billing_country=billing, shipping_country=shipping)["region"] == region


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ({"billing_first_name": "A", "first_name": "B", "last_name": "C"}, ("A", "")),
        (
            {
                "billing_first_name": "null",
                "billing_last_name": "-",
                "last_name": "C",
                "shipping_first_name": "D",
            },
            ("", "C"),
        ),
        ({"shipping_first_name": "Shippy", "shipping_last_name": "Lee"}, ("Shippy", "Lee")),
        ({}, ("", "")),
    ],
)
def test_names_are_chosen_as_a_pair(names: dict[str, str], chosen: tuple[str, str]) -> None:
    row = one_customer(**names)
    assert (row["first_name"], row["last_name"]) == chosen


@pytest.mark.parametrize(
    ("account", "billing", "email", "dropped"),
    [
        ("a@example.com", "b@example.com", "a@example.com", False),
        ("", "b@example.com", "b@example.com", False),
        ("broken", "b@example.com", "b@example.com", False),
        ("broken", "", "", True),
        ("", " ", "", False),
    ],
)
def test_the_account_email_goes_before_the_billing_email(
    account: str, billing: str, email: str, dropped: bool
) -> None:
    row = one_customer(email=account, billing_email=billing)
    assert (row["email"], row["email_dropped"]) == (email, dropped)


@pytest.mark.parametrize(
    "meta",
    [None, "", "[]", "null", "{", "7", '"yes"', "[" * 100_000, '{"sms_marketing_consent": {"a": "yes"}}'],
)
def test_meta_that_says_nothing_leaves_consent_unknown(meta: str | None) -> None:
    row = one_customer(meta=meta)
    assert (row["consent"], row["tags"]) == ("unknown", ["Customer"])


def test_a_choice_may_be_written_in_the_store_s_own_words() -> None:
    settings = settings_with(
        consent={
            "meta_keys": ["newsletter", "sms_optout"],
            "words": {"opted_in": ["Ja, gerne"], "opted_out": ["Nein"]},
        }
    )
    metas = ['{"newsletter": "ja, GERNE"}', '{"newsletter": "nein"}', '{"sms_optout": "Ja, gerne"}', "{}"]
    records = normalise_customers(frame_of([customer(meta=meta) for meta in metas]), settings)
    assert records["consent"].tolist() == ["opted_in", "opted_out", "opted_out", "unknown"]


@pytest.mark.parametrize(
    ("role", "tags"),
    [("shop_manager", ["Shop manager"]), ("vip", ["Vip"]), ("VIP-gold", ["VIP gold"]), ("", [])],
)
def test_a_role_is_a_readable_tag(role: str, tags: list[str]) -> None:
    assert one_customer(role=role)["tags"] == tags


def test_a_role_and_a_tag_of_the_same_name_are_one_group() -> None:
    assert one_customer(role="vip", meta='{"customer_tags": "VIP, wine"}')["tags"] == ["Vip", "wine"]


def test_roles_are_no_tags_unless_asked_for() -> None:
    settings = settings_with(groups={"roles": False})
    assert normalise_customers(frame_of([customer()]), settings)["tags"].tolist() == [[]]


def test_rows_keep_their_order_whatever_the_index_of_the_frame() -> None:
    frame = frame_of(
        [customer(record_id=number, billing_phone=f"0412 345 67{number}") for number in (3, 1, 2)]
    )
    frame.index = pd.Index([9, 9, 4])
    records = normalise_customers(frame, SETTINGS)
    assert records["record_id"].tolist() == ["3", "1", "2"]
    assert records["phone"].tolist() == ["+61412345673", "+61412345671", "+61412345672"]


def test_an_empty_frame_gives_an_empty_frame_of_the_same_shape() -> None:
    for records in (
        normalise_customers(frame_of([customer()]).iloc[:0], SETTINGS),
        normalise_orders(frame_of([order()]).iloc[:0], SETTINGS),
    ):
        good, failures = validate(SourceRecord, records)
        assert good.empty
        assert failures.empty


def test_the_input_frame_is_left_as_it_was() -> None:
    frame = frame_of([order(product_ids=[7])])
    before = frame.copy(deep=True)
    normalise_orders(frame, SETTINGS)
    pd.testing.assert_frame_equal(frame, before)


def test_absent_cells_and_numbers_are_read_as_what_they_mean() -> None:
    row = one_customer(
        billing_phone=412345678, first_name=None, last_name=float("nan"), email=None, role=None
    )
    assert (row["phone"], row["first_name"], row["last_name"], row["email"]) == ("+61412345678", "", "", "")


absurd = st.one_of(
    st.text(max_size=15),
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.text(), max_size=2),
)
metas = st.one_of(
    st.none(),
    st.text(max_size=10),
    st.dictionaries(
        st.sampled_from(["sms_marketing_consent", "sms_consent_at", "sms_optout_at", "customer_tags"]),
        st.recursive(
            st.one_of(st.text(max_size=15), st.integers(), st.booleans(), st.none()),
            lambda inner: st.lists(inner, max_size=2),
        ),
    ).map(json.dumps),
)
ORDINARY = [
    "", "0412 345 678", "+61 412 345 678", "0412345678", "021 123 4567", "02 9876 5432", "1300 FLOWERS", "0412",
    "a@example.com", "AU", "NZ", "null", "n/a", "0",
]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(absurd, max_size=30),
    meta=st.lists(metas, min_size=1, max_size=10),
    random=st.builds(Random, st.integers(0, 2**32 - 1)),
)
def test_whatever_was_typed_every_row_is_either_a_contact_or_invalid_and_no_phone_gives_two_contacts(
    cells: list[object], meta: list[object], random: Random
) -> None:
    def typed(row: dict[str, Any], number: int) -> dict[str, Any]:
        texts = {name: random.choice([*cells, *ORDINARY * 3]) for name in row if row[name] == ""}
        return {**row, **texts, "record_id": number, "meta": random.choice(meta)}

    customers = [typed(customer(role=""), number) for number in range(40)]
    orders = [typed(order(product_ids=random.choice([None, [7, 7], *cells])), number) for number in range(40)]
    parts = []
    for records, numbers in (
        (normalise_customers(frame_of(customers), SETTINGS), range(40)),
        (normalise_orders(frame_of(orders), SETTINGS), range(40)),
    ):
        good, failures = validate(SourceRecord, records)
        assert failures.empty
        ids = [str(number) for number in numbers]
        assert good["record_id"].tolist() == ids
        valid, invalid = good[good["phone"].notna()], good[good["invalid_reason"].notna()]
        assert sorted([*valid["record_id"], *invalid["record_id"]]) == sorted(ids)
        parts.append(valid)
    holders = pd.concat(parts).assign(source="shop")
    nothing = known_from([])
    merged = merge_contacts(
        MergeInput(holders, nothing.signals, nothing.purchases),
        phones=holders["phone"],
        sources={"shop": MergeSource("Shop", is_explicit=True)},
        list_names={},
    )
    assert validate(MergedContact, merged)[1].empty
    assert merged["phone"].tolist() == sorted(set(holders["phone"]))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded store answers (../shared) are not there")
def test_the_recorded_guest_orders_are_normalised() -> None:
    recorded = json.loads((SHARED / "woocommerce/recorded/orders_guests.json").read_text("utf-8"))
    rows = [
        order(
            record_id=body["id"],
            billing_email=body["billing"]["email"],
            product_ids=[item["product_id"] for item in body["line_items"]],
            **{name: body[name.partition("_")[0]][name.partition("_")[2]] for name in ADDRESS},
        )
        for body in recorded["response"]["body"]
    ]
    records = normalise_orders(frame_of(rows), SETTINGS)
    assert records["phone"].tolist() == ["+61488222000", "+61400000000", "+61439602919"]
    assert records["last_name"].tolist() == ["Smith", 'Le"Quote', "García"]
    assert records["item_ids"].tolist() == [["19"], ["15"], ["14"]]


def test_an_anonymised_order_names_nobody_and_says_nothing() -> None:
    row = one_order(
        is_anonymised=True,
        billing_phone="0000 000 000",
        billing_first_name="[deleted]",
        billing_last_name="[deleted]",
        billing_email="deleted@site.invalid",
        shipping_phone="0412 345 678",
        meta='{"sms_marketing_consent": "yes"}',
        product_ids=[7],
    )
    assert (row["phone"], row["invalid_reason"], row["phone_masked"]) == (None, "missing_phone", "")
    assert (row["first_name"], row["last_name"], row["email"], row["email_dropped"]) == ("", "", "", False)
    assert (row["consent"], row["consent_answers"], row["is_erased"]) == ("unknown", "", True)
    assert row["item_ids"] == ["7"]


@pytest.mark.parametrize(
    "field", ["billing_country", "billing_phone", "shipping_first_name", "billing_email"]
)
def test_a_customer_looks_erased_when_nothing_is_left_of_the_addresses(field: str) -> None:
    account = {"email": "ann@example.com", "first_name": "Ann"}
    assert one_customer(**account)["is_erased"]
    assert not one_customer(**account, **{field: "AU"})["is_erased"]


def test_each_role_is_a_tag_once() -> None:
    assert one_customer(role="wholesale\ncustomer")["tags"] == ["Wholesale", "Customer"]
    assert one_customer(role="shop_manager\nshop-manager")["tags"] == ["Shop manager"]
    assert one_customer(role="")["tags"] == []


@pytest.mark.parametrize("status", ["pending", "failed", "cancelled", "refunded", "trash"])
def test_what_was_not_bought_is_no_item(status: str) -> None:
    row = one_order(status=status, product_ids=[7])
    assert (row["item_ids"], row["status"], row["is_discarded"]) == ([], status, status == "trash")


def test_only_guest_orders_that_name_somebody_hold_a_contact() -> None:
    frame = frame_of([order(), order(record_id=45), order(record_id=46, is_anonymised=True)])
    assert normalise_orders(frame, SETTINGS, 44, 46)["holds_contact"].tolist() == [True, False, False]


def test_what_is_withheld_is_told_from_what_is_not_configured() -> None:
    frame = frame_of([customer(meta=None), customer()])
    assert normalise_customers(frame, SETTINGS)["consent_basis"].tolist() == ["", BASIS]
    assert normalise_customers(frame, settings_with())["consent_basis"].tolist() == ["", "nothing"]


def test_whom_an_order_belongs_to_may_be_unreadable() -> None:
    _, failures = validate(SourceRecord, normalise_orders(frame_of([order(customer_id=-1)]), SETTINGS))
    assert set(failures["column"]) == {"person_id"}
