"""When to try again: one back-off shared by all threads of a client."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable

LONGEST_WAIT = 120.0
"""Seconds. A store that asks for more is left alone: a run does not hang for it."""


def backoff(attempt: int) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1): exponential, at most 30, with jitter."""
    return min(30.0, 0.5 * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)


class Pause:
    """A moment before which no thread sends anything.

    The whole client waits, not only the request that failed: a store that is throttling or restarting is
    not helped by its other threads going on.
    """

    def __init__(self, *, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self._lock = threading.Lock()
        self._until = -math.inf

    def extend(self, seconds: float) -> None:
        """Let nobody send for `seconds` from now; a longer pause that is set already stays."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Sleep until the pause is over, also when another thread extends it meanwhile."""
        slept_until = -math.inf
        while True:
            with self._lock:
                until = self._until
            remaining = until - time.monotonic()
            # Each deadline is slept for once, so that a replaced `sleep` cannot make this spin.
            if remaining <= 0 or until <= slept_until:
                return
            self._sleep(remaining)
            slept_until = until
