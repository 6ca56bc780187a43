"""Counting the customers of a store after they were read."""

from __future__ import annotations

from woo_sync_pipeline.woocommerce.client import StoreClient
from woo_sync_pipeline.woocommerce.paging import PAGE_SIZE, row_id


def customers_up_to(client: StoreClient, last_id: int) -> int | None:
    """How many customers with an id up to `last_id` the store holds now.

    None when too many registered since, or when the store does not count. One answer has both the number of all
    and the newest: who registered since is subtracted. Raises StoreError.
    """
    page = client.get_list(
        "customers",
        {"role": "all", "_fields": "id", "orderby": "id", "order": "desc", "per_page": PAGE_SIZE},
    )
    source = client.settings.source
    newer = sum(row_id(row, source=source, tried="count customers") > last_id for row in page.rows)
    return None if page.total is None or newer >= PAGE_SIZE else page.total - newer
