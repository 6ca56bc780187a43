"""A small store behind something that spoils its answers, and all that a sync reads of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.api import Api
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, order_statuses, walk_orders
from woo_sync_pipeline.sources.woocommerce.products import product_tags
from woo_sync_pipeline.sources.woocommerce.records import customer_page, order_table
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline_tests.sources.woocommerce.conftest import ADMINISTRATOR
from woo_sync_pipeline_tests.sources.woocommerce.loopback import JSON, LoopbackStore, Reply, Request
from woo_sync_pipeline_tests.sources.woocommerce.normalised import normalised_records
from woo_sync_pipeline_tests.sources.woocommerce.test_normalise import settings_with

KEY = "sms"
WHOLE = settings_with(consent={"meta_keys": [KEY]})
HTML = {"Content-Type": "text/html; charset=UTF-8"}
READ_AT = datetime(2026, 11, 27, tzinfo=UTC)
Connect = Callable[..., StoreClient]

Spoil = Callable[[Request, Reply], Reply]
"""What stands before the store makes of an answer."""

Row = dict[str, Any]

# The people of the store: name, phone, and what they said.
ANN = ("Ann", "+61491570006", "opted_in")
BOB = ("Bob", "+61491570156", "opted_out")
CAM = ("Cam", "+61491570157", "unknown")
DEE = ("Dee", "+61491570158", "opted_in")
"""Dee ordered as a guest."""
EVERYBODY = {ANN, BOB, CAM, DEE}


@pytest.fixture(scope="module")
def town() -> StoreData:
    """Three customers, one of whom ordered, and a guest. Ids: 1 is the administrator, Ann 2, Bob 3, Cam 4."""
    data = StoreData(name="Bean & Leaf")
    data.keys.append(ADMINISTRATOR)
    data.register_customer(email="admin@shop.example", roles=["administrator"])
    for name, phone, said in (
        ("Ann", "0491 570 006", "yes"),
        ("Bob", "0491 570 156", "no"),
        ("Cam", "0491 570 157", None),
    ):
        data.register_customer(
            email=f"{name.lower()}@example.com",
            billing={"first_name": name, "phone": phone, "country": "AU"},
            meta={"other": "x", **({KEY: said} if said else {})},
            registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    cup = data.add_product("Cup", tags=["Kitchen"])
    data.place_order(
        billing={"first_name": "Dee", "phone": "0491 570 158", "country": "AU"},
        product_ids=[cup],
        meta={"other": "x", KEY: "yes"},
        status="completed",
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        modified_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    data.place_order(
        customer_id=3,
        billing={"first_name": "Bob", "phone": "0491 570 156"},
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        modified_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
    return data


@dataclass(frozen=True)
class Seen:
    """What was read of a store: people with phones, invalid records, those left out, tags, and odd answers."""

    people: set[tuple[str, str, str]]
    invalid: set[tuple[str, str]]
    left_out: list[str]
    tags: list[tuple[str, ...]]
    notices: int


def read_all(client: StoreClient) -> Seen:
    """Read everything, as a daily sync does it and a live one in part."""
    left_out = LeftOut()
    statuses = order_statuses(client)
    end = datetime(2026, 12, 31, tzinfo=UTC)
    window = OrderWindow(datetime(2026, 11, 1, tzinfo=UTC), end)
    of_window = list(walk_orders(client, window, meta_keys=[KEY], statuses=statuses, left_out=left_out))
    orders = [row for page in of_window for row in page]
    customers = [row for page in sweep_customers(client, meta_keys=[KEY], left_out=left_out) for row in page]
    named = {row["customer_id"] for row in orders if isinstance(row.get("customer_id"), int)}
    again = [row for page in customers_by_id(client, named, meta_keys=[KEY]) for row in page]
    assert all(row in customers for row in again)
    tags = product_tags(client, None)
    options: dict[str, Any] = {"meta_keys": [KEY], "fingerprint": "", "read_at": READ_AT}
    found_orders = order_table(orders, **options).to_pandas()
    guests = found_orders.loc[found_orders["customer_id"] == 0, "record_id"].tolist()
    made = normalised_records(
        WHOLE,
        customers=customer_page(customers, **options).table.to_pandas(),
        orders=found_orders,
        guest_order_ids=guests,
    )
    holding = made.records[made.records["holds_contact"]]
    people = holding[holding["phone"].notna()]
    invalid = holding[holding["phone"].isna()]
    return Seen(
        set(zip(people["first_name"], people["phone"], people["consent"], strict=True)),
        set(zip(invalid["record_type"], invalid["invalid_reason"], strict=True)),
        [*(row.id_is for row in left_out.told), *(each.reason or "" for each in made.left_out)],
        sorted(tags.values()),
        client.notices,
    )


Behind = Callable[[Spoil], StoreClient]


@pytest.fixture
def behind(town: StoreData, connect: Connect) -> Iterator[Behind]:
    """Connects to the store behind something that spoils its answers."""
    running: list[Any] = []
    spoilt_answers: list[str] = []

    def start(spoil: Spoil) -> StoreClient:
        api: list[Api] = []

        def answer(request: Request) -> Reply:
            if not api:
                api.append(Api(town, home=f"http://{request.headers['Host']}"))
            found = api[0].answer(
                method=request.method,
                path=request.path,
                raw_query=request.raw_path.partition("?")[2],
                authorization=request.headers.get("Authorization", ""),
            )
            headers = {**JSON, **found.headers}
            reply = Reply(found.encoded(), status=found.status, headers=headers)
            spoilt = spoil(request, reply)
            if spoilt != reply:
                spoilt_answers.append(request.path)
            return spoilt

        server = LoopbackStore(answer)
        server.__enter__()
        client = connect(server.url, attempts=2)
        running.append((server, client))
        return client

    yield start
    assert spoilt_answers
    for server, client in running:
        client.close()
        server.__exit__(None, None, None)


# What stands before a store.


def always(status: int, body: str | bytes, **headers: str) -> Spoil:
    """Everything is answered so."""
    raw = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _, __: Reply(raw, status=status, headers={**HTML, **named})


def around(before: str | bytes = "", behind: str | bytes = "") -> Spoil:
    """Something stands before or behind the JSON of good answers."""
    first, last = (text.encode() if isinstance(text, str) else text for text in (before, behind))
    return lambda _, reply: replace(reply, body=first + reply.body + last)


def headed(**headers: str | None) -> Spoil:
    """Headers are changed, or taken away."""

    def spoil(_: Request, reply: Reply) -> Reply:
        changed = {name.replace("_", "-").lower(): text for name, text in headers.items()}
        kept = {name: text for name, text in reply.headers.items() if name.lower() not in changed}
        return replace(
            reply, headers={**kept, **{n: text for n, text in changed.items() if text is not None}}
        )

    return spoil


def rows(change: Callable[[Row], Any], *, of: str = "") -> Spoil:
    """Each row of the lists (of the lists whose path ends so) is changed."""
    return whole(lambda found: [change(row) for row in found], of=of)


def whole(change: Callable[[list[Row]], Any], *, of: str = "") -> Spoil:
    """The JSON of the lists (of those whose path ends so) is changed."""

    def spoil(request: Request, reply: Reply) -> Reply:
        value = json.loads(reply.body)
        if not isinstance(value, list) or not request.path.endswith(of) or request.path.endswith("statuses"):
            return reply
        return replace(reply, body=json.dumps(change(value)).encode())

    return spoil


def with_meta(of_person: Mapping[str, Any]) -> Spoil:
    """What stands under the key of consent, by first name: a list is the values of as many entries."""

    def change(row: Row) -> Row:
        name = row.get("billing", {}).get("first_name")
        if name not in of_person:
            return row
        meta = [item for item in row["meta_data"] if item["key"] != KEY]
        return {**row, "meta_data": [*meta, *({"key": KEY, "value": each} for each in of_person[name])]}

    return rows(change, of="customers")


def set_in(name: str, value: Any, *, of: str = "customers", only: int | None = None) -> Spoil:
    """A field has this value, in all rows or in the one with this id."""
    return rows(lambda row: {**row, name: value} if only in (None, row.get("id")) else row, of=of)


def billing(**parts: Any) -> Spoil:
    """Ann's billing address has these parts."""
    return rows(
        lambda row: {**row, "billing": {**row["billing"], **parts}} if row["id"] == 2 else row, of="customers"
    )


def first_page_for_ever(request: Request, reply: Reply) -> Reply:
    """A cache that leaves the offset out of its key; the list has many pages."""
    if not request.path.endswith("customers") or "include" in request.query:
        return reply
    return Reply(
        json.dumps([{"id": number, "meta_data": []} for number in range(1, 101)]).encode(),
        headers={**JSON, "X-WP-Total": "450"},
    )


def cut(body_kept: Callable[[bytes], bytes]) -> Spoil:
    return lambda _, reply: replace(reply, body=body_kept(reply.body))


def redirected(location: str, status: int = 301) -> Spoil:
    return always(status, "", Location=location)
