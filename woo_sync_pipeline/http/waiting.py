"""How long to wait before a request is sent again."""

from __future__ import annotations

import random
from collections.abc import Mapping

from woo_sync_pipeline.clocks import http_date, utc_now

LONGEST_WAIT = 120.0
"""Seconds. A run does not hang for a server that asks for more."""

_LONGEST_BACKOFF = 30.0
_LONGEST_RETRY_AFTER = 366 * 86_400.0


def backoff(failures: int, *, first: float, jitter: float | None = None) -> float:
    """Seconds to wait after the `failures`-th failure (from 1): `first`, doubling up to 30, at least half of it.

    `jitter` in 0..1 takes the place of chance.
    """
    longest = min(first * 2.0 ** min(failures - 1, 16), _LONGEST_BACKOFF)
    share = random.random() if jitter is None else jitter
    return longest * (0.5 + 0.5 * share)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait (number or HTTP date); None when absent or unreadable.

    At most a year and a day.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER)
    due = http_date(text)
    if due is None:
        return None
    # By the server's own clock where it tells it: the two clocks may differ by more than the wait.
    now = http_date(headers.get("Date", "")) or utc_now()
    return min(max(0.0, (due - now).total_seconds()), _LONGEST_RETRY_AFTER)
