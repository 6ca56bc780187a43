"""Between which times what was read of records was said, by our clock: see `choices.py` for the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.columns import EPOCH, NEVER, Flags, Microseconds, microseconds

_SECOND = 1_000_000


@dataclass(frozen=True)
class ReadingClock:
    """What dating must know of a reading.

    ahead_by: by how much the clock that dates orders is ahead of ours, at the least and at the most. swept_at: when the
    latest complete reading of the store before this one began, by our clock; None: there was none. opt_outs_are_dated:
    whether the time beside a person's opt-out is surely that of the opt-out, or a later one.
    """

    ahead_by: tuple[timedelta, timedelta]
    swept_at: datetime | None = None
    opt_outs_are_dated: bool = False

    @property
    def least_and_most(self) -> tuple[int, int]:
        """By how much the clock is ahead, in microseconds."""
        least, most = (offset // timedelta(microseconds=1) for offset in self.ahead_by)
        return least, most


@dataclass(frozen=True)
class Interval:
    """Between which times something was said, and whether these are its own and not those of our readings; by row."""

    begins: Microseconds
    ends: Microseconds
    is_dated: Flags


class Readings:
    """When the rows of `choices.date_choices` were read, now and before, and what that tells of when they spoke.

    was_read_alike: which were read before from the same meta keys: a value that differs only because something else was
    read is no change. last_without: when a record was last read without what is new of it; 1970: never.
    """

    def __init__(self, rows: pd.DataFrame, clock: ReadingClock) -> None:
        self._least, self._most = clock.least_and_most
        self._opt_outs_are_dated = clock.opt_outs_are_dated
        self._is_person = rows["is_person"].to_numpy(dtype=bool)
        self._created_at = microseconds(rows["created_at"])
        self.read_at = microseconds(rows["read_at"])
        self.last_seen_at = microseconds(rows["old_last_seen_at"])
        basis = rows["old_consent_basis"].to_numpy(dtype=object)
        known = self.last_seen_at != NEVER
        self.was_read_alike: Flags = known & (basis == rows["consent_basis"].to_numpy(dtype=object))
        last_without = np.where(self.was_read_alike, self.last_seen_at + 1, EPOCH)
        if clock.swept_at is not None:
            # A sweep sees every person, and notes only those that differ.
            swept_at = int(microseconds(pd.Series([clock.swept_at]))[0])
            seen = self.was_read_alike & self._is_person & ~flags(rows["old_is_gone"])
            last_without = np.where(seen, np.maximum(last_without, swept_at), last_without)
        self.last_without: Microseconds = np.minimum(last_without, self.read_at)

    def said(self, said_at: Microseconds, opts_in: Flags, at: npt.NDArray[np.intp] | None = None) -> Interval:
        """When something new was said, given when the store says so (`NEVER`: it does not).

        Of all rows, or of those at the positions `at`.
        """
        rows = np.arange(len(self.read_at)) if at is None else at
        read_at, last_without, alike = self.read_at[rows], self.last_without[rows], self.was_read_alike[rows]
        created_at, is_person = self._created_at[rows], self._is_person[rows]
        # An order from the future says nothing of when it was made.
        of_order = ~is_person & ~alike & (created_at != NEVER) & (created_at - self._most <= read_at)
        # The date beside an opt-out may be that of the opt-in before, unless it is from after the last reading.
        believed = (
            opts_in | (alike & (said_at - self._most > last_without)) | (~alike & self._opt_outs_are_dated)
        )
        stated = is_person & (said_at != NEVER) & believed & (said_at - self._most <= read_at)
        dated_at = np.where(stated, said_at, created_at)
        is_dated: Flags = of_order | stated
        return Interval(
            np.where(is_dated, dated_at - self._most, last_without),
            np.where(is_dated, np.minimum(dated_at + _SECOND - self._least, read_at), read_at),
            is_dated,
        )


def flags(cells: pd.Series[Any]) -> Flags:
    """Which cells are true; those that are absent are not."""
    found: Flags = (cells == True).to_numpy(dtype=bool)  # noqa: E712 - compares each cell, of which some are null
    return found
