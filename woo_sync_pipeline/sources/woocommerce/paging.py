"""Reading lists: whole, by ids, or what is new in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from woo_sync_pipeline.sources.woocommerce.client import Page, Params, Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreFilterIgnoredError
from woo_sync_pipeline.sources.woocommerce.page_walk import cover, map_ahead
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, settled, with_ids

PAGE_SIZE = 100
"""The most that WooCommerce gives at once."""


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

    return in_order_of_ids(
        client,
        path,
        params,
        tried=f"reading all {path}",
        page_size=page_size,
        ahead=client.settings.max_concurrency,
        left_out=left_out,
    )


def in_order_of_ids(
    client: StoreClient,
    path: str,
    params: Params,
    *,
    tried: str,
    descending: bool = False,
    page_size: int = PAGE_SIZE,
    ahead: int = 1,
    left_out: LeftOut | None,
) -> Iterator[list[Row]]:
    """Read a list in the order of ids, `ahead` pages at a time; see `page_walk.cover` for what is proven of it.

    Raises StoreError as that does; `tried` is what its message says.
    """
    order = "desc" if descending else "asc"

    def fetch(offset: int, limit: int) -> Page:
        return client.get_list(
            path, {**params, "orderby": "id", "order": order, "per_page": limit, "offset": offset}
        )

    return cover(
        fetch,
        client.attempt(tried),
        limit=page_size,
        descending=descending,
        ahead=ahead,
        left_out=left_out,
    )


def newest_page(client: StoreClient, path: str, params: Params, *, most: int = 1) -> Page:
    """The newest rows of a list, by id unless `params` say otherwise: `most` in one request. Raises StoreError."""
    return client.get_list(path, {"orderby": "id", "order": "desc", "per_page": most, **params})


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
            rows = with_ids(page.rows, client.attempt(f"GET {path}"), left_out=left_out)
            given = {row["id"] for row in rows}
            if not given <= missing:
                attempt = client.attempt(f"GET {path} by id")
                raise attempt.failed(StoreFilterIgnoredError, "rows that were not asked for")
            # Plugins that join tables repeat rows.
            found += {row["id"]: row for row in rows}.values()
            missing -= given
            # The store may cap pages: who did not come is gone only if it counts no more, or nobody comes any more.
            if not given or (page.total is not None and page.total <= len(page.rows)):
                break
        return found

    # Of a batch nobody may be left: an empty page is not passed on.
    yield from filter(None, map_ahead(fetch, batches, ahead=client.settings.max_concurrency))


def rows_after(
    client: StoreClient, path: str, params: Params, last_id: int, *, left_out: LeftOut
) -> Iterator[list[Row]]:
    """The rows of a list whose id is above `last_id`, newest first, in pages; reads no page behind those.

    `params` choose and show the rows. Those whose id cannot be read are left out. Raises StoreError as `cover` does.
    """
    tried = f"reading {path} after id {last_id}"
    pages = in_order_of_ids(client, path, params, tried=tried, descending=True, left_out=left_out)
    for page in pages:
        newer = [row for row in page if row["id"] > last_id]
        if newer:
            yield newer
        if len(newer) < len(page):
            return
