"""Which cells of a column are what they should be: each rule first for all cells at once, one by one if some fail."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, pairwise
from typing import Any

import pandas as pd
from pandera.typing.pandas import Series

from woo_sync_pipeline.contacts.e164 import E164


def are_texts(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are `str`."""
    if pd.api.types.infer_dtype(cells, skipna=False) in ("string", "empty"):
        return _all(cells)
    return _flags([isinstance(cell, str) for cell in cells], cells)


def are_phones(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are phones in E.164."""
    fullmatch = E164.fullmatch
    return _flags([type(cell) is str and fullmatch(cell) is not None for cell in cells], cells)


def are_lists_of(kind: type, cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are lists with items of exactly this type."""
    if set(map(type, cells)) <= {list} and set(map(type, chain.from_iterable(_each_once(cells)))) <= {kind}:
        return _all(cells)
    return _flags(
        [isinstance(cell, list) and all(type(item) is kind for item in cell) for cell in cells], cells
    )


def are_sorted_distinct_texts(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are lists of `str`, each item once, in order."""
    lists = are_lists_of(str, cells)
    if lists.all() and all(map(_is_rising, _each_once(cells))):
        return _all(cells)
    return _flags([good and _is_rising(cell) for good, cell in zip(lists, cells, strict=True)], cells)


def _each_once(cells: pd.Series[Any]) -> Iterable[list[Any]]:
    """The lists, without repeating one that many rows share."""
    return {id(cell): cell for cell in cells}.values()


def _is_rising(names: Iterable[str]) -> bool:
    return all(name < following for name, following in pairwise(names))


def _all(cells: pd.Series[Any]) -> Series[bool]:
    return Series[bool](True, index=cells.index, dtype=bool)


def _flags(good: list[bool], cells: pd.Series[Any]) -> Series[bool]:
    return Series[bool](good, index=cells.index, dtype=bool)
