"""Counting the customers of a store after they were read."""

from __future__ import annotations

from woo_sync_pipeline.sources.base import Finding
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE, newest_page
from woo_sync_pipeline.sources.woocommerce.row_ids import row_id, settled


def customers_up_to(client: StoreClient, last_id: int) -> int | None:
    """How many customers with an id up to `last_id` the store holds now.

    None when too many registered since, or when the store does not count. One answer has both the number of all
    and the newest: who registered since is subtracted. Customers whose id cannot be read are
    counted with the others. Raises StoreError.
    """
    asked = {"role": "all", "_fields": "id"}
    page = settled(lambda: newest_page(client, "customers", asked, most=PAGE_SIZE))
    newer = sum((row_id(row) or 0) > last_id for row in page.rows)
    return None if page.total is None or newer >= PAGE_SIZE else page.total - newer


def all_were_read(*, read: int, in_store: int | None) -> Finding:
    """A sweep has met at least as many customers as the store then counts among those it had a chance to meet.

    `in_store` counts after the walk, without who registered since: who was deleted meanwhile was read and is no
    longer counted, so a good walk never reads less. None: the store changed too fast to be counted.
    """
    if in_store is None:
        return Finding(True, "not judged: a hundred people or more registered while it was counted")
    return Finding(
        read >= in_store,
        "read {read:,} customers of a store that holds {in_store:,} of them",
        {"read": read, "in_store": in_store},
    )
