"""Counts of the meta of made-up records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from woo_sync_pipeline.contacts.consent import ConsentRules
from woo_sync_pipeline.sources.woocommerce.discovery.counting import MetaCounts, RecordKind

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def counted(
    customers: Iterable[Mapping[str, Any] | None] = (),
    orders: Iterable[Mapping[str, Any] | None] = (),
    *,
    rules: ConsentRules | None = None,
    tag_keys: Iterable[str] = (),
) -> MetaCounts:
    """What is counted of these metas, all of one moment."""
    counts = MetaCounts(rules=rules or ConsentRules(), tag_keys=tuple(tag_keys))
    for kind, metas in ((RecordKind.customers, customers), (RecordKind.orders, orders)):
        for meta in metas:
            counts.add(kind, meta, at=NOON)
    return counts


def with_values(key: str, *values: Any) -> list[dict[str, Any]]:
    """One meta for each value under this key."""
    return [{key: value} for value in values]
