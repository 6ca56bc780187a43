"""Customers and orders as records that fit the state, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from woo_sync_pipeline.sources.woocommerce.normalise import raw_portions
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.steps.fit import NormalisedRecords, fit_records


def normalised_records(
    source: WooCommerceSettings,
    *,
    customers: pd.DataFrame,
    orders: pd.DataFrame,
    guest_order_ids: Iterable[int],
) -> NormalisedRecords:
    of_customers, of_orders = (
        fit_records(raw, source=source.key, default_region=source.default_region)
        for raw in raw_portions(
            source, customers=[customers], orders=[orders], guest_order_ids=guest_order_ids
        )
    )
    refused_orders = of_orders.failures.assign(row_index=of_orders.failures["row_index"] + len(customers))
    return NormalisedRecords(
        pd.concat([of_customers.records, of_orders.records], ignore_index=True),
        pd.concat([of_customers.failures, refused_orders], ignore_index=True),
        of_customers.left_out + of_orders.left_out,
        Counter(of_customers.unread) + Counter(of_orders.unread),
    )
