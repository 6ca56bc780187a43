"""Choosing people of a demo store, and letting them do things."""

from __future__ import annotations

from collections import Counter

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.records import Customer
from woo_sync_pipeline.demo.world import ORDER_CONSENT_KEY
from woo_sync_pipeline_tests.orchestration.expectation import (
    expected_directory,
    phone_of_customer,
    phone_of_order,
)

GUEST_PHONE = "+61491570006"


def single_customers(store: StoreData, *, with_orders: bool = False) -> list[tuple[Customer, str]]:
    """Customers whose phone appears nowhere but with themselves and, if asked for, in orders of their own."""
    uses: Counter[str | None] = Counter(phone_of_customer(each) for each in store.customers.values())
    uses.update(phone_of_order(each) for each in store.orders.values())
    found = []
    for customer in store.customers.values():
        phone = phone_of_customer(customer)
        orders = [store.orders[each] for each in store.orders_of_customer.get(customer.id, ())]
        own = [order for order in orders if phone_of_order(order) == phone]
        if phone and uses[phone] == 1 + len(own) and len(own) == len(orders) and bool(orders) == with_orders:
            found.append((customer, phone))
    assert found
    return found


def subscribed_customer(store: StoreData) -> tuple[Customer, str]:
    """Such a customer who opted in, without orders."""
    expected = expected_directory(store)
    return next(
        (customer, phone)
        for customer, phone in single_customers(store)
        if expected[phone]["states"] == {"SMS": "SUBSCRIBED"}
    )


def order_again(store: StoreData, customer: Customer, *, choice: str | None = None) -> int:
    """Let a customer order now, with a choice about messages ("1", "0") or none; returns the order's id."""
    return store.place_order(
        customer_id=customer.id,
        billing={
            key.removeprefix("billing_"): value
            for key, value in customer.address.items()
            if key.startswith("billing_")
        },
        meta={} if choice is None else {ORDER_CONSENT_KEY: choice},
    )


def order_as_guest(
    store: StoreData,
    *,
    phone: str = GUEST_PHONE,
    email: str = "greta@example.com",
    choice: str | None = "1",
) -> int:
    """Let somebody without an account order; returns the order's id."""
    return store.place_order(
        billing={
            "first_name": "Greta",
            "last_name": "O&#039;Hara",
            "email": email,
            "phone": phone,
            "country": "AU",
        },
        meta={} if choice is None else {ORDER_CONSENT_KEY: choice},
    )
