"""The JSON rows of the API: one table of builders per kind of record, so that only asked fields are built."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from woo_sync_pipeline.demo.store.customers import ADDRESS_FIELDS
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.dates import to_gmt_text, to_local_text
from woo_sync_pipeline.demo.store.params import is_email
from woo_sync_pipeline.demo.store.records import NO_DATE, Customer, LineItem, Meta, Order, Product, Tag

Builders = dict[str, Callable[[Any], Any]]
_SHIPPING_FIELDS = tuple(name for name in ADDRESS_FIELDS if name != "email")
_ORDER_ADDRESS = (*ADDRESS_FIELDS[:6], "state", "postcode", "country")
_ALL_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def customer_builders(data: StoreData, root: str, *, shows_meta: bool) -> Builders:
    """Return the builders of a customer's row. Without `shows_meta` the field meta_data does not exist."""
    zone = data.zone()

    def address(prefix: str, names: tuple[str, ...]) -> Callable[[Customer], dict[str, str]]:
        keys = [(name, f"{prefix}_{name}") for name in names]
        return lambda customer: {name: customer.address.get(key, "") for name, key in keys}

    billing = address("billing", ADDRESS_FIELDS)

    def checked_billing(customer: Customer) -> dict[str, str]:
        shown = billing(customer)
        if shown["email"] and not is_email(shown["email"]):
            shown["email"] = ""
        return shown

    def links(customer: Customer) -> dict[str, Any]:
        protected = {"administrator", "shop_manager"}.intersection(customer.roles)
        verbs = _ALL_VERBS[:-1] if protected else _ALL_VERBS
        return _links(root, "customers", customer.id, verbs)

    builders: Builders = {
        "id": lambda customer: customer.id,
        "date_created": lambda customer: _local(customer.registered_at if customer.id else None, zone),
        "date_created_gmt": lambda customer: _gmt(customer.registered_at if customer.id else None),
        "date_modified": lambda customer: _local(customer.modified_at, zone),
        "date_modified_gmt": lambda customer: _gmt(customer.modified_at),
        "email": lambda customer: customer.email,
        "first_name": lambda customer: customer.address.get("first_name", ""),
        "last_name": lambda customer: customer.address.get("last_name", ""),
        # A user without any role is shown as a customer, though the role filter does not find it.
        "role": lambda customer: customer.roles[0] if customer.roles else "customer",
        "username": lambda customer: customer.username,
        "billing": checked_billing,
        "shipping": address("shipping", _SHIPPING_FIELDS),
        "is_paying_customer": lambda customer: customer.is_paying,
        "avatar_url": _avatar,
        "meta_data": lambda customer: _meta(customer.meta, private=False),
        "_links": links,
    }
    if not shows_meta:
        del builders["meta_data"]
    return builders


def nobody() -> Customer:
    """Return what WooCommerce loads for a user who is gone: an object that was never filled."""
    return Customer(
        id=0,
        username="",
        email="",
        display_name="",
        roles=[],
        registered_at=datetime.min.replace(tzinfo=UTC),
        modified_at=None,
        address={},
        meta={},
    )


def order_builders(data: StoreData, root: str) -> Builders:
    """Return the builders of an order's row."""
    zone = data.zone()
    home = root.removesuffix("/wp-json/wc/v3")

    def pay_url(order: Order) -> str:
        return f"{home}/checkout/order-pay/{order.id}/?pay_for_order=true&key={_order_key(order)}"

    def links(order: Order) -> dict[str, Any]:
        mails = f"{root}/orders/{order.id}/actions/email_templates"
        extra = {"email_templates": [{"embeddable": True, "href": mails}]}
        return _links(root, "orders", order.id, _ALL_VERBS) | extra

    builders: Builders = {
        "id": lambda order: order.id,
        "parent_id": _always(0),
        "status": lambda order: order.status,
        "currency": _always("AUD"),
        "version": _always(data.woocommerce_version),
        "prices_include_tax": _always(False),
        "date_created": lambda order: to_local_text(order.created_at, zone),
        "date_modified": lambda order: _local(_dated(order.modified_at), zone),
    }
    for name in ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax"):
        builders[name] = _always("0.00")
    builders |= {
        "total": lambda order: f"{sum(item.price * item.quantity for item in order.items)}.00",
        "total_tax": _always("0.00"),
        "customer_id": lambda order: order.customer_id,
        "order_key": _order_key,
        "billing": lambda order: _address(order.billing, (*_ORDER_ADDRESS, "email", "phone")),
        "shipping": lambda order: _address(order.shipping, (*_ORDER_ADDRESS, "phone")),
    }
    for name in ("payment_method", "payment_method_title", "transaction_id", "customer_ip_address"):
        builders[name] = _always("")
    builders |= {
        "customer_user_agent": _always(""),
        "created_via": lambda order: order.created_via,
        "customer_note": _always(""),
        "date_completed": lambda order: _local(order.completed_at, zone),
        "date_paid": lambda order: _local(order.completed_at, zone),
        "cart_hash": _always(""),
        "number": lambda order: str(order.id),
        "meta_data": lambda order: _meta(order.meta, private=True),
        "line_items": lambda order: [_line_item(item, data) for item in order.items],
    }
    for name in ("tax_lines", "shipping_lines", "fee_lines", "coupon_lines", "refunds"):
        builders[name] = _always([])
    return builders | {
        "payment_url": pay_url,
        "is_editable": lambda order: order.status in ("pending", "on-hold", "checkout-draft"),
        "needs_payment": lambda order: order.status in ("pending", "failed"),
        "needs_processing": lambda order: bool(order.items),
        "date_created_gmt": lambda order: to_gmt_text(order.created_at),
        "date_modified_gmt": lambda order: _gmt(_dated(order.modified_at)),
        "date_completed_gmt": lambda order: _gmt(order.completed_at),
        "date_paid_gmt": lambda order: _gmt(order.completed_at),
        "currency_symbol": _always("$"),
        "_links": links,
    }


