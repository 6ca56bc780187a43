"""What generated people choose: consent, tags, roles, and what becomes of their orders."""

from __future__ import annotations

import random
from typing import Any

_CONSENT = (("yes", 16), ("1", 8), ("true", 5), ("subscribed", 3), ("No", 8), ("0", 5), ("", 2), (None, 53))
_SEGMENTS = ("vip", "wine club", "Sydney", "B2B &amp; trade", "newsletter", "寿司")
_STATUSES = (
    ("completed", 55),
    ("processing", 18),
    ("on-hold", 4),
    ("pending", 4),
    ("cancelled", 5),
    ("refunded", 4),
    ("failed", 3),
    ("checkout-draft", 4),
    ("trash", 3),
)


def customer_meta(rng: random.Random, *, consent_key: str, tags_key: str, private_key: str) -> dict[str, Any]:
    """Choose the meta of a customer: consent in some form or none, tags in some form or none."""
    meta: dict[str, Any] = {}
    consent = _weighted(rng, _CONSENT)
    if consent is not None:
        meta[consent_key] = consent
    chance = rng.random()
    if chance < 0.20:
        segments = rng.sample(_SEGMENTS, rng.choice((1, 2, 3)))
        if chance < 0.12:
            meta[tags_key] = segments
        elif chance < 0.18:
            meta[tags_key] = rng.choice((", ", ",")).join(segments)
        else:
            # A PHP array whose first entry was removed comes out as an object.
            meta[tags_key] = {str(place): tag for place, tag in enumerate(segments, start=1)}
    if rng.random() < 0.1:
        # Kept by the block checkout; a key with an underscore never shows on customers.
        meta[private_key] = rng.choice("10")
    return meta


def roles(rng: random.Random, position: int) -> list[str]:
    """Choose the roles of the customer at this place; two of the first have none and two roles for sure."""
    chance = rng.random()
    if position == 3 or chance < 0.005:
        return []
    if position == 4 or chance < 0.01:
        return ["subscriber", "customer"]
    if chance < 0.05:
        return ["wholesale"]
    return ["subscriber"] if chance < 0.09 else ["customer"]


def order_status(rng: random.Random) -> str:
    """Choose what became of an order."""
    return str(_weighted(rng, _STATUSES))


def _weighted(rng: random.Random, table: tuple[tuple[Any, int], ...]) -> Any:
    return rng.choices([value for value, _ in table], [weight for _, weight in table])[0]
