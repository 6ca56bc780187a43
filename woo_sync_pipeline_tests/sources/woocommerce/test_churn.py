"""Walks over a demo store that changes between the requests: nobody who stays is missed, nobody comes twice.

Each history is drawn from its number. `WOO_SYNC_HISTORIES` says how many there are of each kind, and
`WOO_SYNC_FIRST_HISTORY` the number of the first; a failure names its own, so that it can be played again alone.
Whoever changes how pages are walked plays more of them by hand:

    WOO_SYNC_HISTORIES=2000 python -m pytest -n auto woo_sync_pipeline_tests/sources/woocommerce/test_churn.py
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest

from woo_sync_pipeline.demo.store import DemoStore, StoreData
from woo_sync_pipeline.sources.woocommerce import orders as orders_module
from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_after
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, order_statuses, walk_orders
from woo_sync_pipeline.sources.woocommerce.paging import walk

Pages = Iterator[list[Row]]

HISTORIES = int(os.environ.get("WOO_SYNC_HISTORIES", "100"))
FIRST = int(os.environ.get("WOO_SYNC_FIRST_HISTORY", "1"))
BATCH = 100
"""Histories per test: the clock of a test runs out after three minutes."""

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
END = START + 20 * SECOND


def batches(count: int) -> pytest.MarkDecorator:
    starts = range(FIRST, FIRST + count, BATCH)
    return pytest.mark.parametrize(
        "numbers",
        [range(start, min(start + BATCH, FIRST + count)) for start in starts],
        ids=lambda numbers: f"{numbers[0]}-{numbers[-1]}",
    )


def empty_store(shop: DemoStore) -> StoreData:
    shop.on_request = shop.on_select = None
    for number in list(shop.data.orders):
        shop.data.delete_order(number)
    for number in list(shop.data.customers):
        shop.data.delete_customer(number)
    return shop.data


def let_happen(shop: DemoStore, number: int, go_on: Callable[[str], None]) -> None:
    """In every third history things happen within answers too: between the selection of a page and its loading.

    In every fourth one the store gives fewer rows than asked for.
    """
    shop.on_request = go_on
    shop.on_select = go_on if number % 3 == 0 else None
    shop.data.most_per_page = 2 + number % 3 if number % 4 == 0 else 100


class CustomerHistory:
    """Some customers, and what happens to them before each answer or within it."""

    def __init__(self, number: int, data: StoreData) -> None:
        self.random = Random(f"customers {number}")
        self.data = data
        for _ in range(self.random.randrange(45)):
            self._register()
        for doomed in self.random.sample(
            data.customer_ids, self.random.randrange(len(data.customer_ids) + 1)
        ):
            if self.random.random() < 0.3:
                data.delete_customer(doomed)
        self.throughout = set(data.customer_ids)
        self.busy = self.random.choice((0.2, 0.6, 1.0))
        self.most = self.random.choice((1, 3, 8))

    def go_on(self, path: str) -> None:
        if self.random.random() >= self.busy:
            return
        for _ in range(self.random.randint(1, self.most)):
            act = self.random.choice(
                (self._register, self._delete, self._delete, self._edit, self._change_role)
            )
            act()

    def _register(self) -> None:
        self.data.register_customer(email="somebody@example.com", roles=[self._role()])

    def _delete(self) -> None:
        if self.data.customer_ids:
            # Mostly the oldest: what goes in front of the walk's place is what makes rows move.
            place = int(len(self.data.customer_ids) * self.random.random() ** 3)
            self.throughout.discard(self.data.customer_ids[place])
            self.data.delete_customer(self.data.customer_ids[place])

    def _edit(self) -> None:
        if self.data.customer_ids:
            self.data.save_profile(self.random.choice(self.data.customer_ids), first_name="Other")

    def _change_role(self) -> None:
        if self.data.customer_ids:
            self.data.set_roles(self.random.choice(self.data.customer_ids), [self._role()])

    def _role(self) -> str:
        return self.random.choice(("customer", "wholesale", "subscriber"))


def check_customers(
    shop: DemoStore, connect: Callable[..., StoreClient], number: int, read: Callable[[StoreClient], Pages]
) -> None:
    history = CustomerHistory(number, empty_store(shop))
    let_happen(shop, number, history.go_on)
    with connect(shop.url, max_concurrency=1 + 2 * (number % 2)) as client:
        ids = [row["id"] for page in read(client) for row in page]
    assert len(ids) == len(set(ids)), f"history {number}"
    assert history.throughout <= set(ids), f"history {number}"


@batches(HISTORIES)
def test_customers_who_stay_come_exactly_once(
    shop: DemoStore, connect: Callable[..., StoreClient], numbers: range
) -> None:
    for number in numbers:
        size = 2 + number % 7
        read = partial(walk, path="customers", params={"role": "all"}, page_size=size)
        check_customers(shop, connect, number, read)


@batches(max(1, HISTORIES // 5))
def test_customers_who_stay_come_exactly_once_from_the_newest_down(
    shop: DemoStore,
    connect: Callable[..., StoreClient],
    monkeypatch: pytest.MonkeyPatch,
    numbers: range,
) -> None:
    for number in numbers:
        monkeypatch.setattr("woo_sync_pipeline.sources.woocommerce.paging.PAGE_SIZE", 2 + number % 7)
        check_customers(shop, connect, number, partial(customers_after, last_id=0, meta_keys=()))


class OrderHistory:
    """Orders around a window, and what happens to them before each answer or within it."""

    def __init__(self, number: int, data: StoreData, *, start: datetime) -> None:
        self.random = Random(f"orders {number}")
        self.data = data
        data.clock = lambda: END + timedelta(hours=1)
        crowd = self.random.randrange(-2, 22)
        for _ in range(self.random.randrange(45)):
            second = crowd if self.random.random() < 0.3 else self.random.randrange(-3, 24)
            self._place(START + second * SECOND)
        self.throughout = {
            order.id
            for order in data.orders.values()
            if start <= order.modified_at < END and order.status != "checkout-draft"
        }
        self.never = {order.id for order in data.orders.values() if not start <= order.modified_at < END} | {
            order.id for order in data.orders.values() if order.status == "checkout-draft"
        }
        self.busy = self.random.choice((0.2, 0.6, 1.0))
        self.most = self.random.choice((1, 3, 8))

    def go_on(self, path: str) -> None:
        if not path.endswith("orders") or self.random.random() >= self.busy:
            return
        for _ in range(self.random.randint(1, self.most)):
            if not self.data.order_ids or self.random.random() < 0.15:
                self._place(self.data.now())
                continue
            # Mostly of the earliest changes: what goes in front of the walk's place makes rows move.
            by_change = sorted(self.data.orders.values(), key=lambda order: (order.modified_at, order.id))
            order = by_change[int(len(by_change) * self.random.random() ** 3)]
            self.throughout.discard(order.id)
            self._change(order.id)

    def _place(self, moment: datetime) -> None:
        statuses = ("processing", "completed", "failed", "trash", "checkout-draft")
        self.data.place_order(created_at=START, modified_at=moment, status=self.random.choice(statuses))

    def _change(self, number: int) -> None:
        act = self.random.choice(("save", "status", "trash", "delete"))
        if act == "save":
            self.data.update_order(number, meta={"note": "x"})
        elif act == "status":
            self.data.set_order_status(number, self.random.choice(("on-hold", "refunded", "checkout-draft")))
        elif act == "trash":
            self.data.trash_order(number)
        else:
            self.data.delete_order(number)


def check_orders(
    shop: DemoStore, connect: Callable[..., StoreClient], number: int, start: datetime | None
) -> None:
    history = OrderHistory(number, empty_store(shop), start=start or START - timedelta(days=1))
    let_happen(shop, number, history.go_on)
    with connect(shop.url, max_concurrency=1 + 2 * (number % 2)) as client:
        statuses = order_statuses(client)
        pages = walk_orders(client, OrderWindow(start, END), meta_keys=(), statuses=statuses)
        read = [row["id"] for page in pages for row in page]
    assert len(read) == len(set(read)), f"history {number}"
    assert history.throughout <= set(read), f"history {number}"
    assert not history.never & set(read), f"history {number}"


@batches(HISTORIES)
def test_orders_of_a_window_that_are_left_alone_come_exactly_once(
    shop: DemoStore,
    connect: Callable[..., StoreClient],
    monkeypatch: pytest.MonkeyPatch,
    numbers: range,
) -> None:
    for number in numbers:
        monkeypatch.setattr(orders_module, "PAGE_SIZE", 2 + number % 7)
        check_orders(shop, connect, number, START)


@batches(max(1, HISTORIES // 5))
def test_orders_of_the_whole_history_that_are_left_alone_come_exactly_once(
    shop: DemoStore,
    connect: Callable[..., StoreClient],
    monkeypatch: pytest.MonkeyPatch,
    numbers: range,
) -> None:
    for number in numbers:
        monkeypatch.setattr(orders_module, "PAGE_SIZE", 2 + number % 7)
        check_orders(shop, connect, number, None)
