"""Finding the ids that a list request asks for, from the sorted indexes, without sorting per request."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.dates import parse_bound
from woo_sync_pipeline.demo.store.records import NO_DATE, Customer, Order, Product, Tag
from woo_sync_pipeline.demo.store.state import Moment

HIDDEN_FROM_ANY = frozenset({"trash", "checkout-draft", "auto-draft"})
_PAGING = frozenset({"page", "per_page", "offset", "_fields", "context", "dp"})
_LAST = 1 << 62
_OTHER_ORDER_FILTERS = frozenset({"include", "exclude", "customer", "product", "search", "after", "before"})


class Found(Protocol):
    """What a query found: how many ids, and any stretch of them."""

    def __len__(self) -> int:
        """Count the ids."""

    def __getitem__(self, stretch: slice, /) -> list[int]:
        """Return the ids from and to these places."""


class _Merged:
    """Ids out of several sorted indexes, merged only as far as somebody reads.

    Whoever follows the modification dates asks for the first page again and again, each time from another
    date; merging 100,000 orders for each of these requests would be slower than the store it stands for.
    """

    def __init__(self, indexes: Iterable[list[Moment]], window: _Window, *, descending: bool) -> None:
        self._stretches = [(index, *window.places(index)) for index in indexes]
        self._descending = descending

    def __len__(self) -> int:
        return sum(end - start for _, start, end in self._stretches)

    def __getitem__(self, stretch: slice) -> list[int]:
        runs = [self._run(*stretch) for stretch in self._stretches]
        merged = heapq.merge(*runs, reverse=self._descending)
        return [order_id for _, order_id in itertools.islice(merged, stretch.start, stretch.stop)]

    def _run(self, index: list[Moment], start: int, end: int) -> Iterator[Moment]:
        places = range(end - 1, start - 1, -1) if self._descending else range(start, end)
        return (index[place] for place in places)


class ResultCache:
    """The id lists of the last few queries; a list is good as long as its table has not changed."""

    def __init__(self, size: int = 16) -> None:
        self._size = size
        self._known: OrderedDict[tuple[Any, ...], tuple[int, Found]] = OrderedDict()

    def get(self, kind: str, version: int, params: Mapping[str, Any], find: Callable[[], Found]) -> Found:
        """Return the ids for these parameters (paging left aside), asking `find` only when needed."""
        key = (kind, *(f"{name}={params[name]!r}" for name in sorted(params) if name not in _PAGING))
        known = self._known.get(key)
        if known is None or known[0] != version:
            known = (version, find())
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return known[1]


def page_of(ids: Found, params: Mapping[str, Any]) -> list[int]:
    """Cut one page out: `offset` wins over `page`."""
    per_page = params.get("per_page", 10)
    start = abs(params.get("offset", 0)) or (params.get("page", 1) - 1) * per_page
    return ids[start : start + per_page]


def find_customers(data: StoreData, params: Mapping[str, Any]) -> list[int]:
    """Return the ids of all users that match, in the order asked for (default: by display name)."""
    people = data.customers
    found = _narrowed(data.customer_ids, params)
    if (role := params.get("role", "customer")) != "all":
        found = [i for i in found if role in people[i].roles]
    if email := params.get("email", "").lower():
        found = [i for i in found if people[i].email.lower() == email]
    if needle := params.get("search", "").lower():
        found = [i for i in found if _user_mentions(people[i], needle)]
    orderby = params.get("orderby", "name")
    if orderby == "name":
        found = sorted(found, key=lambda i: people[i].display_name.casefold())
    elif orderby == "registered_date":
        found = sorted(found, key=lambda i: people[i].registered_at)
    elif orderby == "include":
        found = _as_included(found, params)
    return found if params.get("order", "asc") == "asc" else found[::-1]


def find_orders(data: StoreData, params: Mapping[str, Any]) -> Found:
    """Return the ids of all orders that match, in the order asked for (default: newest created first).

    Bounds are exclusive. The candidates come out of the index that is already in that order.
    """
    orders = data.orders
    created, modified = _windows(data, params)
    wanted = set(params.get("status") or ["any"])
    if "any" in wanted:
        wanted = set(data.order_statuses) - HIDDEN_FROM_ANY
    orderby, descending = params.get("orderby", "date"), params.get("order", "desc") == "desc"
    in_tables = data.has_order_tables
    if orderby == "modified" and in_tables and not (_OTHER_ORDER_FILTERS & params.keys()):
        indexes = [data.orders_by_modified.get(status, []) for status in sorted(wanted)]
        return _Merged(indexes, modified, descending=descending)
    found: Iterable[int]
    changed = _Merged(data.orders_by_modified.values(), modified, descending=False)
    if params.get("include"):
        found = sorted(_narrowed(data.order_ids, params), key=_order_key(data, orderby))
    elif params.get("customer"):
        found = sorted(data.orders_of_customer.get(params["customer"], ()), key=_order_key(data, orderby))
    elif orderby == "modified":
        found, modified = changed[:], _UNBOUNDED
    elif len(changed) * 8 < len(orders):
        found, modified = sorted(changed[:], key=_order_key(data, orderby)), _UNBOUNDED
    elif orderby in ("id", "include"):
        found = data.order_ids
    else:
        found, created = (
            [i for _, i in data.orders_by_created[slice(*created.places(data.orders_by_created))]],
            _UNBOUNDED,
        )
    ids = _narrowed_orders(orders, found, params, wanted, created, modified)
    if orderby == "include":
        ids = _as_included(ids, params)
    if orderby == "modified" and not in_tables:
        # Posts are sorted by local time, which repeats an hour each year, and nothing orders those of one second.
        zone = data.zone()
        ids.sort(key=lambda i: (orders[i].modified_at.astimezone(zone).replace(tzinfo=None), -i))
    return ids[::-1] if descending else ids


def _narrowed_orders(
    orders: Mapping[int, Order],
    found: Iterable[int],
    params: Mapping[str, Any],
    statuses: set[str],
    created: _Window,
    modified: _Window,
) -> list[int]:
    ids = [i for i in found if orders[i].status in statuses]
    if created.bounded:
        ids = [i for i in ids if created.holds(orders[i].created_at)]
    if modified.bounded:
        ids = [i for i in ids if modified.holds(orders[i].modified_at)]
    if (customer := params.get("customer")) is not None:
        ids = [i for i in ids if orders[i].customer_id == customer]
    if (product := params.get("product")) is not None:
        ids = [i for i in ids if any(item.product_id == product for item in orders[i].items)]
    if needle := params.get("search", "").lower():
        ids = [i for i in ids if _order_mentions(orders[i], needle)]
    if params.get("exclude") and not params.get("include"):
        unwanted = set(params["exclude"])
        ids = [i for i in ids if i not in unwanted]
    return ids


def find_products(data: StoreData, params: Mapping[str, Any]) -> list[int]:
    """Return the ids of all products that match, drafts included (default: newest created first)."""
    tags = {int(tag) for tag in params.get("tag", []) if tag.isdecimal()}
    status, needle = params.get("status", "any"), params.get("search", "").lower()
    created, modified = _windows(data, params)

    def matches(product: Product) -> bool:
        return (
            ("tag" not in params or not tags.isdisjoint(product.tag_ids))
            and (product.status != "trash" if status == "any" else product.status == status)
            and needle in product.name.lower()
            and created.holds(product.created_at)
            and modified.holds(product.modified_at)
        )

    found = [i for i in _narrowed(sorted(data.products), params) if matches(data.products[i])]
    orderby = params.get("orderby", "date")
    keys: dict[str, Callable[[Product], Any]] = {
        "date": lambda product: product.created_at,
        "modified": lambda product: product.modified_at,
        "title": lambda product: product.name.casefold(),
    }
    if orderby in keys:
        found.sort(key=lambda i: keys[orderby](data.products[i]))
    elif orderby == "include":
        found = _as_included(found, params)
    return found if params.get("order", "desc") == "asc" else found[::-1]


def find_tags(data: StoreData, params: Mapping[str, Any]) -> list[int]:
    """Return the ids of all product tags that match (default: by name)."""
    needle = params.get("search", "").lower()

    def matches(tag: Tag) -> bool:
        return needle in tag.name.lower() and params.get("slug", tag.slug) == tag.slug

    found = [i for i in _narrowed(sorted(data.tags), params) if matches(data.tags[i])]
    if params.get("hide_empty"):
        found = [i for i in found if data.tag_count(i)]
    orderby = params.get("orderby", "name")
    if orderby == "include":
        found = _as_included(found, params)
    elif orderby == "count":
        found.sort(key=data.tag_count)
    elif orderby in ("name", "slug"):
        found.sort(key=lambda i: getattr(data.tags[i], orderby).casefold())
    return found if params.get("order", "asc") == "asc" else found[::-1]


def _narrowed(ids: list[int], params: Mapping[str, Any]) -> list[int]:
    # The include list wins: WordPress looks at exclude only without it.
    if params.get("include"):
        return _present(sorted(set(params["include"])), ids)
    if params.get("exclude"):
        unwanted = set(params["exclude"])
        return [i for i in ids if i not in unwanted]
    return ids


def _present(wanted: list[int], ids: list[int]) -> list[int]:
    return [i for i in wanted if ids[bisect_left(ids, i) : bisect_left(ids, i) + 1] == [i]]


def _as_included(found: list[int], params: Mapping[str, Any]) -> list[int]:
    place = {wanted: position for position, wanted in enumerate(params.get("include", []))}
    return sorted(found, key=lambda i: place.get(i, len(place)))


def _order_key(data: StoreData, orderby: str) -> Callable[[int], Any]:
    if orderby == "modified":
        return lambda i: (data.orders[i].modified_at, i)
    if orderby in ("id", "include"):
        return lambda i: i
    return lambda i: (data.orders[i].created_at, i)


@dataclass(frozen=True)
class _Window:
    after: datetime | None
    before: datetime | None

    @property
    def bounded(self) -> bool:
        return self.after is not None or self.before is not None

    def holds(self, moment: datetime) -> bool:
        if moment == NO_DATE:
            return not self.bounded
        return (self.after is None or moment > self.after) and (self.before is None or moment < self.before)

    def places(self, index: list[Moment]) -> tuple[int, int]:
        start = bisect_right(index, (self.after or NO_DATE, _LAST)) if self.bounded else 0
        end = bisect_left(index, (self.before, 0)) if self.before else len(index)
        return start, max(start, end)


_UNBOUNDED = _Window(None, None)


def _windows(data: StoreData, params: Mapping[str, Any]) -> tuple[_Window, _Window]:
    gmt, zone = params.get("dates_are_gmt", False), data.zone()

    def bound(name: str) -> datetime | None:
        return parse_bound(params[name], dates_are_gmt=gmt, zone=zone) if name in params else None

    return (
        _Window(bound("after"), bound("before")),
        _Window(bound("modified_after"), bound("modified_before")),
    )


def _user_mentions(customer: Customer, needle: str) -> bool:
    texts = (customer.username, customer.email, customer.display_name)
    return needle == str(customer.id) or any(needle in text.lower() for text in texts)


def _order_mentions(order: Order, needle: str) -> bool:
    return needle == str(order.id) or any(needle in text.lower() for text in order.billing.values())
