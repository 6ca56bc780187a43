"""Reading what changed in a store: orders of a window, customers, tags of products."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

from woo_sync_pipeline.config import SourceSettings
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import (
    customer_hashes,
    known_phones,
    known_product_ids,
    order_hashes,
    orders_that_named_a_customer,
)
from woo_sync_pipeline.sync.normalising import normalise_records
from woo_sync_pipeline.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.woocommerce.customers import customers_after, customers_by_id, sweep_customers
from woo_sync_pipeline.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.woocommerce.orders import OrderWindow, walk_orders
from woo_sync_pipeline.woocommerce.products import product_tags
from woo_sync_pipeline.woocommerce.records import CUSTOMER_SCHEMA, ORDER_SCHEMA, customer_table, order_table

NORMALISATION_VERSION = 1
"""Part of every hash: raise it when records shall be read anew because they are normalised differently."""

Progress = Callable[[int], None]
"""Told how many more rows were read."""


@dataclass(frozen=True)
class OrdersRead:
    """changed: the orders of the window that are not known in this form (columns of `order_table`)."""

    changed: pd.DataFrame
    read: int


@dataclass(frozen=True)
class CustomersRead:
    """changed: customers that are not known in this form (columns of `customer_table`).

    gone: ids that are known and that a complete reading lacked. meta_withheld: whether the store kept back
    the meta of customers, because the key is not an administrator's.
    """

    changed: pd.DataFrame
    gone: frozenset[int]
    read: int
    last_id: int
    meta_withheld: bool


def settings_fingerprint(source: SourceSettings) -> str:
    """What a record's contact depends on beside the record: changed settings make all records count as changed."""
    relevant = {
        "version": NORMALISATION_VERSION,
        "default_region": source.default_region,
        "consent": source.consent.basis,
        "groups": source.groups.meta_keys,
        "roles": source.groups.roles,
        "names": source.groups.name_format,
    }
    return json.dumps(relevant, sort_keys=True)


def read_orders(
    client: StoreClient,
    database: Database,
    source: SourceSettings,
    window: OrderWindow,
    *,
    statuses: Sequence[str],
    progress: Progress,
) -> OrdersRead:
    """The orders of a window, of these statuses, that are not known in their present form.

    Those that may make no contact (see `SourceSettings.order_statuses`) and concern no known one are left out.
    """
    read_at = datetime.now(UTC)
    read = 0
    frames: list[pd.DataFrame] = []
    for rows in walk_orders(client, window, meta_keys=source.meta_keys, statuses=statuses):
        known = order_hashes(database, source.key, [row["id"] for row in rows])
        table = order_table(
            rows,
            meta_keys=source.meta_keys,
            fingerprint=settings_fingerprint(source),
            read_at=read_at,
            known=known,
        )
        frames.append(_relevant(database, source, table.to_pandas(), known))
        read += len(rows)
        progress(len(rows))
    return OrdersRead(_concat(frames, ORDER_SCHEMA), read)


def sweep(
    client: StoreClient, database: Database, source: SourceSettings, *, progress: Progress
) -> CustomersRead:
    """All customers of the store, compared with what is known: the new, the changed and the gone."""
    known = customer_hashes(database, source.key)
    pages = sweep_customers(client, meta_keys=source.meta_keys)
    found = _read_customers(pages, known, source, progress=progress, is_complete=True)
    if known and not found.read:
        # The key's own user is always there: a store that shows nobody hides everybody.
        raise StoreAnswerMalformedError(
            source=source.key,
            tried="read all customers",
            got=f"an empty list from a store of which {len(known):,} customers are known",
            next_step="Nothing was changed. Look for a plugin or a firewall rule that hides users from the REST "
            "API, then run the sync again.",
        )
    return found


