"""The fixed answers (index, statuses, system status) and the paging headers of lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.php import Query, build_query
from woo_sync_pipeline.demo.store.resources import RESOURCES, Resource
from woo_sync_pipeline.demo.store.rows import VERSION


def paging_headers(
    resource: Resource, root: str, query: Query, params: Mapping[str, Any], total: int, has_rows: bool
) -> dict[str, str]:
    """Return X-WP-Total, X-WP-TotalPages and, when there is another page, Link.

    The links repeat every query parameter, credentials included; those of orders also spell out defaults.
    """
    per_page = params.get("per_page", 10)
    page_count = math.ceil(total / per_page)
    page = params.get("page", 1)
    if resource.page_from_offset and params.get("offset"):
        page = math.ceil(abs(params["offset"]) / per_page) + 1
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(page_count)}
    repeated = dict(query)
    if resource.path == "orders":
        statuses = repeated.pop("status", None)
        repeated["status"] = statuses or {"0": "any"}
        if has_rows:
            repeated = {**repeated, "dp": repeated.get("dp", "2"), "context": repeated.get("context", "view")}
    links = []
    if page > 1:
        links.append(_link(resource, root, repeated, min(page - 1, page_count), "prev"))
    if page < page_count:
        links.append(_link(resource, root, repeated, page + 1, "next"))
    if links:
        headers["Link"] = ", ".join(links)
    return headers


def _link(resource: Resource, root: str, query: Query, page: int, relation: str) -> str:
    return f'<{root}/{resource.path}?{build_query({**query, "page": page})}>; rel="{relation}"'


def site_index(data: StoreData, home: str) -> dict[str, Any]:
    """Return /wp-json/, which needs no key: who the site is and where it keeps its clock."""
    offset = data.now().astimezone(data.zone()).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0
    return {
        "name": data.name,
        "description": "",
        "url": home,
        "home": home,
        "gmt_offset": int(hours) if hours == int(hours) else hours,
        "timezone_string": data.timezone,
        "namespaces": ["oembed/1.0", "wc/v3", "wc/v2", "wc/v1", "wc-analytics", "wc/store/v1", "wp/v2"],
        "authentication": {},
        "routes": {
            f"/wc/v3/{path}": {"namespace": "wc/v3", "methods": ["GET", "POST"]} for path in RESOURCES
        },
    }


def namespace_index(data: StoreData, home: str) -> dict[str, Any]:
    """Return /wp-json/wc/v3."""
    return {"namespace": "wc/v3", "routes": site_index(data, home)["routes"]}


def order_statuses(data: StoreData) -> list[dict[str, str]]:
    """Return /orders/statuses: every status but trash."""
    return [{"slug": slug, "name": name} for slug, name in data.order_statuses.items()]


def system_status(home: str) -> dict[str, Any]:
    """Return /system_status: the parts that a client may rely on."""
    plugin = {
        "plugin": "woocommerce/woocommerce.php",
        "name": "WooCommerce",
        "version": VERSION,
        "version_latest": VERSION,
        "url": "https://woocommerce.com/",
        "author_name": "Automattic",
        "author_url": "https://woocommerce.com",
        "network_activated": False,
    }
    return {
        "environment": {
            "home_url": home,
            "site_url": home,
            "version": VERSION,
            "wp_version": "7.0.4",
            "wp_multisite": False,
            "php_version": "8.2.36",
            "secure_connection": home.startswith("https:"),
        },
        "database": {"wc_database_version": VERSION},
        "active_plugins": [plugin],
        "settings": {"api_enabled": False, "currency": "AUD", "HPOS_enabled": True},
    }
