"""How fast a server is asked: one pace shared by all threads of a client; and how long to wait before asking again.

A store serves its shoppers with the same few PHP workers that answer us. So what one request meets (a 429, a
503, a slow answer) slows all of them down, and good answers bring the pace back little by little.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from woo_sync_pipeline.clocks import http_date, utc_now

GOOD_ANSWERS_PER_STEP = 10
"""So many good answers allow one more request at a time."""


@dataclass
class Turn:
    """One request that is under way. Set `overloaded` when its answer shows that the server has too much to do."""

    round: int
    began: float
    overloaded: bool = False


class Pace:
    """Lets requests go: at most so many at a time and a second, none during a pause.

    `most_at_once` requests may be under way while all goes well. An overloaded turn, or one that takes longer
    than `slow_after` seconds, halves that number; every `GOOD_ANSWERS_PER_STEP` good ones raise it by one.
    `per_second` (None: no limit) is kept by even spacing, without bursts. `sleep` and `clock` are in seconds.
    """

    def __init__(
        self,
        *,
        most_at_once: int,
        per_second: float | None = None,
        slow_after: float = math.inf,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_at_once = max(1, most_at_once)
        self._spacing = 1.0 / per_second if per_second else 0.0
        self._slow_after = slow_after
        self._sleep = sleep
        self._clock = clock
        self._at_once = self._most_at_once
        self._changed = threading.Condition()
        self._under_way = 0
        self._good_answers = 0
        self._round = 0
        self._pauses = 0
        self._next_start = -math.inf

    @property
    def at_once(self) -> int:
        """How many requests may be under way at present."""
        return self._at_once

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait until one more request may go, and count it as under way for the time of the `with` block."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self._at_once)
            self._under_way += 1
        try:
            self._wait_for_start()
            turn = Turn(self._round, self._clock())
            try:
                yield turn
            finally:
                self._learn(turn)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Let nobody start for `seconds` from now; a longer pause that is set already stays."""
        with self._changed:
            self._next_start = max(self._next_start, self._clock() + seconds)
            self._pauses += 1

    def _wait_for_start(self) -> None:
        while True:
            with self._changed:
                now = self._clock()
                start = max(now, self._next_start)
                self._next_start = start + self._spacing
                pauses = self._pauses
            if start > now:
                self._sleep(start - now)
            with self._changed:
                # A pause that was set meanwhile holds for those who had been given their start before.
                if pauses == self._pauses:
                    return

    def _learn(self, turn: Turn) -> None:
        seconds = self._clock() - turn.began
        with self._changed:
            # Requests that were under way together meet the same trouble: it counts once. And what began
            # before the last slowing down tells nothing of the server after it.
            if turn.round != self._round:
                return
            if turn.overloaded or seconds > self._slow_after:
                self._at_once = max(1, self._at_once // 2)
                self._round += 1
                self._good_answers = 0
                return
            self._good_answers += 1
            if self._good_answers >= GOOD_ANSWERS_PER_STEP:
                self._good_answers = 0
                self._at_once = min(self._most_at_once, self._at_once + 1)


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
