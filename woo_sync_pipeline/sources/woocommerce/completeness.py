"""Counting the customers of a store after they were read."""

from __future__ import annotations

from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE
from woo_sync_pipeline.sources.woocommerce.row_ids import row_id, settled


def customers_up_to(client: StoreClient, last_id: int) -> int | None:
    """How many customers with an id up to `last_id` the store holds now.

    None when too many registered since, or when the store does not count. One answer has both the number of all
    and the newest: who registered since is subtracted. Customers whose id cannot be read are
    counted with the others. Raises StoreError.
    """
    newest_first: dict[str, str | int] = {"orderby": "id", "order": "desc", "per_page": PAGE_SIZE}
    page = settled(lambda: client.get_list("customers", {"role": "all", "_fields": "id", **newest_first}))
    newer = sum((row_id(row) or 0) > last_id for row in page.rows)
    return None if page.total is None or newer >= PAGE_SIZE else page.total - newer
