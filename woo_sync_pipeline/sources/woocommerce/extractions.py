"""Reading a store: orders, customers, guest orders, tags."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.sources.base import (
    WHOLE_HISTORY,
    CheckSpec,
    Extracted,
    Extraction,
    Finding,
    Option,
    SourceStep,
)
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, connect
from woo_sync_pipeline.sources.woocommerce.customer_changes import CustomersRead, sweep, touched
from woo_sync_pipeline.sources.woocommerce.fields import ADDRESS_FIELDS
from woo_sync_pipeline.sources.woocommerce.known import (
    known_guest_orders,
    last_customer_id,
    last_order_id,
)
from woo_sync_pipeline.sources.woocommerce.order_changes import guest_orders as guest_orders_of
from woo_sync_pipeline.sources.woocommerce.order_changes import read_orders, sweep_orders
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, order_statuses
from woo_sync_pipeline.sources.woocommerce.products import read_product_tags
from woo_sync_pipeline.sources.woocommerce.reading_warnings import (
    all_were_read,
    customers_up_to,
    reading_warnings,
)
from woo_sync_pipeline.sources.woocommerce.records import CUSTOMER_SCHEMA, ORDER_SCHEMA
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.window import SEVENTHS, order_window, read_until, sevenths_due
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.records import latest_sweep
from woo_sync_pipeline.state.syncs import watermark_by

Step: TypeAlias = SourceStep[WooCommerceSettings]

ROLES_SCHEMA = arrow_schema({"user_id": "bigint", "roles": "text[]"})
TAGS_SCHEMA = pa.schema([("product_id", pa.int64()), ("tags", pa.list_(pa.string()))])

READ_ALL_ORDERS = Option(
    WHOLE_HISTORY,
    False,
    "Read all orders (with orders_from in the configuration: all that changed since then) instead of those that "
    "changed in the chosen days. With the daily job, which reads all customers anyway, this is a full re-sync; it "
    "sends only what differs.",
)
CUSTOMER_IDS = Option(
    "customer_ids",
    (),
    "Customers that a live sync reads in any case: the sensor names those whose account changed.",
)
ALL_RECORDS_WERE_READ = CheckSpec(
    "all_records_of_the_store_were_read",
    "A reading of all customers has met at least as many as the store then counts.",
)


def orders(step: Step) -> Extracted:
    """Orders that changed in the window, everyone's: choices made at the checkout, products bought.

    Of every status but drafts. Orders that are known in their present form are left out. The first sync of
    a store reads its whole history, and so does one with `whole_history` in its configuration. The daily sync also
    finds orders that were added with a date of long ago, and proves a seventh of the known guest orders to be still
    in the store.
    """
    database, is_full = step.database, step.options[WHOLE_HISTORY]
    started_at = database.now()
    with connect(step.source, now=database.now) as client, step.show_progress("reading orders") as advance:
        statuses = order_statuses(client)
        window = _window(step, client, started_at=started_at, is_full=is_full)
        asked = client, database, step.source, window
        if step.is_sweep:
            found = sweep_orders(
                *asked,
                statuses=statuses,
                to_prove=_orders_to_prove(step, is_full=is_full),
                last_id=last_order_id(database, step.source.key),
                progress=advance,
            )
        else:
            found = read_orders(*asked, statuses=statuses, progress=advance)
        # Orders bear the time of this clock: it is measured, and what else the store shows of it is heeded.
        ahead = client.clock_offset.ahead_by_more(found.lead)
        statistics = client.statistics()
    return Extracted(
        frame=found.changed,
        beside={"gone_orders": pd.DataFrame({"record_id": sorted(found.gone)}, dtype="int64")},
        read=found.read,
        requests=statistics.requests,
        unreadable=found.unreadable,
        notes={
            "left_out": found.left_out,
            "without_meta": found.without_meta,
            "unclear": found.unclear,
            "last_id": found.last_id,
            "started_at": started_at.isoformat(),
            "read_until": read_until(window).isoformat(),
            "store_ahead_by": ahead.to_json(),
        },
        metadata={
            "read": found.read,
            "gone": len(found.gone),
            **statistics.to_metadata(),
            "window_start": window.start.isoformat() if window.start else "the beginning",
            "window_end": window.end.isoformat(),
        },
    )


def customers(step: Step) -> Extracted:
    """Registered customers that are new, changed or gone.

    The daily sync reads all of them and compares their content, because WooCommerce cannot tell which ones
    changed. The live sync reads new registrations, the customers of the orders that changed, and those whose
    account the sensor saw to have changed.
    """
    with (
        connect(step.source, now=step.database.now) as client,
        step.show_progress("reading customers") as advance,
    ):
        found, finding = _customers_read(step, client, advance)
        statistics = client.statistics()
        warnings = reading_warnings(step, found, notice=client.first_notice)
    roles = found.roles or {}
    return Extracted(
        frame=found.changed,
        beside={
            "user_roles": pa.table([list(roles), list(map(list, roles.values()))], schema=ROLES_SCHEMA),
            "gone_customers": pd.DataFrame({"record_id": sorted(found.gone)}, dtype="int64"),
        },
        read=found.read,
        requests=statistics.requests,
        unreadable=found.unreadable,
        warnings=warnings,
        notes={
            "last_id": found.last_id,
            "saved_unseen": found.saved_unseen,
            "roles_are_known": found.roles is not None,
        },
        metadata={
            "read": found.read,
            "gone": len(found.gone),
            **statistics.to_metadata(),
            "reading": "all customers" if step.is_sweep else "touched customers",
        },
        findings={ALL_RECORDS_WERE_READ: finding},
    )


def _customers_read(
    step: Step, client: StoreClient, advance: Callable[[int], None]
) -> tuple[CustomersRead, Finding]:
    """The customers, and whether they are all that the store counts."""
    database, source = step.database, step.source
    if step.is_sweep:
        found = sweep(client, database, source, since=_latest_sweep_by_the_store(step), progress=advance)
        in_store = customers_up_to(client, found.last_id)
        return found, all_were_read(read=found.read + found.left_out, in_store=in_store)
    named = step.read("orders").columns("customer_id")["customer_id"]
    found = touched(
        client,
        database,
        source,
        last_id=last_customer_id(step.watermark.cursor) if step.watermark else 0,
        customer_ids={*named, *map(int, step.options[CUSTOMER_IDS.name])},
        progress=advance,
    )
    return found, Finding(True, "a live reading does not read all customers")


def guest_orders(step: Step) -> Extracted:
    """Of the changed orders, those of guests.

    An order that once named a customer and now names none belongs to a customer who was deleted: it makes
    no guest.
    """
    return Extracted(frame=guest_orders_of(step.database, step.source, step.read("orders").table))


def tags(step: Step) -> Extracted:
    """Tags of products, which become groups of those who bought them.

    The daily sync reads the tags of all products, the live sync those of bought products that are new to it.
    Tags of customers come with the customers: WooCommerce itself has none, plugins keep them in their meta.
    """
    changed_orders = step.read("orders").table
    with connect(step.source, now=step.database.now) as client:
        found = read_product_tags(client, step.database, step.source, changed_orders, is_sweep=step.is_sweep)
        statistics = client.statistics()
    rows = [(product_id, list(names)) for product_id, names in sorted(found.items())]
    frame = pd.DataFrame(rows, columns=TAGS_SCHEMA.names)
    return Extracted(
        frame=frame, read=len(frame), requests=statistics.requests, metadata=statistics.to_metadata()
    )


_DESCRIBED = {
    "role": "Roles of the user, one a line.",
    "meta": "The meta under the configured keys, as JSON; absent where the store withholds it.",
    "status": "The order's status.",
    "customer_id": "The customer whom the order names; 0 for none, -1 where that cannot be read.",
    "is_renewal": "Whether a subscription made it by itself: what it says of consent is a copy.",
    "is_anonymised": "Whether the store has erased its person.",
    "product_ids": "Products that were ordered.",
    "product_id": "Id of a product.",
    "tags": "Names of its tags.",
    **{
        f"{kind}_{name}": f"{name.replace('_', ' ').capitalize()} of the {kind} address, as it was typed."
        for kind, name in ADDRESS_FIELDS
    },
}
_ASKS = frozenset({"woocommerce", "parquet"})
EXTRACTIONS = (
    Extraction(
        orders,
        columns=ORDER_SCHEMA,
        described=_DESCRIBED,
        record_type="order",
        kinds=_ASKS,
        options=[READ_ALL_ORDERS],
    ),
    Extraction(
        customers,
        columns=CUSTOMER_SCHEMA,
        described=_DESCRIBED,
        after=["orders"],
        record_type="customer",
        kinds=_ASKS,
        options=[CUSTOMER_IDS],
        checks=[ALL_RECORDS_WERE_READ],
    ),
    Extraction(
        guest_orders,
        columns=ORDER_SCHEMA,
        described=_DESCRIBED,
        after=["orders"],
        kinds=frozenset({"pandas", "parquet"}),
    ),
    Extraction(tags, columns=TAGS_SCHEMA, described=_DESCRIBED, after=["orders"], kinds=_ASKS),
)


def _window(step: Step, client: StoreClient, *, started_at: datetime, is_full: bool) -> OrderWindow:
    # The store's own clock dates its orders; its first answer has told it.
    store_now = client.server_time or started_at
    mark, first_day = step.watermark, step.source.orders_from
    if mark is not None:
        ahead = client.clock_offset.lowest
        mark = watermark_by(step.database, step.source.key, mark, store_now=store_now, store_ahead=ahead)
    return order_window(
        range_start=step.range_start,
        range_end=step.range_end,
        is_sweep=step.is_sweep,
        watermark=mark,
        orders_from=midnight(first_day, step.timezone) if first_day else None,
        store_now=store_now,
        whole_history=is_full,
    )


def _orders_to_prove(step: Step, *, is_full: bool) -> set[int]:
    """The known guest orders that this sync finds out about: those of its days, or all."""
    if is_full:
        return known_guest_orders(step.database, step.source.key)
    sevenths = sevenths_due(step.first_day, step.last_day)
    return known_guest_orders(step.database, step.source.key, parts=SEVENTHS, chosen=sevenths)


def _latest_sweep_by_the_store(step: Step) -> datetime | None:
    """When the latest complete reading before this one began, as late as that can be by the store's clock."""
    began = latest_sweep(step.database, step.source.key, run_id=step.run_id)
    return began and began + ClockOffset.from_json(step.read("orders").notes["store_ahead_by"]).highest
