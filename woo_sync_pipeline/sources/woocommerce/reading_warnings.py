"""What a report says of a reading that saw less than it should."""

from __future__ import annotations

from woo_sync_pipeline.sources.base import SourceStep
from woo_sync_pipeline.sources.woocommerce.customer_changes import CustomersRead
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings

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


def reading_warnings(
    step: SourceStep[WooCommerceSettings], found: CustomersRead, *, notice: str
) -> list[str]:
    """Sentences about what was read of customers and, before them, of orders; `notice`: what stood beside the JSON."""
    read, consent = step.read("orders").notes, step.source.consent
    reads_customer_meta = any(not key.startswith("_") for key in step.source.meta_keys)
    left_out = found.left_out + read["left_out"]
    told = {
        META_WITHHELD: found.meta_withheld and reads_customer_meta,
        HIDDEN_KEYS.format(keys=", ".join(consent.hidden_keys)): step.is_sweep and consent.hidden_keys,
        ROLES_UNTOLD: found.roles_untold,
        ORDERS_WITHOUT_META.format(count=read["without_meta"]): read["without_meta"] and consent.keys,
        LEFT_OUT.format(count=left_out): left_out,
        UNCLEAR.format(count=read["unclear"]): read["unclear"],
        f"the store's JSON is not as it should be, and was read all the same: {notice}": notice,
    }
    return [warning for warning, is_so in told.items() if is_so]
