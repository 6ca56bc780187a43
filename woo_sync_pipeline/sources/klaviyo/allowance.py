"""How many more requests an account may be asked: what Klaviyo tells of its limits is kept to.

Klaviyo counts the requests of all keys of an account in fixed windows, and tells with each answer how many are left in
the present one. So what other tools and other processes use counts here too, without anybody being asked.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from woo_sync_pipeline.http.pace import LONGEST_WAIT, retry_after_seconds

BURST_PER_SECOND = 75
STEADY_PER_MINUTE = 750
"""What most requests are limited to, as published; the answers tell what is true of an account."""

_MINUTE = 60.0
_MARGIN = 1.0
"""Seconds: the time to the next window is told in whole ones, which may have been cut off."""
_UNTOLD_WAIT = 15.0
"""Seconds after a refusal that does not say when to come back."""
_FIRST_NUMBER = re.compile(r"\d{1,9}")
_BY_MINUTE = re.compile(r"(\d{1,9})\s*;\s*w=60\b")


@dataclass(frozen=True)
class Told:
    """What an answer says of limits: its status, and its headers (case-insensitive)."""

    status: int
    headers: Mapping[str, str]


class Allowance:
    """Lets requests go while the account's window has room for them; thread-safe.

    `share` of the window is used, the rest left to others. While nobody knows how much room there is, one request goes
    at a time, whose answer tells it. Where answers do not tell of limits, the published ones are kept by even spacing.
    `sleep` and `clock` are in seconds.
    """

    def __init__(
        self,
        share: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._sleep = sleep
        self._clock = clock
        self._changed = threading.Condition()
        self._under_way = 0
        self._room: int | None = None
        self._resets_at = -math.inf
        self._is_told = True
        self._next_start = -math.inf

    @property
    def has_room(self) -> bool:
        """Whether a request could go at once, as far as it is known."""
        with self._changed:
            return not self._room_known() or self._seconds_to_wait() <= 0

    def take(self) -> None:
        """Wait until one more request may go. Each must be given back by `give_back`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._room_known() or not self._under_way)
                wait = self._seconds_to_wait()
                if wait <= 0:
                    self._under_way += 1
                    self._next_start = self._clock() + _MINUTE / (STEADY_PER_MINUTE * self._share)
                    if self._room is not None:
                        self._room -= 1
                    return
            self._sleep(wait)

    def give_back(self, told: Told | None) -> None:
        """A request is over; `told` is what its answer says of limits, None where there was no answer."""
        with self._changed:
            self._under_way -= 1
            self._learn(told)
            self._changed.notify_all()

    def _room_known(self) -> bool:
        if self._clock() >= self._resets_at:
            self._room = None
        return self._room is not None or not self._is_told

    def _seconds_to_wait(self) -> float:
        now = self._clock()
        if not self._is_told:
            return self._next_start - now
        return self._resets_at - now if self._room is not None and self._room <= 0 else 0.0

    def _learn(self, told: Told | None) -> None:
        if told is None:
            return
        now = self._clock()
        if told.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after_seconds(told.headers)
            self._room = 0
            self._resets_at = (
                max(self._resets_at, now + _UNTOLD_WAIT) if wait is None else now + min(wait, LONGEST_WAIT)
            )
            return
        limit, left, reset = (_told(told.headers, name) for name in ("Limit", "Remaining", "Reset"))
        if limit is None or left is None or reset is None:
            # What stands before the service may answer in its place: only a good answer says that nothing is told.
            self._is_told = self._is_told and not 200 <= told.status < 300
            return
        self._is_told = True
        room = left - int(limit * (1 - self._share)) - self._under_way
        # Answers overtake each other: until the window is over the one that leaves the least room is the latest.
        if self._room is not None:
            self._room = min(room, self._room)
            return
        self._room, self._resets_at = room, now + min(reset, _MINUTE) + _MARGIN


def _told(headers: Mapping[str, str], name: str) -> int | None:
    """The number of a header; of several limits the one for a minute."""
    text = headers.get(f"RateLimit-{name}", "")
    found = _BY_MINUTE.search(text)
    if found:
        return int(found[1])
    first = _FIRST_NUMBER.search(text)
    return int(first[0]) if first else None
