"""What people and plugins do to customers, and whether each of it moves the modification date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from woo_sync_pipeline.demo.store.records import Customer, Meta
from woo_sync_pipeline.demo.store.state import StoreState, stored_form

ADDRESS_FIELDS = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "postcode",
    "country",
    "state",
    "email",
    "phone",
)
ADDRESS_KEYS = frozenset(
    {"first_name", "last_name"}
    | {f"billing_{name}" for name in ADDRESS_FIELDS}
    | {f"shipping_{name}" for name in ADDRESS_FIELDS if name != "email"}
)
"""User meta that have a place of their own in a customer's answer; all others are its meta_data."""


class CustomerActions(StoreState):
    """The acts of shoppers, staff and plugins on users."""

    def register_customer(
        self,
        *,
        email: str,
        first_name: str = "",
        last_name: str = "",
        username: str = "",
        billing: Mapping[str, str] | None = None,
        shipping: Mapping[str, str] | None = None,
        meta: Mapping[str, Any] | None = None,
        roles: Iterable[str] = ("customer",),
        registered_at: datetime | None = None,
        modified_at: datetime | None = None,
    ) -> int:
        """Register a user and return its id. The modification date is null unless `modified_at` sets one.

        `billing` and `shipping` are keyed as in the API (`phone`, `country`, …). Times are tz-aware.
        """
        with self.lock:
            user_id = next(self.next_user_id)
            address = {"first_name": first_name, "last_name": last_name}
            address.update((f"billing_{key}", value) for key, value in (billing or {}).items())
            address.update((f"shipping_{key}", value) for key, value in (shipping or {}).items())
            login = username or f"user{user_id}"
            self.index_customer(
                Customer(
                    id=user_id,
                    username=login,
                    email=email,
                    display_name=f"{first_name} {last_name}".strip() or login,
                    roles=list(roles),
                    registered_at=_whole_second(registered_at) or self.now(),
                    modified_at=_whole_second(modified_at),
                    address=address,
                    meta=self.entries(dict(meta or {})),
                )
            )
            return user_id

    def save_profile(self, customer_id: int, **fields: str) -> None:
        """Save the profile page, changed or not: moves the modification date.

        `fields`: email, display_name, username, first_name, last_name, billing_…, shipping_….
        """
        with self.lock:
            customer = self.customers[customer_id]
            for name, value in fields.items():
                if name in ("email", "display_name", "username"):
                    setattr(customer, name, value)
                elif name in ADDRESS_KEYS:
                    customer.address[name] = value
                else:
                    raise ValueError(f"a profile has no field {name!r}")
            self._moved(customer)

    def visit(self, customer_id: int) -> None:
        """Look at a page of the store, logged in: analytics note it, unless they noted a visit within five minutes."""
        with self.lock:
            noted = self.last_active.get(customer_id)
            if noted is None or self.now() - noted >= timedelta(minutes=5):
                self.last_active[customer_id] = self.now()

    def put_customer(
        self, customer_id: int, *, fields: Mapping[str, str], meta: Mapping[str, Any] | None = None
    ) -> None:
        """Save through the API (fields as in `save_profile`): moves the modification date, whatever is sent."""
        with self.lock:
            customer = self.customers[customer_id]
            for key, value in (meta or {}).items():
                self._write_meta(customer, key, value)
            self.save_profile(customer_id, **fields)

    def set_user_meta(self, customer_id: int, key: str, value: Any) -> None:
        """Write one user meta directly, the usual way of plugins.

        Moves the modification date only when an existing first_name, last_name, billing_… or shipping_…
        changes its value. Added for the first time, or any other key (consent, tags): does not move it.
        """
        with self.lock:
            customer = self.customers[customer_id]
            tracked = key in ("first_name", "last_name") or key.startswith(("billing_", "shipping_"))
            known = customer.address.get(key) if key in ADDRESS_KEYS else _value(customer.meta.get(key))
            if key in ADDRESS_KEYS:
                customer.address[key] = str(value)
            else:
                self._write_meta(customer, key, value)
            self.customers_version += 1
            if tracked and known is not None and known != stored_form(value):
                self._moved(customer)

    def delete_user_meta(self, customer_id: int, key: str) -> None:
        """Delete one user meta directly: never moves the modification date. Absent keys are no error."""
        with self.lock:
            customer = self.customers[customer_id]
            customer.address.pop(key, None)
            customer.meta.pop(key, None)
            self.customers_version += 1

    def set_roles(self, customer_id: int, roles: Iterable[str]) -> None:
        """Replace the roles (an empty list is a user without role): does not move the modification date."""
        with self.lock:
            self.customers[customer_id].roles = list(roles)
            self.customers_version += 1

    def delete_customer(self, customer_id: int) -> None:
        """Delete a user for good: each of its orders becomes a guest order, and those orders are modified."""
        with self.lock:
            self.unindex_customer(customer_id)
            for order_id in sorted(self.orders_of_customer.get(customer_id, ())):
                order = self.unindex_order(order_id)
                order.customer_id = 0
                order.modified_at = self.now()
                self.index_order(order)

    def mark_paying(self, customer_id: int) -> None:
        """Note that a customer has paid: moves the modification date the first time only."""
        with self.lock:
            customer = self.customers.get(customer_id)
            if customer is not None and not customer.is_paying:
                customer.is_paying = True
                self._moved(customer)

    def _write_meta(self, customer: Customer, key: str, value: Any) -> None:
        known = customer.meta.get(key)
        meta_id = known.id if known else next(self.next_meta_id)
        customer.meta[key] = Meta(meta_id, stored_form(value))

    def _moved(self, customer: Customer) -> None:
        customer.modified_at = self.now()
        self.customers_version += 1


def _value(entry: Meta | None) -> Any:
    return entry.value if entry else None


def _whole_second(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(microsecond=0) if moment else None
