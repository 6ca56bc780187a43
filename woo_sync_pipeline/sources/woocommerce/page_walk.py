"""Reading a whole list, page by page, with proof that no row was passed over.

WooCommerce pages by offset. When rows are deleted while a walk is under way, later rows move to the left,
and some fall between two pages. The proof against that: every page is one snapshot of consecutive ids, so
everything that existed throughout between the first and the last id of a page is in it. A walk is complete
when the intervals of its pages touch from the beginning (offset 0) to the end (a page that is not full, of a list
that the store counts no more rows of; else one that was read right behind the last row and brings nothing new, and
as far as the store counts more rows, nothing but empty pages behind that).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Self, TypeVar

from woo_sync_pipeline.sources.woocommerce.client import Attempt, Page, Row
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerMalformedError,
    StoreChangesTooFastError,
    StoreFilterIgnoredError,
    StoreListEndlessError,
)
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, row_id, settled, with_ids

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


_PAGES_BEYOND = 1000
_MOST_PAGES_UNCOUNTED = 50_000
"""Of a store that does not count its rows."""


class PageBound:
    """Ends a walk that would go on for ever: more pages than twice what its list could need, and a thousand."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._pages = 0
        self._total: int | None = None

    def count(self, page: Page, reach: int) -> None:
        """One more page was read. Raises StoreListEndlessError beyond twice what the first one promised."""
        self._pages += 1
        if self._pages == 1:
            self._total = page.total
        if self._pages <= _PAGES_BEYOND:
            return
        needed = None if self._total is None else math.ceil(self._total / (reach - 1))
        most = _MOST_PAGES_UNCOUNTED if needed is None else 2 * needed + _PAGES_BEYOND
        if self._pages > most:
            rows = "uncounted" if self._total is None else f"{self._total:,}"
            got = f"{self._pages:,} pages of a list of {rows} rows, and no end"
            raise self._attempt.failed(StoreListEndlessError, got)


class Repetition:
    """Ends a walk whose pages do not depend on the offset: a cache, or a plugin, ignores it.

    Rows that enter a list or leave it while it is read can move a page to where another was, but not so often in a row.
    """

    _MOST = 5

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._offset, self._places, self._times = -1, [0], 0

    def note(self, offset: int, places: list[int], *, is_full: bool) -> None:
        """One more page was read. Raises StoreFilterIgnoredError when the same full one comes again and again."""
        is_same = is_full and places == self._places and offset > self._offset
        self._times = self._times + 1 if is_same else 0
        self._offset, self._places = offset, places
        if self._times >= self._MOST:
            raise self._attempt.failed(StoreFilterIgnoredError, "the same page whatever the offset")


_MOST_REREADS = 20


