from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.demo.store import DemoStore
from woo_sync_pipeline.sources.woocommerce import orders as orders_module
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError, StoreFilterIgnoredError
from woo_sync_pipeline.sources.woocommerce.orders import (
    OrderWindow,
    newest_orders,
    order_statuses,
    walk_orders,
)
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline.sources.woocommerce.values import naive_gmt
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply, Request, of_rows

DAY = datetime(2026, 11, 20, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
SECOND = timedelta(seconds=1)


def read(client: StoreClient, start: datetime | None, end: datetime, **kwargs: Any) -> list[int]:
    pages = walk_orders(client, OrderWindow(start, end), meta_keys=kwargs.get("meta_keys", ()))
    return [row["id"] for page in pages for row in page]


def place(shop: DemoStore, *moments: datetime, status: str = "processing") -> list[int]:
    return [shop.data.place_order(created_at=DAY, modified_at=moment, status=status) for moment in moments]


def test_every_status_is_asked_for_but_drafts(shop: DemoStore, client: StoreClient) -> None:
    shop.data.order_statuses["in-the-kiln"] = "In the kiln"
    names = [
        "pending",
        "processing",
        "on-hold",
        "completed",
        "cancelled",
        "refunded",
        "failed",
        "in-the-kiln",
    ]
    assert order_statuses(client) == [*names, "trash"]
    placed = [place(shop, NOON, status=name)[0] for name in names]
    draft = place(shop, NOON, status="checkout-draft")[0]
    trashed = place(shop, NOON)[0]
    shop.data.update_order(trashed, status="trash", modified_at=NOON)
    assert set(read(client, DAY, DAY + timedelta(days=1))) == {*placed, trashed}
    assert draft not in read(client, None, DAY + timedelta(days=1))


@pytest.mark.parametrize("timezone", ["Australia/Sydney", "America/New_York", "UTC"])
def test_a_window_holds_its_start_and_not_its_end_whatever_the_store_calls_the_hour(
    shop: DemoStore, client: StoreClient, timezone: str
) -> None:
    shop.data.timezone = timezone
    _, first, middle, last, _ = place(
        shop, NOON - SECOND, NOON, NOON + SECOND, NOON + 9 * SECOND, NOON + 10 * SECOND
    )
    assert read(client, NOON, NOON + 10 * SECOND) == [first, middle, last]
    assert read(client, NOON, NOON) == []
    assert read(client, NOON + 10 * SECOND, NOON) == []


def test_a_bound_inside_of_a_second_takes_in_the_whole_second(shop: DemoStore, client: StoreClient) -> None:
    _, first, last, _ = place(shop, NOON - SECOND, NOON, NOON + 5 * SECOND, NOON + 6 * SECOND)
    half = timedelta(milliseconds=500)
    assert read(client, NOON + half, NOON + 5 * SECOND + half) == [first, last]


def test_without_a_start_the_whole_history_is_read(shop: DemoStore, client: StoreClient) -> None:
    made = place(shop, *(DAY - timedelta(days=step) for step in range(250, 0, -1)))
    assert read(client, None, DAY) == made


def test_orders_without_a_modification_date_are_read_with_the_whole_history(
    connect: Callable[..., StoreClient],
) -> None:
    """Imports leave such orders. To a database, nothing is before any date: asked for by date they never come."""
    dates = {1: None, 2: "2026-11-20T01:00:00", 3: "2026-11-20T13:00:00", 4: None}
    rows = [{"id": number, "date_modified_gmt": date} for number, date in dates.items()]

    def orders(request: Request) -> Reply:
        dated = [row for row in rows if row["date_modified_gmt"] is not None]
        return of_rows(dated if "modified_before" in request.query else rows)

    with LoopbackStore(answering(orders)) as server, connect(server.url) as client:
        # The third changed after the end of the window.
        assert read(client, None, NOON) == [1, 2, 4]


def test_the_hour_that_repeats_at_the_end_of_daylight_time_is_read_once(
    shop: DemoStore, client: StoreClient
) -> None:
    change = datetime(2026, 4, 4, 16, tzinfo=UTC)  # 03:00 in Sydney becomes 02:00
    made = place(shop, *(change + timedelta(minutes=minutes) for minutes in (-70, -30, -1, 0, 30, 59, 61)))
    assert read(client, change - timedelta(hours=1), change + timedelta(hours=1)) == made[1:6]


def test_more_orders_in_one_second_than_fit_a_page_are_all_read(shop: DemoStore, client: StoreClient) -> None:
    made = place(
        shop, NOON - SECOND, *[NOON] * 350, NOON + SECOND, *[NOON + 2 * SECOND] * 100, NOON + 3 * SECOND
    )
    read_ids = read(client, DAY, DAY + timedelta(days=1))
    assert len(read_ids) == len(made)
    assert set(read_ids) == set(made)


def test_only_the_fields_and_meta_that_are_used_are_asked_for_and_kept(
    shop: DemoStore, client: StoreClient
) -> None:
    product = shop.data.add_product("Tea")
    shop.data.place_order(
        billing={"phone": "0491 570 156", "company": "secret"},
        product_ids=[product],
        created_at=NOON,
        meta={"_wc_other/a/sms": "1", "_other": "x" * 1000, "_subscription_renewal": "17"},
    )
    window = OrderWindow(DAY, DAY + timedelta(days=1))
    [[row]] = walk_orders(client, window, meta_keys=["_wc_other/a/sms"])
    meta = {item["key"]: item["value"] for item in row["meta_data"]}
    assert meta == {"_wc_other/a/sms": "1", "_subscription_renewal": "17"}
    assert row["created_via"] == "checkout"
    assert row["line_items"] == [{"product_id": product}]
    assert set(row["billing"]) == {"first_name", "last_name", "phone", "country", "email"}
    assert set(row) == {
        "id",
        "status",
        "date_created_gmt",
        "date_modified_gmt",
        "customer_id",
        "created_via",
        "billing",
        "shipping",
        "line_items",
        "meta_data",
    }


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders_module, "PAGE_SIZE", 5)


