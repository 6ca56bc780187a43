"""Reading a store: orders, customers, guest orders, tags."""

from datetime import datetime, timedelta

import dagster as dg
import pandas as pd
import pyarrow as pa
from pydantic import Field

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.config.settings import Settings, SourceSettings
from woo_sync_pipeline.orchestration.asset_options import asset_options
from woo_sync_pipeline.orchestration.checks import Check, check_result, check_specs
from woo_sync_pipeline.orchestration.step import TIMES_HEALED, SyncStep, sync_step
from woo_sync_pipeline.sources.woocommerce.completeness import customers_up_to
from woo_sync_pipeline.sources.woocommerce.known import (
    known_guest_orders,
    last_customer_id,
    last_order_id,
)
from woo_sync_pipeline.sources.woocommerce.orders import order_statuses
from woo_sync_pipeline.sources.woocommerce.reading import (
    CustomersRead,
    guest_orders,
    read_orders,
    read_product_tags,
    sweep,
    sweep_orders,
    touched,
)
from woo_sync_pipeline.sources.woocommerce.records import CUSTOMER_SCHEMA, ORDER_SCHEMA
from woo_sync_pipeline.sources.woocommerce.statistics import RequestStatistics
from woo_sync_pipeline.sources.woocommerce.window import SEVENTHS, order_window, read_until, sevenths_due
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.records import latest_sweep
from woo_sync_pipeline.steps.days import midnight
from woo_sync_pipeline.steps.findings import Finding, all_were_read

ROLES_SCHEMA = arrow_schema({"user_id": "bigint", "roles": "text[]"})
TAG_COLUMNS = {"product_id": "int64", "tags": "list<string>"}
META_WITHHELD = (
    "the store withholds the meta of customers, because the key is not an administrator's (or a plugin empties it): "
    "choices and tags kept there are not read"
)
ORDERS_WITHOUT_META = (
    "{count:,} orders came without their meta: choices made with them are not seen. A plugin empties it (some do so "
    "with orders in another currency): update it, then run woo-sync sync --full"
)
HIDDEN_KEYS = (
    "WooCommerce hides the meta {keys} of customers: who opts out under it in My account cannot be seen. "
    "docs/consent.md has a snippet for the shop that makes it visible (consent.mirrored_by)"
)
LEFT_OUT = (
    "{count:,} customers or orders bear an id that is no number of at most 64 bits: they are left out (see the lines "
    "with does_not_fit), and nobody is taken for gone until that is mended in the store"
)

ROLES_UNTOLD = (
    "the store does not tell which roles there are (OPTIONS customers), so that groups.roles: all cannot be had: the "
    "first role of each user counts"
)
UNCLEAR = (
    "{count:,} known guest orders are in no list of the store and yet not known to be deleted: their guests stay. Look "
    "for orders with the status of a plugin that is switched off, or for a plugin that hides orders from the key"
)


def wrong_clock(lead: timedelta) -> str:
    """Says by how much this machine's clock is ahead of PostgreSQL's (negative: behind)."""
    by = timedelta(seconds=round(abs(lead).total_seconds()))
    return (
        f"the clock of this machine is {by} {'ahead of' if lead > timedelta() else 'behind'} PostgreSQL's, which "
        "is used instead: set it right"
    )


class ReadConfig(dg.Config):
    """How to read orders."""

    whole_history: bool = Field(
        default=False,
        description="Read all orders (with orders_from in the configuration: all that changed since then) instead of "
        "those that changed in the chosen days. With the daily job, which reads all customers anyway, this is a full "
        "re-sync; it sends only what differs.",
    )


class TouchedConfig(dg.Config):
    """Which customers to read beside those whom orders name."""

    customer_ids: list[int] = Field(
        default=[],
        description="Customers that a live sync reads in any case: the sensor names those whose account changed.",
    )


