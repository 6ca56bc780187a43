"""Reading customers: all of them, those registered since, those with given ids.

WooCommerce cannot filter customers by a date, and `role` must be said: its default leaves out everyone who
is not in the role `customer`, also from a request by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.fields import CUSTOMER_FIELDS, keep_used
from woo_sync_pipeline.sources.woocommerce.paging import by_ids, rows_after, walk
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut

_EVERYONE = {"role": "all", "_fields": CUSTOMER_FIELDS}


def sweep_customers(
    client: StoreClient, *, meta_keys: Collection[str], left_out: LeftOut | None = None
) -> Iterator[list[Row]]:
    """Read every user of the store, of any role, in the order of ids, in pages.

    Everyone who exists throughout comes exactly once. Raises StoreError; a sweep that ends without one is
    complete, so whoever it does not name was gone. With `left_out` those whose id cannot be read are no error; where
    it counts any, nobody may be called gone.
    """
    return _kept(walk(client, "customers", _EVERYONE, left_out=left_out), meta_keys)


def customers_after(
    client: StoreClient, last_id: int, *, meta_keys: Collection[str], left_out: LeftOut | None = None
) -> Iterator[list[Row]]:
    """Read the customers whose id is above `last_id`, newest first, in pages. Raises StoreError.

    Those whose id cannot be read are left out, and counted by `left_out` where it is given.
    """
    newest = rows_after(client, "customers", _EVERYONE, last_id, left_out=left_out or LeftOut())
    return _kept(newest, meta_keys)


def customers_by_id(
    client: StoreClient,
    ids: Collection[int],
    *,
    meta_keys: Collection[str],
    left_out: LeftOut | None = None,
) -> Iterator[list[Row]]:
    """Read the customers with these ids, up to 100 at a time. Ids that no longer exist are simply absent.

    Ids below 1 (an order's "no customer") are left out, and so are rows whose id cannot be read, which `left_out`
    counts where it is given. Raises StoreError.
    """
    return _kept(by_ids(client, "customers", _EVERYONE, ids, left_out=left_out or LeftOut()), meta_keys)


def _kept(pages: Iterable[list[Row]], meta_keys: Collection[str]) -> Iterator[list[Row]]:
    for page in pages:
        yield [keep_used(row, meta_keys=meta_keys) for row in page]