@given(
    seconds=st.lists(st.integers(-3, 23), max_size=40),
    acts=st.lists(st.sampled_from(["save", "place", "delete", "nothing"]), max_size=30),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_orders_that_are_left_alone_come_exactly_once_while_others_change(
    shop: DemoStore, client: StoreClient, small_pages: None, seconds: list[int], acts: list[str], seed: int
) -> None:
    data, random, end = shop.data, Random(seed), NOON + 20 * SECOND
    shop.on_request = None
    for number in list(data.orders):
        data.delete_order(number)
    data.clock = lambda: end + timedelta(hours=1)
    place(shop, *(NOON + second * SECOND for second in seconds))
    untouched = {order.id for order in data.orders.values() if NOON <= order.modified_at < end}
    outside = set(data.orders) - untouched
    script = list(acts)

    def change(path: str) -> None:
        act = script.pop(0) if script and path.endswith("/orders") else "nothing"
        if act == "place":
            data.place_order()
        elif act != "nothing" and data.orders:
            number = random.choice(sorted(data.orders))
            untouched.discard(number)
            data.update_order(number) if act == "save" else data.delete_order(number)

    shop.on_request = change
    read_ids = read(client, NOON, end)
    assert len(read_ids) == len(set(read_ids))
    assert untouched <= set(read_ids)
    assert not outside & set(read_ids)


def answering(orders: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    statuses = of_rows([{"slug": "processing"}])
    return lambda request: statuses if request.path.endswith("/statuses") else orders(request)


def test_a_store_that_ignores_the_date_filter_is_found_out(connect: Callable[..., StoreClient]) -> None:
    old = of_rows([{"id": 1, "date_modified_gmt": "2020-01-01T00:00:00"}])
    with (
        LoopbackStore(answering(lambda _: old)) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError, match="outside of the window"),
    ):
        read(client, DAY, NOON)


def test_an_order_without_an_id_is_left_out_and_counted(
    connect: Callable[..., StoreClient], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"id": number, "date_modified_gmt": "2026-11-20T01:00:00"} for number in (1, None, 2**63, "4", 0)]
    left_out = LeftOut()
    with LoopbackStore(answering(lambda _: of_rows(rows))) as server, connect(server.url) as client:
        pages = walk_orders(client, OrderWindow(DAY, NOON), meta_keys=(), left_out=left_out)
        assert [row["id"] for page in pages for row in page] == [1, 4]
    assert left_out.count == 2
    assert [row.id_is for row in left_out.told] == ["null", "a number of more than 64 bits"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("date", [None, "", "0000-00-00T00:00:00", "20. November 2026", 1795435086])
def test_an_order_without_a_readable_date_is_read_with_the_others(
    connect: Callable[..., StoreClient], date: object
) -> None:
    rows = [
        {"id": number, "date_modified_gmt": "2026-11-20T01:00:00" if number % 2 else date}
        for number in range(1, 8)
    ]

    def answer(request: Request) -> Reply:
        start = int(request.query.get("offset", 0))
        return of_rows(rows[start : start + int(request.query["per_page"])], total=len(rows))

    with LoopbackStore(answering(answer)) as server, connect(server.url) as client:
        assert read(client, DAY, NOON) == [1, 2, 3, 4, 5, 6, 7]
        assert server.requests[-1].query["orderby"] == "id"


def test_statuses_without_slugs_are_an_error(connect: Callable[..., StoreClient]) -> None:
    with (
        LoopbackStore(lambda _: of_rows([])) as server,
        connect(server.url) as client,
        pytest.raises(StoreAnswerMalformedError),
    ):
        order_statuses(client)


def test_an_answer_that_is_not_sorted_by_time_is_read_by_id_instead(
    connect: Callable[..., StoreClient],
) -> None:
    rows = [{"id": number, "date_modified_gmt": f"2026-11-20T01:00:{number:02}"} for number in range(1, 10)]

    def orders(request: Request) -> Reply:
        by_id = request.query["orderby"] == "id"
        return of_rows(rows if by_id else [*rows[5:], *rows[:5]])

    with LoopbackStore(answering(orders)) as server, connect(server.url) as client:
        assert read(client, DAY, NOON) == list(range(1, 10))


def edited_while_loaded(shop: DemoStore, *orders: int, at: datetime | None = None) -> None:
    """Let the next page of orders be selected before these are edited, and loaded afterwards."""

    def edit(path: str) -> None:
        if path == "orders":
            shop.on_select = None
            for number in orders:
                shop.data.update_order(number, modified_at=at)

    shop.on_select = edit


def a_day_later(shop: DemoStore) -> datetime:
    """The end of the window of a day, and a store whose clock has gone on for two hours."""
    shop.data.clock = lambda: DAY + timedelta(hours=26)
    return DAY + timedelta(days=1)


@pytest.mark.parametrize("place_of_edited", [0, 1, 2])
def test_an_order_that_is_edited_between_its_selection_and_its_loading_is_left_to_the_next_window(
    shop: DemoStore, client: StoreClient, place_of_edited: int
) -> None:
    end = a_day_later(shop)
    placed = place(shop, NOON, NOON + SECOND, NOON + 2 * SECOND)
    edited = placed.pop(place_of_edited)
    edited_while_loaded(shop, edited)
    assert read(client, DAY, end) == placed
    assert client.requests_made == 2
    assert read(client, end, end + timedelta(hours=3)) == [edited]


@pytest.mark.parametrize("edited", [1, 50, 99, 100])
def test_orders_that_are_edited_while_full_pages_are_loaded_keep_no_other_from_being_read(
    shop: DemoStore, client: StoreClient, edited: int
) -> None:
    end = a_day_later(shop)
    placed = place(shop, *(NOON + number * SECOND for number in range(250)))
    edited_while_loaded(shop, *placed[100 - edited : 100])
    assert read(client, DAY, end) == placed[: 100 - edited] + placed[100:]


def test_orders_that_are_edited_while_they_are_read_by_id_are_left_to_the_next_window(
    shop: DemoStore, client: StoreClient
) -> None:
    end = a_day_later(shop)
    placed = place(shop, *[NOON] * 150)
    pages = iter(range(10))

    def edit(path: str) -> None:
        if path == "orders" and next(pages) == 1:
            shop.data.update_order(placed[70])

    shop.on_select = edit
    assert read(client, DAY, end) == placed[:70] + placed[71:]


def test_an_order_that_is_edited_within_the_last_second_of_a_window_hides_none_before_it(
    shop: DemoStore, client: StoreClient
) -> None:
    """The last of a full page says where to go on: dated anew, it would have the rest passed over."""
    placed = place(shop, *(NOON + number * SECOND for number in range(150)))
    now = NOON + timedelta(hours=1)
    shop.data.clock = lambda: now
    edited_while_loaded(shop, placed[99], at=now)
    assert set(read(client, DAY, now + SECOND)) == set(placed)


@pytest.mark.parametrize("orderby", ["modified", "id"])
@pytest.mark.parametrize("hours", [24, 25, 25.9, 27, 1000])
def test_a_store_that_ignores_the_end_of_a_window_is_found_out(
    shop: DemoStore, connect: Callable[..., StoreClient], hours: float, orderby: str
) -> None:
    """Not long before the reading, nor in the future: such an order was not edited while it was read."""
    now = datetime.now(UTC).replace(microsecond=0)
    day = now - timedelta(hours=26)
    moment = day + timedelta(hours=hours)
    rows = [
        {"id": number, "date_modified_gmt": naive_gmt(dated)}
        for number, dated in enumerate([day + 2 * SECOND, day + SECOND, moment], start=1)
    ]

    def orders(request: Request) -> Reply:
        by_time = sorted(rows, key=lambda row: str(row["date_modified_gmt"]))
        return of_rows(by_time if orderby == request.query["orderby"] == "modified" else rows)

    with (
        LoopbackStore(answering(orders)) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError, match="outside of the window"),
    ):
        read(client, day, day + timedelta(days=1))


