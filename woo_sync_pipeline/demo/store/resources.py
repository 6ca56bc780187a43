"""The collections of the API: their parameters, how rows are found and built, what a wrong id says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from woo_sync_pipeline.demo.store import params as p
from woo_sync_pipeline.demo.store import query as q
from woo_sync_pipeline.demo.store import rows
from woo_sync_pipeline.demo.store.data import StoreData

Schema = dict[str, p.Parser]
_IDS = p.list_of(p.integer())


@dataclass(frozen=True)
class Resource:
    """One collection below /wp-json/wc/v3/."""

    path: str
    schema: Callable[[StoreData], Schema]
    find: Callable[[StoreData, Mapping[str, Any]], q.Found]
    table: Callable[[StoreData], Mapping[int, Any]]
    version: Callable[[StoreData], int]
    builders: Callable[[StoreData, str, bool], rows.Builders]
    invalid_id: tuple[str, str]
    # A customer's id is checked together with the permission, hence without an Allow header.
    invalid_id_has_allow: bool = True
    # Users and terms count the page from the offset, orders and products take the page parameter's word.
    page_from_offset: bool = False
    # An order query that finds nothing on a page counts nothing at all.
    empty_page_has_total: bool = True

    def build(self, data: StoreData, root: str, *, shows_meta: bool) -> rows.Builders:
        """Return the builders of a row; `root` is the API's address, ending in /wc/v3."""
        return self.builders(data, root, shows_meta)


def _common(orderby: list[str]) -> Schema:
    return {
        "context": p.one_of(["view", "edit"]),
        "page": p.integer(1),
        "per_page": p.integer(1, 100),
        "search": p.text,
        "exclude": _IDS,
        "include": _IDS,
        "offset": p.integer(),
        "order": p.one_of(["asc", "desc"]),
        "orderby": p.one_of(orderby),
    }


def _dated(schema: Schema) -> Schema:
    bounds = ("after", "before", "modified_after", "modified_before")
    return schema | dict.fromkeys(bounds, p.date) | {"dates_are_gmt": p.boolean}


def _customer_schema(data: StoreData) -> Schema:
    schema = _common(["id", "include", "name", "registered_date"])
    return schema | {"email": p.email, "role": p.one_of(["all", *data.roles])}


def _order_schema(data: StoreData) -> Schema:
    schema = _dated(_common(["date", "id", "include", "title", "slug", "modified"]))
    statuses = ["any", "trash", "auto-draft", *data.order_statuses]
    more: Schema = {"customer": p.integer(), "product": p.integer(), "dp": p.integer()}
    return schema | more | {"status": p.list_of(p.one_of(statuses))}


def _product_schema(_data: StoreData) -> Schema:
    orders = ["date", "modified", "id", "include", "title", "slug", "price", "popularity", "rating"]
    statuses = ["any", "future", "trash", "draft", "pending", "private", "publish"]
    more: Schema = {"tag": p.list_of(p.text), "status": p.one_of(statuses)}
    return _dated(_common([*orders, "menu_order", "post__in"])) | more


def _tag_schema(_data: StoreData) -> Schema:
    orders = ["id", "include", "name", "slug", "term_group", "description", "count"]
    more: Schema = {"hide_empty": p.boolean, "product": p.integer(), "slug": p.text}
    return _common(orders) | more


CUSTOMERS = Resource(
    path="customers",
    schema=_customer_schema,
    find=q.find_customers,
    table=lambda data: data.customers,
    version=lambda data: data.customers_version,
    builders=lambda data, root, shows_meta: rows.customer_builders(data, root, shows_meta=shows_meta),
    invalid_id=("wc_user_invalid_id", "Invalid user ID."),
    invalid_id_has_allow=False,
    page_from_offset=True,
)
ORDERS = Resource(
    path="orders",
    schema=_order_schema,
    find=q.find_orders,
    table=lambda data: data.orders,
    version=lambda data: data.orders_version,
    builders=lambda data, root, _: rows.order_builders(data, root),
    invalid_id=("woocommerce_rest_shop_order_invalid_id", "Invalid ID."),
    empty_page_has_total=False,
)
PRODUCTS = Resource(
    path="products",
    schema=_product_schema,
    find=q.find_products,
    table=lambda data: data.products,
    version=lambda data: data.products_version,
    builders=lambda data, root, _: rows.product_builders(data, root),
    invalid_id=("woocommerce_rest_product_invalid_id", "Invalid ID."),
)
TAGS = Resource(
    path="products/tags",
    schema=_tag_schema,
    find=q.find_tags,
    table=lambda data: data.tags,
    version=lambda data: data.products_version,
    builders=lambda data, root, _: rows.tag_builders(data, root),
    invalid_id=("woocommerce_rest_term_invalid", "Resource does not exist."),
    page_from_offset=True,
)
RESOURCES = {resource.path: resource for resource in (CUSTOMERS, ORDERS, PRODUCTS, TAGS)}
