"""What shoppers and staff do to orders. Every save moves an order's modification date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from woo_sync_pipeline.demo.store.customers import CustomerActions
from woo_sync_pipeline.demo.store.records import LineItem, Meta, Order
from woo_sync_pipeline.demo.store.state import stored_form


class OrderActions(CustomerActions):
    """The acts on orders."""

    def place_order(
        self,
        *,
        customer_id: int = 0,
        billing: Mapping[str, str] | None = None,
        shipping: Mapping[str, str] | None = None,
        product_ids: Iterable[int] = (),
        status: str = "processing",
        meta: Mapping[str, Any] | None = None,
        created_at: datetime | None = None,
        modified_at: datetime | None = None,
        created_via: str = "checkout",
    ) -> int:
        """Place an order (`customer_id` 0: a guest) and return its id.

        Created and modified now, unless told otherwise (tz-aware; `NO_DATE`: as imported without a modification date).
        A registered customer's modification date moves only when the order is completed and is the customer's first.
        """
        with self.lock:
            order = self.make_order(
                customer_id=customer_id,
                billing=billing or {},
                shipping=shipping or {},
                product_ids=product_ids,
                status=status,
                meta=meta or {},
                created_at=(created_at or self.now()),
                modified_at=(modified_at or created_at or self.now()),
                created_via=created_via,
            )
            self.index_order(order)
            if status == "completed":
                self.mark_paying(customer_id)
            return order.id

    def make_order(
        self,
        *,
        customer_id: int,
        billing: Mapping[str, str],
        shipping: Mapping[str, str],
        product_ids: Iterable[int],
        status: str,
        meta: Mapping[str, Any],
        created_at: datetime,
        modified_at: datetime,
        created_via: str = "checkout",
    ) -> Order:
        """Make an order without entering it: `index_order` or `load_orders` does that. Raises ValueError."""
        if status not in self.order_statuses and status not in ("trash", "auto-draft"):
            raise ValueError(f"the store has no order status {status!r}")
        created = created_at.astimezone(UTC).replace(microsecond=0)
        modified = modified_at.astimezone(UTC).replace(microsecond=0)
        items = []
        for product_id in product_ids:
            product = self.products[product_id]
            items.append(LineItem(next(self.next_item_id), product_id, product.name, product.price))
        return Order(
            id=next(self.next_post_id),
            status=status,
            customer_id=customer_id,
            created_at=created,
            modified_at=modified,
            billing=dict(billing),
            shipping=dict(shipping),
            items=tuple(items),
            meta=self.entries(dict(meta)),
            created_via=created_via,
            completed_at=modified if status == "completed" else None,
        )

    def set_order_status(self, order_id: int, status: str) -> None:
        """Give an order another status: moves the order, and the customer on its first completed order."""
        self.update_order(order_id, status=status)

    def update_order(
        self,
        order_id: int,
        *,
        status: str | None = None,
        customer_id: int | None = None,
        billing: Mapping[str, str] | None = None,
        shipping: Mapping[str, str] | None = None,
        meta: Mapping[str, Any] | None = None,
        modified_at: datetime | None = None,
    ) -> None:
        """Save an order, also without any change: moves its modification date (to `modified_at` if given).

        `billing`, `shipping` and `meta` are merged into what is there.
        """
        if status is not None and status not in self.order_statuses and status != "trash":
            raise ValueError(f"the store has no order status {status!r}")
        with self.lock:
            order = self.unindex_order(order_id)
            order.status = status or order.status
            order.customer_id = order.customer_id if customer_id is None else customer_id
            order.billing.update(billing or {})
            order.shipping.update(shipping or {})
            for key, value in (meta or {}).items():
                known = order.meta.get(key)
                order.meta[key] = Meta(known.id if known else next(self.next_meta_id), stored_form(value))
            order.modified_at = (modified_at or self.now()).astimezone(UTC).replace(microsecond=0)
            if status == "completed" and order.completed_at is None:
                order.completed_at = order.modified_at
            self.index_order(order)
            if status == "completed":
                self.mark_paying(order.customer_id)

    def trash_order(self, order_id: int) -> None:
        """Put an order into the trash: it leaves `status=any` and its modification date moves."""
        with self.lock:
            self.orders[order_id].status_before_trash = self.orders[order_id].status
            self.update_order(order_id, status="trash")

    def untrash_order(self, order_id: int) -> None:
        """Take an order out of the trash, with the status it had: its modification date moves."""
        with self.lock:
            self.update_order(order_id, status=self.orders[order_id].status_before_trash or "pending")

    def erase_person(self, email: str, *, orders: bool = True) -> None:
        """Erase somebody as WordPress' tool does: the customer's addresses and, if the shop wants it, the orders.

        The account stays with its address, its name and its meta. Orders keep their choices, and are nobody's.
        """
        with self.lock:
            for customer in self.customers.values():
                if customer.email.lower() == email.lower():
                    for name in list(customer.address):
                        if name.startswith(("billing_", "shipping_")):
                            del customer.address[name]
                    self._moved(customer)
            for order in list(self.orders.values()) if orders else ():
                owner = self.customers.get(order.customer_id)
                if email.lower() in (
                    order.billing.get("email", "").lower(),
                    owner.email.lower() if owner else "",
                ):
                    self._anonymise(order)

    def _anonymise(self, order: Order) -> None:
        for address in (order.billing, order.shipping):
            for name in address:
                address[name] = {"phone": "0000 000 000", "email": "deleted@site.invalid"}.get(
                    name, "[deleted]"
                )
            if "country" in address:
                address["country"] = ""
        self.update_order(order.id, customer_id=0, meta={"_anonymized": "yes"})

    def delete_order(self, order_id: int) -> None:
        """Delete an order for good: nothing of it remains."""
        with self.lock:
            self.unindex_order(order_id)