def test_an_order_from_before_the_window_is_never_taken_for_one_that_was_edited_meanwhile(
    connect: Callable[..., StoreClient],
) -> None:
    early = naive_gmt(datetime.now(UTC))
    with (
        LoopbackStore(answering(lambda _: of_rows([{"id": 1, "date_modified_gmt": early}]))) as server,
        connect(server.url) as client,
        pytest.raises(StoreFilterIgnoredError, match="outside of the window"),
    ):
        read(client, datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2))


@pytest.mark.parametrize(
    ("seconds", "lead"),
    [
        ([], 0),
        ([-90, 0], 0),
        ([10, 90, 40], 90),
        ([86_400], 86_400),
        # Somebody typed a date in: no clock is as wrong as that.
        ([86_401], 0),
        ([86_401, 30], 30),
        # Of orders that are older than the newest five, none counts: they were dated long ago.
        ([600, 1, 2, 3, 4, 5], 5),
    ],
)
def test_the_newest_orders_show_by_how_much_the_clock_that_dates_them_is_ahead(
    shop: DemoStore, client: StoreClient, seconds: list[int], lead: int
) -> None:
    shop.data.clock = lambda: NOON
    for each in seconds:
        shop.data.place_order(created_at=NOON + each * SECOND)
    assert newest_orders(client, ["processing", "trash"]).lead == lead * SECOND
    assert client.requests_made == 1


