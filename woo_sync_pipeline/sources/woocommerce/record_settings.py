"""Whether records must be read anew because the settings that decide about them changed."""

from __future__ import annotations

import json
from collections.abc import Callable

from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings

NORMALISATION_VERSION = 1
"""Part of every hash: raise it when records shall be read anew because they are normalised differently."""

Progress = Callable[[int], None]
"""Told how many more rows were read."""


def settings_fingerprint(source: WooCommerceSettings) -> str:
    """What a record's contact depends on beside the record: changed settings make all records count as changed."""
    relevant = {
        "version": NORMALISATION_VERSION,
        "default_region": source.default_region,
        "consent": source.consent.basis,
        "groups": source.groups.meta_keys,
        "roles": source.groups.roles,
        "names": source.groups.name_format,
    }
    return json.dumps(relevant, sort_keys=True)