def extraction_assets(
    settings: Settings, source: SourceSettings, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """The assets that read one store."""

    @dg.asset(**asset_options(source, partitions, kinds={"woocommerce", "parquet"}, columns=ORDER_SCHEMA))
    def orders(context: dg.AssetExecutionContext, config: ReadConfig) -> dg.MaterializeResult:
        """Orders that changed in the window, everyone's: choices made at the checkout, products bought.

        Of every status but drafts. Orders that are known in their present form are left out. The first sync of
        a store reads its whole history, and so does one with `whole_history` in its configuration. The daily sync also
        finds orders that were added with a date of long ago, and proves a seventh of the known guest orders to be still
        in the store.
        """
        with sync_step(context, source) as step:
            started_at = step.database.now()
            with step.connect_store() as client, step.show_progress("reading orders") as advance:
                statuses = order_statuses(client)
                # The store's own clock dates its orders; its first answer has told it.
                store_now = client.server_time or started_at
                window = order_window(
                    range_start=step.range_start,
                    range_end=step.range_end,
                    is_sweep=step.is_sweep,
                    watermark=step.watermark_by(store_now, store_ahead=client.clock_offset.lowest),
                    orders_from=midnight(source.orders_from, settings.timezone)
                    if source.orders_from
                    else None,
                    store_now=store_now,
                    whole_history=config.whole_history,
                )
                if step.is_sweep:
                    found = sweep_orders(
                        client,
                        step.database,
                        source,
                        window,
                        statuses=statuses,
                        to_prove=_orders_to_prove(step, is_full=config.whole_history),
                        last_id=last_order_id(step.database, source.key),
                        progress=advance,
                    )
                else:
                    found = read_orders(
                        client, step.database, source, window, statuses=statuses, progress=advance
                    )
                # Orders bear the time of this clock: it is measured, and what else the store shows of it is heeded.
                ahead = client.clock_offset.ahead_by_more(found.lead)
                statistics = client.statistics()
                notes = {
                    "read": found.read,
                    "left_out": found.left_out,
                    "without_meta": found.without_meta,
                    "unreadable": found.unreadable,
                    "unclear": found.unclear,
                    "last_id": found.last_id,
                    "requests": statistics.requests,
                    "started_at": started_at.isoformat(),
                    "read_until": read_until(window).isoformat(),
                    "store_ahead_by": ahead.to_json(),
                    "warnings": [TIMES_HEALED] if step.has_healed else [],
                }
            step.write("orders", found.changed, notes=notes)
            step.write("gone_orders", pd.DataFrame({"record_id": sorted(found.gone)}, dtype="int64"))
            return step.result(
                found.changed.num_rows,
                read=found.read,
                gone=len(found.gone),
                **statistics.to_metadata(),
                window_start=window.start.isoformat() if window.start else "the beginning",
                window_end=window.end.isoformat(),
            )

    @dg.asset(
        **asset_options(
            source,
            partitions,
            kinds={"woocommerce", "parquet"},
            columns=CUSTOMER_SCHEMA,
            upstream=["orders"],
            check_specs=check_specs(dg.AssetKey([source.key, "customers"]), [Check.all_records_were_read]),
        )
    )
    def customers(context: dg.AssetExecutionContext, config: TouchedConfig) -> dg.MaterializeResult:
        """Registered customers that are new, changed or gone.

        The daily sync reads all of them and compares their content, because WooCommerce cannot tell which ones
        changed. The live sync reads new registrations, the customers of the orders that changed, and those whose
        account the sensor saw to have changed.
        """
        with sync_step(context, source) as step:
            with step.connect_store() as client, step.show_progress("reading customers") as advance:
                if step.is_sweep:
                    found = sweep(
                        client,
                        step.database,
                        source,
                        since=_latest_sweep_by_the_store(step),
                        progress=advance,
                    )
                    in_store = customers_up_to(client, found.last_id)
                    finding = all_were_read(read=found.read + found.left_out, in_store=in_store)
                else:
                    found = touched(
                        client,
                        step.database,
                        source,
                        last_id=last_customer_id(step.watermark.cursor) if step.watermark else 0,
                        customer_ids={
                            *step.read("orders").columns("customer_id")["customer_id"],
                            *config.customer_ids,
                        },
                        progress=advance,
                    )
                    finding = Finding(True, "a live reading does not read all customers")
                statistics = client.statistics()
                notice = client.first_notice
            return _stage_customers(step, found, finding, statistics, notice=notice)

    @dg.asset(
        **asset_options(
            source, partitions, kinds={"pandas", "parquet"}, columns=ORDER_SCHEMA, upstream=["orders"]
        ),
        name="guest_orders",
    )
    def guests(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Of the changed orders, those of guests.

        An order that once named a customer and now names none belongs to a customer who was deleted: it makes
        no guest.
        """
        with sync_step(context, source) as step:
            found = guest_orders(step.database, source, step.read("orders").table)
            step.write("guest_orders", found)
            return step.result(found.num_rows)

    @dg.asset(
        **asset_options(
            source, partitions, kinds={"woocommerce", "parquet"}, columns=TAG_COLUMNS, upstream=["orders"]
        )
    )
    def tags(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        """Tags of products, which become groups of those who bought them.

        The daily sync reads the tags of all products, the live sync those of bought products that are new to it.
        Tags of customers come with the customers: WooCommerce itself has none, plugins keep them in their meta.
        """
        with sync_step(context, source) as step:
            changed_orders = step.read("orders").table
            with step.connect_store() as client:
                found = read_product_tags(
                    client, step.database, source, changed_orders, is_sweep=step.is_sweep
                )
                statistics = client.statistics()
            rows = [(product_id, list(names)) for product_id, names in sorted(found.items())]
            frame = pd.DataFrame(rows, columns=list(TAG_COLUMNS))
            step.write("tags", frame, notes={"read": len(frame), "requests": statistics.requests})
            return step.result(len(frame), **statistics.to_metadata())

    return [orders, customers, guests, tags]


def _orders_to_prove(step: SyncStep, *, is_full: bool) -> set[int]:
    """The known guest orders that this sync finds out about: those of its days, or all."""
    if is_full:
        return known_guest_orders(step.database, step.source.key)
    sevenths = sevenths_due(step.first_day, step.last_day)
    return known_guest_orders(step.database, step.source.key, parts=SEVENTHS, chosen=sevenths)


def _latest_sweep_by_the_store(step: SyncStep) -> datetime | None:
    """When the latest complete reading before this one began, as late as that can be by the store's clock."""
    began = latest_sweep(step.database, step.source.key, run_id=step.run_id)
    return began and began + ClockOffset.from_json(step.read("orders").notes["store_ahead_by"]).highest


def _stage_customers(
    step: SyncStep, found: CustomersRead, finding: Finding, statistics: RequestStatistics, *, notice: str
) -> dg.MaterializeResult:
    reads_customer_meta = any(not key.startswith("_") for key in step.source.meta_keys)
    warnings = [META_WITHHELD] if found.meta_withheld and reads_customer_meta else []
    if step.is_sweep and step.source.consent.hidden_keys:
        warnings.append(HIDDEN_KEYS.format(keys=", ".join(step.source.consent.hidden_keys)))
    if found.roles_untold:
        warnings.append(ROLES_UNTOLD)
    orders = step.read("orders").notes
    if orders["without_meta"] and step.source.consent.keys:
        warnings.append(ORDERS_WITHOUT_META.format(count=orders["without_meta"]))
    left_out = found.left_out + orders["left_out"]
    if left_out:
        warnings.append(LEFT_OUT.format(count=left_out))
    if orders["unclear"]:
        warnings.append(UNCLEAR.format(count=orders["unclear"]))
    if notice:
        warnings.append(f"the store's JSON is not as it should be, and was read all the same: {notice}")
    if step.database.clock_lead:
        warnings.append(wrong_clock(step.database.clock_lead))
    for warning in warnings:
        step.context.log.warning(f"{step.source.key}: {warning}")
    step.write(
        "customers",
        found.changed,
        notes={
            "read": found.read,
            "requests": statistics.requests,
            "last_id": found.last_id,
            "saved_unseen": found.saved_unseen,
            "unreadable": found.unreadable,
            "warnings": warnings,
        },
    )
    roles = found.roles or {}
    step.write(
        "user_roles",
        pa.table([list(roles), list(map(list, roles.values()))], schema=ROLES_SCHEMA),
        notes={"are_known": found.roles is not None},
    )
    step.write("gone_customers", pd.DataFrame({"record_id": sorted(found.gone)}, dtype="int64"))
    return step.result(
        found.changed.num_rows,
        [check_result(Check.all_records_were_read, finding)],
        read=found.read,
        gone=len(found.gone),
        **statistics.to_metadata(),
        reading="all customers" if step.is_sweep else "touched customers",
    )
