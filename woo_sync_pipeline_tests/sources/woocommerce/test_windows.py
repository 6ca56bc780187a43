"""Windows of orders in stores all around the world, across both changes of daylight time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, order_statuses, walk_orders

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# The moments (UTC) at which clocks are set back and forward; zones without daylight time take Sydney's.
SYDNEY = (datetime(2026, 4, 4, 16, tzinfo=UTC), datetime(2026, 10, 3, 16, tzinfo=UTC))
CHANGES = {
    "Australia/Sydney": SYDNEY,
    "Pacific/Auckland": (datetime(2026, 4, 4, 14, tzinfo=UTC), datetime(2026, 9, 26, 14, tzinfo=UTC)),
    # Half an hour off, and the other way round: forward in March, back in November.
    "America/St_Johns": (datetime(2026, 3, 8, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 4, 30, tzinfo=UTC)),
    "Pacific/Kiritimati": SYDNEY,
    "Etc/GMT+11": SYDNEY,
}
in_each_zone = pytest.mark.parametrize(
    ("zone", "change"),
    [(zone, change) for zone, changes in CHANGES.items() for change in changes],
    ids=lambda value: value.isoformat() if isinstance(value, datetime) else value,
)


def read(client: StoreClient, start: datetime | None, end: datetime, statuses: list[str]) -> list[int]:
    pages = walk_orders(client, OrderWindow(start, end), meta_keys=(), statuses=statuses)
    return [row["id"] for page in pages for row in page]


def within(shop: DemoStore, start: datetime, end: datetime) -> set[int]:
    """What must come, told by the store's own tables and not by its API."""
    return {
        order.id
        for order in shop.data.orders.values()
        if start <= order.modified_at < end and order.status != "checkout-draft"
    }


def fill(shop: DemoStore, change: datetime, zone: str) -> None:
    """Orders over a day and a half around a change, many of them near it and near local midnight."""
    random = Random(zone)
    statuses = ("processing", "completed", "trash", "checkout-draft")
    shop.data.timezone = zone
    shop.data.clock = lambda: change + 30 * DAY
    middle = midnight((change + 12 * HOUR).date(), zone)
    moments = [change + random.randrange(-64_800, 64_800) * SECOND for _ in range(150)]
    moments += [change + random.randrange(-7200, 7200) * SECOND for _ in range(60)]
    moments += [
        place + step * SECOND for place in (change, middle) for step in (-2, -1, -1, 0, 0, 0, 1, 1, 2)
    ]
    for moment in moments:
        shop.data.place_order(created_at=change - DAY, modified_at=moment, status=random.choice(statuses))


@pytest.mark.parametrize(("zone", "changes"), CHANGES.items())
def test_the_changes_of_daylight_time_are_where_this_test_believes(
    zone: str, changes: tuple[datetime, datetime]
) -> None:
    for change in changes:
        day = midnight(change.date() - DAY, zone), midnight(change.date() + 2 * DAY, zone)
        moved = {"Pacific/Kiritimati": 0, "Etc/GMT+11": 0}.get(zone, 1)
        assert abs((day[1] - day[0]) - 3 * DAY) == moved * HOUR


@in_each_zone
def test_every_order_of_a_window_comes_once_wherever_its_bounds_lie(
    shop: DemoStore, client: StoreClient, zone: str, change: datetime
) -> None:
    fill(shop, change, zone)
    statuses = order_statuses(client)
    bounds = [
        (change - HOUR, change + HOUR),
        (change - 30 * MINUTE, change),
        (change, change + 30 * MINUTE),
        (change + 30 * MINUTE, change + 90 * MINUTE),
        (change - SECOND, change + SECOND),
        (change, change),
        (change - DAY, change + DAY),
    ]
    for start, end in bounds:
        ids = read(client, start, end, statuses)
        assert len(ids) == len(set(ids))
        assert set(ids) == within(shop, start, end)
    assert set(read(client, None, change, statuses)) == within(shop, change - 365 * DAY, change)


@in_each_zone
def test_windows_that_meet_miss_nothing_and_share_nothing(
    shop: DemoStore, client: StoreClient, zone: str, change: datetime
) -> None:
    fill(shop, change, zone)
    statuses = order_statuses(client)
    random = Random(zone)
    cuts = sorted(change + random.randrange(-65_000, 65_000) * SECOND for _ in range(12))
    edges = [change - DAY, *cuts, change, change + SECOND, change + DAY]
    parts = [read(client, start, end, statuses) for start, end in pairwise(sorted(edges))]
    together = [number for part in parts for number in part]
    assert len(together) == len(set(together))
    assert set(together) == within(shop, change - DAY, change + DAY)


@in_each_zone
def test_the_days_of_any_project_time_zone_meet(
    shop: DemoStore, client: StoreClient, zone: str, change: datetime
) -> None:
    """Partitions are days of the project's zone, whatever the store's is."""
    fill(shop, change, zone)
    statuses = order_statuses(client)
    for project in CHANGES:
        days = [midnight(change.date() + step * DAY, project) for step in range(-2, 4)]
        parts = [read(client, start, end, statuses) for start, end in pairwise(days)]
        together = [number for part in parts for number in part]
        assert len(together) == len(set(together))
        assert set(together) == within(shop, days[0], days[-1]) == within(shop, change - DAY, change + DAY)


@in_each_zone
def test_a_bulk_edit_of_250_orders_in_one_second_is_read_whole_and_once(
    shop: DemoStore, client: StoreClient, zone: str, change: datetime
) -> None:
    shop.data.timezone = zone
    shop.data.clock = lambda: change + 30 * DAY
    for second in (change - HOUR, change, change + HOUR):
        for _ in range(3):
            shop.data.place_order(created_at=change - DAY, modified_at=second)
    edited = [shop.data.place_order(created_at=change - DAY, modified_at=change) for _ in range(250)]
    statuses = order_statuses(client)
    for start, end in (
        (change, change + SECOND),
        (change - 2 * HOUR, change + 2 * HOUR),
        (change - SECOND, change + SECOND),
    ):
        ids = read(client, start, end, statuses)
        assert len(ids) == len(set(ids))
        assert set(ids) == within(shop, start, end) > set(edited)
    assert read(client, change - SECOND, change, statuses) == []
    assert read(client, change + SECOND, change + HOUR, statuses) == []


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 200, 250])
def test_a_second_holds_as_many_orders_as_it_likes(shop: DemoStore, client: StoreClient, count: int) -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    shop.data.clock = lambda: moment + DAY
    for step in (0, 1, 2):
        for _ in range(count):
            shop.data.place_order(created_at=moment, modified_at=moment + step * SECOND)
    ids = read(client, moment, moment + 3 * SECOND, order_statuses(client))
    assert len(ids) == len(set(ids)) == 3 * count


@pytest.mark.parametrize("most", [2, 10, 49, 99])
def test_a_store_that_caps_its_pages_shows_every_order_of_a_window(
    shop: DemoStore, client: StoreClient, most: int
) -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    shop.data.clock = lambda: moment + DAY
    for number in range(150):
        shop.data.place_order(created_at=moment, modified_at=moment + number // 5 * SECOND)
    shop.data.most_per_page = most
    statuses = order_statuses(client)
    for start in (None, moment - DAY, moment + 10 * SECOND):
        ids = read(client, start, moment + 20 * SECOND, statuses)
        assert len(ids) == len(set(ids))
        assert set(ids) == within(shop, start or moment - DAY, moment + 20 * SECOND)
