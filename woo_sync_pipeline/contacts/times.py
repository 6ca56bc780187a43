"""Columns of moments as whole numbers, in which comparing and choosing is quick."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Microseconds: TypeAlias = npt.NDArray[np.int64]
"""Microseconds since 1970, one for each row."""

_UTC_TIME = pd.DatetimeTZDtype("us", "UTC")

NEVER = -(2**62)
"""No time. Before every time, and safe to negate."""

EPOCH = 0
"""Stands for the time of an opt-in of which nothing is known: before every time at which anybody chose."""


def microseconds(times: pd.Series[Any]) -> Microseconds:
    """A column of moments as numbers, `NEVER` where there is no time."""
    # Converting what is converted already would go through all cells one by one; `pd.to_datetime` knows 585 years only.
    aware = times if isinstance(times.dtype, pd.DatetimeTZDtype) else times.astype(_UTC_TIME)
    numbers = aware.to_numpy(dtype="datetime64[us]").view(np.int64)
    return np.where(numbers == np.iinfo(np.int64).min, NEVER, numbers)


def moments(times: Microseconds) -> pd.Series[Any]:
    """Numbers as a column of moments in UTC, without a time where there is none."""
    found = np.full(len(times), "NaT", dtype="datetime64[us]")
    known = times != NEVER
    found[known] = times[known].astype("datetime64[us]")
    return pd.Series(found).dt.tz_localize("UTC")
