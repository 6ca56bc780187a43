"""The fixed answers (index, statuses, system status) and the paging headers of lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from woo_sync_pipeline.demo.store import params as p
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.dates import parse_bound, to_local_text
from woo_sync_pipeline.demo.store.php import Query, build_query
from woo_sync_pipeline.demo.store.resources import RESOURCES, Resource


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


def order_options(data: StoreData) -> dict[str, Any]:
    """Return what OPTIONS /orders describes: of its arguments only the statuses."""
    statuses = ["any", "trash", "auto-draft", *data.order_statuses]
    listing = {"status": {"default": ["any"], "type": "array", "items": {"type": "string", "enum": statuses}}}
    creating = {
        "status": {"default": "pending", "type": "string", "enum": ["auto-draft", *data.order_statuses]}
    }
    endpoints = [{"methods": ["GET"], "args": listing}, {"methods": ["POST"], "args": creating}]
    return {"namespace": "wc/v3", "methods": ["GET", "POST"], "endpoints": endpoints}


def customer_options(data: StoreData) -> dict[str, Any]:
    """Return what OPTIONS /customers describes: of its arguments only the roles."""
    listing = {"role": {"default": "customer", "type": "string", "enum": ["all", *data.roles]}}
    creating = {"email": {"type": "string", "required": True}}
    endpoints = [{"methods": ["GET"], "args": listing}, {"methods": ["POST"], "args": creating}]
    return {"namespace": "wc/v3", "methods": ["GET", "POST"], "endpoints": endpoints}


ACTIVITY_SCHEMA = {
    "last_active_after": p.date,
    "user_type": p.one_of(["registered", "guest", "all"]),
    "orderby": p.one_of(["username", "name", "date_last_active", "date_registered", "total_spend"]),
    "order": p.one_of(["asc", "desc"]),
    "page": p.integer(1),
    "per_page": p.integer(1, 100),
}


def active_customers(data: StoreData, params: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Return a page of /wc-analytics/reports/customers, and how many there are: registered users who were ever seen."""
    after = params.get("last_active_after")
    bound = parse_bound(after, dates_are_gmt=True, zone=data.zone()) if after else None
    seen = [
        (moment, user)
        for user, moment in data.last_active.items()
        if user in data.customers and (bound is None or moment >= bound)
    ]
    if params.get("user_type") == "guest":
        seen = []
    seen.sort(reverse=params.get("order", "desc") == "desc")
    size = params.get("per_page", 10)
    start = (params.get("page", 1) - 1) * size
    rows = [
        {"id": user, "user_id": user, "date_last_active": to_local_text(moment, data.zone())}
        for moment, user in seen[start : start + size]
    ]
    return rows, len(seen)


def order_totals(data: StoreData) -> list[dict[str, Any]]:
    """Return /reports/orders/totals: how many orders of each status there are, trash left out."""
    counts = Counter(order.status for order in data.orders.values())
    return [{"slug": slug, "name": name, "total": counts[slug]} for slug, name in data.order_statuses.items()]


def system_status(data: StoreData, home: str) -> dict[str, Any]:
    """Return /system_status: the parts that a client may rely on."""
    version = data.woocommerce_version
    storage = {"HPOS_enabled": data.has_order_tables} if data.release >= (7, 1) else {}
    plugin = {
        "plugin": "woocommerce/woocommerce.php",
        "name": "WooCommerce",
        "version": version,
        "version_latest": version,
        "url": "https://woocommerce.com/",
        "author_name": "Automattic",
        "author_url": "https://woocommerce.com",
        "network_activated": False,
    }
    return {
        "environment": {
            "home_url": home,
            "site_url": home,
            "version": version,
            "wp_version": "7.0.4",
            "wp_multisite": False,
            "php_version": "8.2.36",
            "secure_connection": home.startswith("https:"),
        },
        "database": {"wc_database_version": version},
        "active_plugins": [plugin],
        "settings": {"api_enabled": False, "currency": "AUD", **storage},
    }
