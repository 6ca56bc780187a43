"""Columns of cells: the same function over all of them, called once for each distinct cell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
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


class Stack:
    """Frames with the same columns put below each other, without ever holding all rows twice.

    `columns` are those to keep; `rows` is the most rows that there can be.
    """

    def __init__(self, columns: Sequence[str], *, rows: int) -> None:
        self._objects: dict[str, Objects] = {}
        self._others: dict[str, list[pd.Series[Any]]] = {}
        self._columns = columns
        self._rows = rows
        self._filled = 0

    def add(self, part: pd.DataFrame) -> None:
        """Put a frame below the others."""
        end = self._filled + len(part)
        for name in self._columns:
            if part[name].dtype == object:
                cells = self._objects.setdefault(name, np.empty(self._rows, dtype=object))
                cells[self._filled : end] = part[name]
            else:
                self._others.setdefault(name, []).append(part[name])
        self._filled = end

    def frame(self) -> pd.DataFrame:
        """All rows, numbered from 0."""
        columns = {
            name: self._objects[name][: self._filled]
            if name in self._objects
            else pd.concat(self._others[name], ignore_index=True)
            for name in self._columns
        }
        return pd.DataFrame(columns, copy=False)


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
