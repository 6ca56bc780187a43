"""How many requests the account answers: fixed windows, shared by all of its keys and everybody who uses them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

from woo_sync_pipeline.demo.klaviyo.answers import throttled

Tier = Literal["reads", "relationships", "accounts", "included_groups", "predictive_analytics"]

_BURST_SECONDS, _STEADY_SECONDS = 1, 60


@dataclass(frozen=True)
class Rate:
    """How many requests a window takes: one second's burst, one minute's steady use."""

    burst: int
    steady: int


PUBLISHED_RATES: dict[Tier, Rate] = {
    "reads": Rate(75, 750),
    "relationships": Rate(3, 60),
    "accounts": Rate(1, 15),
    "included_groups": Rate(1, 15),
    "predictive_analytics": Rate(10, 150),
}


@dataclass
class _Window:
    seconds: int
    begins: float
    used: int = 0

    def left(self, now: float) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, ceil(self.begins + self.seconds - now))


class RateLimits:
    """The limits of one account. Thread-safe.

    All reads of a tier share its windows. `clock` gives seconds; let it run faster to shorten a minute. `rates` may
    be changed at any time, and `enforced` be taken back. `refused` counts the requests that were too many.
    """

    def __init__(self) -> None:
        self.clock: Callable[[], float] = time.monotonic
        self.rates = dict(PUBLISHED_RATES)
        self.enforced = True
        self.refused = 0
        self._windows: dict[tuple[Tier, int], _Window] = {}
        self._lock = threading.Lock()

    def take(self, tier: Tier) -> dict[str, str]:
        """Take one request from the windows; gives the headers that tell how much is left of the minute.

        Raises `ApiError`, a 429, when a window is used up; a request that is refused takes nothing.
        """
        with self._lock:
            now, rate = self.clock(), self.rates[tier]
            burst, steady = self._window(tier, _BURST_SECONDS, now), self._window(tier, _STEADY_SECONDS, now)
            if self.enforced:
                for window, most in ((steady, rate.steady), (burst, rate.burst)):
                    if window.used >= most:
                        self.refused += 1
                        raise throttled(window.left(now))
            burst.used += 1
            steady.used += 1
            return {
                "RateLimit-Limit": str(rate.steady),
                "RateLimit-Remaining": str(max(0, rate.steady - steady.used)),
                "RateLimit-Reset": str(steady.left(now)),
            }

    def spend(self, requests: int, *, tier: Tier = "reads") -> None:
        """Let others who use the account take so many requests of the present minute."""
        with self._lock:
            self._window(tier, _STEADY_SECONDS, self.clock()).used += requests

    def _window(self, tier: Tier, seconds: int, now: float) -> _Window:
        begins = floor(now / seconds) * seconds
        window = self._windows.get((tier, seconds))
        if window is None or window.begins != begins:
            window = self._windows[tier, seconds] = _Window(seconds, begins)
        return window
