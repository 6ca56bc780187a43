"""What a commit needs to know of a reading of a store but its records."""

from __future__ import annotations

from datetime import datetime

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.sources.base import SourceStep
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.records import Reading


def reading_of(step: SourceStep[WooCommerceSettings]) -> Reading:
    """What the extractions of one sync found, but for the records themselves."""
    orders, customers = step.read("orders").notes, step.read("customers").notes
    roles = step.read("user_roles").frame
    return Reading(
        records=(),
        gone_customer_ids=step.read("gone_customers").frame["record_id"].tolist(),
        product_tags=dict(step.read("tags").frame.itertuples(index=False, name=None)),
        started_at=datetime.fromisoformat(orders["started_at"]),
        read_until=datetime.fromisoformat(orders["read_until"]),
        last_customer_id=customers["last_id"],
        store_clock=ClockOffset.from_json(orders["store_ahead_by"]),
        gone_order_ids=step.read("gone_orders").frame["record_id"].tolist(),
        last_order_id=orders["last_id"],
        roles=dict(roles.itertuples(index=False, name=None)) if customers["roles_are_known"] else None,
    )
