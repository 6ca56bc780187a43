"""Which statuses an order of a store can have.

`orders/statuses` came with WooCommerce 9.6. An older store is asked what it describes of the arguments of its orders,
else for the totals of its orders; and if it tells neither, it is tried with the statuses that every WooCommerce has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerEmptyError,
    StoreAnswerMalformedError,
    StoreAnswerNotJsonError,
    StoreAuthError,
    StoreBlockedError,
    StoreError,
    StoreRecordMissingError,
    StoreRedirectedError,
    StoreRequestRefusedError,
    StoreRouteMissingError,
)
from woo_sync_pipeline.sources.woocommerce.fields import objects, part
from woo_sync_pipeline.sources.woocommerce.values import items_of

_TRASH = "trash"
# `any` is no status; drafts are orders that nobody has finished.
_NOT_READ = ("any", "auto-draft", "checkout-draft", _TRASH)
_BUILT_IN = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")

# What a store answers that does not know the question, or in front of which something else answers it. All other
# failures say nothing of what the store knows.
_UNTOLD = (
    StoreRouteMissingError,
    StoreRecordMissingError,
    StoreRequestRefusedError,
    StoreBlockedError,
    StoreRedirectedError,
    StoreAuthError,
    StoreAnswerEmptyError,
    StoreAnswerNotJsonError,
    StoreAnswerMalformedError,
)

_LONGEST_KNOWN = 3600.0
"""Seconds. A plugin that is switched on adds statuses, and the process that asks may live for months."""

_lock = threading.Lock()
_known: dict[tuple[str, str], tuple[float, list[str]]] = {}


@dataclass(frozen=True)
class OrderStatuses:
    """The slugs, trash among them. `are_told`: by the store; else those that plugins add are not among them."""

    slugs: list[str]
    are_told: bool


def order_statuses(client: StoreClient) -> list[str]:
    """Every status that an order can have but a draft: the store's own list, custom ones included, and trash.

    The default of the API (`any`) leaves out trash, so a trashed order would never be seen to change. Asks the store
    each time. Raises StoreError.
    """
    return find_order_statuses(client).slugs


def known_order_statuses(client: StoreClient) -> list[str]:
    """`order_statuses`, asked at most once an hour for each store, by all of this process. Raises StoreError."""
    key = _key(client)
    with _lock:
        asked_at, slugs = _known.get(key, (0.0, []))
    if slugs and time.monotonic() - asked_at < _LONGEST_KNOWN:
        return list(slugs)
    slugs = order_statuses(client)
    with _lock:
        _known[key] = (time.monotonic(), slugs)
    return list(slugs)


def forget_order_statuses(client: StoreClient | None = None) -> None:
    """Let the next `known_order_statuses` ask this store anew (None: every store)."""
    with _lock:
        if client is None:
            _known.clear()
        else:
            _known.pop(_key(client), None)


def find_order_statuses(client: StoreClient) -> OrderStatuses:
    """Ask the store in each way that it may know. Raises StoreError."""
    try:
        slugs = [row.get("slug") for row in client.get_list("orders/statuses", {}).rows]
    except StoreRouteMissingError as missing:
        return _of_an_older_store(client, missing)
    if not slugs or not all(isinstance(slug, str) and slug for slug in slugs):
        attempt = client.attempt("GET orders/statuses")
        raise attempt.failed(StoreAnswerMalformedError, "statuses without a slug")
    return OrderStatuses(_with_trash(map(str, slugs)), are_told=True)


def _of_an_older_store(client: StoreClient, missing: StoreError) -> OrderStatuses:
    for ask in (_of_arguments, _of_totals):
        try:
            slugs = ask(client)
        except _UNTOLD:
            continue
        if slugs:
            return OrderStatuses(_with_trash(slugs), are_told=True)
    try:
        accepted = _accepted(client, (*_BUILT_IN, _TRASH))
    except StoreRouteMissingError:
        # Not an older store but none at all.
        raise missing from None
    if not accepted:
        raise missing
    return OrderStatuses(accepted, are_told=False)


def _of_arguments(client: StoreClient) -> list[str]:
    for endpoint in objects(client.describe("orders").get("endpoints")):
        # The statuses to filter by; an endpoint that writes has the statuses to set.
        values = items_of(part(part(part(endpoint, "args"), "status"), "items").get("enum"))
        if slugs := _slugs(values):
            return slugs
    return []


def _of_totals(client: StoreClient) -> list[str]:
    return _slugs([row.get("slug") for row in client.get_list("reports/orders/totals", {}).rows])


def _slugs(values: Collection[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value and value not in _NOT_READ]


def _with_trash(slugs: Iterator[str] | list[str]) -> list[str]:
    return [slug for slug in dict.fromkeys(slugs) if slug not in _NOT_READ] + [_TRASH]


def _accepted(client: StoreClient, slugs: Collection[str]) -> list[str]:
    """Those that the store lets orders be filtered by: it refuses a list for one status that it does not have."""
    try:
        client.get_list("orders", {"status": ",".join(slugs), "per_page": 1, "_fields": "id"})
    except StoreRequestRefusedError:
        if len(slugs) == 1:
            return []
        return [slug for one in slugs for slug in _accepted(client, (one,))]
    return list(slugs)


def _key(client: StoreClient) -> tuple[str, str]:
    return client.settings.source, client.settings.url
