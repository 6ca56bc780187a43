"""One page of a walk over live data: what follows a place in a sorted index."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from woo_sync_pipeline.demo.klaviyo.cursors import Position
from woo_sync_pipeline.demo.klaviyo.state import SortKey


@dataclass(frozen=True)
class Page:
    """The keys on a page, in the order shown, and whether there is more on either side."""

    keys: list[SortKey]
    has_next: bool
    has_previous: bool


def cut_page(
    index: Sequence[SortKey],
    position: Position | None,
    *,
    size: int,
    descending: bool,
    matches: Callable[[str], bool],
) -> Page:
    """The page of `size` matching keys behind a position, or before it when that goes back.

    `index` is sorted ascending. Nothing is remembered between pages: what moves in the index meanwhile may be met
    twice, or not at all.
    """
    is_back = position is not None and position.is_back
    upwards = descending == is_back
    found: list[SortKey] = []
    for key in _from(index, position, upwards=upwards):
        if matches(key[1]):
            found.append(key)
            if len(found) > size:
                break
    has_more = len(found) > size
    kept = found[:size]
    if is_back:
        return Page(kept[::-1], has_next=True, has_previous=has_more)
    return Page(kept, has_next=has_more, has_previous=position is not None)


def _from(index: Sequence[SortKey], position: Position | None, *, upwards: bool) -> Iterator[SortKey]:
    if upwards:
        start = bisect_right(index, position.key) if position else 0
        return (index[place] for place in range(start, len(index)))
    end = bisect_left(index, position.key) if position else len(index)
    return (index[place] for place in range(end - 1, -1, -1))
