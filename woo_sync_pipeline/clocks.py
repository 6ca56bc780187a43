"""By how much the clock of a server differs from ours, as far as its answers tell."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self

_SECOND = timedelta(seconds=1)


def utc_now() -> datetime:
    """The present time by this machine's clock."""
    return datetime.now(UTC)


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# Servers and the caches before them write this header under several names, and more words than this one into it.
_CACHE_HEADERS = ("X-Cache", "X-Cache-Status", "X-Proxy-Cache", "X-LiteSpeed-Cache", "CF-Cache-Status")
_HIT = re.compile(r"(?<![a-z])hit(?![a-z])", re.I)


@dataclass(frozen=True)
class ClockOffset:
    """How much a server's clock is ahead of ours (negative: behind): an interval that contains the truth."""

    lowest: timedelta
    highest: timedelta

    def __post_init__(self) -> None:
        if self.lowest > self.highest:
            raise ValueError("the lowest offset is above the highest")

    def earliest(self, theirs: datetime) -> datetime:
        """The earliest moment of our clock that a time of theirs, kept in whole seconds, can be."""
        return _shifted(theirs, -self.highest)

    def latest(self, theirs: datetime) -> datetime:
        """The moment of our clock by which a time of theirs, kept in whole seconds, has surely passed."""
        return _shifted(theirs, _SECOND - self.lowest)

    def united(self, other: ClockOffset) -> ClockOffset:
        """The smallest interval that contains both."""
        return ClockOffset(min(self.lowest, other.lowest), max(self.highest, other.highest))

    def ahead_by_more(self, lead: timedelta) -> ClockOffset:
        """The offset of another clock of the same server, which was seen to be ahead of this one by `lead` or more."""
        return ClockOffset(self.lowest, self.highest + max(lead, timedelta()))

    def to_json(self) -> list[float]:
        """The lowest and the highest offset in seconds."""
        return [self.lowest.total_seconds(), self.highest.total_seconds()]

    @classmethod
    def from_json(cls, value: Sequence[float]) -> Self:
        """Read what `to_json` gave. Raises ValueError for anything but two numbers in their order."""
        lowest, highest = value
        return cls(timedelta(seconds=lowest), timedelta(seconds=highest))


CLOCKS_MAY_DIFFER = timedelta(minutes=1)
"""By how much the clocks of machines that work together may differ: ours and PostgreSQL's, or those of one store."""

UNKNOWN_OFFSET = ClockOffset(timedelta(minutes=-5), timedelta(minutes=5))
"""Of a server that did not tell its time: clocks of servers are hardly ever further off than that."""


class OffsetMeter:
    """Measures the clock of a server by its answers. Thread-safe.

    Each answer gives an interval, as wide as the answer took and a second more; where they agree, the truth lies in
    what they have in common. Where they do not, the server's clock was set or several servers answer: from then on
    the offset spans the clock that is most behind and the one that is most ahead, each as narrow as the answers that
    fit no other make it, and never only one of the two.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # None, one, or the one most behind and the one most ahead, which have nothing in common.
        self._clocks: tuple[ClockOffset, ...] = ()

    def note(self, date: datetime | None, *, sent_at: datetime, received_at: datetime) -> None:
        """Learn from the Date header of an answer, and when its request was sent and it was there, by our clock.

        The header holds a whole second, cut off, and was written at some moment between the two. Without a `date`
        nothing is learned, nor if our own clock was set back meanwhile.
        """
        if date is None or received_at < sent_at:
            return
        found = ClockOffset(date - received_at, date - sent_at + _SECOND)
        with self._lock:
            self._clocks = _refined(self._clocks, found)

    @property
    def offset(self) -> ClockOffset:
        """What is known by now; UNKNOWN_OFFSET while nothing was noted."""
        clocks = self._clocks
        return clocks[0].united(clocks[-1]) if clocks else UNKNOWN_OFFSET


def http_date(text: str) -> datetime | None:
    """Read an HTTP date as UTC; None when it is not one."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def date_of_answer(headers: Mapping[str, str]) -> datetime | None:
    """When an answer was made by the server's clock, from its headers (case-insensitive).

    None when it does not say, or comes out of a cache: then its date is of the past or of another clock.
    """
    age = headers.get("Age", "").strip()
    if (age.isascii() and age.isdigit() and age.strip("0")) or any(
        _HIT.search(headers.get(name, "")) for name in _CACHE_HEADERS
    ):
        return None
    return http_date(headers.get("Date", ""))


def _refined(clocks: tuple[ClockOffset, ...], found: ClockOffset) -> tuple[ClockOffset, ...]:
    fitting = [clock for clock in clocks if clock.lowest <= found.highest and found.lowest <= clock.highest]
    if not fitting:
        ordered = sorted((*clocks, found), key=lambda clock: clock.lowest)
        return tuple(dict.fromkeys((ordered[0], ordered[-1])))
    if len(fitting) > 1:
        # Whose clock it was cannot be told.
        return clocks
    [fit] = fitting
    narrowed = ClockOffset(max(fit.lowest, found.lowest), min(fit.highest, found.highest))
    return tuple(narrowed if clock is fit else clock for clock in clocks)


def _shifted(moment: datetime, by: timedelta) -> datetime:
    """`moment` later by so much, but within the years that there are: a server may claim to live in any of them."""
    try:
        return moment + by
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST
