"""A Klaviyo account beside a store: who is in both, a day in its life, and what a sync must make of it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

from woo_sync_pipeline.contacts.phones import parse_phone
from woo_sync_pipeline.demo.klaviyo import KlaviyoData, KnownPerson, generate_klaviyo, people_of
from woo_sync_pipeline.demo.klaviyo.generate import NEWSLETTER, VIP
from woo_sync_pipeline.demo.klaviyo.records import Profile
from woo_sync_pipeline.demo.klaviyo.subscriptions import (
    NEVER_SUBSCRIBED,
    SUBSCRIBED,
    consent_at,
)
from woo_sync_pipeline.demo.scenario import Event, phone_of
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import before_today

_FIRST_NAMES = ("Aiko", "Bruno", "Cleo", "Dana", "Elif", "Femi", "Gia", "Hugo", "Ines", "Jonas")


def account_beside(store: StoreData, *, seed: int, profiles: int) -> KlaviyoData:
    """An account named Klaviyo, some of whose profiles are customers of the store; nobody in the store changes."""
    return generate_klaviyo(
        seed=seed, profiles=profiles, now=before_today(), known_people=_buyers(store), name="Klaviyo"
    )


def introduce_somebody_in_both(account: KlaviyoData, store: StoreData) -> Profile:
    """A profile of a customer of the store, whom it makes a member of the list Newsletter.

    The store has the same name and address of that person, and nobody else has the phone.
    """
    buyers = {person.phone_number: person for person in _buyers(store)}
    people = _Cast(account, store)
    chosen = next(
        profile
        for profile in people.with_phone_of_their_own()
        if (buyer := buyers.get(profile.phone_number or ""))
        # Whatever is not written plainly may be written otherwise elsewhere, and would change with the source.
        and f"{buyer.first_name}{buyer.last_name}".isascii()
    )
    account.join(people.list_named(NEWSLETTER), chosen.id, at=chosen.created)
    return chosen


def play_day_of_account(
    account: KlaviyoData, store: StoreData, *, leaving: Profile, seed: int = 1
) -> list[Event]:
    """Let six things happen in the account; each concerns another person whose phone nobody shares.

    `leaving` is who is in the store too, and is deleted in the account.
    """
    people = _Cast(account, store)
    people.taken.add(leaving.id)

    renamed = people.take(people.not_in_store())
    account.change_profile(renamed.id, first_name="Marguerite")
    joining = people.take(people.not_in(people.list_named(VIP)))
    account.join(people.list_named(VIP), joining.id)
    agreeing = people.take(people.who(NEVER_SUBSCRIBED))
    account.subscribe_sms(agreeing.id, method="FORM", method_detail="R9cSxT")
    refusing = people.take(people.who(SUBSCRIBED))
    account.unsubscribe_sms(refusing.id)
    number = people.unused_number(random.Random(f"{seed} klaviyo"))
    newcomer = account.add_profile(phone_number=number, first_name="Greta", email="greta@klaviyo.example")
    account.subscribe_sms(newcomer)
    account.delete_profile(leaving.id)

    happened = (
        ("a profile gets another name", renamed.phone_number, "updated", {"first_name"}, None),
        ("somebody joins the list VIP", joining.phone_number, "updated", {"groups"}, None),
        ("somebody subscribes in a form", agreeing.phone_number, "updated", {"subscribed"}, "SUBSCRIBED"),
        ("somebody unsubscribes", refusing.phone_number, "updated", {"unsubscribed"}, "UNSUBSCRIBED"),
        ("a form brings somebody new", number, "new", {"created"}, "SUBSCRIBED"),
        ("a customer's profile is deleted", leaving.phone_number, "updated", {"source", "groups"}, None),
    )
    return [
        Event(what, phone or "", outcome, frozenset(changes), state)
        for what, phone, outcome, changes, state in happened
    ]


def change_something(account: KlaviyoData, rng: random.Random) -> str:
    """Let somebody with a phone get another name, join a list, subscribe or unsubscribe; returns the phone."""
    with account.lock:
        profile = rng.choice([each for each in account.profiles.values() if each.phone_number])
        lists = [each for each in account.lists if profile.id not in account.members[each]]
        is_subscribed = _consent(profile) == SUBSCRIBED
        act = rng.choice(("rename", "join", "answer"))
        if act == "answer" and is_subscribed:
            account.unsubscribe_sms(profile.id)
        elif act == "answer":
            account.subscribe_sms(profile.id)
        elif act == "join" and lists:
            account.join(rng.choice(lists), profile.id)
        else:
            account.change_profile(profile.id, first_name=rng.choice(_FIRST_NAMES))
        return profile.phone_number or ""


class _Cast:
    """People of an account, by what can be done with them."""

    def __init__(self, account: KlaviyoData, store: StoreData) -> None:
        self._account = account
        self._in_store = _customers_by_phone(store)
        self.taken: set[str] = set()
        self._uses = Counter(
            parse_phone(each.phone_number, "AU").e164
            for each in account.profiles.values()
            if each.phone_number
        )

    def take(self, candidates: Iterator[Profile]) -> Profile:
        chosen = next(candidate for candidate in candidates if candidate.id not in self.taken)
        self.taken.add(chosen.id)
        return chosen

    def list_named(self, name: str) -> str:
        return next(each.id for each in self._account.lists.values() if each.name == name)

    def with_phone_of_their_own(self) -> Iterator[Profile]:
        for profile in list(self._account.profiles.values()):
            if profile.phone_number and self._uses[profile.phone_number] == 1:
                yield profile

    def not_in_store(self) -> Iterator[Profile]:
        return (each for each in self.with_phone_of_their_own() if each.phone_number not in self._in_store)

    def not_in(self, group_id: str) -> Iterator[Profile]:
        return (each for each in self.not_in_store() if each.id not in self._account.members[group_id])

    def who(self, consent: str) -> Iterator[Profile]:
        return (each for each in self.not_in_store() if _consent(each) == consent)

    def unused_number(self, rng: random.Random) -> str:
        while True:
            number = f"+614{rng.randrange(10_000_000, 99_999_999)}"
            is_free = number not in self._uses and number not in self._in_store
            if is_free and parse_phone(number, "AU").e164 == number:
                return number


def _consent(profile: Profile) -> str | None:
    consent: str | None = consent_at(profile.subscriptions, "sms", "marketing").get("consent")
    return consent


def _buyers(store: StoreData) -> list[KnownPerson]:
    """Customers who ordered something, and whose phone nobody else gave to the store."""
    customers = _customers_by_phone(store)
    found = []
    for person in people_of(store):
        holders = customers[person.phone_number]
        if len(holders) == 1 and any(store.orders_of_customer.get(each) for each in holders):
            found.append(person)
    return found


def _customers_by_phone(store: StoreData) -> dict[str, set[int]]:
    """The ids of the customers that have or gave each phone (E.164); 0 stands for all guests."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    with store.lock:
        given = [
            *((each.id, each.address, "billing_") for each in store.customers.values()),
            *((each.id, each.address, "shipping_") for each in store.customers.values()),
            *((each.customer_id, each.billing, "") for each in store.orders.values()),
            *((each.customer_id, each.shipping, "") for each in store.orders.values()),
        ]
    for customer_id, address, prefix in given:
        if phone := phone_of(address, prefix):
            found[phone].add(customer_id)
    return dict(found)
