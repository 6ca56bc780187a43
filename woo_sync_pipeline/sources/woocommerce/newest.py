"""The newest customers and orders of a store with all of their meta: a sample of what its plugins write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.dates import parse_gmt
from woo_sync_pipeline.sources.woocommerce.fields import objects
from woo_sync_pipeline.sources.woocommerce.paging import in_order_of_ids
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline.sources.woocommerce.statuses import order_statuses

_FIELDS = "id,date_created_gmt,date_modified_gmt,meta_data"


def newest_customers(client: StoreClient, *, most: int | None) -> Iterator[Row]:
    """The newest `most` users of any role (None: all of them), newest first, with nothing but dates and meta.

    Rows whose id cannot be read are left out. Raises StoreError.
    """
    yield from _newest(client, "customers", {"role": "all"}, most)


def newest_orders(client: StoreClient, *, most: int | None) -> Iterator[Row]:
    """The newest `most` orders of every status but drafts (None: all), newest first; the rest as for customers."""
    yield from _newest(client, "orders", {"status": ",".join(order_statuses(client))}, most)


def meta_of(row: Row) -> dict[str, Any] | None:
    """The meta of a row by key, None where the store withholds it. Of a key that is there twice the first counts."""
    if "meta_data" not in row:
        return None
    backwards = reversed(objects(row["meta_data"]))
    return {item["key"]: item.get("value") for item in backwards if isinstance(item.get("key"), str)}


def last_moment(row: Row) -> datetime | None:
    """When a row was last saved, as far as the store tells: many changes of meta move no date. UTC."""
    moments = [parse_gmt(row.get("date_modified_gmt")), parse_gmt(row.get("date_created_gmt"))]
    return max(filter(None, moments), default=None)


def _newest(client: StoreClient, path: str, params: dict[str, str | int], most: int | None) -> Iterator[Row]:
    left = most
    for page in in_order_of_ids(
        client,
        path,
        {"_fields": _FIELDS, **params},
        tried=f"reading the newest {path}",
        descending=True,
        # Of a sample nothing is read that would not be looked at.
        ahead=client.settings.max_concurrency if most is None else 1,
        left_out=LeftOut(),
    ):
        yield from page if left is None else page[:left]
        if left is not None and (left := left - len(page)) <= 0:
            return
