"""Faults of a demo server: asked for one by one, by chance, or for good."""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import Generic, Literal, TypeVar

F = TypeVar("F", bound=str)


class FaultsOf(Generic[F]):
    """The knobs of misbehaviour; they may be turned from any thread while a server is serving.

    `known` are the faults that there are. `latency` (seconds) delays every answer; `retry_after` (seconds) is what
    an answer tells that says when to come back; `rates` maps faults to the share of requests that meet them, drawn
    from a seeded generator; `down` ("" for up) makes every request meet one fault until it is taken back; `met` is
    what happened.
    """

    known: tuple[F, ...] = ()

    def __init__(self, *, seed: int = 0) -> None:
        self.latency = 0.0
        self.retry_after = 1
        self.rates: dict[F, float] = {}
        self.down: F | Literal[""] = ""
        self.met: list[F] = []
        self._queue: deque[tuple[F, str]] = deque()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def next(self, fault: F, *, times: int = 1, path: str = "") -> None:
        """Let the next `times` requests meet a fault; with `path`, only those whose path contains it."""
        if fault not in self.known:
            raise ValueError(f"no fault {fault!r}; there are {', '.join(self.known)}")
        with self._lock:
            self._queue.extend((fault, path) for _ in range(times))

    def clear(self) -> None:
        """Take every fault and the latency back."""
        with self._lock:
            self._queue.clear()
            self.rates = {}
            self.down = ""
            self.latency = 0.0

    def take(self, path: str) -> F | None:
        """Decide what the request for `path` meets, and remember it in `met`."""
        with self._lock:
            fault = self._choose(path)
            if fault:
                self.met.append(fault)
            return fault

    def _choose(self, path: str) -> F | None:
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
