"""Is a store fit to be synced? What it says of itself, and what would go wrong later."""

from __future__ import annotations

import html
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from woo_sync_pipeline.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.woocommerce.errors import (
    StoreAuthError,
    StoreBlockedError,
    StoreFilterIgnoredError,
    StoreRouteMissingError,
)
from woo_sync_pipeline.woocommerce.fields import part
from woo_sync_pipeline.woocommerce.orders import order_statuses

_MOST_CLOCK_SKEW = 120.0


@dataclass(frozen=True)
class StoreCheck:
    """What a store told. `timezone` is a name, or `UTC+10` for a store that has only an offset.

    A store that does not tell its name is called by its host.
    """

    name: str
    woocommerce_version: str
    timezone: str
    customers_total: int
    customer_meta_visible: bool
    warnings: tuple[str, ...]


def check_store(
    client: StoreClient, *, needs_customer_meta: bool, statuses: Collection[str] = ()
) -> StoreCheck:
    """Try everything that a sync will need: customers, orders, their statuses, products, date filters.

    Seven requests. `needs_customer_meta` says that consent or tags are read from customers' meta data; `statuses`
    are those of orders that the store is expected to have. Raises StoreError when the store cannot be synced; what
    can be lived with is among the `warnings`.
    """
    index = _index(client)
    namespaces = index.get("namespaces")
    if isinstance(namespaces, list) and namespaces and "wc/v3" not in namespaces:
        raise StoreRouteMissingError(
            source=client.settings.source, tried="GET /", got="WordPress without the API wc/v3 of WooCommerce"
        )
    # Customers first: of all requests this one tells best what is wrong with a key.
    customers = client.get_list(
        "customers",
        {"role": "all", "orderby": "id", "order": "asc", "per_page": 1, "_fields": "id,meta_data"},
    )
    status = client.get_object("system_status", {"_fields": "environment.version"})
    client.get_list("orders", {"per_page": 1, "_fields": "id"})
    client.get_list("products", {"per_page": 1, "_fields": "id"})
    _check_date_filter(client)
    missing = _missing_statuses(client, statuses)
    visible = any("meta_data" in row for row in customers.rows)
    return StoreCheck(
        name=_name(client, index),
        woocommerce_version=str(part(status, "environment").get("version") or "unknown"),
        timezone=_timezone(index),
        customers_total=len(customers.rows) if customers.total is None else customers.total,
        customer_meta_visible=visible,
        warnings=(*missing, *_warnings(client, meta_missing=needs_customer_meta and not visible)),
    )


def _index(client: StoreClient) -> Row:
    """WordPress' index, or nothing: security plugins close it to those without a login, and a sync needs it not."""
    try:
        return client.get_object("/", {"_fields": "name,gmt_offset,timezone_string,namespaces"})
    except (StoreAuthError, StoreBlockedError):
        return {}


def _name(client: StoreClient, index: Row) -> str:
    return html.unescape(str(index.get("name") or "")).strip() or urlsplit(client.settings.url).hostname or ""


def _check_date_filter(client: StoreClient) -> None:
    """An old WooCommerce ignores the filter without a word and would give every order for every window."""
    future: dict[str, str | int] = {
        "modified_after": "2999-01-01T00:00:00",
        "dates_are_gmt": "true",
        "per_page": 1,
        "_fields": "id",
    }
    if client.get_list("orders", future).rows:
        raise StoreFilterIgnoredError(
            source=client.settings.source,
            tried="GET orders modified after the year 2999",
            got="orders, so modified_after is ignored",
        )


def _missing_statuses(client: StoreClient, statuses: Collection[str]) -> list[str]:
    known = order_statuses(client)
    unknown = ", ".join(status for status in statuses if status not in known)
    if not unknown:
        return []
    return [f"The store has no order status {unknown}: nothing comes from there. It has {', '.join(known)}."]


def _warnings(client: StoreClient, *, meta_missing: bool) -> list[str]:
    found = []
    if meta_missing:
        found.append(
            "The store withholds customers' meta data, so their consent and tags cannot be read: the API key "
            "must belong to an administrator (WooCommerce > Settings > Advanced > REST API, field User)."
        )
    if client.notices:
        found.append(
            f"The store prints text before its JSON ({client.first_notice}): set WP_DEBUG_DISPLAY to false in "
            "wp-config.php, or update the plugin that does it."
        )
    url = urlsplit(client.settings.url)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        found.append(
            "The url is http: the key is safe (requests are signed), but customers' names and phones cross "
            "the network in the clear. Use the store's https:// url."
        )
    if client.server_time is not None:
        skew = abs((datetime.now(UTC) - client.server_time).total_seconds())
        if skew > _MOST_CLOCK_SKEW:
            found.append(
                f"The store's clock and this machine's differ by {skew:.0f} seconds: set both by NTP. Signed "
                "requests over http fail from 900 seconds on."
            )
    return found


def _timezone(index: Row) -> str:
    name = str(index.get("timezone_string") or "")
    offset = index.get("gmt_offset")
    if name or isinstance(offset, bool) or not isinstance(offset, int | float | str):
        return name or "time zone unknown"
    return f"UTC{float(offset or 0):+g}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
