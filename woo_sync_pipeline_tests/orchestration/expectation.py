"""What the platform must hold after every store was synced once into an empty account, told in plain Python."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from woo_sync_pipeline.contacts.consent import Consent, parse_consent
from woo_sync_pipeline.contacts.groups import tags_from_meta
from woo_sync_pipeline.contacts.names import clean_email, clean_name
from woo_sync_pipeline.contacts.phones import InvalidReason, ParsedPhone, parse_phone
from woo_sync_pipeline.demo.platform import ContactSnapshot
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.records import Customer, Order
from woo_sync_pipeline.demo.world import CONSENT_KEY, ORDER_CONSENT_KEY, TAGS_KEY

NOT_BOUGHT = {"pending", "failed", "cancelled", "refunded", "trash"}
BEFORE_ALL, LATER_THAN_ALL = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
AS_OLD_AS_ANYTHING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Person:
    """Somebody behind a phone in one store: a customer or a guest's order."""

    is_customer: bool
    changed_at: datetime
    names: tuple[str, str]
    email: str


@dataclass
class _Expected:
    people: list[_Person] = field(default_factory=list)
    customer_of: set[str] = field(default_factory=set)
    guest_of: set[str] = field(default_factory=set)
    tag_lists: set[str] = field(default_factory=set)
    opted_in: list[datetime] = field(default_factory=list)
    opted_out: list[datetime] = field(default_factory=list)

    def snapshot(self) -> ContactSnapshot:
        ranked = sorted(self.people, key=lambda each: (each.is_customer, each.changed_at), reverse=True)
        sources = self.customer_of | self.guest_of
        custom = {"source": ", ".join(sorted(sources)), "email": _first(each.email for each in ranked)}
        opted_in = max(self.opted_in, default=BEFORE_ALL) > max(self.opted_out, default=BEFORE_ALL)
        guests = {f"{name} - Guests" for name in self.guest_of - self.customer_of}
        return {
            # A person's two names belong together, but an empty one is taken from the next person.
            "first_name": _first(each.names[0] for each in ranked),
            "last_name": _first(each.names[1] for each in ranked),
            "states": {"SMS": "SUBSCRIBED" if opted_in else "UNSUBSCRIBED"},
            "custom_fields": {tag: value for tag, value in custom.items() if value},
            "lists": sorted(sources | guests | self.tag_lists),
        }


def expected_directory(*stores: StoreData) -> dict[str, ContactSnapshot]:
    """By phone, the contacts that the stores make together; consent is explicit."""
    expected: dict[str, _Expected] = {}
    for store in stores:
        for customer in store.customers.values():
            _add_customer(expected, store, customer)
        for order in store.orders.values():
            if order.status != "checkout-draft":
                _add_order(expected, store, order)
        _add_choices_at_checkouts(expected, store)
    return {phone: each.snapshot() for phone, each in expected.items() if each.people}


def phone_of_customer(customer: Customer) -> str | None:
    """The phone in E.164 that a customer can be texted at."""
    return _phone(*_prefixed(customer.address)).e164


def phone_of_order(order: Order) -> str | None:
    """The phone in E.164 that was given at a checkout."""
    return _phone(order.billing, order.shipping).e164


def _add_customer(expected: dict[str, _Expected], store: StoreData, customer: Customer) -> None:
    phone = phone_of_customer(customer)
    if phone is None:
        return
    billing, shipping = _prefixed(customer.address)
    contact = expected.setdefault(phone, _Expected())
    contact.customer_of.add(store.name)
    contact.people.append(
        _Person(
            True,
            customer.modified_at or customer.registered_at,
            _names(billing, customer.address, shipping),
            _first(map(clean_email, (customer.email, billing.get("email", "")))),
        )
    )
    # WooCommerce shows a user without any role as a customer.
    tags = [role.replace("_", " ").capitalize() for role in customer.roles or ["customer"]]
    if TAGS_KEY in customer.meta:
        tags += tags_from_meta(customer.meta[TAGS_KEY].value)
    contact.tag_lists.update(f"{store.name} - {tag}" for tag in tags)
    answer = customer.meta.get(CONSENT_KEY)
    choice = parse_consent(CONSENT_KEY, answer.value) if answer else Consent.unknown
    # Nobody knows when.
    if choice is Consent.opted_in:
        contact.opted_in.append(AS_OLD_AS_ANYTHING)
    elif choice is Consent.opted_out:
        contact.opted_out.append(LATER_THAN_ALL)


