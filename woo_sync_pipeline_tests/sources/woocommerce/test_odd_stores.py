"""Answers of stores as people have met them, each from a demo store behind something that spoils it.

What is read must be what the store holds, or the failure must have the right name: nothing is lost in silence, and
nobody is opted in by it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.store.api import Api
from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import customers_by_id, sweep_customers
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, order_statuses, walk_orders
from woo_sync_pipeline.sources.woocommerce.products import product_tags
from woo_sync_pipeline.sources.woocommerce.records import customer_table, order_table
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
        customers=customer_table(customers, **options).to_pandas(),
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


NOTICE = "<br />\n<b>Deprecated</b>:  Creation of dynamic property in <b>/srv/wp-content/x.php</b> on line <b>9</b>\n"
MAINTENANCE = "<html><head><title>Maintenance</title></head><body>Back soon</body></html>"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
WITHOUT_ANN = EVERYBODY - {ANN}
GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Case:
    """How a store answers; then who is read, or which failure comes of it with which words. `seen_at`: who met it."""

    spoil: Spoil
    seen_at: str = ""
    people: set[tuple[str, str, str]] = field(default_factory=lambda: EVERYBODY)
    invalid: set[tuple[str, str]] = field(default_factory=set)
    left_out: tuple[str, ...] = ()
    is_noticed: bool = False
    fails: type[errors.StoreError] | None = None
    saying: str = ""


NO_PHONE = ("customer", "missing_phone")
CASES: dict[str, Case] = {
    # Text around the JSON.
    "a PHP notice before the JSON": Case(
        around(NOTICE), f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/86", is_noticed=True
    ),
    "a byte order mark": Case(
        around("\ufeff"), f"{GITHUB}woocommerce/wc-api-python/issues/40", is_noticed=True
    ),
    "three byte order marks, one for each plugin": Case(
        around("\ufeff\ufeff\ufeff"), f"{GITHUB}airbytehq/airbyte/issues/42462", is_noticed=True
    ),
    "the comment of a cache behind the JSON": Case(
        around(behind="\n<!--Generated by Endurance Page Cache-->"),
        f"{GITHUB}bluehost/endurance-page-cache/issues/5",
        is_noticed=True,
    ),
    "two comments behind it": Case(
        around(behind="\n<!-- This website is like a Rocket -->\n<!-- Page optimized by LiteSpeed -->\n"),
        f"{GITHUB}WP-API/WP-API/issues/969",
        is_noticed=True,
    ),
    "the page of a failure behind the JSON": Case(
        around(behind="<p>There has been a critical error on this website.</p>"),
        f"{GITHUB}woocommerce/wc-api-php/issues/188",
        fails=errors.StoreAnswerNotJsonError,
        saying="bytes that are not the API's JSON",
    ),
    "a prefix against inclusion": Case(around(")]}',\n"), is_noticed=True),
    # Pages in place of the JSON.
    "a maintenance page with status 200": Case(
        always(200, MAINTENANCE),
        f"{GITHUB}woocommerce/wc-api-php/issues/165",
        fails=errors.StoreAnswerNotJsonError,
        saying="Maintenance",
    ),
    "a page that asks whether a person is there, with status 202": Case(
        always(202, "<html><head><meta http-equiv='refresh' content='0;/captcha/'></head></html>"),
        f"{GITHUB}woocommerce/woocommerce/issues/14918",
        fails=errors.StoreBlockedError,
        saying="status 202, text/html",
    ),
    "the challenge of a CDN": Case(
        always(403, CHALLENGE),
        f"{GITHUB}GoogleForCreators/web-stories-wp/issues/4805",
        fails=errors.StoreBlockedError,
        saying="Just a moment",
    ),
    "a CDN that asks for patience": Case(
        always(429, CHALLENGE), fails=errors.StoreThrottledError, saying="status 429"
    ),
    "mod_security": Case(
        always(406, "<html><head><title>Not Acceptable!</title></head></html>"),
        f"{GITHUB}Automattic/jetpack/issues/17688",
        fails=errors.StoreBlockedError,
        saying="Not Acceptable!",
    ),
    "a firewall with a status of its own": Case(
        always(455, "<title>455 Security Incident Detected</title>"),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/810",
        fails=errors.StoreBlockedError,
        saying="455 Security Incident",
    ),
    "XML": Case(
        always(200, '<?xml version="1.0"?><customers/>', Content_Type="text/xml"),
        fails=errors.StoreAnswerNotJsonError,
        saying="status 200, text/xml",
    ),
    "maintenance that says when it ends": Case(
        always(503, MAINTENANCE, Retry_After="3600"),
        fails=errors.StoreMaintenanceError,
        saying="come back after",
    ),
    "a plugin that closes the API": Case(
        always(
            401, '{"code":"rest_cannot_access","message":"Only authenticated users.","data":{"status":401}}'
        ),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/191",
        fails=errors.StoreBlockedError,
        saying="rest_cannot_access",
    ),
    "an error with status 200": Case(
        always(200, '{"code":"rest_no_route","message":"No route was found.","data":{"status":404}}'),
        f"{GITHUB}woocommerce/woocommerce/issues/27631",
        fails=errors.StoreRouteMissingError,
        saying="Permalinks",
    ),
    # The way to the store.
    "from http to https": Case(
        redirected("https://shop.example.com/wp-json/wc/v3/orders"),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/80",
        fails=errors.StoreRedirectedError,
        saying="http/https or in the host (www)",
    ),
    "to www": Case(
        redirected("https://www.example.com/wp-json/"),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/191",
        fails=errors.StoreRedirectedError,
        saying="sent to https://www.example.com",
    ),
    "to the language of the visitor": Case(
        redirected("/en/wp-json/wc/v3/orders/?lang=en", 302),
        fails=errors.StoreRedirectedError,
        saying="sent to /en/wp-json/",
    ),
    "another prefix than wp-json": Case(
        always(404, "<html><head><title>Page not found</title></head></html>"),
        f"{GITHUB}woocommerce/woocommerce/issues/27854",
        fails=errors.StoreRouteMissingError,
        saying="moved the REST API away from /wp-json/",
    ),
    # Headers.
    "no count": Case(
        headed(X_WP_Total=None, X_WP_TotalPages=None),
        f"{GITHUB}Codexshaper/laravel-woocommerce/issues/23",
    ),
    "headers in lower case": Case(
        headed(x_wp_total="5"), f"{GITHUB}pixelpeter/laravel5-woocommerce-api-client/pull/57"
    ),
    "a count of nothing": Case(headed(X_WP_Total="0")),
    "a count that is twice in one header": Case(headed(X_WP_Total="4, 4")),
    "a count that is a word": Case(headed(X_WP_Total="many")),
    "a type that is HTML": Case(
        headed(Content_Type="text/html; charset=UTF-8"), f"{GITHUB}WP-API/node-wpapi/issues/146"
    ),
    "an answer of a minute ago": Case(headed(Age="59")),
    "an answer of yesterday": Case(
        headed(Age="86400", X_Cache="HIT"),
        f"{GITHUB}goshippo/shippo-php-client/issues/70",
        fails=errors.StoreAnswerCachedError,
        saying="an answer out of a cache, 86,400 seconds old",
    ),
    "a cache that knows no offsets": Case(
        first_page_for_ever,
        f"{GITHUB}woocommerce/woocommerce/issues/18030",
        fails=errors.StoreFilterIgnoredError,
        saying="the same page whatever the offset",
    ),
    # Bytes.
    "packed without saying so": Case(cut(gzip.compress), f"{GITHUB}woocommerce/wc-api-php/issues/165"),
    "packed without saying so, and cut": Case(
        cut(lambda body: gzip.compress(body)[:-9]), fails=errors.StoreAnswerNotJsonError
    ),
    "said to be packed and not packed": Case(
        headed(Content_Encoding="gzip"), fails=errors.StoreAnswerCutError, saying="Content-Encoding"
    ),
    "cut in the middle with a right length": Case(
        cut(lambda body: body[: len(body) // 2]), fails=errors.StoreAnswerNotJsonError
    ),
    "cut in the middle of the transfer": Case(
        lambda _, reply: replace(reply, cut=20), fails=errors.StoreAnswerCutError
    ),
    "letters that are no UTF-8": Case(
        cut(lambda body: body.replace(b'"Ann"', b'"Ann \xe9"')),
        f"{GITHUB}woocommerce/woocommerce-rest-api/issues/49",
        people=WITHOUT_ANN | {("Ann \ufffd", *ANN[1:])},
        is_noticed=True,
    ),
    "a number of thousands of digits": Case(
        cut(lambda body: body.replace(b'"other","value":"x"', b'"other","value":' + b"7" * 6000))
    ),
    # Rows.
    "a list with holes": Case(
        whole(lambda found: {str(3 * at): row for at, row in enumerate(found)}),
        f"{GITHUB}woocommerce/woocommerce/issues/17997",
    ),
    "meta as an object": Case(
        rows(
            lambda row: {
                **row,
                "meta_data": {str(at): each for at, each in enumerate(row.get("meta_data", []))},
            }
        ),
        f"{GITHUB}woocommerce/woocommerce-ios/pull/16141",
    ),
    "rows that come twice": Case(
        whole(lambda found: [row for row in found for _ in range(2)]),
        f"{GITHUB}woocommerce/woocommerce/issues/33386",
    ),
    "null in a list": Case(
        whole(lambda found: [*found[:1], None, *found[1:]], of="customers"), left_out=("missing",)
    ),
    "a row that has become an empty list": Case(
        rows(lambda row: [] if row["id"] == 2 else row, of="customers"),
        people=WITHOUT_ANN,
        left_out=("missing",),
    ),
    "ids as texts": Case(
        rows(lambda row: {**row, "id": str(row["id"])}), f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/715"
    ),
    "an id of another system": Case(set_in("id", "crm-2", only=2), people=WITHOUT_ANN, left_out=("a text",)),
    "a negative id": Case(set_in("id", -2, only=2), people=WITHOUT_ANN, left_out=("a negative number",)),
    "customer ids as texts": Case(
        rows(lambda row: {**row, "customer_id": str(row["customer_id"])}, of="orders")
    ),
    "a customer id that is none": Case(
        set_in("customer_id", "guest-7", of="orders"),
        people=EVERYBODY - {DEE},
        left_out=("does_not_fit (customer_id: greater_than_or_equal_to(0))",) * 2,
    ),
    "a negative customer id": Case(
        set_in("customer_id", -1, of="orders"),
        people=EVERYBODY - {DEE},
        left_out=("does_not_fit (customer_id: greater_than_or_equal_to(0))",) * 2,
    ),
    # WooCommerce adds who orders to the site's users: who is none any more was removed, and that makes no guest.
    "an order of a customer whom the site does not have": Case(
        rows(lambda row: {**row, "customer_id": 999} if row["customer_id"] == 0 else row, of="orders"),
        people=EVERYBODY - {DEE},
    ),
    "a refund among the orders": Case(
        whole(
            lambda found: [
                *found,
                {"id": 9_000, "status": "completed", "date_modified_gmt": "2026-11-22T00:00:00"},
            ],
            of="orders",
        ),
        invalid={("order", "missing_phone")},
    ),
    # Fields.
    "an address that is null": Case(set_in("billing", None, only=2), people=WITHOUT_ANN, invalid={NO_PHONE}),
    "an address that is an empty text": Case(
        set_in("billing", "", only=2), people=WITHOUT_ANN, invalid={NO_PHONE}
    ),
    "an address that is an empty list": Case(
        set_in("billing", [], only=2), people=WITHOUT_ANN, invalid={NO_PHONE}
    ),
    "dates of zeros": Case(set_in("date_created_gmt", "0000-00-00 00:00:00")),
    "dates before all dates": Case(
        set_in("date_created_gmt", "-0001-11-30T00:00:00"),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/462",
    ),
    "dates of orders that no clock writes": Case(
        set_in("date_modified_gmt", "-0001-11-30T00:00:00", of="orders"),
        f"{GITHUB}XiaoFaye/WooCommerce.NET/issues/524",
    ),
    "a name with entities": Case(
        billing(first_name="Ann &amp;amp; Sue"), people=WITHOUT_ANN | {("Ann & Sue", *ANN[1:])}
    ),
    "a name with an emoji": Case(
        billing(first_name="Ann \U0001f600"), people=WITHOUT_ANN | {("Ann \U0001f600", *ANN[1:])}
    ),
    "half of an emoji": Case(billing(first_name="Ann \ud83d"), people=WITHOUT_ANN | {("Ann ?", *ANN[1:])}),
    "a phone with marks of direction": Case(billing(phone="\u200e\u202a0491\u00a0570\u00a0006\u202c")),
    "a phone as a number": Case(billing(phone=61491570006)),
    "a phone of a spreadsheet": Case(billing(phone=491570006.0)),
    "a phone that is a list": Case(billing(phone=["0491 570 006"]), people=WITHOUT_ANN, invalid={NO_PHONE}),
    "tags that are null": Case(set_in("tags", None, of="products")),
    # Meta.
    "meta that is null": Case(
        set_in("meta_data", None, only=2), people=WITHOUT_ANN | {("Ann", ANN[1], "unknown")}
    ),
    "meta of which only braces are left": Case(
        rows(lambda row: {**row, "meta_data": [{}, {}]}, of="customers"),
        f"{GITHUB}woocommerce/woocommerce/issues/24148",
        people={(*person[:2], "unknown") for person in (ANN, BOB, CAM)} | {DEE},
    ),
    "a value that is null": Case(
        with_meta({"Ann": [None]}), people=WITHOUT_ANN | {("Ann", ANN[1], "unknown")}
    ),
    "a value that is a number": Case(with_meta({"Ann": [1], "Bob": [0]})),
    "a value in lists and objects": Case(
        with_meta({"Ann": [["yes"]], "Bob": [{"sms": False, "email": True}]})
    ),
    "a value that PHP has packed": Case(
        with_meta({"Ann": ['a:1:{i:0;s:3:"yes";}']}), people=WITHOUT_ANN | {("Ann", ANN[1], "unknown")}
    ),
    "a key that is there twice, the later one a no": Case(
        with_meta({"Ann": ["yes", "no"]}), people=WITHOUT_ANN | {("Ann", ANN[1], "opted_out")}
    ),
    "a key that is there twice, the earlier one a no": Case(with_meta({"Bob": ["no", "yes", "yes"]})),
    "a key that is there twice, the later one empty": Case(with_meta({"Ann": ["yes", "", "yes"]})),
    "meta without ids": Case(
        rows(
            lambda row: {
                **row,
                "meta_data": [{"key": each["key"], "value": each["value"]} for each in row["meta_data"]],
            },
            of="customers",
        )
    ),
    "meta with odd entries among it": Case(
        rows(
            lambda row: {
                **row,
                "meta_data": [None, "x", [], {"key": ["sms"], "value": "no"}, *row["meta_data"]],
            },
            of="customers",
        )
    ),
}
NO_TAGS = "tags that are null"


@pytest.mark.parametrize("name", CASES)
def test_an_odd_answer_is_read_right_or_has_the_right_name(behind: Behind, name: str) -> None:
    case = CASES[name]
    client = behind(case.spoil)
    if case.fails is not None:
        with pytest.raises(errors.StoreError) as caught:
            read_all(client)
        message = str(caught.value)
        assert type(caught.value) is case.fails, message
        assert case.saying in message
        assert case.fails.advice in message
        for secret in (ADMINISTRATOR.consumer_key, ADMINISTRATOR.consumer_secret, "0491", "ann@"):
            assert secret not in message
        return
    seen = read_all(client)
    assert seen.people == case.people
    # The administrator has no phone.
    assert seen.invalid == case.invalid | {NO_PHONE}
    assert sorted(seen.left_out) == sorted(case.left_out)
    assert seen.tags == [() if name == NO_TAGS else ("Kitchen",)]
    assert bool(seen.notices) is case.is_noticed


def test_nobody_is_opted_in_by_an_odd_answer() -> None:
    """By what is written here: whoever has not said yes to the store does not do so by any of these."""
    for case in CASES.values():
        assert {person[1] for person in case.people if person[2] == "opted_in"} <= {ANN[1], DEE[1]}


def test_what_nobody_answers_to_is_asked_with_a_key_that_no_redirect_gets(behind: Behind) -> None:
    asked: list[str] = []

    def spoil(request: Request, reply: Reply) -> Reply:
        asked.append(request.path)
        return redirected(f"http://{request.headers['Host']}/elsewhere")(request, reply)

    with pytest.raises(errors.StoreRedirectedError):
        read_all(behind(spoil))
    assert "/elsewhere" not in asked


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert sum(bool(case.seen_at) for case in CASES.values()) >= 30
