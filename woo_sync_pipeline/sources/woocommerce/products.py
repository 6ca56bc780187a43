"""Which tags the products of a store have."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from woo_sync_pipeline.contacts.names import clean_name
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.fields import objects
from woo_sync_pipeline.sources.woocommerce.known import known_product_ids
from woo_sync_pipeline.sources.woocommerce.paging import by_ids, walk
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.database import Database

_FIELDS = {"_fields": "id,tags"}


def product_tags(client: StoreClient, product_ids: Collection[int] | None) -> dict[int, tuple[str, ...]]:
    """The tag names of these products (None: of all), by product id, in the store's order.

    Names come entity-encoded and are cleaned as those of customers' tags, without empty ones. A product without
    tags has an empty tuple; one that no longer exists, or whose id cannot be read, is
    absent. Raises StoreError.
    """
    pages: Iterator[list[Row]]
    if product_ids is None:
        pages = walk(client, "products", _FIELDS, left_out=LeftOut())
    else:
        pages = by_ids(client, "products", _FIELDS, product_ids, left_out=LeftOut())
    return {row["id"]: _names(row) for page in pages for row in page}


def read_product_tags(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    orders: pa.Table,
    *,
    is_sweep: bool,
) -> dict[int, tuple[str, ...]]:
    """Tags of products: of all in a sweep, else of bought products that are not known yet.

    `orders` has the column product_ids. Where tags of products are not wanted, a sweep says of all known ones that
    they have none.
    """
    if not source.groups.product_tags:
        # What was read while they were wanted would go on making groups.
        return dict.fromkeys(known_product_ids(database, source.key), ()) if is_sweep else {}
    if is_sweep:
        return product_tags(client, None)
    bought = set(pc.list_flatten(orders["product_ids"]).to_pylist())
    unknown = bought - known_product_ids(database, source.key)
    return product_tags(client, unknown) if unknown else {}


def _names(row: Row) -> tuple[str, ...]:
    names = (clean_name(str(tag.get("name") or "")) for tag in objects(row.get("tags")))
    return tuple(dict.fromkeys(name for name in names if name))
