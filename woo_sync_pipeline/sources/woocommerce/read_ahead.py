"""Keeping a store busy while what it gave is worked on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Self, TypeVar

from woo_sync_pipeline.sources.woocommerce.client import Page

Item = TypeVar("Item")
Result = TypeVar("Result")

Fetch = Callable[[int, int], Page]
"""Read the page at (offset, limit), sorted by id."""


def map_ahead(work: Callable[[Item], Result], items: Collection[Item], *, ahead: int) -> Iterator[Result]:
    """`map`, with at most `ahead` results in work and as many waiting, in the order of the items."""
    if ahead <= 1 or len(items) <= 1:
        yield from map(work, items)
        return
    remaining = iter(items)
    pool = ThreadPoolExecutor(max_workers=ahead)
    try:
        pending = [pool.submit(work, item) for item in islice(remaining, 2 * ahead)]
        while pending:
            result = pending.pop(0).result()
            pending += [pool.submit(work, item) for item in islice(remaining, 1)]
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


class ReadAhead:
    """Reads the page that is asked for, and meanwhile those that will be, `step` by `step`, if nothing changes."""

    def __init__(self, fetch: Fetch, *, limit: int, ahead: int) -> None:
        self._fetch = fetch
        self._limit = limit
        self._ahead = ahead
        self._total = 0
        self._pool = ThreadPoolExecutor(max_workers=ahead) if ahead > 1 else None
        self._pending: dict[int, Future[Page]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def get(self, offset: int, *, step: int) -> Page:
        """The page at `offset`, while those are read that are `step`, twice `step` … further on. Raises as `fetch`."""
        if self._pool is None:
            return self._fetch(offset, self._limit)
        if offset not in self._pending:
            # The walk went back or its steps changed: what is read ahead no longer follows from where it stands.
            for future in self._pending.values():
                future.cancel()
            self._pending.clear()
        for place in range(2 * self._ahead):
            later = offset + place * step
            if later not in self._pending and (place == 0 or later < self._total):
                self._pending[later] = self._pool.submit(self._fetch, later, self._limit)
        page = self._pending.pop(offset).result()
        self._total = page.total or 0
        return page
