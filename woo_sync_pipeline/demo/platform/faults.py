"""What can go wrong on the way to a platform, on order or by chance."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "429",
    "500",
    "502",
    "503",
    "503_later",
    "504",
    "drop",
    "500_after",
    "lost_answer",
    "slow",
]
"""429 and 503_later come with Retry-After; drop closes the connection before the request is processed.

After processing come 500_after (it was carried out, the answer is 500), lost_answer (it was carried out, the
connection is closed without an answer) and slow (the answer comes `slow_seconds` late).
"""


@dataclass
class _Rule:
    kind: FaultKind
    methods: frozenset[str] | None
    path: str
    share: float = 1.0
    remaining: int | None = None

    def concerns(self, method: str, path: str) -> bool:
        return (self.methods is None or method in self.methods) and self.path in path


class Faults:
    """The faults to come. Queued ones happen first, in their order; then chance decides. Thread-safe.

    `latency` and `slow_seconds` are seconds: how long after a request its answer comes, and how much later a slow
    one. `retry_after` is the header's value: seconds or an HTTP date.
    """

    def __init__(self, seed: int = 0) -> None:
        self.latency = 0.0
        self.slow_seconds = 1.0
        self.retry_after = "1"
        self.happened: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._queue: list[_Rule] = []
        self._rates: list[_Rule] = []

    def queue(
        self, kind: FaultKind, count: int = 1, *, methods: Collection[str] | None = None, path: str = ""
    ) -> None:
        """Let the next `count` requests with one of these methods, and `path` in their path, fail so."""
        rule = _rule(kind, methods, path)
        rule.remaining = count
        with self._lock:
            self._queue.append(rule)

    def rate(
        self, kind: FaultKind, share: float, *, methods: Collection[str] | None = None, path: str = ""
    ) -> None:
        """Let this share (0 to 1) of such requests fail so, by chance, from a fixed seed."""
        if not 0 <= share <= 1:
            raise ValueError("a share is between 0 and 1")
        rule = _rule(kind, methods, path)
        rule.share = share
        with self._lock:
            self._rates.append(rule)

    def clear(self) -> None:
        """Order no further faults and no latency."""
        with self._lock:
            self._queue.clear()
            self._rates.clear()
            self.latency = 0.0

    def draw(self, method: str, path: str) -> FaultKind | None:
        """Return the fault that befalls this request."""
        with self._lock:
            kind = self._drawn(method, path)
            if kind is not None:
                self.happened[kind] += 1
            return kind

    def _drawn(self, method: str, path: str) -> FaultKind | None:
        for rule in self._queue:
            if rule.remaining and rule.concerns(method, path):
                rule.remaining -= 1
                if not rule.remaining:
                    self._queue.remove(rule)
                return rule.kind
        for rule in self._rates:
            if rule.concerns(method, path) and self._random.random() < rule.share:
                return rule.kind
        return None


def _rule(kind: FaultKind, methods: Collection[str] | None, path: str) -> _Rule:
    if kind not in get_args(FaultKind):
        raise ValueError(f"a fault is one of {', '.join(get_args(FaultKind))}")
    return _Rule(kind, None if methods is None else frozenset(methods), path)