def touched(
    client: StoreClient,
    database: Database,
    source: SourceSettings,
    *,
    last_id: int,
    customer_ids: Collection[int],
    progress: Progress,
) -> CustomersRead:
    """Customers registered after `last_id` and those named: a handful of requests, not the whole store."""
    known = customer_hashes(database, source.key)
    new = _read_customers(
        customers_after(client, last_id, meta_keys=source.meta_keys), known, source, progress=progress
    )
    rest = {customer_id for customer_id in customer_ids if 0 < customer_id <= last_id}
    named = _read_customers(
        customers_by_id(client, rest, meta_keys=source.meta_keys), known, source, progress=progress
    )
    return CustomersRead(
        changed=_concat([new.changed, named.changed], CUSTOMER_SCHEMA),
        gone=frozenset(),
        read=new.read + named.read,
        last_id=max(last_id, new.last_id),
        meta_withheld=new.meta_withheld or named.meta_withheld,
    )


def guest_orders(database: Database, source: SourceSettings, orders: pd.DataFrame) -> pd.DataFrame:
    """Of these orders, those that name no customer and never named one.

    Deleting a customer turns each of its orders into one without a customer: that makes no guest.
    """
    without = orders[orders["customer_id"] == 0]
    deleted = orders_that_named_a_customer(database, source.key, without["record_id"].tolist())
    return without[~without["record_id"].isin(list(deleted))]


def read_product_tags(
    client: StoreClient,
    database: Database,
    source: SourceSettings,
    orders: pd.DataFrame,
    *,
    is_sweep: bool,
) -> dict[int, tuple[str, ...]]:
    """Tags of products: of all in a sweep, else of bought products that are not known yet."""
    if not source.groups.product_tags:
        return {}
    if is_sweep:
        return product_tags(client, None)
    bought = {int(product_id) for ids in orders["product_ids"] for product_id in ids}
    unknown = bought - known_product_ids(database, source.key)
    return product_tags(client, unknown) if unknown else {}


def _read_customers(
    pages: Iterable[list[Row]],
    known: dict[int, str],
    source: SourceSettings,
    *,
    progress: Progress,
    is_complete: bool = False,
) -> CustomersRead:
    read_at = datetime.now(UTC)
    fingerprint = settings_fingerprint(source)
    # Kept as Arrow until the end: a page at a time, the way into pandas costs more than all the rest.
    changed = [CUSTOMER_SCHEMA.empty_table()]
    missing = set(known) if is_complete else set()
    read = last_id = 0
    meta_withheld = False
    for rows in pages:
        changed.append(
            customer_table(
                rows, meta_keys=source.meta_keys, fingerprint=fingerprint, read_at=read_at, known=known
            )
        )
        ids = [row["id"] for row in rows]
        missing.difference_update(ids)
        meta_withheld = meta_withheld or any("meta_data" not in row for row in rows)
        last_id = max(last_id, *ids)
        read += len(rows)
        progress(len(rows))
    frame = pa.concat_tables(changed).to_pandas()
    return CustomersRead(frame, frozenset(missing), read, last_id, meta_withheld)


def _relevant(
    database: Database, source: SourceSettings, orders: pd.DataFrame, known: dict[int, str]
) -> pd.DataFrame:
    """Without the orders that can neither make a contact nor tell anything of one."""
    if source.order_statuses is None:
        return orders
    # All statuses are read, since an order that leaves the chosen ones must be seen to change. An order of a
    # customer makes no contact of its own: it tells what the customer chose and bought.
    relevant = (
        orders["status"].isin(source.order_statuses)
        | (orders["customer_id"] != 0)
        | orders["record_id"].isin(list(known))
    )
    others = orders[~relevant]
    return orders[relevant | orders["record_id"].isin(_opting_out(database, source, others))]


def _opting_out(database: Database, source: SourceSettings, orders: pd.DataFrame) -> list[int]:
    """The orders by which somebody whose phone is known opts out: that counts, whatever became of the order."""
    if orders.empty:
        return []
    records = normalise_records(
        source, customers=CUSTOMER_SCHEMA.empty_table().to_pandas(), orders=orders, guest_order_ids=()
    ).records
    opted_out = records[(records["consent"] == Consent.opted_out.value) & records["phone"].notna()]
    phones = known_phones(database, opted_out["phone"].tolist())
    found: list[int] = opted_out.loc[opted_out["phone"].isin(list(phones)), "record_id"].tolist()
    return found


def _concat(frames: list[pd.DataFrame], schema: pa.Schema) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else schema.empty_table().to_pandas()
