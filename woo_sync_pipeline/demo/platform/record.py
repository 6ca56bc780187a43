"""What passed through the server, to be counted and checked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestRecord:
    """One request without its query and bodies. `status` is None when no answer was given."""

    method: str
    path: str
    status: int | None


class RequestLog:
    """The requests so far, and the number of them that changed something. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[RequestRecord] = []
        self._writes = 0
        self._under_way = 0
        self._most_at_once = 0

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @property
    def entries(self) -> list[RequestRecord]:
        """The requests, in the order in which they were finished."""
        with self._lock:
            return list(self._entries)

    @property
    def writes(self) -> int:
        """Requests other than GET that were carried out, whether or not their answer arrived."""
        with self._lock:
            return self._writes

    @property
    def most_at_once(self) -> int:
        """The most requests that were under way at the same time."""
        with self._lock:
            return self._most_at_once

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a request among those under way."""
        with self._lock:
            self._under_way += 1
            self._most_at_once = max(self._most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def count(self, method: str | None = None, path: str = "") -> int:
        """Return how many requests had this method, and `path` in their path."""
        return sum(method in (None, each.method) and path in each.path for each in self.entries)

    def add(self, entry: RequestRecord, *, carried_out: bool) -> None:
        """Note a request."""
        with self._lock:
            self._entries.append(entry)
            self._writes += carried_out and entry.method != "GET"

    def reset(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._entries.clear()
            self._writes = 0
            self._most_at_once = self._under_way
