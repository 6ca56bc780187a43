"""A whole account out of a seed: people, of whom a store may know some, lists, a segment, and their oddities."""

from __future__ import annotations

import html
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from woo_sync_pipeline.contacts.phones import parse_phone
from woo_sync_pipeline.demo.klaviyo.data import KlaviyoData
from woo_sync_pipeline.demo.klaviyo.records import AccountDetails, Json, Profile
from woo_sync_pipeline.demo.klaviyo.state import utc_now
from woo_sync_pipeline.demo.klaviyo.subscriptions import (
    NEVER_SUBSCRIBED,
    NOBODY_ASKED,
    SUBSCRIBED,
    UNSUBSCRIBED,
    email_marketing,
    sms_marketing,
    with_consent,
)
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.people import invent_person
from woo_sync_pipeline.demo.store.phones import COUNTRIES, invent_number

COUNTRY_NAMES = {
    "AU": "Australia",
    "NZ": "New Zealand",
    "GB": "United Kingdom",
    "US": "United States",
    "DE": "Germany",
    "SG": "Singapore",
}


@dataclass(frozen=True)
class KnownPerson:
    """Somebody with a name, an address and a phone in E.164; `country` is two letters."""

    first_name: str
    last_name: str
    email: str = field(repr=False)
    phone_number: str = field(repr=False)
    country: str = "AU"


def people_of(store: StoreData) -> list[KnownPerson]:
    """The customers of a demo store whose phone can receive SMS, in the order of their ids."""
    found = []
    with store.lock:
        for customer_id in store.customer_ids:
            customer = store.customers[customer_id]
            country = customer.address.get("billing_country") or "AU"
            phone = parse_phone(customer.address.get("billing_phone", ""), country).e164
            if phone is not None:
                first, last = (customer.address.get(f"billing_{part}_name", "") for part in ("first", "last"))
                found.append(
                    KnownPerson(
                        html.unescape(first).strip(),
                        html.unescape(last).strip(),
                        customer.email,
                        phone,
                        country if country in COUNTRY_NAMES else "AU",
                    )
                )
    return found


