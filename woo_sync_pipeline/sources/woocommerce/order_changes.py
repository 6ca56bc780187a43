"""Which orders of a store changed, and which of them may make a contact or tell something of one."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.normalise import normalise
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreError, StoreRecordMissingError
from woo_sync_pipeline.sources.woocommerce.known import order_hashes, orders_that_named_a_customer
from woo_sync_pipeline.sources.woocommerce.normalise import order_records
from woo_sync_pipeline.sources.woocommerce.orders import (
    NewestOrders,
    OrderWindow,
    newest_orders,
    order_ids_after,
    orders_by_id,
    walk_orders,
)
from woo_sync_pipeline.sources.woocommerce.page_walk import map_ahead
from woo_sync_pipeline.sources.woocommerce.paging import by_ids
from woo_sync_pipeline.sources.woocommerce.records import ORDER_SCHEMA, order_table
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut, UnreadableRow
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings, settings_fingerprint
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import known_phones

MOST_ASKED_FOR_ALONE = 1_000
"""Of orders that a list lacks: the rest waits for the next proof. They take a request each."""

_NO_SUCH_ORDER = "woocommerce_rest_shop_order_invalid_id"


@dataclass(frozen=True)
class Presence:
    """What became of the orders that were to be proven.

    gone: those that were deleted for good. unclear: how many others the store's list lacks: it shows them alone, or
    does not answer for them, or they were too many to be asked for.
    """

    gone: frozenset[int] = frozenset()
    unclear: int = 0


def find_gone_orders(client: StoreClient, ids: Collection[int], *, statuses: Sequence[str]) -> Presence:
    """Which of these orders are gone for good: a request for each hundred, and one for each that is missing.

    `statuses` are all that orders have, the trash too. Raises StoreError while the store cannot be reached; a refusal
    concerning a single order makes it unclear.
    """
    asked: dict[str, str | int] = {"status": ",".join(statuses), "_fields": "id"}
    missing = {number for number in ids if number > 0}
    for rows in by_ids(client, "orders", asked, missing, left_out=LeftOut()):
        missing.difference_update([row["id"] for row in rows])
    alone = sorted(missing)
    if len(alone) > MOST_ASKED_FOR_ALONE:
        # Other ones each time: those that are only hidden would for ever be in the way of the others.
        alone = sorted(random.sample(alone, MOST_ASKED_FOR_ALONE))
    answers = map_ahead(partial(_is_gone, client), alone, ahead=client.settings.max_concurrency)
    gone = frozenset(number for number, is_gone in zip(alone, answers, strict=True) if is_gone)
    return Presence(gone, len(missing) - len(gone))


def _is_gone(client: StoreClient, order_id: int) -> bool:
    try:
        client.get_object(f"orders/{order_id}", {"_fields": "id"})
    except StoreRecordMissingError as missing:
        return _NO_SUCH_ORDER in missing.got
    except StoreError as refused:
        if refused.transient:
            raise
    return False


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


def read_orders(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    window: OrderWindow,
    *,
    statuses: Sequence[str],
    progress: Callable[[int], None],
) -> OrdersRead:
    """The orders of a window, of these statuses, that are not known in their present form.

    Those that may make no contact (by their status, see `WooCommerceSettings.order_statuses`, or because they were made
    before `orders_from`) and concern no known one are left out.
    """
    orders = _Orders(client, database, source, window, statuses, progress)
    for rows in orders.of_window():
        orders.add(rows)
    return orders.found(newest_orders(client, statuses))


def sweep_orders(
    client: StoreClient,
    database: Database,
    source: WooCommerceSettings,
    window: OrderWindow,
    *,
    statuses: Sequence[str],
    to_prove: Collection[int],
    last_id: int,
    progress: Callable[[int], None],
) -> OrdersRead:
    """`read_orders`, and what no window can find: orders with a date from before it, and orders that are gone.

    Imports leave orders that bear an old modification date or none: all above `last_id`, up to which they were met
    before, are looked at. `to_prove` are known guest orders of which it is found out whether they are still there.
    """
    orders = _Orders(client, database, source, window, statuses, progress)
    is_whole_history = window.start is None
    unproven, met, highest_met = set(to_prove), set[int](), 0
    for rows in orders.of_window():
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
            for rows in orders.with_ids(unknown):
                orders.add(rows)
    presence = find_gone_orders(client, unproven, statuses=statuses)
    return replace(orders.found(newest), gone=presence.gone, unclear=presence.unclear, last_id=last)


def guest_orders(database: Database, source: WooCommerceSettings, orders: pa.Table) -> pa.Table:
    """Of these orders, those that name no customer and never named one.

    Deleting a customer turns each of its orders into one without a customer: that makes no guest.
    """
    without = orders.filter(pc.equal(orders["customer_id"], 0))
    deleted = orders_that_named_a_customer(database, source.key, without["record_id"].to_pylist())
    return without.filter(pc.invert(pc.is_in(without["record_id"], pa.array(deleted, pa.int64()))))


@dataclass
class _Orders:
    """The orders of one reading, of which those are kept that are not known in their present form."""

    client: StoreClient
    database: Database
    source: WooCommerceSettings
    window: OrderWindow
    statuses: Sequence[str]
    progress: Callable[[int], None]
    left_out: LeftOut = field(default_factory=LeftOut)
    count: int = 0
    without_meta: int = 0

    def __post_init__(self) -> None:
        self.read_at = self.database.now()
        self.changed = [ORDER_SCHEMA.empty_table()]

    def of_window(self) -> Iterator[list[Row]]:
        return walk_orders(
            self.client,
            self.window,
            meta_keys=self.source.meta_keys,
            statuses=self.statuses,
            left_out=self.left_out,
        )

    def with_ids(self, ids: Collection[int]) -> Iterator[list[Row]]:
        return orders_by_id(
            self.client,
            ids,
            before=self.window.end,
            meta_keys=self.source.meta_keys,
            statuses=self.statuses,
            left_out=self.left_out,
        )

    def add(self, rows: list[Row]) -> None:
        known = order_hashes(self.database, self.source.key, [row["id"] for row in rows])
        table = order_table(
            rows,
            meta_keys=self.source.meta_keys,
            fingerprint=settings_fingerprint(self.source),
            read_at=self.read_at,
            known=known,
        )
        self.changed.append(_relevant(self.database, self.source, table, known))
        self.count += len(rows)
        self.without_meta += sum("meta_data" not in row for row in rows)
        self.progress(len(rows))

    def found(self, newest: NewestOrders) -> OrdersRead:
        return OrdersRead(
            pa.concat_tables(self.changed),
            self.count,
            self.without_meta,
            left_out=self.left_out.count,
            unreadable=self.left_out.told,
            lead=newest.lead,
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
