"""The tables of a demo store, the sorted indexes over them, and the lock around both."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from woo_sync_pipeline.demo.store.phones import PhoneNumber
from woo_sync_pipeline.demo.store.records import ApiKey, Customer, Meta, Order, Product, Tag

ORDER_STATUSES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
}
"""Slug to name, as `/orders/statuses` lists them; trash is a status too, but not in the list."""

WOOCOMMERCE_VERSION = "11.0.1"
_ORDER_TABLES, _META_FOR_ADMINISTRATORS, _TABLES_BY_DEFAULT, _STATUS_LIST = (7, 1), (7, 3), (8, 2), (9, 6)

Moment = tuple[datetime, int]


def utc_now() -> datetime:
    """Return the present moment, UTC."""
    return datetime.now(UTC)


class StoreState:
    """Everything the store remembers. Every reader and writer holds `lock`."""

    def __init__(
        self,
        *,
        name: str = "Demo Store",
        timezone: str = "Australia/Sydney",
        woocommerce_version: str = WOOCOMMERCE_VERSION,
    ) -> None:
        self.lock = threading.RLock()
        self.name = name
        self.timezone = timezone
        self.woocommerce_version = woocommerce_version
        # How the shop is set up; None: as WooCommerce of this version sets up a new one.
        self.keeps_orders_in_tables: bool | None = None
        self.clock: Callable[[], datetime] = utc_now
        # A CDN in front of a store dates the answers itself, by real time.
        self.date_header_follows_clock = True
        # Analytics can be switched off in the settings of a store.
        self.has_analytics = True
        self.last_active: dict[int, datetime] = {}
        # Signatures are checked against real time even when a test freezes the store's own clock: the
        # client that signs them has only the real one.
        self.signature_clock: Callable[[], float] = time.time
        # Hosts and plugins cap pages below what WooCommerce allows, whatever is asked for.
        self.most_per_page = 100
        self.keys: list[ApiKey] = []
        self.phone_book: list[PhoneNumber] = []
        self.roles = ["administrator", "editor", "author", "contributor", "subscriber", "customer"]
        self.roles += ["shop_manager", "wholesale"]
        self.order_statuses = dict(ORDER_STATUSES)
        self.customers: dict[int, Customer] = {}
        self.orders: dict[int, Order] = {}
        self.products: dict[int, Product] = {}
        self.tags: dict[int, Tag] = {}
        self.cart_sessions: dict[str, dict[str, bool]] = {}
        self.field_mirrors: dict[str, tuple[str, str]] = {}
        self.subscriptions: dict[int, int] = {}
        self.customer_ids: list[int] = []
        self.order_ids: list[int] = []
        self.orders_by_created: list[Moment] = []
        self.orders_by_modified: dict[str, list[Moment]] = {}
        self.orders_of_customer: dict[int, set[int]] = {}
        self.customers_version = 0
        self.orders_version = 0
        self.products_version = 0
        self.next_user_id = count(1)
        self.next_post_id = count(10)
        self.next_item_id = count(1)
        self.next_meta_id = count(1)
        self.next_term_id = count(16)

    def key(self, *, permissions: str = "read", user_role: str = "administrator") -> ApiKey:
        """Return the first key with these permissions and owner; KeyError when the store has none."""
        for key in self.keys:
            if (key.permissions, key.user_role) == (permissions, user_role):
                return key
        raise KeyError(f"no {permissions} key of a user with the role {user_role}")

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor number of the version; ValueError when it has none."""
        major, minor = [*self.woocommerce_version.split("."), "0"][:2]
        return int(major), int(minor)

    @property
    def lists_order_statuses(self) -> bool:
        """Whether there is `/orders/statuses`: since WooCommerce 9.6."""
        return self.release >= _STATUS_LIST

    @property
    def has_order_tables(self) -> bool:
        """Whether orders are kept in tables of their own: possible since WooCommerce 7.1, the default since 8.2."""
        if self.release < _ORDER_TABLES:
            return False
        chosen = self.keeps_orders_in_tables
        return self.release >= _TABLES_BY_DEFAULT if chosen is None else chosen

    @property
    def keeps_meta_for_administrators(self) -> bool:
        """Whether customers' meta shows only to administrators' keys: since WooCommerce 7.3."""
        return self.release >= _META_FOR_ADMINISTRATORS

    def now(self) -> datetime:
        """Return the store's clock, UTC, without the fraction of a second: the store keeps none."""
        return self.clock().astimezone(UTC).replace(microsecond=0)

    def zone(self) -> ZoneInfo:
        """Return the store's time zone."""
        return ZoneInfo(self.timezone)

    def entries(self, values: dict[str, Any]) -> dict[str, Meta]:
        """Give each meta value an id."""
        return {key: Meta(next(self.next_meta_id), stored_form(value)) for key, value in values.items()}

    def index_customer(self, customer: Customer) -> None:
        """Enter a new customer."""
        self.customers[customer.id] = customer
        insort(self.customer_ids, customer.id)
        self.customers_version += 1

    def unindex_customer(self, customer_id: int) -> Customer:
        """Take a customer out; KeyError when there is none."""
        customer = self.customers.pop(customer_id)
        _remove(self.customer_ids, customer_id)
        self.customers_version += 1
        return customer

    def index_order(self, order: Order) -> None:
        """Enter an order into the table and every index over it."""
        self.orders[order.id] = order
        insort(self.order_ids, order.id)
        insort(self.orders_by_created, (order.created_at, order.id))
        insort(self.orders_by_modified.setdefault(order.status, []), (order.modified_at, order.id))
        self.orders_of_customer.setdefault(order.customer_id, set()).add(order.id)
        self.orders_version += 1

    def unindex_order(self, order_id: int) -> Order:
        """Take an order out of the table and every index; KeyError when there is none."""
        order = self.orders.pop(order_id)
        _remove(self.order_ids, order.id)
        _remove(self.orders_by_created, (order.created_at, order.id))
        _remove(self.orders_by_modified[order.status], (order.modified_at, order.id))
        self.orders_of_customer[order.customer_id].discard(order.id)
        self.orders_version += 1
        return order

    def load_orders(self, orders: Iterable[Order]) -> None:
        """Enter many orders at once: each index is sorted one time. An order may be entered only once."""
        for order in orders:
            self.orders[order.id] = order
            self.orders_of_customer.setdefault(order.customer_id, set()).add(order.id)
            self.orders_by_modified.setdefault(order.status, []).append((order.modified_at, order.id))
        self.order_ids = sorted(self.orders)
        self.orders_by_created = sorted((order.created_at, order.id) for order in self.orders.values())
        for index in self.orders_by_modified.values():
            index.sort()
        self.orders_version += 1


def _remove(index: list[Any], item: Any) -> None:
    del index[bisect_left(index, item)]


def stored_form(value: Any) -> Any:
    """Return a meta value as WordPress keeps it: True is "1", False and None are "", numbers are text."""
    if isinstance(value, bool) or value is None:
        return "1" if value else ""
    return str(value) if isinstance(value, int | float) else value