def _add_order(expected: dict[str, _Expected], store: StoreData, order: Order) -> None:
    given = _phone(order.billing, order.shipping)
    customer = store.customers.get(order.customer_id)
    of_customer = phone_of_customer(customer) if customer else None
    if order.customer_id == 0 and given.e164 and order.status != "trash":
        contact = expected.setdefault(given.e164, _Expected())
        contact.guest_of.add(store.name)
        names = _names(order.billing, order.shipping)
        email = clean_email(order.billing.get("email", ""))
        contact.people.append(_Person(False, order.modified_at, names, email))
    buyer = given.e164 if order.customer_id == 0 else of_customer
    if buyer and order.status not in NOT_BOUGHT:
        expected.setdefault(buyer, _Expected()).tag_lists.update(_lists_of_products(store, order))


def _add_choices_at_checkouts(expected: dict[str, _Expected], store: StoreData) -> None:
    """In the order in which they were made: whoever opted in under the key, and does so again, says nothing new."""
    last_of: dict[object, tuple[Consent, datetime]] = {}
    for order in sorted(store.orders.values(), key=lambda each: each.created_at):
        answer = order.meta.get(ORDER_CONSENT_KEY)
        choice = parse_consent(ORDER_CONSENT_KEY, answer.value) if answer else Consent.unknown
        if choice is Consent.unknown or order.status == "checkout-draft":
            continue
        given = _phone(order.billing, order.shipping)
        people = {given.e164 or clean_email(order.billing.get("email", "")), order.customer_id} - {
            0,
            "",
            None,
        }
        before = max(
            (last_of[each] for each in people if each in last_of), key=lambda last: last[1], default=None
        )
        repeats = before is not None and before[0] is choice is Consent.opted_in
        made_at = before[1] if before is not None and repeats else order.created_at
        last_of.update(dict.fromkeys(people, (choice, made_at)))
        customer = store.customers.get(order.customer_id)
        concerned = {given.e164}
        if choice is Consent.opted_out or given.reason is InvalidReason.missing_phone:
            concerned.add(phone_of_customer(customer) if customer else None)
        for phone in filter(None, concerned):
            contact = expected.setdefault(phone, _Expected())
            if choice is Consent.opted_out:
                contact.opted_out.append(made_at)
            elif order.status != "trash":
                contact.opted_in.append(made_at)


def _lists_of_products(store: StoreData, order: Order) -> Iterator[str]:
    for item in order.items:
        product = store.products.get(item.product_id)
        for tag_id in product.tag_ids if product else ():
            yield f"{store.name} - {html.unescape(store.tags[tag_id].name)}"


def _prefixed(address: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    billing, shipping = (
        {key.removeprefix(prefix): value for key, value in address.items() if key.startswith(prefix)}
        for prefix in ("billing_", "shipping_")
    )
    return billing, shipping


def _phone(billing: dict[str, str], shipping: dict[str, str]) -> ParsedPhone:
    region = billing.get("country") or shipping.get("country") or "AU"
    first = parse_phone(billing.get("phone", ""), region)
    second = parse_phone(shipping.get("phone", ""), region)
    return second if not first.e164 and (second.e164 or not billing.get("phone")) else first


def _names(*addresses: dict[str, str]) -> tuple[str, str]:
    for address in addresses:
        first, last = (clean_name(address.get(name, "")) for name in ("first_name", "last_name"))
        if first or last:
            return first, last
    return "", ""


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")