def product_builders(data: StoreData, root: str) -> Builders:
    """Return the builders of a product's row: the fields around tags, not the whole catalogue."""
    zone = data.zone()

    def tags(product: Product) -> list[dict[str, Any]]:
        known = (data.tags[tag_id] for tag_id in product.tag_ids)
        return [{"id": tag.id, "name": tag.name, "slug": tag.slug} for tag in known]

    return {
        "id": lambda product: product.id,
        "name": lambda product: product.name,
        "date_created": lambda product: to_local_text(product.created_at, zone),
        "date_created_gmt": lambda product: to_gmt_text(product.created_at),
        "date_modified": lambda product: to_local_text(product.modified_at, zone),
        "date_modified_gmt": lambda product: to_gmt_text(product.modified_at),
        "type": _always("simple"),
        "status": lambda product: product.status,
        "sku": lambda product: f"SKU-{product.id}",
        "price": lambda product: str(product.price),
        "regular_price": lambda product: str(product.price),
        "categories": _always([]),
        "tags": tags,
        "variations": _always([]),
        "meta_data": _always([]),
        "_links": lambda product: _links(root, "products", product.id, _ALL_VERBS),
    }


def tag_builders(data: StoreData, root: str) -> Builders:
    """Return the builders of a product tag's row; `count` counts published products only."""

    def links(tag: Tag) -> dict[str, Any]:
        return _links(root, "products/tags", tag.id, _ALL_VERBS)

    return {
        "id": lambda tag: tag.id,
        "name": lambda tag: tag.name,
        "slug": lambda tag: tag.slug,
        "description": _always(""),
        "count": lambda tag: data.tag_count(tag.id),
        "_links": links,
    }


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _links(root: str, collection: str, record_id: int, verbs: list[str]) -> dict[str, Any]:
    base = f"{root}/{collection}"
    own = {"href": f"{base}/{record_id}", "targetHints": {"allow": verbs}}
    return {"self": [own], "collection": [{"href": base}]}


def _meta(meta: dict[str, Meta], *, private: bool) -> list[dict[str, Any]]:
    return [
        {"id": entry.id, "key": key, "value": entry.value}
        for key, entry in meta.items()
        if private or not key.startswith("_")
    ]


def _address(known: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: known.get(name, "") for name in names}


def _line_item(item: LineItem, data: StoreData) -> dict[str, Any]:
    total = f"{item.price * item.quantity}.00"
    still_there = item.product_id in data.products
    return {
        "id": item.id,
        "name": item.name,
        "product_id": item.product_id if still_there else 0,
        "variation_id": 0,
        "quantity": item.quantity,
        "tax_class": "",
        "subtotal": total,
        "subtotal_tax": "0.00",
        "total": total,
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [],
        "sku": f"SKU-{item.product_id}" if still_there else None,
        "global_unique_id": "",
        "price": item.price,
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _order_key(order: Order) -> str:
    return "wc_order_" + hashlib.sha256(f"order {order.id}".encode()).hexdigest()[:13]


def _avatar(customer: Customer) -> str:
    digest = hashlib.sha256(customer.email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=96&d=mm&r=g"


def _dated(moment: datetime) -> datetime | None:
    return None if moment == NO_DATE else moment


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return to_local_text(moment, zone) if moment else None


def _gmt(moment: datetime | None) -> str | None:
    return to_gmt_text(moment) if moment else None
