"""What a store keeps: keys, people, orders, products, tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

NO_DATE = datetime.min.replace(tzinfo=UTC)
"""Stands for a modification date that is null, as migration tools leave it: shown as null, found by no bound."""

Permissions = Literal["read", "write", "read_write"]
UserRole = Literal["administrator", "shop_manager", "customer"]


@dataclass(frozen=True)
class ApiKey:
    """A REST API key of the store and the user it belongs to."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    permissions: Permissions = "read"
    user_role: UserRole = "administrator"

    @property
    def may_read(self) -> bool:
        """Whether GET and HEAD are allowed."""
        return self.permissions != "write"

    @property
    def may_write(self) -> bool:
        """Whether POST, PUT, PATCH and DELETE are allowed."""
        return self.permissions != "read"


@dataclass(frozen=True, slots=True)
class Meta:
    """One meta entry: its id in the store's table and its value as it would come out of JSON."""

    id: int
    value: Any


@dataclass(slots=True)
class Customer:
    """A user of the store. `address` holds only the user meta that exist (first_name, billing_phone, …)."""

    id: int
    username: str
    email: str
    display_name: str
    roles: list[str]
    registered_at: datetime
    modified_at: datetime | None
    address: dict[str, str]
    meta: dict[str, Meta]
    is_paying: bool = False


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of an order, as it was bought: the product may be gone by now."""

    id: int
    product_id: int
    name: str
    price: int
    quantity: int = 1


@dataclass(slots=True)
class Order:
    """An order; `customer_id` 0 is a guest. Addresses are keyed without prefix (`phone`, `email`, …)."""

    id: int
    status: str
    customer_id: int
    created_at: datetime
    modified_at: datetime
    billing: dict[str, str]
    shipping: dict[str, str]
    items: tuple[LineItem, ...]
    meta: dict[str, Meta]
    created_via: str = "checkout"
    completed_at: datetime | None = None
    status_before_trash: str = ""


@dataclass(slots=True)
class Product:
    """A product of the catalogue with the ids of its tags."""

    id: int
    name: str
    status: str
    price: int
    tag_ids: list[int]
    created_at: datetime
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Tag:
    """A product tag; the name is kept as WordPress keeps it, entity-encoded."""

    id: int
    name: str
    slug: str