def cover(
    fetch: Fetch,
    attempt: Attempt,
    *,
    limit: int,
    descending: bool = False,
    ahead: int = 1,
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Join the pages of `fetch` without a gap; see the module's text for why that is complete.

    Pages overlap by one row, so that on a quiet store neighbours touch. Where they do not, earlier offsets
    are read until they do. `ahead` pages are read at a time, and up to as many wait until they are taken, so that
    the store is kept busy while a page is worked on. `limit` is at least 2. A store may give fewer rows than that,
    but not fewer than 2. Rows without an id are passed over, see `row_ids`.
    """
    if limit < 2:
        raise ValueError("pages must hold at least two rows, one of which overlaps")
    walk = _Walk(attempt, limit, descending, left_out)
    with ReadAhead(lambda at, most: settled(lambda: fetch(at, most)), limit=limit, ahead=ahead) as pages:
        while not walk.is_complete:
            yield from walk.take(pages.get(walk.offset, step=walk.reach - 1))


@dataclass
class _Walk:
    """Where a walk stands: what its pages have covered, and where the next one begins.

    _covered: the place of the last row up to which nothing is missing; _last_row: its offset, when it was read.
    _counted: rows that the store counted when nothing new was behind the last one it showed: the rest may be hidden.
    reach: how many rows a page is trusted to reach over, as the store may cap pages below the limit.
    """

    attempt: Attempt
    limit: int
    descending: bool
    left_out: LeftOut | None
    offset: int = 0
    reach: int = 2
    is_complete: bool = False
    _covered: float = -math.inf
    _last_row: int = 0
    _rereads: int = 0
    _counted: int | None = None

    def __post_init__(self) -> None:
        self._bound = PageBound(self.attempt)
        self._repeated = Repetition(self.attempt)
        self._back = self.limit // 2

    def take(self, page: Page) -> Iterator[list[Row]]:
        """Take the page at `offset`, give what is new in it, if anything is, and move on.

        Raises StoreError when the list has no end or no order, or cannot be joined.
        """
        self._bound.count(page, self.reach)
        rows = with_ids(page.rows, self.attempt, left_out=self.left_out)
        places = [-row["id"] if self.descending else row["id"] for row in rows]
        if any(later <= earlier for earlier, later in pairwise(places)):
            raise self.attempt.failed(StoreFilterIgnoredError, "a page that is not sorted by id")
        if self.offset > 0 and not page.rows and self._counted is not None and page.total == self._counted:
            # Rows that are counted and do not show: looked for up to the last one that is counted.
            self.is_complete = self.offset + self.reach >= self._counted
            self.offset += self.reach - 1
        elif self.offset > 0 and (not places or places[0] > self._covered):
            self._step_back()
        else:
            fresh = [row for row, place in zip(rows, places, strict=True) if place > self._covered]
            self._join(page, places, brings_new=bool(fresh))
            if fresh:
                yield fresh
            is_behind_last = not fresh and len(page.rows) <= 1
            self.is_complete = self._is_end(page, is_behind_last=is_behind_last)
            if not self.is_complete:
                self._step_on(page, is_behind_last=is_behind_last)

    def _step_back(self) -> None:
        """Rows before this page went away: what moved left may lie between it and the last one."""
        self._reread()
        self._counted = None
        if self._last_row < self.offset and self._rereads == 1:
            # Or the last page did not reach as far as it was trusted to: it surely reached to its last row.
            self.offset = self._last_row
        else:
            self.offset, self._back = max(0, self.offset - self._back), self._back * 2

    def _join(self, page: Page, places: list[int], *, brings_new: bool) -> None:
        """The page touches what is covered, and covers on from there."""
        size = len(page.rows)
        self._repeated.note(self.offset, places, is_full=size >= self.limit)
        self.reach = max(self.reach, size)
        if brings_new:
            self._covered = places[-1]
            self._last_row = self.offset + _last_with_id(page)
            self._back, self._rereads = max(1, self.reach // 2), 0

    def _is_end(self, page: Page, *, is_behind_last: bool) -> bool:
        """Whether a page proves that nothing is behind it, for which it must not be full.

        Something may cap pages or hide rows. So either the store counts no more rows, or what was read right behind
        the last row is nothing new: of a page that begins with that row and is capped, another row would show.
        """
        if len(page.rows) >= self.limit:
            return False
        if page.total is None:
            return is_behind_last
        shows_all = self.offset + len(page.rows) >= page.total
        return shows_all or (is_behind_last and self.offset + self.reach >= page.total)

    def _step_on(self, page: Page, *, is_behind_last: bool) -> None:
        """Move to the next page, which begins with a row of this one."""
        size, last = len(page.rows), _last_with_id(page)
        reaches_limit = self.offset + self.limit >= (page.total or 0)
        self._counted = page.total if is_behind_last and reaches_limit else None
        may_be_last = page.total is None or self.offset + self.reach >= page.total
        step = size - 1 if size < self.limit and may_be_last else self.reach - 1
        if last < size - 1:
            # The next page can be joined only at a row that has an id.
            step = min(step, last)
            if step < 1 and any(row_id(row) is None for row in page.rows):
                raise self.attempt.failed(StoreAnswerMalformedError, "a page of rows without an integer id")
            if step < 1:
                self._reread()
        self.offset += step

    def _reread(self) -> None:
        if self._rereads >= _MOST_REREADS:
            got = f"pages that do not join near offset {self.offset} after {_MOST_REREADS} re-reads"
            raise self.attempt.failed(StoreChangesTooFastError, got)
        self._rereads += 1


def _last_with_id(page: Page) -> int:
    """Where the last row is that has an id; 0 where none has one."""
    return max((at for at, row in enumerate(page.rows) if row_id(row)), default=0)
