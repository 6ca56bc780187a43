"""Made-up store records, the same for the same seed: what the benchmarks measure with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

import pandas as pd

from woo_sync_pipeline.sources.woocommerce.records import CUSTOMER_SCHEMA, ORDER_SCHEMA

_FIRST = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
_READ_AT = pd.Timestamp("2026-11-01", tz="UTC")
_SYLLABLES = [
    "an",
    "be",
    "co",
    "da",
    "el",
    "fi",
    "ga",
    "ho",
    "is",
    "ju",
    "ka",
    "lo",
    "mi",
    "no",
    "ra",
    "su",
    "ti",
    "wu",
]
_TAGS = ["VIP", "wine club", "Sydney", "wholesale", "newsletter", "Café &amp; Bar", "loyal"]


def phones(count: int, *, garbage: float, duplicates: float, seed: int) -> list[tuple[str, str]]:
    """Phones as people type them, with the country of each.

    `garbage` and `duplicates` are shares between 0 and 1: of texts without a mobile number, and of rows whose
    phone another row has as well, usually in another spelling.
    """
    random = Random(seed)
    mobiles: list[tuple[str, str, str, str]] = []
    rows = []
    for _ in range(count):
        if random.random() < garbage:
            rows.append(_garbage(random))
            continue
        if not mobiles or random.random() >= duplicates:
            mobiles.append(_mobile(random))
            rows.append(_typed(random, *mobiles[-1]))
        else:
            rows.append(_typed(random, *random.choice(mobiles)))
    return rows


def _digits(random: Random, count: int) -> str:
    return str(random.randrange(10**count)).zfill(count)


def _mobile(random: Random) -> tuple[str, str, str, str]:
    """Country, country code, national prefix and national number of a mobile."""
    kind = random.random()
    if kind < 0.7:
        return "AU", "61", "0", "4" + random.choice("01236") + _digits(random, 7)
    if kind < 0.8:
        return "NZ", "64", "0", "21" + _digits(random, 7)
    if kind < 0.87:
        return "GB", "44", "0", "79" + random.choice("03456789") + _digits(random, 7)
    if kind < 0.94:
        return "US", "1", "", random.choice(["415", "212", "650"]) + "2" + _digits(random, 6)
    return "DE", "49", "0", "160" + random.choice("123456789") + _digits(random, 6)


def _typed(random: Random, country: str, code: str, prefix: str, number: str) -> tuple[str, str]:
    a, b, c = number[:3], number[3:6], number[6:]
    forms: list[Callable[[], str]] = [
        lambda: f"{prefix}{number}",
        lambda: f"{prefix}{a} {b} {c}",
        lambda: f"{prefix}{a}-{b}-{c}",
        lambda: f"+{code}{number}",
        lambda: f"+{code} {a} {b} {c}",
        lambda: f"({prefix}{a}) {b} {c}",
        lambda: f"{code}{number}",
        lambda: f"+{code} (0){a} {b} {c}" if prefix else f"+{code} ({a}) {b}-{c}",
        lambda: f"{prefix}{a}.{b}.{c}",
        lambda: f"Mob: {prefix}{a} {b} {c}",
        lambda: f"{prefix}{a}\u00a0{b}\u00a0{c}",
    ]
    weights = [24, 24, 6, 18, 12, 4, 4, 3, 3, 1, 1]
    return random.choices(forms, weights)[0](), country


def _garbage(random: Random) -> tuple[str, str]:
    forms: list[Callable[[], str]] = [
        lambda: "",
        lambda: random.choice(["n/a", "call me", "none", "-", "ask my wife", "0"]),
        lambda: f"(02) 9{_digits(random, 3)} {_digits(random, 4)}",
        lambda: f"1300 {_digits(random, 3)} {_digits(random, 3)}",
        lambda: f"04{_digits(random, 2)} {_digits(random, 3)} {_digits(random, 2)}",
        lambda: f"04{_digits(random, 2)} {_digits(random, 3)} {_digits(random, 5)}",
        lambda: f"9{_digits(random, 3)} {_digits(random, 4)}",
        lambda: f"00{_digits(random, 8)}",
    ]
    return random.choice(forms)(), "AU"


def _name(random: Random, parts: int) -> str:
    return "".join(random.choices(_SYLLABLES, k=parts)).title()


def _email(random: Random, number: int) -> str:
    name = f"{_name(random, 2).lower()}.{number}"
    return f"{name}@Example.COM" if random.random() < 0.05 else f"{name}@example.com"


def _meta(random: Random) -> str:
    found: dict[str, object] = {}
    choice = random.random()
    if choice < 0.6:
        found["sms_marketing_consent"] = random.choice(["yes", "yes", "yes", "no", ""])
    elif choice < 0.65:
        found["sms_optout_at"] = str(1_700_000_000 + random.randrange(10**7))
    if random.random() < 0.3:
        found["customer_tags"] = random.sample(_TAGS, random.choice([1, 1, 2, 3]))
    return json.dumps(found, separators=(",", ":"), sort_keys=True)


def _texts(random: Random, typed: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    count = len(typed)
    first = [_name(random, 2) for _ in range(400)]
    last = [
        _name(random, 3) if random.random() < 0.97 else "O&#039;" + _name(random, 2) for _ in range(20_000)
    ]
    return {
        "billing_first_name": random.choices(first, k=count),
        "billing_last_name": random.choices(last, k=count),
        "billing_phone": [phone for phone, _ in typed],
        "billing_country": [country for _, country in typed],
        "billing_email": [_email(random, number) for number in range(count)],
        "shipping_first_name": [""] * count,
        "shipping_last_name": [""] * count,
        "shipping_phone": [""] * count,
        "shipping_country": random.choices(["", "AU"], k=count),
        "meta": [_meta(random) for _ in range(count)],
    }


def _times(random: Random, count: int) -> pd.Series[pd.Timestamp]:
    seconds = [_FIRST + random.randrange(80_000_000) for _ in range(count)]
    return pd.Series(pd.to_datetime(seconds, unit="s", utc=True)).astype("datetime64[us, UTC]")


def customers(typed: Sequence[tuple[str, str]], *, seed: int) -> pd.DataFrame:
    """One registered customer for each phone, with the columns that a reading of a store gives."""
    random = Random(seed)
    count = len(typed)
    texts = _texts(random, typed)
    created = _times(random, count)
    frame = pd.DataFrame(
        {
            **texts,
            "record_id": range(1, count + 1),
            "created_at": created,
            "modified_at": created + pd.Timedelta(days=3),
            "role": random.choices(["customer", "subscriber", "wholesale_buyer"], [90, 8, 2], k=count),
            "email": texts["billing_email"],
            "first_name": texts["billing_first_name"],
            "last_name": texts["billing_last_name"],
            "hash": [f"{number:032x}" for number in range(count)],
            "read_at": _READ_AT,
        }
    )
    return frame[CUSTOMER_SCHEMA.names]


def guest_orders(typed: Sequence[tuple[str, str]], *, seed: int) -> pd.DataFrame:
    """One order without a customer for each phone, with the columns that a reading of a store gives."""
    random = Random(seed)
    count = len(typed)
    created = _times(random, count)
    frame = pd.DataFrame(
        {
            **_texts(random, typed),
            "record_id": range(1, count + 1),
            "created_at": created,
            "modified_at": created + pd.Timedelta(hours=2),
            "status": random.choices(["completed", "processing", "cancelled"], [90, 6, 4], k=count),
            "customer_id": 0,
            "is_renewal": False,
            "is_anonymised": False,
            "product_ids": [
                sorted(random.sample(range(1, 500), random.choice([1, 1, 2, 3]))) for _ in range(count)
            ],
            "hash": [f"{number:032x}" for number in range(count)],
            "read_at": _READ_AT,
        }
    )
    return frame[ORDER_SCHEMA.names]
