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
from functools import partial
from itertools import islice, pairwise
from typing import TypeVar

from woo_sync_pipeline.sources.woocommerce.client import Page, Params, Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerMalformedError,
    StoreChangesTooFastError,
    StoreFilterIgnoredError,
)
from woo_sync_pipeline.sources.woocommerce.page_bounds import PageBound, Repetition
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, row_id, settled, with_ids

PAGE_SIZE = 100
"""The most that WooCommerce gives at once."""

_MOST_REREADS = 20

Item = TypeVar("Item")
Result = TypeVar("Result")

Fetch = Callable[[int, int], Page]
"""Read the page at (offset, limit), sorted by id."""


def walk(
    client: StoreClient,
    path: str,
    params: Params,
    *,
    page_size: int = PAGE_SIZE,
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Read a list completely, in the order of ids, a page at a time.

    Every row that exists from the beginning to the end of the walk comes exactly once, but those whose id cannot be
    read: they go to `left_out`, and are an error without it. At most `max_concurrency` pages are in flight and as many
    are waiting. `params` must leave `id` among the `_fields`. Raises StoreError; StoreChangesTooFastError when the
    pages cannot be joined.
    """

    def fetch(offset: int, limit: int) -> Page:
        return client.get_list(
            path, {**params, "orderby": "id", "order": "asc", "per_page": limit, "offset": offset}
        )

    return cover(
        fetch,
        limit=page_size,
        source=client.settings.source,
        tried=f"reading all {path}",
        ahead=client.settings.max_concurrency,
        left_out=left_out,
    )


def cover(
    fetch: Fetch,
    *,
    limit: int,
    source: str,
    tried: str,
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
    covered = -math.inf
    offset, back, rereads = 0, limit // 2, 0
    # How many rows a page is trusted to reach over: the store may cap pages below the limit.
    last_row, reach = 0, 2
    # Rows that the store counted when nothing new was behind the last one that it showed: the rest may be hidden.
    counted: int | None = None
    bound = PageBound(source, tried)
    repeated = Repetition(source, tried)
    with _ReadAhead(lambda at, most: settled(lambda: fetch(at, most)), limit=limit, ahead=ahead) as pages:
        while True:
            page = pages.get(offset, step=reach - 1)
            bound.count(page, reach)
            rows = with_ids(page.rows, source=source, tried=tried, left_out=left_out)
            places = [-row["id"] if descending else row["id"] for row in rows]
            _check_order(places, source=source, tried=tried)
            if offset > 0 and not page.rows and counted is not None and page.total == counted:
                # Rows that are counted and do not show: looked for up to the last one that is counted.
                if offset + reach >= counted:
                    return
                offset += reach - 1
                continue
            if offset > 0 and (not places or places[0] > covered):
                # Rows before this page went away: what moved left may lie between it and the last one.
                rereads = _once_more(rereads, offset, source=source, tried=tried)
                counted = None
                if last_row < offset and rereads == 1:
                    # Or the last page did not reach as far as it was trusted to: it surely reached to its last row.
                    offset = last_row
                else:
                    offset, back = max(0, offset - back), back * 2
                continue
            size, last = len(page.rows), _last_with_id(page)
            fresh = [row for row, place in zip(rows, places, strict=True) if place > covered]
            repeated.note(offset, places, is_full=size >= limit)
            reach = max(reach, size)
            if fresh:
                covered = places[-1]
                back, rereads = max(1, reach // 2), 0
                last_row = offset + last
                yield fresh
            is_short = size < limit
            is_behind_last = is_short and not fresh and size <= 1
            if is_short and _is_end(page, offset, reach, is_behind_last=is_behind_last):
                return
            counted = page.total if is_behind_last and offset + limit >= (page.total or 0) else None
            may_be_last = page.total is None or offset + reach >= page.total
            step = size - 1 if is_short and may_be_last else reach - 1
            if last < size - 1:
                # The next page can be joined only at a row that has an id.
                step = min(step, last)
                if step < 1 and any(row_id(row) is None for row in page.rows):
                    raise StoreAnswerMalformedError(
                        source=source, tried=tried, got="a page of rows without an integer id"
                    )
                if step < 1:
                    rereads = _once_more(rereads, offset, source=source, tried=tried)
            offset += step


def by_ids(
    client: StoreClient,
    path: str,
    params: Params,
    ids: Collection[int],
    *,
    page_size: int = PAGE_SIZE,
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Read the rows of these ids, `page_size` at a time, with bounded concurrency; ids that are gone are absent.

    Ids below 1 are left out; rows without a readable id as in `walk`. Raises StoreError.
    """
    # An empty `include` would mean every row, so no request is ever made for no ids.
    wanted = sorted({number for number in ids if number > 0})
    batches = [wanted[start : start + page_size] for start in range(0, len(wanted), page_size)]

    def fetch(batch: list[int]) -> list[Row]:
        found: list[Row] = []
        missing = set(batch)
        while missing:
            include = ",".join(map(str, sorted(missing)))
            asked = {**params, "include": include, "per_page": page_size}
            page = settled(partial(client.get_list, path, asked))
            rows = with_ids(page.rows, source=client.settings.source, tried=f"GET {path}", left_out=left_out)
            given = {row["id"] for row in rows}
            if not given <= missing:
                raise StoreFilterIgnoredError(
                    source=client.settings.source,
                    tried=f"GET {path} by id",
                    got="rows that were not asked for",
                )
            # Plugins that join tables repeat rows.
            found += {row["id"]: row for row in rows}.values()
            missing -= given
            # The store may cap pages: who did not come is gone only if it counts no more, or nobody comes any more.
            if not given or (page.total is not None and page.total <= len(page.rows)):
                break
        return found

    # Of a batch nobody may be left; a page without rows is none.
    yield from filter(None, map_ahead(fetch, batches, ahead=client.settings.max_concurrency))


def rows_after(
    client: StoreClient, path: str, params: Params, last_id: int, *, left_out: LeftOut
) -> Iterator[list[Row]]:
    """The rows of a list whose id is above `last_id`, newest first, in pages; reads no page behind those.

    `params` choose and show the rows. Those whose id cannot be read are left out. Raises StoreError as `cover` does.
    """

    def fetch(offset: int, limit: int) -> Page:
        newest_first: Params = {"orderby": "id", "order": "desc", "per_page": limit, "offset": offset}
        return client.get_list(path, {**params, **newest_first})

    pages = cover(
        fetch,
        limit=PAGE_SIZE,
        source=client.settings.source,
        tried=f"reading {path} after id {last_id}",
        descending=True,
        left_out=left_out,
    )
    for page in pages:
        newer = [row for row in page if row["id"] > last_id]
        if newer:
            yield newer
        if len(newer) < len(page):
            return


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


def _once_more(rereads: int, offset: int, *, source: str, tried: str) -> int:
    if rereads >= _MOST_REREADS:
        raise StoreChangesTooFastError(
            source=source,
            tried=tried,
            got=f"pages that do not join near offset {offset} after {_MOST_REREADS} re-reads",
        )
    return rereads + 1


def _last_with_id(page: Page) -> int:
    """Where the last row is that has an id; 0 where none has one."""
    return max((at for at, row in enumerate(page.rows) if row_id(row)), default=0)


def _is_end(page: Page, offset: int, reach: int, *, is_behind_last: bool) -> bool:
    """Whether a page that is not full proves that nothing is behind it.

    Something may cap pages or hide rows. So either the store counts no more rows, or what was read right behind the
    last row is nothing new: of a page that begins with that row and is capped, another row would show.
    """
    if page.total is None:
        return is_behind_last
    return offset + len(page.rows) >= page.total or (is_behind_last and offset + reach >= page.total)


def _check_order(places: list[int], *, source: str, tried: str) -> None:
    if any(later <= earlier for earlier, later in pairwise(places)):
        raise StoreFilterIgnoredError(source=source, tried=tried, got="a page that is not sorted by id")


class _ReadAhead:
    """Reads the page that is asked for, and meanwhile those that will be, `step` by `step`, if nothing changes."""

    def __init__(self, fetch: Fetch, *, limit: int, ahead: int) -> None:
        self._fetch = fetch
        self._limit = limit
        self._ahead = ahead
        self._total = 0
        self._pool = ThreadPoolExecutor(max_workers=ahead) if ahead > 1 else None
        self._pending: dict[int, Future[Page]] = {}

    def __enter__(self) -> _ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def get(self, offset: int, *, step: int) -> Page:
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
