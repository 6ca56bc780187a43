"""The ways a store misbehaves, to be asked for one by one, by chance, or for good."""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import Literal, get_args

Fault = Literal[
    "too_many_requests",
    "unavailable",
    "maintenance",
    "fatal",
    "redirect",
    "notice",
    "bom",
    "exit",
    "drop",
    "cut",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults:
    """The knobs of misbehaviour; they may be turned from any thread while the store is serving.

    - too_many_requests, unavailable: 429 and 503 as JSON with Retry-After, as a host's firewall sends them
    - maintenance: 503 with Retry-After: 600, HTML (JSON only when the request accepts JSON)
    - fatal: 500 with an HTML page
    - redirect: 301 to itself with a slash, as with plain permalinks
    - notice, bom: 200 with a PHP warning or a byte order mark before the JSON
    - exit: 200, text/html, empty
    - drop: the connection is closed before any answer; cut: half-way through the body

    `latency` (seconds) delays every answer; `retry_after` (seconds) is what 429 and 503 tell;
    `rates` maps faults to the share of requests that meet them, drawn from a seeded generator.
    `down` ("unavailable" or "drop", "" for up) makes every request fail until it is taken back.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.latency = 0.0
        self.retry_after = 1
        self.rates: dict[Fault, float] = {}
        self.down: Literal["", "unavailable", "drop"] = ""
        self.met: list[Fault] = []
        self._queue: deque[tuple[Fault, str]] = deque()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def next(self, fault: Fault, *, times: int = 1, path: str = "") -> None:
        """Let the next `times` requests meet a fault; with `path`, only those whose path contains it."""
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are {', '.join(FAULTS)}")
        with self._lock:
            self._queue.extend((fault, path) for _ in range(times))

    def clear(self) -> None:
        """Take every fault and the latency back."""
        with self._lock:
            self._queue.clear()
            self.rates = {}
            self.down = ""
            self.latency = 0.0

    def take(self, path: str) -> Fault | None:
        """Decide what the request for `path` meets, and remember it in `met`."""
        with self._lock:
            fault = self._choose(path)
            if fault:
                self.met.append(fault)
            return fault

    def _choose(self, path: str) -> Fault | None:
        if self.down:
            return self.down
        for waiting in self._queue:
            if waiting[1] in path:
                self._queue.remove(waiting)
                return waiting[0]
        for fault, rate in self.rates.items():
            if self._random.random() < rate:
                return fault
        return None