def test_only_orders_of_the_statuses_show_the_clock(shop: DemoStore, client: StoreClient) -> None:
    shop.data.clock = lambda: NOON
    shop.data.place_order(created_at=NOON + 50 * SECOND, status="checkout-draft")
    shop.data.place_order(created_at=NOON + 40 * SECOND, status="completed")
    assert newest_orders(client, ["processing", "on-hold"]).lead == timedelta()
    assert newest_orders(client, ["processing", "completed"]).lead == 40 * SECOND


@pytest.mark.parametrize("date", [None, "", "soon", 7, "0000-00-00T00:00:00", "9999-12-31T23:59:59"])
def test_a_date_of_an_order_that_is_none_shows_no_clock(
    connect: Callable[..., StoreClient], date: object
) -> None:
    later = naive_gmt(NOON + 20 * SECOND)
    rows = of_rows([{"id": 3, "date_created_gmt": date}, {"id": 2}, {"id": 1, "date_created_gmt": later}])
    headers = {**rows.headers, "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}
    with LoopbackStore(lambda _: Reply(rows.body, headers=headers)) as server, connect(server.url) as client:
        assert newest_orders(client, ["processing", "trash"]).lead == 20 * SECOND
    [request] = server.requests
    assert request.path.endswith("/wc/v3/orders")
    assert request.query == {
        "orderby": "id",
        "order": "desc",
        "per_page": "5",
        "status": "processing,trash",
        "_fields": "id,date_created_gmt",
    }
