"""The settings of a store out of a configuration of sources of all kinds."""

from __future__ import annotations

from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings


def woocommerce(source: SourceSettings) -> WooCommerceSettings:
    """A source that is a WooCommerce store."""
    assert isinstance(source, WooCommerceSettings)
    return source
