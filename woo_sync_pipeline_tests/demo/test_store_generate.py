"""Generated stores: the same from the same seed, within their dates, with the disorder they promise."""

from __future__ import annotations

import dataclasses
import html
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
import pytest

from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.store.phones import COUNTRIES

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
CONSENT, ORDER_CONSENT, TAGS = "sms_marketing_consent", "_wc_other/woo/sms-opt-in", "customer_tags"
CAN_RECEIVE_SMS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@pytest.fixture(scope="module")
def store() -> StoreData:
    return generate_store(seed=11, customers=3000, orders=3000, now=NOW, days=400)


def tables(data: StoreData) -> list[Any]:
    records: list[Any] = [*data.customers.values(), *data.orders.values()]
    records += [*data.products.values(), *data.tags.values()]
    return [[dataclasses.asdict(record) for record in records], data.keys, data.phone_book]


def e164(phone: str, region: str) -> str | None:
    """The number that a careful reader makes of a typed phone, if SMS can reach it."""
    try:
        number = phonenumbers.parse(phone, region or "AU")
    except phonenumbers.NumberParseException:
        return None
    reachable = phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in CAN_RECEIVE_SMS
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if reachable else None


def customer_phones(data: StoreData) -> dict[int, str | None]:
    found = {}
    for customer in data.customers.values():
        address = customer.address
        phone = address.get("billing_phone") or address.get("shipping_phone", "")
        found[customer.id] = e164(
            phone, address.get("billing_country") or address.get("shipping_country", "")
        )
    return found


def test_the_same_arguments_give_the_same_store() -> None:
    def made(seed: int, name: str = "A") -> list[Any]:
        return tables(generate_store(seed=seed, customers=120, orders=150, now=NOW, name=name))

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert made(1) != made(1, name="B")


def test_the_store_has_as_many_people_and_orders_as_asked_for(store: StoreData) -> None:
    assert (len(store.customers), len(store.orders)) == (3001, 3000)
    admin = store.customers[1]
    assert (admin.roles, admin.address.get("billing_phone", "")) == (["administrator"], "")


@pytest.mark.parametrize(("customers", "orders"), [(0, 0), (1, 0), (0, 5), (19, 3), (20, 20)])
def test_small_stores_can_be_made_too(customers: int, orders: int) -> None:
    data = generate_store(seed=1, customers=customers, orders=orders, now=NOW)
    assert (len(data.customers), len(data.orders)) == (customers + 1, orders)


def test_all_dates_lie_in_the_days_before_now(store: StoreData) -> None:
    earliest = NOW - timedelta(days=400)
    for customer in store.customers.values():
        assert earliest <= customer.registered_at < NOW
        assert customer.modified_at is None or customer.registered_at <= customer.modified_at < NOW
    for order in store.orders.values():
        assert earliest <= order.created_at <= order.modified_at < NOW


def test_ids_grow_with_the_date_of_registration_and_of_the_order(store: StoreData) -> None:
    registered = [store.customers[i].registered_at for i in store.customer_ids]
    created = [store.orders[i].created_at for i in store.order_ids]
    assert registered == sorted(registered)
    assert created == sorted(created)


def test_customers_order_only_once_they_are_registered(store: StoreData) -> None:
    for order in store.orders.values():
        if order.customer_id:
            assert store.customers[order.customer_id].registered_at <= order.created_at


def test_about_a_third_was_never_modified(store: StoreData) -> None:
    never = sum(customer.modified_at is None for customer in store.customers.values())
    assert 0.25 < never / len(store.customers) < 0.35


def test_five_to_eight_of_a_hundred_cannot_be_reached(store: StoreData) -> None:
    phones = customer_phones(store)
    assert 0.05 <= sum(phone is None for phone in phones.values()) / len(phones) <= 0.08


def test_phones_are_mostly_of_the_default_country_and_some_are_shared(store: StoreData) -> None:
    known = [phone for phone in customer_phones(store).values() if phone]
    assert 0.8 < sum(phone.startswith("+614") for phone in known) / len(known) < 0.95
    assert {phone[:3] for phone in known} >= {"+61", "+64", "+44", "+12", "+65", "+49"}
    assert len(known) - len(set(known)) > 50


def test_every_number_in_the_phone_book_can_receive_sms(store: StoreData) -> None:
    for number in store.phone_book:
        assert e164(number.e164, "") == number.e164


