"""Ids as the service makes them: they look random, and those of profiles begin with when they were made."""

from __future__ import annotations

import random
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS_OF_TIME, _RANDOM_DIGITS = 10, 16


def new_profile_id(rng: random.Random, created: datetime) -> str:
    """A ULID of 26 characters: the milliseconds of `created`, then chance."""
    milliseconds = int(created.timestamp() * 1000)
    return _in_crockford(milliseconds, _DIGITS_OF_TIME) + _in_crockford(rng.getrandbits(80), _RANDOM_DIGITS)


def new_group_id(rng: random.Random) -> str:
    """Six letters and digits, as lists and segments have."""
    return "".join(rng.choices(_LETTERS_AND_DIGITS, k=6))


def _in_crockford(number: int, digits: int) -> str:
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
