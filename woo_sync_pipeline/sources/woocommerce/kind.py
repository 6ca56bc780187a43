"""WooCommerce as a kind of source. What takes long to import is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from woo_sync_pipeline.sources.base import (
    KEPT_FROM_OTHERS,
    CheckLine,
    Discovered,
    Extraction,
    Look,
    Question,
    SourceKind,
    SourceStep,
)
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings

if TYPE_CHECKING:
    from woo_sync_pipeline.contacts.normalise import RawRecords
    from woo_sync_pipeline.state.database import Database
    from woo_sync_pipeline.state.records import Reading
    from woo_sync_pipeline.state.syncs import Watermark


class WooCommerce(SourceKind[WooCommerceSettings]):
    """Customers, guests and tags of WooCommerce stores."""

    type_name = "woocommerce"
    settings = WooCommerceSettings
    daily_reading = "reads all customers and the orders of the chosen days"
    live_looking = (
        "whether an order changed, and by turns whether a customer registered or the account of an active one "
        "changed"
    )

    label = "WooCommerce"
    noun = "store"
    questions = (
        Question(
            "url", "url", "The store's address", "The store's address, such as https://shop.example.com."
        ),
        Question(
            "consumer_key",
            "consumer-key",
            "Its API key (ck_…)",
            f"The store's API key, ck_…. {KEPT_FROM_OTHERS}",
            variable="WOO_KEY",
            begins="ck_",
            place="WooCommerce > Settings > Advanced > REST API",
        ),
        Question(
            "consumer_secret",
            "consumer-secret",
            "Its secret (cs_…)",
            "Its secret, cs_….",
            variable="WOO_SECRET",
            begins="cs_",
            place="WooCommerce > Settings > Advanced > REST API",
        ),
    )
    first_sections = ("    consent:", "      mode: explicit", "      meta_keys: []")

    @property
    def extractions(self) -> Sequence[Extraction]:
        """See `extractions.py`."""
        from woo_sync_pipeline.sources.woocommerce.extractions import EXTRACTIONS

        return EXTRACTIONS

    def records(self, step: SourceStep[WooCommerceSettings]) -> Iterator[RawRecords]:
        """Customers and orders; guests and customers hold a contact, other orders carry choices and products."""
        from woo_sync_pipeline.sources.woocommerce.normalise import raw_portions

        return raw_portions(
            step.source,
            customers=step.read("customers").portions(),
            orders=step.read("orders").portions(),
            guest_order_ids=step.read("guest_orders").columns("record_id")["record_id"],
        )

    def reading(self, step: SourceStep[WooCommerceSettings]) -> Reading:
        """What is gone, the tags of products, and how far the store has been read."""
        from woo_sync_pipeline.sources.woocommerce.normalise import reading_of

        return reading_of(step)

    def check(self, source: WooCommerceSettings) -> Iterator[CheckLine]:
        """Try the store; see `check.py`."""
        from woo_sync_pipeline.sources.woocommerce.check import check_lines

        return check_lines(source)

    def timezone(self, values: Mapping[str, str]) -> str | None:
        """The time zone that the store's index tells. The key is not sent."""
        from woo_sync_pipeline.sources.woocommerce.client import timezone_of

        return timezone_of(**values)

    def discover(self, source: WooCommerceSettings, *, everything: bool) -> Discovered:
        """Where the store keeps consent and tags; see `discovery/`."""
        from woo_sync_pipeline.sources.woocommerce.discovery.discover import discover_source

        return discover_source(source, everything=everything).shown()

    def look(
        self, source: WooCommerceSettings, database: Database, mark: Watermark, memory: Mapping[str, Any]
    ) -> Look:
        """See `live.look_at_store`."""
        from woo_sync_pipeline.sources.woocommerce.live import look_at_store

        return look_at_store(source, database, mark, memory)


WOOCOMMERCE = WooCommerce()