@pytest.mark.parametrize(
    "mark", ["０", "tel:", "\u202d", "\u00a0", "00", "ext.", "(04", " / ", "-", "call me"]
)
def test_phones_are_typed_in_many_ways(store: StoreData, mark: str) -> None:
    assert any(mark in customer.address.get("billing_phone", "") for customer in store.customers.values())


def test_some_have_their_phone_on_the_shipping_address_only(store: StoreData) -> None:
    found = [
        customer
        for customer in store.customers.values()
        if not customer.address.get("billing_phone") and customer.address.get("shipping_phone")
    ]
    assert len(found) > 20


def test_names_carry_entities_apostrophes_and_other_scripts(store: StoreData) -> None:
    names = {customer.display_name for customer in store.customers.values()}
    assert any(name != html.unescape(name) for name in names)
    assert any("'" in name for name in names)
    assert any("\u4e00" <= letter <= "\u9fff" for name in names for letter in name)
    assert any(ord(letter) > 0x1F000 for name in names for letter in name)


def test_consent_and_tags_come_in_every_form(store: StoreData) -> None:
    metas = [customer.meta for customer in store.customers.values()]
    consents = {meta[CONSENT].value if CONSENT in meta else None for meta in metas}
    assert consents == {"yes", "1", "true", "subscribed", "No", "0", "", None}
    assert {type(meta[TAGS].value) for meta in metas if TAGS in meta} == {list, str, dict}
    choices = [
        order.meta[ORDER_CONSENT].value for order in store.orders.values() if ORDER_CONSENT in order.meta
    ]
    assert set(choices) == {"1", "0"}
    assert len(choices) < len(store.orders) * 0.6


def test_roles_are_mixed(store: StoreData) -> None:
    roles = {tuple(customer.roles) for customer in store.customers.values()}
    assert roles == {
        ("administrator",),
        ("customer",),
        ("wholesale",),
        ("subscriber",),
        (),
        ("subscriber", "customer"),
    }


def test_orders_are_of_customers_guests_and_the_deleted(store: StoreData) -> None:
    statuses = {order.status for order in store.orders.values()}
    assert {"trash", "checkout-draft", "completed", "processing", "refunded"} <= statuses
    guests = [order for order in store.orders.values() if order.customer_id == 0]
    assert 0.3 < len(guests) / len(store.orders) < 0.6
    by_email: dict[str, set[str]] = {}
    for order in guests:
        by_email.setdefault(order.billing["email"].lower(), set()).add(order.billing["email"])
    assert any(len(spellings) > 1 for email, spellings in by_email.items() if email)
    customer_emails = {customer.email.lower() for customer in store.customers.values()}
    assert customer_emails & set(by_email), "some customers ordered without logging in"
    assert len(store.customer_ids) < store.customer_ids[-1], "some were deleted"


def test_another_store_shares_phones_but_not_their_spelling() -> None:
    first = generate_store(seed=1, customers=400, orders=400, now=NOW, name="First")
    second = generate_store(
        seed=1, customers=400, orders=400, now=NOW, name="Second", share_phones_with=first, share=0.2
    )
    alone = generate_store(seed=1, customers=400, orders=400, now=NOW, name="Second")
    ours = {phone for phone in customer_phones(first).values() if phone}
    shared = [phone for phone in customer_phones(second).values() if phone in ours]
    assert 40 < len(shared) < 130
    assert not ours & {phone for phone in customer_phones(alone).values() if phone}
    typed = {customer.address.get("billing_phone") for customer in first.customers.values()}
    retyped = [
        second.customers[customer_id].address["billing_phone"]
        for customer_id, phone in customer_phones(second).items()
        if phone in ours
    ]
    assert sum(phone not in typed for phone in retyped) > len(retyped) / 2


@pytest.mark.parametrize("country", COUNTRIES)
def test_any_known_country_can_be_the_default(country: str) -> None:
    data = generate_store(seed=1, customers=200, orders=0, now=NOW, default_country=country)
    home = sum(number.country == country for number in data.phone_book)
    assert home > len(data.phone_book) * 0.75
    assert all(e164(number.e164, "") for number in data.phone_book)


def test_a_country_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="'FR'"):
        generate_store(seed=1, customers=1, orders=0, now=NOW, default_country="FR")


def test_a_generated_store_goes_on_with_the_present_clock(store: StoreData) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert store.key() is store.keys[0]
    with pytest.raises(KeyError, match="no write key"):
        store.key(permissions="write", user_role="customer")
