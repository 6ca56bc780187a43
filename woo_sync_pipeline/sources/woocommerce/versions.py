"""Which WooCommerce a store runs, and what that version lacks of what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreError
from woo_sync_pipeline.sources.woocommerce.fields import part
from woo_sync_pipeline.sources.woocommerce.paging import newest_page

_VERSION = re.compile(r"(\d{1,3})(?:\.(\d{1,3})(?:\..{0,40})?)?(?:[-+].{0,40})?", re.ASCII)
_BLOCK_FIELD_PREFIXES = ("_wc_other/", "_wc_billing/", "_wc_shipping/")

Release = tuple[int, int]

ORDER_TABLES: Release = (7, 1)
"""The first version with order tables of their own (HPOS), which stores set up since 8.2 use unless told otherwise."""

BLOCK_FIELDS: Release = (8, 9)
"""The first version that keeps each field of the block checkout under a key of its own."""

STATUS_LIST: Release = (9, 6)
"""The first version with `orders/statuses`."""


@dataclass(frozen=True)
class StoreVersion:
    """text: as the store writes it, "" where it does not tell. is_at_least: it is that or newer.

    in_tables: whether orders are kept in tables of their own (HPOS); None: not told.
    """

    text: str = ""
    is_at_least: bool = False
    in_tables: bool | None = None

    @property
    def release(self) -> Release | None:
        """Major and minor number; None where it is not known exactly."""
        return None if self.is_at_least else release_of(self.text)

    def __str__(self) -> str:
        if not self.text:
            return "of a version that is not shown to this key"
        return (
            f"{self.text} or newer (the version is not shown to this key)" if self.is_at_least else self.text
        )


def release_of(text: str) -> Release | None:
    """The first two numbers of a version: (9, 6) for `9.6.0-rc.1`, (11, 0) for `11`; None for what is no version."""
    found = _VERSION.fullmatch(text.strip())
    return (int(found[1]), int(found[2] or 0)) if found else None


def find_version(client: StoreClient) -> StoreVersion:
    """Ask the store for its version; where the key may not see that, its newest order for the one that made it.

    One request, or two. `system_status` is for users who manage the shop, and asks other servers; each order names the
    version that it was made with. Where neither can be had the version is unknown: nothing else depends on it.
    """
    asked = {"_fields": "environment.version,settings.HPOS_enabled"}
    try:
        status = client.get_object("system_status", asked)
    except StoreError:
        return _of_newest_order(client)
    version = part(status, "environment").get("version")
    tables = part(status, "settings").get("HPOS_enabled")
    if not isinstance(version, str) or release_of(version) is None:
        return _of_newest_order(client)
    return StoreVersion(version.strip(), in_tables=tables if isinstance(tables, bool) else None)


def _of_newest_order(client: StoreClient) -> StoreVersion:
    try:
        rows = newest_page(client, "orders", {"_fields": "id,version"}).rows
    except StoreError:
        return StoreVersion()
    version = rows[0].get("version") if rows else None
    if not isinstance(version, str) or release_of(version) is None:
        return StoreVersion()
    return StoreVersion(version.strip(), is_at_least=True)


def lacking(version: StoreVersion) -> tuple[str, ...]:
    """What is missing in this version, or in how it is set up, and what is done instead; nothing has to be done."""
    release = version.release
    found = []
    if version.in_tables is False or (release is not None and release < ORDER_TABLES):
        found.append(
            "orders are kept as WordPress posts, which sort by local time: of the hour that repeats when daylight time "
            "ends, orders are read by their ids"
        )
    if release is not None and release < STATUS_LIST:
        found.append(
            "there is no list of order statuses before 9.6: they are taken from what OPTIONS orders describes"
        )
    return tuple(found)


def unwritten_keys(version: StoreVersion, keys: Collection[str]) -> list[str]:
    """Of these meta keys those that belong to fields of the block checkout and are not yet written by this version."""
    if version.release is None or version.release >= BLOCK_FIELDS:
        return []
    return [key for key in keys if key.startswith(_BLOCK_FIELD_PREFIXES)]
