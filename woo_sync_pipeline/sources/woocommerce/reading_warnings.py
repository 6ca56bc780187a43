"""What a report says of a reading that saw less than it should, and whether all customers were read."""

from __future__ import annotations

from woo_sync_pipeline.sources.base import Finding, SourceStep
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.customer_changes import CustomersRead
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE, newest_page
from woo_sync_pipeline.sources.woocommerce.row_ids import row_id, settled
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


def customers_up_to(client: StoreClient, last_id: int) -> int | None:
    """How many customers with an id up to `last_id` the store holds now.

    None when too many registered since, or when the store does not count. One answer has both the number of all
    and the newest: who registered since is subtracted. Customers whose id cannot be read are
    counted with the others. Raises StoreError.
    """
    asked = {"role": "all", "_fields": "id"}
    page = settled(lambda: newest_page(client, "customers", asked, most=PAGE_SIZE))
    newer = sum((row_id(row) or 0) > last_id for row in page.rows)
    return None if page.total is None or newer >= PAGE_SIZE else page.total - newer


def all_were_read(*, read: int, in_store: int | None) -> Finding:
    """A sweep has met at least as many customers as the store then counts among those it had a chance to meet.

    `in_store` counts after the walk, without who registered since: who was deleted meanwhile was read and is no
    longer counted, so a good walk never reads less. None: the store changed too fast to be counted.
    """
    if in_store is None:
        return Finding(True, "not judged: a hundred people or more registered while it was counted")
    return Finding(
        read >= in_store,
        "read {read:,} customers of a store that holds {in_store:,} of them",
        {"read": read, "in_store": in_store},
    )
