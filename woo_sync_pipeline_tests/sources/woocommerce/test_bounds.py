"""Answers without an end: in size, in time, in pages."""

from __future__ import annotations

import gzip
import json
import ssl
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import trustme

from woo_sync_pipeline.sources.woocommerce import page_walk
from woo_sync_pipeline.sources.woocommerce.client import Attempt, Page, StoreClient
from woo_sync_pipeline.sources.woocommerce.customers import sweep_customers
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerCutError,
    StoreAnswerTooLargeError,
    StoreAnswerTooSlowError,
    StoreListEndlessError,
    StoreTimeoutError,
)
from woo_sync_pipeline.sources.woocommerce.orders import OrderWindow, walk_orders
from woo_sync_pipeline.sources.woocommerce.page_walk import PageBound
from woo_sync_pipeline_tests.sources.woocommerce.loopback import (
    JSON,
    LoopbackStore,
    Reply,
    Request,
    in_turn,
    of_rows,
)
from woo_sync_pipeline_tests.sources.woocommerce.test_orders import DAY, NOON

Connect = Callable[..., StoreClient]
MEGABYTE = 1024 * 1024
GZIP = {**JSON, "Content-Encoding": "gzip"}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """300 MB in 300 kB."""
    return gzip.compress(b"[" + b" " * 300 * MEGABYTE + b"]", 6)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_an_answer_that_unpacks_without_an_end_is_given_up_in_little_memory(
    connect: Connect, bomb: bytes, encoding: str
) -> None:
    body = bomb if encoding == "gzip" else gzip.compress(bomb)
    reply = Reply(body, headers={**JSON, "Content-Encoding": encoding})
    with LoopbackStore(lambda _: reply) as server, connect(server.url) as client:
        tracemalloc.start()
        try:
            with pytest.raises(StoreAnswerTooLargeError, match="more than 67,108,864 bytes"):
                client.get_list("customers", {})
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(server.requests) == 1
    assert most < 200 * MEGABYTE


def test_the_bound_is_of_what_was_unpacked(connect: Connect) -> None:
    rows = json.dumps([{"id": number} for number in range(1, 101)]).encode()
    with (
        LoopbackStore(lambda _: Reply(gzip.compress(rows), headers=GZIP)) as server,
        connect(server.url, largest_answer=len(rows)) as fits,
        connect(server.url, largest_answer=len(rows) - 1) as too_small,
    ):
        assert len(fits.get_list("customers", {}).rows) == 100
        assert len(fits.get_list("customers", {}).rows) == 100
        with pytest.raises(StoreAnswerTooLargeError):
            too_small.get_list("customers", {})
        assert len(server.connections) == 2


@pytest.mark.parametrize("where", ["head", "body"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_single_bytes_ends_with_the_time_for_all_of_it(
    connect: Connect, where: Literal["head", "body"], packed: bool
) -> None:
    # The header of gzip says that a comment follows, and it never ends: nothing is ever unpacked.
    comment = b"\x1f\x8b\x08\x10" + bytes(6)
    reply = Reply(comment, headers=GZIP, dripping=where) if packed else Reply(b"[", dripping=where)
    began = time.monotonic()
    with (
        LoopbackStore(lambda _: reply) as server,
        connect(server.url, answer_timeout=0.5, attempts=1) as client,
        pytest.raises(StoreAnswerTooSlowError, match=r"not complete after 0\.5 seconds"),
    ):
        client.get_list("customers", {})
    assert time.monotonic() - began < 4


def test_over_tls_it_ends_as_well_and_the_client_goes_on(connect: Connect, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    replies = in_turn(Reply(b"[", dripping="body"), of_rows([{"id": 1}]))
    with (
        LoopbackStore(replies, tls=context) as server,
        connect(server.url, verify_tls=str(tmp_path / "ca.pem"), answer_timeout=1) as client,
    ):
        assert client.get_list("customers", {}).rows == [{"id": 1}]
        assert client.requests_made == 2


def test_what_is_silent_or_cut_is_still_called_so(connect: Connect) -> None:
    with LoopbackStore(lambda _: Reply(b"[" + b" " * 100, cut=10)) as server, connect(server.url) as client:
        with pytest.raises(StoreAnswerCutError):
            client.get_list("customers", {})
        assert client.requests_made == 5

    def late(_: Request) -> Reply:
        time.sleep(1)
        return of_rows([])

    with (
        LoopbackStore(late) as server,
        connect(server.url, read_timeout=0.2, attempts=1) as client,
        pytest.raises(StoreTimeoutError, match="no answer within"),
    ):
        client.get_list("customers", {})


def test_a_list_may_have_a_thousand_pages_more_than_twice_what_it_promised() -> None:
    bound = PageBound(Attempt("shop", "GET customers"))
    page = Page([], 300)
    for _ in range(1008):
        bound.count(page, 100)
    with pytest.raises(StoreListEndlessError, match="1,009 pages of a list of 300 rows"):
        bound.count(page, 100)


@pytest.fixture
def fewer_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk is given up a hundred pages beyond what its list could need, and not a thousand."""
    monkeypatch.setattr(page_walk, "_PAGES_BEYOND", 100)


def test_customers_without_an_end_are_given_up(connect: Connect, fewer_pages: None) -> None:
    def more(request: Request) -> Reply:
        first = int(request.query["offset"]) + 1
        rows = [{"id": number} for number in range(first, first + 100)]
        return of_rows(rows, total=300 if first == 1 else first + 1000)

    with LoopbackStore(more) as server, connect(server.url) as client:
        with pytest.raises(StoreListEndlessError, match="109 pages of a list of 300 rows"):
            for _ in sweep_customers(client, meta_keys=()):
                pass
        assert len(server.requests) < 120


def test_orders_of_a_window_without_an_end_are_given_up(connect: Connect, fewer_pages: None) -> None:
    made = iter(range(1, 10**9))

    def more(request: Request) -> Reply:
        after = request.query["modified_after"]
        hour, minute, second = (int(part) for part in after.rpartition("T")[2].split(":"))
        then = (hour * 3600 + minute * 60 + second + 1) % 86_400
        times = [then] * 50 + [then + 2] * 50
        rows = [
            {
                "id": next(made),
                "date_modified_gmt": f"2026-11-20T{t // 3600:02}:{t // 60 % 60:02}:{t % 60:02}",
            }
            for t in times
        ]
        return of_rows(rows, total=100)

    with LoopbackStore(more) as server, connect(server.url) as client:
        pages = walk_orders(client, OrderWindow(DAY, NOON), meta_keys=(), statuses=["completed"])
        with pytest.raises(StoreListEndlessError, match="of a list of 100 rows, and no end"):
            for _ in pages:
                pass
        assert len(server.requests) < 110
