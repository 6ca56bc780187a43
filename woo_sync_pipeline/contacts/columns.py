"""Columns of cells (one function over all, called once for each distinct cell), and of moments as whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Objects: TypeAlias = npt.NDArray[np.object_]
"""One Python object for each row."""
Flags: TypeAlias = npt.NDArray[np.bool_]
"""Yes or no for each row."""


def objects(values: Iterable[object], count: int) -> Objects:
    """An array of `count` objects. Lists among them stay lists, where numpy would make a table of them."""
    return np.fromiter(values, dtype=object, count=count)


def texts(column: pd.Series[Any]) -> Objects:
    """The cells as texts: plugins store phones as numbers, and absent cells come as None or NaN."""
    cells = column.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(cells, skipna=False) in ("string", "empty"):
        return cells
    return objects(map(_text, cells), len(cells))


class Distinct:
    """The distinct cells of a column, and which row has which of them. Absent cells are one, whatever they were."""

    def __init__(self, cells: npt.NDArray[Any]) -> None:
        self.codes, self.cells = pd.factorize(cells, use_na_sentinel=False)

    def map(self, function: Callable[[Any], object]) -> Objects:
        """What `function` makes of each distinct cell."""
        return objects(map(function, self.cells), len(self.cells))

    def over_rows(self, results: Collection[object]) -> Objects:
        """For each row the result that belongs to its cell. Rows with the same cell share one object."""
        return objects(results, len(results))[self.codes]


def each_distinct(function: Callable[[str], object], cells: Objects) -> Objects:
    """What `function` makes of each cell. Rows with the same cell share one object."""
    distinct = Distinct(cells)
    return distinct.over_rows(distinct.map(function))


def is_empty(cells: Objects) -> Flags:
    """Which cells are the empty text."""
    empty: Flags = cells == ""
    return empty


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
        return str(cell)
    return ""


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
