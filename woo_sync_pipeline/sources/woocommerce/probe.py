"""Has anything changed? Cheap enough to be asked every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from woo_sync_pipeline.sources.woocommerce.client import Params, Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.dates import SECOND, floor_second, naive_gmt, parse_gmt
from woo_sync_pipeline.sources.woocommerce.errors import StoreRequestRefusedError
from woo_sync_pipeline.sources.woocommerce.paging import newest_page
from woo_sync_pipeline.sources.woocommerce.row_ids import row_id, settled
from woo_sync_pipeline.sources.woocommerce.statuses import forget_order_statuses, known_order_statuses


@dataclass(frozen=True)
class NewestChange:
    """The newest modification of an order (UTC, None: none since), and the highest customer id (None: nobody)."""

    order_modified_at: datetime | None
    customer_id: int | None


def newest_change(
    client: StoreClient,
    *,
    since: datetime | Callable[[datetime], datetime],
    statuses: Sequence[str] | None = None,
    registrations: bool = True,
) -> NewestChange:
    """Look for the newest order that was modified after the second of `since`, and for the newest customer.

    Without `registrations` not for the latter; then the client should have an answer already, which told the clock.

    `since` may be told by a function of the store's present time. Orders that are dated ahead of the store's clock are
    no changes yet, since no window reaches them; and if `since` is ahead of it, the orders of its present second are
    looked for. Two requests of one row each, and one more where the order statuses are not known, see
    `known_order_statuses`, and the caller gives none. Changes of existing customers cannot be seen this way. Raises
    StoreError.
    """
    everyone = {"role": "all", "_fields": "id"}
    customer = _newest(client, "customers", everyone) if registrations else None
    # The answer about customers has told the store's clock anew.
    now = floor_second(client.server_time or client.now())
    begin = since if isinstance(since, datetime) else since(now)
    bounds = {
        "orderby": "modified",
        "modified_after": naive_gmt(min(floor_second(begin), now - SECOND)),
        "modified_before": naive_gmt(now + SECOND),
        "dates_are_gmt": "true",
        "_fields": "id,date_modified_gmt",
    }
    asked = statuses if statuses is not None else known_order_statuses(client)
    try:
        order = _newest(client, "orders", {"status": ",".join(asked), **bounds})
    except StoreRequestRefusedError:
        # A status may have gone with the plugin that brought it.
        forget_order_statuses(client)
        asked = known_order_statuses(client)
        order = _newest(client, "orders", {"status": ",".join(asked), **bounds})
    return NewestChange(
        order_modified_at=parse_gmt(order.get("date_modified_gmt")) if order else None,
        customer_id=row_id(customer) or None if customer else None,
    )


def _newest(client: StoreClient, path: str, params: Params) -> Row | None:
    rows = settled(lambda: newest_page(client, path, params)).rows
    return rows[0] if rows else None
