"""Keys that belong together: the time of a choice, and the visible copy of a key that is hidden on customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from woo_sync_pipeline.sources.woocommerce.discovery.counting import KeyCount, MetaCounts, RecordKind
from woo_sync_pipeline.sources.woocommerce.discovery.key_names import (
    ADDRESS_FIELD,
    CHECKOUT_FIELD,
    DATE_ENDING,
    words_of_key,
)

CountsByKey: TypeAlias = Mapping[str, Mapping[RecordKind, KeyCount]]
"""What was counted, by key and by the kind of record."""


def date_keys(by_key: CountsByKey) -> Iterator[tuple[str, str]]:
    """For keys that customers show, the key of the same name that holds nothing but dates."""
    for date_key, found in by_key.items():
        count = found.get(RecordKind.customers)
        key = DATE_ENDING.sub("", date_key)
        if (
            key != date_key
            and count is not None
            and count.records == count.dates > 0
            and not date_key.startswith("_")
            and RecordKind.customers in by_key.get(key, {})
        ):
            yield key, date_key


def visible_copies(by_key: CountsByKey, counts: MetaCounts) -> Iterator[tuple[str, str]]:
    """For keys that customers show, the key of orders that the store hides on them and that holds the same choice."""
    for hidden, found in by_key.items():
        if not hidden.startswith("_") or RecordKind.orders not in found:
            continue
        for key, other in by_key.items():
            if (
                RecordKind.customers in other
                and not key.startswith("_")
                and _is_copy(key, hidden, is_on_orders=RecordKind.orders in other)
                and counts.purpose(hidden) is counts.purpose(key)
            ):
                yield key, hidden
                break


def _is_copy(key: str, hidden: str, *, is_on_orders: bool) -> bool:
    of_address = ADDRESS_FIELD.fullmatch(hidden)
    if of_address is not None:
        return key == of_address["copy"]
    of_checkout = CHECKOUT_FIELD.fullmatch(hidden)
    if of_checkout is None or is_on_orders:
        return False
    field = words_of_key(of_checkout["field"])
    return words_of_key(key) in (field, f"{words_of_key(of_checkout['namespace'])}_{field}")
