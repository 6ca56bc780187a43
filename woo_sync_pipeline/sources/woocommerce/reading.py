"""Reading what changed in a store: orders of a window, customers, tags of products."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.normalise import normalise
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_after, customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.known import (
    customer_hashes,
    known_product_ids,
    order_hashes,
    orders_that_named_a_customer,
    users_with_several_roles,
)
from woo_sync_pipeline.sources.woocommerce.normalise import order_records
from woo_sync_pipeline.sources.woocommerce.orders import (
    NewestOrders,
    OrderWindow,
    newest_orders,
    order_ids_after,
    orders_by_id,
    walk_orders,
)
from woo_sync_pipeline.sources.woocommerce.presence import find_gone_orders
from woo_sync_pipeline.sources.woocommerce.products import product_tags
from woo_sync_pipeline.sources.woocommerce.records import (
    CUSTOMER_SCHEMA,
    ORDER_SCHEMA,
    customer_page,
    order_table,
)
from woo_sync_pipeline.sources.woocommerce.roles import several_roles, store_roles, with_all_roles
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, UnreadableRow
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import known_phones

NORMALISATION_VERSION = 1
"""Part of every hash: raise it when records shall be read anew because they are normalised differently."""

MOST_ROLES = 10
"""Of a store with more roles the first one of each user counts, unless all are asked for: each takes requests."""

Progress = Callable[[int], None]
"""Told how many more rows were read."""


@dataclass(frozen=True)
class OrdersRead:
    """changed: the orders of the window that are not known in this form (columns of `order_table`).

    left_out: how many more there were whose id cannot be read; unreadable: the first of these. without_meta: how many
    came without their meta, so that a choice in them is not seen. gone: known guest orders that were deleted for good;
    unclear: how many others of them the store does not show in its lists. last_id: the id up to which all orders have
    been met, whatever their dates; None where that was not looked at. lead: by how much the clock that dates orders is
    seen to be ahead of the store's `server_time`, see `newest_orders`.
    """

    changed: pa.Table
    read: int
    without_meta: int = 0
    left_out: int = 0
    unreadable: Sequence[UnreadableRow] = ()
    gone: frozenset[int] = frozenset()
    unclear: int = 0
    last_id: int | None = None
    lead: timedelta = timedelta()


@dataclass(frozen=True)
class CustomersRead:
    """changed: customers that are not known in this form (columns of `customer_table`).

    gone: ids that are known and that a complete reading lacked. meta_withheld: whether the store kept back
    the meta of customers, because the key is not an administrator's. saved_unseen: how many customers were saved since
    the complete reading before although nothing that the store shows of them has changed. left_out: how many more there
    are whose id cannot be read: then nobody is known to be gone. unreadable: the first of these. roles: of a complete
    reading all roles of the users who have several, by id; None of any other. roles_untold: whether they were wanted
    and the store does not tell them.
    """

    changed: pa.Table
    gone: frozenset[int]
    read: int
    last_id: int
    meta_withheld: bool
    saved_unseen: int = 0
    left_out: int = 0
    unreadable: Sequence[UnreadableRow] = ()
    roles: Mapping[int, Sequence[str]] | None = None
    roles_untold: bool = False


def settings_fingerprint(source: WooCommerceSettings) -> str:
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


def telling_settings(source: WooCommerceSettings) -> dict[str, Any]:
    """The settings by which the contacts of unchanged records become others, by their names in the configuration."""
    return {
        "name": source.name,
        "default_region": source.default_region,
        "orders_from": source.orders_from and source.orders_from.isoformat(),
        "order_statuses": source.order_statuses and sorted(source.order_statuses),
        "consent": source.consent.model_dump(mode="json"),
        "groups": source.groups.model_dump(mode="json"),
    }


def read_orders(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    window: OrderWindow,
    *,
    statuses: Sequence[str],
    progress: Progress,
) -> OrdersRead:
    """The orders of a window, of these statuses, that are not known in their present form.

    Those that may make no contact (by their status, see `WooCommerceSettings.order_statuses`, or because they were made
    before `orders_from`) and concern no known one are left out.
    """
    orders = _Orders(database, source, progress)
    for rows in orders.window(client, window, statuses):
        orders.add(rows)
    return orders.read(newest_orders(client, statuses))


def sweep_orders(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    window: OrderWindow,
    *,
    statuses: Sequence[str],
    to_prove: Collection[int],
    last_id: int,
    progress: Progress,
) -> OrdersRead:
    """`read_orders`, and what no window can find: orders with a date from before it, and orders that are gone.

    Imports leave orders that bear an old modification date or none: all above `last_id`, up to which they were met
    before, are looked at. `to_prove` are known guest orders of which it is found out whether they are still there.
    """
    orders = _Orders(database, source, progress)
    is_whole_history = window.start is None
    unproven, met, highest_met = set(to_prove), set[int](), 0
    for rows in orders.window(client, window, statuses):
        ids = [row["id"] for row in rows]
        unproven.difference_update(ids)
        highest_met = max(highest_met, *ids)
        if not is_whole_history:
            met.update(ids)
        orders.add(rows)
    newest = newest_orders(client, statuses)
    # A store that was restored from a backup gives the same ids once more: then the highest one is below the last.
    last = highest_met if is_whole_history else newest.highest_id
    if not is_whole_history and newest.highest_id > last_id:
        begin = _orders_begin(source)
        for page in order_ids_after(client, last_id, statuses=statuses, created_after=begin):
            last = max(last, *page)
            unproven.difference_update(page)
            unknown = set(page) - met - order_hashes(database, source.key, page).keys()
            for rows in orders.by_id(client, unknown, window, statuses):
                orders.add(rows)
    presence = find_gone_orders(client, unproven, statuses=statuses)
    found = orders.read(newest)
    return replace(found, gone=presence.gone, unclear=presence.unclear, last_id=last)


class _Orders:
    """The orders of one reading, of which those are kept that are not known in their present form."""

    def __init__(self, database: Database, source: WooCommerceSettings, progress: Progress) -> None:
        self._database = database
        self._source = source
        self._progress = progress
        self._read_at = database.now()
        self._changed = [ORDER_SCHEMA.empty_table()]
        self._left_out = LeftOut()
        self._count = self._without_meta = 0

    def window(
        self, client: StoreClient, window: OrderWindow, statuses: Sequence[str]
    ) -> Iterator[list[Row]]:
        meta_keys = self._source.meta_keys
        return walk_orders(client, window, meta_keys=meta_keys, statuses=statuses, left_out=self._left_out)

    def by_id(
        self, client: StoreClient, ids: Collection[int], window: OrderWindow, statuses: Sequence[str]
    ) -> Iterator[list[Row]]:
        return orders_by_id(
            client,
            ids,
            before=window.end,
            meta_keys=self._source.meta_keys,
            statuses=statuses,
            left_out=self._left_out,
        )

    def add(self, rows: list[Row]) -> None:
        known = order_hashes(self._database, self._source.key, [row["id"] for row in rows])
        table = order_table(
            rows,
            meta_keys=self._source.meta_keys,
            fingerprint=settings_fingerprint(self._source),
            read_at=self._read_at,
            known=known,
        )
        self._changed.append(_relevant(self._database, self._source, table, known))
        self._count += len(rows)
        self._without_meta += sum("meta_data" not in row for row in rows)
        self._progress(len(rows))

    def read(self, newest: NewestOrders) -> OrdersRead:
        return OrdersRead(
            pa.concat_tables(self._changed),
            self._count,
            self._without_meta,
            left_out=self._left_out.count,
            unreadable=self._left_out.told,
            lead=newest.lead,
        )


def sweep(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    *,
    since: datetime | None,
    progress: Progress,
) -> CustomersRead:
    """All customers of the store, compared with what is known: the new, the changed and the gone.

    `since` is when the complete reading before this one began, as late as that can be by the store's clock: what was
    saved before, that reading has seen.
    """
    known = customer_hashes(database, source.key)
    left_out = LeftOut()
    roles, roles_untold = _roles_of_users(client, source)
    pages = sweep_customers(client, meta_keys=source.meta_keys, left_out=left_out)
    pages = (with_all_roles(rows, roles) for rows in pages)
    found = replace(
        _read_customers(
            pages,
            known,
            source,
            read_at=database.now(),
            progress=progress,
            is_complete=True,
            saved_since=since,
        ),
        roles=roles,
        roles_untold=roles_untold,
    )
    if left_out.count:
        # Perhaps it is they who seem to be gone.
        found = replace(found, gone=frozenset(), left_out=left_out.count, unreadable=left_out.told)
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
    source: WooCommerceSettings,
    *,
    last_id: int,
    customer_ids: Collection[int],
    progress: Progress,
) -> CustomersRead:
    """Customers registered after `last_id` and those named: a handful of requests, not the whole store."""
    known = customer_hashes(database, source.key)
    left_out = LeftOut()
    new = _read_customers(
        customers_after(client, last_id, meta_keys=source.meta_keys, left_out=left_out),
        known,
        source,
        read_at=database.now(),
        progress=progress,
    )
    rest = {customer_id for customer_id in customer_ids if 0 < customer_id <= last_id}
    # What a customer does not show of the roles is as the last complete reading found it.
    roles = users_with_several_roles(database, source.key, rest)
    pages = customers_by_id(client, rest, meta_keys=source.meta_keys, left_out=left_out)
    named = _read_customers(
        (with_all_roles(rows, roles) for rows in pages),
        known,
        source,
        read_at=database.now(),
        progress=progress,
    )
    return CustomersRead(
        changed=pa.concat_tables([new.changed, named.changed]),
        gone=frozenset(),
        read=new.read + named.read,
        last_id=max(last_id, new.last_id),
        meta_withheld=new.meta_withheld or named.meta_withheld,
        left_out=left_out.count,
        unreadable=left_out.told,
    )


def changed_accounts(
    client: StoreClient, database: Database, source: WooCommerceSettings, ids: Collection[int]
) -> frozenset[int]:
    """Those of these customers whose account is not known in its present form. A request for each hundred."""
    known = customer_hashes(database, source.key, ids)
    roles = users_with_several_roles(database, source.key, ids)
    pages = customers_by_id(client, ids, meta_keys=source.meta_keys)
    found = _read_customers(
        (with_all_roles(rows, roles) for rows in pages),
        known,
        source,
        read_at=database.now(),
        progress=lambda _: None,
    )
    return frozenset(found.changed["record_id"].to_pylist())


def _roles_of_users(
    client: StoreClient, source: WooCommerceSettings
) -> tuple[dict[int, tuple[str, ...]], bool]:
    """All roles of the users who have several, where they are wanted; and whether the store does not tell them."""
    wanted = source.groups.roles
    if wanted is False or wanted == "first":
        return {}, False
    roles = store_roles(client)
    if not roles:
        return {}, wanted == "all"
    if wanted is True and len(roles) > MOST_ROLES:
        return {}, False
    return several_roles(client, roles), False


def guest_orders(database: Database, source: WooCommerceSettings, orders: pa.Table) -> pa.Table:
    """Of these orders, those that name no customer and never named one.

    Deleting a customer turns each of its orders into one without a customer: that makes no guest.
    """
    without = orders.filter(pc.equal(orders["customer_id"], 0))
    deleted = orders_that_named_a_customer(database, source.key, without["record_id"].to_pylist())
    return without.filter(pc.invert(pc.is_in(without["record_id"], pa.array(deleted, pa.int64()))))


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


def _read_customers(
    pages: Iterable[list[Row]],
    known: dict[int, str],
    source: WooCommerceSettings,
    *,
    read_at: datetime,
    progress: Progress,
    is_complete: bool = False,
    saved_since: datetime | None = None,
) -> CustomersRead:
    fingerprint = settings_fingerprint(source)
    # As Arrow holds them: the way into pandas costs more than all the rest, and several times the memory.
    changed = [CUSTOMER_SCHEMA.empty_table()]
    missing = set(known) if is_complete else set()
    read = last_id = saved_unseen = 0
    meta_withheld = False
    for rows in pages:
        page = customer_page(
            rows,
            meta_keys=source.meta_keys,
            fingerprint=fingerprint,
            read_at=read_at,
            known=known,
            saved_since=saved_since,
        )
        changed.append(page.table)
        saved_unseen += page.known_but_saved
        ids = [row["id"] for row in rows]
        missing.difference_update(ids)
        meta_withheld = meta_withheld or any("meta_data" not in row for row in rows)
        last_id = max(last_id, *ids)
        read += len(rows)
        progress(len(rows))
    return CustomersRead(
        pa.concat_tables(changed), frozenset(missing), read, last_id, meta_withheld, saved_unseen
    )


def _relevant(
    database: Database, source: WooCommerceSettings, table: pa.Table, known: dict[int, str]
) -> pa.Table:
    """Without the orders that can neither make a contact nor tell anything of one."""
    if source.order_statuses is None and source.orders_from is None:
        return table
    orders = table.to_pandas()
    may_make_a_guest = pd.Series(True, index=orders.index)
    if source.order_statuses is not None:
        # All statuses are read, since an order that leaves the chosen ones must be seen to change.
        may_make_a_guest &= orders["status"].isin(source.order_statuses)
    if source.orders_from is not None:
        # An order from before what is read turns up when it changes, as when its customer is deleted: whether it
        # ever named one nobody knows.
        may_make_a_guest &= ~(orders["created_at"] < _orders_begin(source))
    # An order of a customer makes no contact of its own: it tells what the customer chose and bought.
    relevant = may_make_a_guest | (orders["customer_id"] != 0) | orders["record_id"].isin(list(known))
    relevant |= orders["record_id"].isin(_opting_out(database, source, orders[~relevant]))
    return table.filter(pa.array(relevant))


def _orders_begin(source: WooCommerceSettings) -> datetime | None:
    """When `orders_from` begins; None without one. The day is taken to begin where it begins first on earth."""
    day = source.orders_from
    return (
        None if day is None else datetime(day.year, day.month, day.day, tzinfo=timezone(timedelta(hours=14)))
    )


def _opting_out(database: Database, source: WooCommerceSettings, orders: pd.DataFrame) -> list[int]:
    """The orders by which somebody whose phone is known opts out: that counts, whatever became of the order."""
    if orders.empty:
        return []
    raw = order_records(orders, source, pd.Index([], dtype="int64"))
    records, _ = validate(SourceRecord, normalise(raw, source.default_region))
    opted_out = records[(records["consent"] == Consent.opted_out.value) & records["phone"].notna()]
    phones = known_phones(database, opted_out["phone"].tolist())
    return [int(each) for each in opted_out.loc[opted_out["phone"].isin(list(phones)), "record_id"]]
