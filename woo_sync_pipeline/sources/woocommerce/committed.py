"""What a commit needs to know of a reading of a store but its records."""

from __future__ import annotations

from datetime import datetime

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.sources.base import SourceStep
from woo_sync_pipeline.sources.woocommerce.known import next_cursor, replace_roles
from woo_sync_pipeline.sources.woocommerce.normalise import CUSTOMER, ORDER
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.records import Reading


def reading_of(step: SourceStep[WooCommerceSettings]) -> Reading:
    """What the extractions of one sync found, but for the records themselves."""
    orders, customers = step.read("orders").notes, step.read("customers").notes
    tags, roles = step.read("tags").frame, step.read("user_roles").frame
    read_roles = dict(roles.itertuples(index=False, name=None)) if customers["roles_are_known"] else None
    return Reading(
        records=(),
        started_at=datetime.fromisoformat(orders["started_at"]),
        read_until=datetime.fromisoformat(orders["read_until"]),
        gone={
            record_type: step.read(frame).frame["record_id"].astype(str).tolist()
            for record_type, frame in ((CUSTOMER, "gone_customers"), (ORDER, "gone_orders"))
        },
        item_tags={str(number): names for number, names in tags.itertuples(index=False, name=None)},
        cursor=next_cursor(
            step.watermark.cursor if step.watermark else {},
            customer_id=customers["last_id"],
            order_id=orders["last_id"],
        ),
        source_clock=ClockOffset.from_json(orders["store_ahead_by"]),
        beside=replace_roles(step.source.key, read_roles),
    )
