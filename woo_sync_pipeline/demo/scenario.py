"""A day in the life of a store: what people do, and what a sync must make of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from woo_sync_pipeline.contacts.consent import Consent, parse_consent
from woo_sync_pipeline.contacts.phones import parse_phone
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.records import Customer
from woo_sync_pipeline.demo.world import CONSENT_KEY, ORDER_CONSENT_KEY, TAGS_KEY
from woo_sync_pipeline.state.syncs import SyncContact

_FIRST_NAMES = ("Ada", "Bao", "Chiara", "Dawit", "Emre", "Freya", "Goro", "Hina", "Isla", "Jarrah")
_LAST_NAMES = ("Adeyemi", "Brandt", "Castro", "Dubois", "Eriksen", "Farah", "Green", "Haddad", "Ito", "Jones")


@dataclass(frozen=True)
class Event:
    """Something that happened in a source, and what must become of the contact with this phone."""

    what: str
    phone: str
    outcome: str
    changes: frozenset[str]
    state: str | None = None

    def is_met_by(self, contact: SyncContact) -> bool:
        """Whether a sync did exactly this."""
        return (
            contact.outcome == self.outcome
            and frozenset(contact.changes) == self.changes
            and self.state in (None, contact.state)
        )


def play_second_day(store: StoreData, *, seed: int = 1) -> list[Event]:
    """Let six things happen in the store; each concerns another person whose phone nobody shares."""
    people = _Cast(store)
    events = []

    renamed = people.take(people.with_phone())
    store.save_profile(renamed.id, first_name="Marguerite", billing_first_name="Marguerite")
    events.append(
        Event("a customer changes her name", people.phone(renamed), "updated", frozenset({"first_name"}))
    )

    leaving = people.take(people.subscribed())
    store.place_order(
        customer_id=leaving.id, billing=_billing(leaving), meta={ORDER_CONSENT_KEY: "0"}, status="processing"
    )
    opt_out = frozenset({"unsubscribed"})
    events.append(
        Event(
            "a customer opts out at the checkout", people.phone(leaving), "updated", opt_out, "UNSUBSCRIBED"
        )
    )

    number = people.unused_number(random.Random(seed))
    store.place_order(
        billing={
            "first_name": "Greta",
            "last_name": "O&#039;Hara",
            "email": "greta@example.com",
            "phone": f"0{number[3:6]} {number[6:9]} {number[9:]}",
            "country": "AU",
        },
        meta={ORDER_CONSENT_KEY: "1"},
    )
    events.append(
        Event("a guest buys something and opts in", number, "new", frozenset({"created"}), "SUBSCRIBED")
    )

    tagged = people.take(people.untagged())
    store.set_user_meta(tagged.id, TAGS_KEY, ["Summer sale"])
    events.append(
        Event("a customer gets the tag Summer sale", people.phone(tagged), "updated", frozenset({"groups"}))
    )

    mistyped = people.take(people.without_usable_phone())
    number = people.unused_number(random.Random(seed + 1))
    store.set_user_meta(mistyped.id, "billing_phone", f"+61 {number[3:6]} {number[6:9]} {number[9:]}")
    store.set_user_meta(mistyped.id, "billing_country", "AU")
    events.append(Event("a mistyped phone is corrected", number, "new", frozenset({"created"})))

    deleted = people.take(people.with_phone())
    store.delete_customer(deleted.id)
    left = frozenset({"source", "groups"})
    events.append(Event("a customer is deleted", people.phone(deleted), "updated", left))
    return events


def shop_once(store: StoreData, rng: random.Random) -> str:
    """Let a guest buy something; returns the guest's phone in E.164."""
    number = _Cast(store).unused_number(rng)
    first_name, last_name = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
    store.place_order(
        billing={
            "first_name": first_name,
            "last_name": last_name,
            "email": f"{first_name}.{last_name}{number[-4:]}@example.com".lower(),
            "phone": f"0{number[3:6]} {number[6:9]} {number[9:]}",
            "country": "AU",
        },
        product_ids=rng.sample(sorted(store.products), k=min(2, len(store.products))),
        meta={ORDER_CONSENT_KEY: rng.choice(["0", "1"])},
    )
    return number


class _Cast:
    """People of a store, by what can be done with them."""

    def __init__(self, store: StoreData) -> None:
        self._store = store
        self._taken: set[int] = set()
        self._uses = Counter(
            phone
            for phone in (
                *(phone_of(customer.address, "billing_") for customer in store.customers.values()),
                *(phone_of(order.billing, "") for order in store.orders.values()),
                *(phone_of(order.shipping, "") for order in store.orders.values()),
            )
            if phone
        )

    def take(self, candidates: Iterator[Customer]) -> Customer:
        chosen = next(candidate for candidate in candidates if candidate.id not in self._taken)
        self._taken.add(chosen.id)
        return chosen

    def phone(self, customer: Customer) -> str:
        return phone_of(customer.address, "billing_") or ""

    def with_phone(self) -> Iterator[Customer]:
        for customer in list(self._store.customers.values()):
            # Without orders, so that nothing but the event concerns the phone.
            if self._uses[self.phone(customer)] == 1 and not self._store.orders_of_customer.get(customer.id):
                yield customer

    def subscribed(self) -> Iterator[Customer]:
        return (
            customer
            for customer in self.with_phone()
            if CONSENT_KEY in customer.meta
            and parse_consent(CONSENT_KEY, customer.meta[CONSENT_KEY].value) is Consent.opted_in
        )

    def untagged(self) -> Iterator[Customer]:
        return (customer for customer in self.with_phone() if TAGS_KEY not in customer.meta)

    def without_usable_phone(self) -> Iterator[Customer]:
        return (
            customer
            for customer in list(self._store.customers.values())
            if customer.address.get("billing_phone")
            and not phone_of(customer.address, "billing_")
            and not customer.address.get("shipping_phone")
            and not self._store.orders_of_customer.get(customer.id)
        )

    def unused_number(self, rng: random.Random) -> str:
        while True:
            number = f"+614{rng.randrange(10_000_000, 99_999_999)}"
            if parse_phone(number, "AU").e164 == number and not self._uses[number]:
                self._uses[number] += 1
                return number


def phone_of(address: dict[str, str], prefix: str) -> str | None:
    """The phone of an address whose fields begin with `prefix`, in E.164; None where it cannot receive SMS."""
    region = address.get(f"{prefix}country") or "AU"
    return parse_phone(address.get(f"{prefix}phone", ""), region).e164


def _billing(customer: Customer) -> dict[str, str]:
    return {
        key.removeprefix("billing_"): value
        for key, value in customer.address.items()
        if key.startswith("billing_")
    }
