"""What is asked of a store (`_fields`), and what of an answer is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from woo_sync_pipeline.sources.woocommerce.client import Row
from woo_sync_pipeline.sources.woocommerce.values import items_of

_ADDRESS_PARTS = ("first_name", "last_name", "phone", "country")
ADDRESS_FIELDS = (
    *(("billing", name) for name in (*_ADDRESS_PARTS, "email")),
    *(("shipping", name) for name in _ADDRESS_PARTS),
)
"""What is used of the two addresses."""
ADDRESS_COLUMNS = tuple(map("_".join, ADDRESS_FIELDS))
_ADDRESSES = tuple(map(".".join, ADDRESS_FIELDS))

# meta_data is always among a customer's fields: only its absence from the answer tells that it is withheld.
CUSTOMER_FIELDS = ",".join(
    (
        *("id", "date_created_gmt", "date_modified_gmt", "email", "first_name", "last_name", "role"),
        *_ADDRESSES,
        "meta_data",
    )
)

# line_items whole: WordPress cannot pick a field out of the objects of a list.
ORDER_FIELDS = ",".join(
    (
        *("id", "status", "date_created_gmt", "date_modified_gmt", "customer_id", "created_via"),
        *_ADDRESSES,
        *("line_items", "meta_data"),
    )
)

RENEWAL_META_KEYS = ("_subscription_renewal",)
"""Meta that a subscription plugin writes into the orders that it makes by itself, whatever is configured."""

ANONYMISED_META_KEY = "_anonymized"
"""Meta that is `yes` on an order of which WordPress' erasers have taken the person away."""


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list, also of one with holes; none when it is null, no list, or holds other things."""
    return [item for item in items_of(value) if isinstance(item, dict)]


def part(row: Row, name: str) -> dict[str, Any]:
    """An object within a row; empty when it is null or `[]`, which PHP writes for an empty object."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def is_empty(value: object) -> bool:
    """Whether a meta value says nothing at all: PHP stores null and false as an empty text."""
    return (
        value is None or value is False or value in ([], {}) or (isinstance(value, str) and not value.strip())
    )


def keep_used(row: Row, *, meta_keys: Collection[str]) -> Row:
    """A copy of a customer or order with only the configured meta and the product ids of its lines.

    The meta that tells renewals and anonymised orders is kept as well: only orders have it, since customers show no key
    that begins with `_`. Meta of which nothing is left but empty objects counts as withheld. What plugins hang onto a
    record is often most of its size, and is none of our business.
    """
    kept = dict(row)
    if "meta_data" in row:
        used = (*meta_keys, *RENEWAL_META_KEYS, ANONYMISED_META_KEY)
        items = objects(row["meta_data"])
        kept["meta_data"] = [item for item in items if item.get("key") in used]
        if items and not any(item.get("key") for item in items):
            # Plugins that copy orders leave only empty objects in it: that is no meta that says nothing.
            del kept["meta_data"]
    if "line_items" in row:
        kept["line_items"] = [{"product_id": item.get("product_id")} for item in objects(row["line_items"])]
    return kept
