"""Has anything changed? Cheap enough to be asked every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from woo_sync_pipeline.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.woocommerce.dates import SECOND, floor_second, naive_gmt, parse_gmt
from woo_sync_pipeline.woocommerce.orders import order_statuses
from woo_sync_pipeline.woocommerce.row_ids import row_id, settled


@dataclass(frozen=True)
class NewestChange:
    """The newest modification of an order (UTC, None: none since), and the highest customer id (None: nobody)."""

    order_modified_at: datetime | None
    customer_id: int | None


def newest_change(
    client: StoreClient, *, since: datetime, statuses: Sequence[str] | None = None
) -> NewestChange:
    """Look for the newest order that was modified after the second of `since`, and for the newest customer.

    Orders that are dated ahead of the store's clock are no changes yet, since no window reaches them; and if `since`
    is ahead of it, the orders of its present second are looked for. Two requests of one row each, and one more for
    the order statuses unless the caller gives those that `order_statuses` told it. Changes of existing customers
    cannot be seen this way. Raises StoreError.
    """
    asked = ",".join(statuses if statuses is not None else order_statuses(client))
    customer = _newest(client, "customers", {"role": "all", "orderby": "id", "_fields": "id"})
    # The answer about customers has told the store's clock anew.
    now = floor_second(client.server_time or datetime.now(UTC))
    orders = _newest(
        client,
        "orders",
        {
            "status": asked,
            "orderby": "modified",
            "modified_after": naive_gmt(min(floor_second(since), now - SECOND)),
            "modified_before": naive_gmt(now + SECOND),
            "dates_are_gmt": "true",
            "_fields": "id,date_modified_gmt",
        },
    )
    return NewestChange(
        order_modified_at=parse_gmt(orders.get("date_modified_gmt")) if orders else None,
        customer_id=row_id(customer) or None if customer else None,
    )


def _newest(client: StoreClient, path: str, params: dict[str, str | int]) -> Row | None:
    rows = settled(lambda: client.get_list(path, {**params, "order": "desc", "per_page": 1})).rows
    return rows[0] if rows else None
