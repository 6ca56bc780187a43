"""Phone numbers, and the many ways in which people type them."""

from __future__ import annotations

import random
from dataclasses import dataclass

_TO_FULL_WIDTH = {ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789+"}
_NBSP, _LRO, _PDF = "\u00a0", "\u202d", "\u202c"
_NOT_A_PHONE = ("call me", "n/a", "-", "none", "same as above", "+", "00000")


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number that can receive SMS: the country and the digits after its calling code."""

    country: str
    digits: str

    @property
    def e164(self) -> str:
        """The number in E.164: `+61412345678`."""
        return f"+{_PLANS[self.country].calling_code}{self.digits}"


@dataclass(frozen=True)
class _Plan:
    calling_code: str
    trunk: str
    mobile: tuple[str, ...]
    landline: str
    length: int
    groups: tuple[int, ...]


# Every number begins as real mobile numbers of its country do, so that a validator takes it for one. Only
# the US has a range for fiction (555 01xx) that validators accept and that is large enough for a store.
_PLANS = {
    "AU": _Plan("61", "0", ("40", "41", "42", "43"), "298", 9, (3, 3, 3)),
    "NZ": _Plan("64", "0", ("22", "27"), "935", 9, (2, 3, 4)),
    "GB": _Plan("44", "0", ("7400", "7512", "7825"), "2079", 10, (4, 6)),
    "US": _Plan("1", "", ("21255501", "41555501", "31255501", "20655501"), "80055501", 10, (3, 3, 4)),
    "DE": _Plan("49", "0", ("1511", "1522", "1701"), "3090", 11, (3, 8)),
    "SG": _Plan("65", "", ("81", "91", "96"), "6123", 8, (4, 4)),
}
# The lengths above are of mobile numbers; a German 170 number has one digit less.
_SHORTER = {"1701": 10}
COUNTRIES = tuple(_PLANS)
_ABROAD = (("NZ", 5), ("GB", 4), ("US", 3), ("DE", 1), ("SG", 2), ("AU", 3))


def invent_number(rng: random.Random, default_country: str) -> PhoneNumber:
    """Invent a mobile number, mostly of the default country."""
    if rng.random() < 0.86:
        country = default_country
    else:
        country = rng.choices([name for name, _ in _ABROAD], [weight for _, weight in _ABROAD])[0]
    plan = _PLANS[country]
    start = rng.choice(plan.mobile)
    missing = _SHORTER.get(start, plan.length) - len(start)
    return PhoneNumber(country, f"{start}{rng.randrange(10**missing):0{missing}d}")


def spell(rng: random.Random, number: PhoneNumber, *, abroad: bool) -> str:
    """Type a number as some person would. With `abroad` the country has to be part of it."""
    plan = _PLANS[number.country]
    parts = _grouped(number.digits, plan.groups)
    international, national = f"+{plan.calling_code}{number.digits}", f"{plan.trunk}{number.digits}"
    chance = rng.random()
    if abroad or chance < 0.30:
        return rng.choice(
            (
                international,
                international,
                f"+{plan.calling_code} {' '.join(parts)}",
                f"+{plan.calling_code} ({plan.trunk}){' '.join(parts)}" if plan.trunk else international,
            )
        )
    if chance < 0.62:
        return national
    if chance < 0.84:
        return f"{plan.trunk}{' '.join(parts)}"
    if chance < 0.90:
        return f"{plan.trunk}{'-'.join(parts)}"
    if chance < 0.94:
        return f"({plan.trunk}{parts[0]}) {' '.join(parts[1:])}"
    return _odd(rng, plan, parts, international, national)


def _odd(rng: random.Random, plan: _Plan, parts: list[str], international: str, national: str) -> str:
    return rng.choice(
        (
            international.translate(_TO_FULL_WIDTH),
            national.translate(_TO_FULL_WIDTH),
            f"tel:{international}",
            f"{_LRO}{international}{_PDF}",
            f"{plan.trunk}{_NBSP.join(parts)}",
            f"00{plan.calling_code} {' '.join(parts)}",
            international[1:],
            f"+{international}",
            f"{national} ext. 5",
            f"{national} x12",
            f" {national} ",
            f"{plan.trunk}{'.'.join(parts)}",
            f"{international},",
        )
    )


def spell_useless(rng: random.Random, default_country: str) -> str:
    """Type something that cannot receive SMS: a landline, too few digits, words, two numbers, nothing."""
    plan = _PLANS[default_country]
    kind = rng.random()
    if kind < 0.30:
        return ""
    if kind < 0.62:
        missing = plan.length - len(plan.landline)
        return f"{plan.trunk}{plan.landline}{rng.randrange(10**missing):0{missing}d}"
    if kind < 0.76:
        return f"{plan.trunk}{plan.mobile[0]}{rng.randrange(100)}"
    if kind < 0.90:
        return rng.choice(_NOT_A_PHONE)
    first, second = (spell(rng, invent_number(rng, default_country), abroad=True) for _ in range(2))
    return f"{first}{rng.choice((' / ', '; ', ' or '))}{second}"


def _grouped(digits: str, groups: tuple[int, ...]) -> list[str]:
    parts, start = [], 0
    for size in groups:
        parts.append(digits[start : start + size])
        start += size
    return parts