Kind = Literal[
    "subscribed",
    "never_subscribed",
    "unsubscribed",
    "cannot_receive",
    "no_phone",
    "national_phone",
    "null_subscriptions",
    "null_sms",
    "null_marketing",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a generated profile is like. An account with as many profiles has at least one of each."""
_WEIGHTS = (45, 22, 9, 3, 13, 4, 1, 1, 2)

NEWSLETTER, VIP, ENGAGED = "Newsletter", "VIP", "Engaged (30 days)"
_ENGAGED_DAYS = 30
_SUBSCRIBING = ("FORM", "FORM", "CHECKOUT", "TEXT_MESSAGE", "MANUAL_IMPORT")


@dataclass
class _Generator:
    """The choices of one generation, so that every step draws from the same seeded source."""

    data: KlaviyoData
    rng: random.Random
    start: datetime
    now: datetime
    default_country: str


def generate_klaviyo(
    *,
    seed: int,
    profiles: int,
    now: datetime,
    days: int = 400,
    default_country: str = "AU",
    known_people: Sequence[KnownPerson] = (),
    share: float = 0.4,
    name: str = "Demo Klaviyo",
) -> KlaviyoData:
    """Make an account with so many profiles, two lists (`Newsletter`, `VIP`) and a segment (`Engaged (30 days)`).

    The same arguments give the same account. Every date lies within `days` before `now` (tz-aware) and strictly
    before it. With `known_people` (`people_of` a store), that share of the profiles are of theirs, as far as there
    are so many: the same address, and the same phone unless the profile lacks it or has it in national form. The
    account has one key, which may read everything. Raises ValueError for a default country without phone numbers here.
    """
    if default_country not in COUNTRIES:
        raise ValueError(f"no phone numbers for {default_country!r}; there are {', '.join(COUNTRIES)}")
    end = now.astimezone(UTC).replace(microsecond=0)
    data = KlaviyoData(seed=seed, account=AccountDetails(organization_name=name))
    rng = random.Random(f"{seed} klaviyo {name}")
    start = end - timedelta(days=days)
    generator = _Generator(data, rng, start, end, default_country)
    data.clock = lambda: start
    data.add_key()
    data.load_profiles(_profiles(generator, profiles, known_people, share))
    _fill_groups(generator)
    data.clock = utc_now
    return data


def _profiles(
    generator: _Generator, count: int, known_people: Sequence[KnownPerson], share: float
) -> list[Profile]:
    rng = generator.rng
    kinds = [*KINDS, *rng.choices(KINDS, _WEIGHTS, k=max(0, count - len(KINDS)))][:count]
    rng.shuffle(kinds)
    people = rng.sample(list(known_people), min(len(known_people), round(share * count)))
    people += [_invent(generator, number) for number in range(count - len(people))]
    rng.shuffle(people)
    return [_profile(generator, person, kind) for person, kind in zip(people, kinds, strict=True)]


def _invent(generator: _Generator, number: int) -> KnownPerson:
    person = invent_person(generator.rng, number + 1)
    phone = invent_number(generator.rng, generator.default_country)
    # No store makes addresses like these, so nobody is taken for one of its customers.
    email = person.email.replace("@", "+news@")
    return KnownPerson(person.first_name, person.last_name, email, phone.e164, phone.country)


def _profile(generator: _Generator, person: KnownPerson, kind: Kind) -> Profile:
    rng = generator.rng
    created = _between(generator, generator.start, generator.now)
    chosen = _between(generator, created, generator.now)
    subscriptions = _subscriptions(generator, kind, created, chosen)
    if subscriptions is not None and rng.random() < 0.7:
        given = email_marketing(SUBSCRIBED, consent_timestamp=created)
        subscriptions = with_consent(subscriptions, "email", "marketing", given)
    phone: str | None = person.phone_number
    if kind == "no_phone":
        phone = None
    elif kind == "national_phone":
        phone = _in_national_form(person.phone_number)
    return generator.data.make_profile(
        created=created,
        updated=_between(generator, chosen, generator.now),
        email=person.email,
        phone_number=phone,
        first_name=person.first_name or None,
        last_name=person.last_name or None,
        external_id=f"crm-{rng.randrange(10**9)}" if rng.random() < 0.2 else None,
        location=_location(generator, person, kind),
        properties={"Favourite": rng.choice(("cheese", "wine", "tea"))} if rng.random() < 0.3 else {},
        subscriptions=subscriptions,
        last_event_date=_between(generator, chosen, generator.now) if rng.random() < 0.6 else None,
    )


def _subscriptions(generator: _Generator, kind: Kind, created: datetime, chosen: datetime) -> Json | None:
    rng = generator.rng
    agreed = rng.choice(_SUBSCRIBING)
    if kind in ("never_subscribed", "no_phone"):
        return NOBODY_ASKED
    if kind == "null_subscriptions":
        return None
    if kind == "null_sms":
        return {**NOBODY_ASKED, "sms": None}
    if kind == "null_marketing":
        return with_consent(NOBODY_ASKED, "sms", "marketing", None)
    if kind == "unsubscribed":
        marketing = sms_marketing(
            UNSUBSCRIBED,
            consent_timestamp=created,
            last_updated=chosen,
            method="TEXT_MESSAGE",
            method_detail="",
        )
    elif kind == "national_phone" and rng.random() < 0.5:
        marketing = sms_marketing(NEVER_SUBSCRIBED)
    else:
        marketing = sms_marketing(
            SUBSCRIBED,
            can_receive=kind != "cannot_receive",
            consent_timestamp=chosen,
            last_updated=chosen,
            method=agreed,
            method_detail="R9cSxT" if agreed == "FORM" else "",
        )
    return with_consent(NOBODY_ASKED, "sms", "marketing", marketing)


def _location(generator: _Generator, person: KnownPerson, kind: Kind) -> Json | None:
    name = COUNTRY_NAMES[person.country]
    # A national number means something only where the country stands beside it.
    likely = 1.0 if kind == "national_phone" and person.country != generator.default_country else 0.8
    if generator.rng.random() >= likely:
        return None
    return {"country": generator.rng.choice((name, name, person.country, name.lower()))}


def _in_national_form(e164: str) -> str:
    """As people of the country write it; for most countries without the plus alone."""
    if e164.startswith("+61"):
        return f"0{e164[3:6]} {e164[6:9]} {e164[9:]}"
    return e164[1:]


def _fill_groups(generator: _Generator) -> None:
    data, rng = generator.data, generator.rng
    data.clock = lambda: generator.start
    newsletter, vip, engaged = data.add_list(NEWSLETTER), data.add_list(VIP), data.add_segment(ENGAGED)
    joined: dict[str, dict[str, datetime]] = {newsletter: {}, vip: {}, engaged: {}}
    recent = generator.now - timedelta(days=_ENGAGED_DAYS)
    for profile in data.profiles.values():
        if rng.random() < 0.6:
            joined[newsletter][profile.id] = profile.created
        if rng.random() < 0.1:
            joined[vip][profile.id] = _between(generator, profile.created, generator.now)
        if profile.last_event_date is not None and profile.last_event_date >= recent:
            joined[engaged][profile.id] = profile.last_event_date
    for group_id, members in joined.items():
        data.load_members(group_id, members)


def _between(generator: _Generator, earliest: datetime, latest: datetime) -> datetime:
    """A second from `earliest` on and before `latest`, or `earliest` when there is none between."""
    seconds = int((latest - earliest).total_seconds())
    return earliest + timedelta(seconds=generator.rng.randrange(max(seconds, 1)))
