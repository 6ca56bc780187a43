"""Who was active in a store lately: a hint whose account may have changed, never a proof.

WooCommerce's analytics note when a registered user was last seen, at a login and at page views some minutes apart. What
the shop's staff edits does not show, and a store may have switched its analytics off.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.dates import naive_gmt
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE
from woo_sync_pipeline.sources.woocommerce.php_values import whole_number

ACTIVITY_PATH = "/wc-analytics/reports/customers"
NOTED_EACH = timedelta(minutes=10)
"""Within this time a visit may not be noted, because an earlier one was; with some leeway."""

_MOST_PAGES = 3


def active_customers(client: StoreClient, *, since: datetime) -> frozenset[int]:
    """Ids of registered users who were active after `since` (tz-aware, by the store's clock), or a little before.

    One request; at most three, in a store with more than a hundred of them: who was active last comes first. Raises
    StoreError, also where the store has no such report.
    """
    asked: dict[str, str | int] = {
        "user_type": "registered",
        "last_active_after": naive_gmt(since - NOTED_EACH),
        "orderby": "date_last_active",
        "order": "desc",
        "per_page": PAGE_SIZE,
        "_fields": "user_id,date_last_active",
    }
    found: set[int] = set()
    for number in range(1, _MOST_PAGES + 1):
        page = client.get_list(ACTIVITY_PATH, {**asked, "page": number})
        ids = (whole_number(row.get("user_id")) for row in page.rows)
        found.update(user for user in ids if user is not None and user > 0)
        if len(page.rows) < PAGE_SIZE:
            break
    return frozenset(found)
