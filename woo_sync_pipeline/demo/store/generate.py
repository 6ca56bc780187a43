"""A whole store out of a seed: people, orders, tags and the disorder of real data."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from woo_sync_pipeline.demo.store import choices
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.people import Person, change_case, invent_person
from woo_sync_pipeline.demo.store.phones import COUNTRIES, PhoneNumber, invent_number, spell, spell_useless
from woo_sync_pipeline.demo.store.records import ApiKey, Order, Permissions, UserRole
from woo_sync_pipeline.demo.store.state import utc_now

_PRODUCT_TAGS = (
    "Café & Bar",
    "Cheese",
    "wine-club",
    "O'Brien's",
    "Ünïcode 🍷",
    "寿司",
    "Gifts > 50",
    "Garden",
)
_PERMISSIONS: tuple[tuple[Permissions, UserRole], ...] = (
    ("read", "administrator"),
    ("read_write", "administrator"),
    ("write", "administrator"),
    ("read", "shop_manager"),
    ("read", "customer"),
)


@dataclass
class _Shopper:
    person: Person
    number: PhoneNumber | None
    customer_id: int = 0


@dataclass
class _Generator:
    """The choices of one generation, so that every step draws from the same seeded source."""

    data: StoreData
    rng: random.Random
    start: datetime
    now: datetime
    default_country: str
    consent_key: str
    order_consent_key: str
    tags_key: str
    borrowed: list[PhoneNumber]
    share: float
    customers: list[_Shopper] = field(default_factory=list)
    registered: list[datetime] = field(default_factory=list)
    guests: list[_Shopper] = field(default_factory=list)
    product_ids: list[int] = field(default_factory=list)


def generate_store(
    *,
    seed: int,
    customers: int,
    orders: int,
    now: datetime,
    days: int = 400,
    timezone: str = "Australia/Sydney",
    default_country: str = "AU",
    consent_meta_key: str = "sms_marketing_consent",
    order_consent_meta_key: str = "_wc_other/woo/sms-opt-in",
    tags_meta_key: str = "customer_tags",
    share_phones_with: StoreData | None = None,
    share: float = 0.1,
    name: str = "Demo Store",
) -> StoreData:
    """Make a store with `customers` users beside its administrator (id 1) and `orders` orders.

    The same arguments give the same store. Every date lies within `days` before `now` (tz-aware) and
    strictly before it. About one in fifteen people cannot be reached by SMS, some share a phone, some were
    deleted and left their orders behind. With `share_phones_with`, that share of the people own a phone of
    somebody in the other store, written differently. The first key may read as administrator; there are
    also a read_write and a write key, one of a shop_manager and one of a customer (`StoreData.key`).
    Raises ValueError for a default country without phone numbers here.
    """
    if default_country not in COUNTRIES:
        raise ValueError(f"no phone numbers for {default_country!r}; there are {', '.join(COUNTRIES)}")
    end = now.astimezone(UTC).replace(microsecond=0)
    data = StoreData(name=name, timezone=timezone)
    rng = random.Random(f"{seed} {name}")
    for permissions, user_role in _PERMISSIONS:
        key, secret = (f"{kind}_{rng.getrandbits(160):040x}" for kind in ("ck", "cs"))
        data.keys.append(ApiKey(key, secret, permissions, user_role))
    generator = _Generator(
        data=data,
        rng=rng,
        start=end - timedelta(days=days),
        now=end,
        default_country=default_country,
        consent_key=consent_meta_key,
        order_consent_key=order_consent_meta_key,
        tags_key=tags_meta_key,
        borrowed=share_phones_with.phone_book if share_phones_with else [],
        share=share,
    )
    _stock(generator)
    leaving = max(1, customers // 200) if customers >= 20 else 0
    _register_everyone(generator, customers + leaving)
    _take_orders(generator, orders)
    _delete_some(generator, leaving)
    data.phone_book = [shopper.number for shopper in generator.customers + generator.guests if shopper.number]
    data.clock = utc_now
    return data


def _stock(generator: _Generator) -> None:
    data, rng = generator.data, generator.rng
    data.clock = lambda: generator.start
    data.register_customer(email="admin@store.example", username="admin", roles=["administrator"])
    for position in range(24):
        tags = rng.sample(_PRODUCT_TAGS, rng.choice((0, 1, 1, 2, 3)))
        status = "draft" if position % 8 == 7 else "publish"
        price = rng.randrange(5, 180)
        generator.product_ids.append(data.add_product(f"Product {position + 1}", tags, status, price))


def _register_everyone(generator: _Generator, count: int) -> None:
    rng = generator.rng
    generator.registered = _moments(generator, count)
    for position, moment in enumerate(generator.registered):
        shopper = _invent_shopper(generator, position)
        generator.customers.append(shopper)
        billing, shipping = _addresses(generator, shopper)
        if rng.random() < 0.003:
            billing["email"] = "not an address"
        modified = None if rng.random() < 0.3 else _between(generator, moment, generator.now)
        shopper.customer_id = generator.data.register_customer(
            email=shopper.person.email,
            first_name=shopper.person.first_name,
            last_name=shopper.person.last_name,
            billing=billing,
            shipping=shipping,
            meta=choices.customer_meta(
                rng,
                consent_key=generator.consent_key,
                tags_key=generator.tags_key,
                private_key=generator.order_consent_key,
            ),
            roles=choices.roles(rng, position),
            registered_at=moment,
            modified_at=modified,
        )


def _invent_shopper(generator: _Generator, position: int) -> _Shopper:
    rng = generator.rng
    person = invent_person(rng, position + 1)
    if generator.customers and rng.random() < 0.03:
        # A family: another member with the same phone, mostly with the same name.
        relative = rng.choice(generator.customers)
        last = relative.person.last_name
        return _Shopper(Person(person.first_name, last, person.email, relative.person.city), relative.number)
    if rng.random() < 0.06:
        return _Shopper(person, None)
    if generator.borrowed and rng.random() < generator.share:
        return _Shopper(person, rng.choice(generator.borrowed))
    return _Shopper(person, invent_number(rng, generator.default_country))


def _addresses(generator: _Generator, shopper: _Shopper) -> tuple[dict[str, str], dict[str, str]]:
    rng, person, number = generator.rng, shopper.person, shopper.number
    country, phone = generator.default_country, ""
    if number is None:
        phone = spell_useless(rng, country)
    else:
        abroad = number.country != country
        if abroad and rng.random() < 0.7:
            country, abroad = number.country, False
        phone = spell(rng, number, abroad=abroad)
        if not abroad and number.country == generator.default_country and rng.random() < 0.02:
            country = ""
    billing = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "city": person.city,
        "country": country,
        "email": person.email,
        "phone": phone,
    }
    shipping: dict[str, str] = {}
    if number is not None and rng.random() < 0.02:
        # The phone was asked for the parcel only.
        billing["phone"] = ""
        shipping = {"first_name": person.first_name, "country": country, "phone": phone}
    return billing, shipping


def _take_orders(generator: _Generator, count: int) -> None:
    rng, orders = generator.rng, []
    for moment in _moments(generator, count):
        # Only who is registered by then can order with an account.
        known = bisect_left(generator.registered, moment)
        with_account = known and rng.random() < 0.58
        shopper = generator.customers[rng.randrange(known)] if with_account else _guest(generator)
        orders.append(_order(generator, shopper, moment))
    generator.data.load_orders(orders)
    for order in orders:
        customer = generator.data.customers.get(order.customer_id)
        if customer is not None and order.status == "completed":
            customer.is_paying = True


def _guest(generator: _Generator) -> _Shopper:
    rng, guests = generator.rng, generator.guests
    if guests and rng.random() < 0.35:
        return rng.choice(guests)
    number = len(generator.customers) + len(guests) + 1
    shopper = _invent_shopper(generator, number)
    if generator.customers and rng.random() < 0.08:
        # A customer who did not log in: the same person, the same phone, as a guest.
        twin = rng.choice(generator.customers)
        shopper = _Shopper(twin.person, twin.number)
    guests.append(shopper)
    return shopper


def _order(generator: _Generator, shopper: _Shopper, moment: datetime) -> Order:
    rng = generator.rng
    billing, shipping = _addresses(generator, shopper)
    billing["email"] = "" if rng.random() < 0.02 else change_case(rng, shopper.person.email)
    status = choices.order_status(rng)
    meta: Mapping[str, Any] = {}
    if rng.random() < 0.5:
        meta = {generator.order_consent_key: rng.choice("11100")}
    latest = min(generator.now, moment + timedelta(days=rng.choice((1, 3, 30))))
    order = generator.data.make_order(
        customer_id=shopper.customer_id,
        billing=billing,
        shipping=shipping,
        product_ids=rng.choices(generator.product_ids, k=rng.choice((1, 1, 2, 3))),
        status=status,
        meta=meta,
        created_at=moment,
        modified_at=_between(generator, moment, latest),
        created_via="store-api" if meta else "checkout",
    )
    if status == "trash":
        order.status_before_trash = "cancelled"
    return order


def _delete_some(generator: _Generator, count: int) -> None:
    data, rng, gone = generator.data, generator.rng, set[int]()
    for shopper in rng.sample(generator.customers, count):
        theirs = data.orders_of_customer.get(shopper.customer_id, set())
        latest = [data.orders[order_id].modified_at for order_id in theirs]
        earliest = max([data.customers[shopper.customer_id].registered_at, *latest])
        data.clock = partial(_between, generator, earliest, generator.now)
        data.delete_customer(shopper.customer_id)
        gone.add(shopper.customer_id)
    generator.customers = [shopper for shopper in generator.customers if shopper.customer_id not in gone]


def _moments(generator: _Generator, count: int) -> list[datetime]:
    seconds = int((generator.now - generator.start).total_seconds())
    return sorted(generator.start + timedelta(seconds=generator.rng.randrange(seconds)) for _ in range(count))


def _between(generator: _Generator, earliest: datetime, latest: datetime) -> datetime:
    """Return a second from `earliest` on and before `latest`, or `earliest` when there is none between."""
    seconds = int((latest - earliest).total_seconds())
    return earliest + timedelta(seconds=generator.rng.randrange(max(seconds, 1)))
