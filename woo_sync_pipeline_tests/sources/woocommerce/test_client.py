from __future__ import annotations

import base64
import contextlib
import pickle
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, StoreSettings
from woo_sync_pipeline.sources.woocommerce.paging import walk
from woo_sync_pipeline_tests.sources.woocommerce.loopback import (
    JSON,
    LoopbackStore,
    Reply,
    Request,
    in_turn,
    of_rows,
)

Connect = Callable[..., StoreClient]
GOOD = of_rows([{"id": 1}], total=41)
SECRET = "cs_fedcba9876543210"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_over_https_the_key_goes_as_basic_and_never_in_the_url(
    connect: Connect, authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with (
        LoopbackStore(lambda _: GOOD, tls=tls) as server,
        connect(server.url + "/", verify_tls=str(tmp_path / "ca.pem")) as client,
    ):
        page = client.get_list("customers", {"role": "all"})
    request = server.requests[0]
    assert (page.rows, page.total) == ([{"id": 1}], 41)
    assert request.path == "/wp-json/wc/v3/customers"
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(token).decode()) == ("Basic", f"ck_0123456789abcdef:{SECRET}")
    assert "ck_" not in request.raw_path
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("woo_sync_pipeline/")


def test_a_certificate_of_nobody_known_is_a_permanent_error(connect: Connect, tls: ssl.SSLContext) -> None:
    with (
        LoopbackStore(lambda _: GOOD, tls=tls) as server,
        connect(server.url) as client,
        pytest.raises(errors.StoreTlsError, match="verify_tls"),
    ):
        client.get_list("customers", {})
    assert client.requests_made == 1


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used_is_refused_before_any_request(
    connect: Connect, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"CA file of verify_tls.*PEM") as caught:
        connect("https://shop.example.com", verify_tls=str(file))
    assert caught.value.source == "shop"


def test_an_empty_path_of_a_ca_file_does_not_switch_off_the_verification(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="CA file of verify_tls: there is no such file"):
        connect("https://shop.example.com", verify_tls="")


def test_https_where_the_store_speaks_http_is_told_in_words(connect: Connect) -> None:
    with (
        LoopbackStore(lambda _: GOOD) as server,
        connect(server.url.replace("http:", "https:"), attempts=1) as client,
        pytest.raises(errors.StoreUnreachableError, match=r"no TLS connection \(wrong version number\)\."),
    ):
        client.get_list("customers", {})


@pytest.mark.parametrize(
    ("age", "is_told"),
    [("0", True), ("60", True), ("61", False), ("9" * 9, False), ("soon", True), ("-9", True)],
)
def test_what_a_cache_has_kept_for_more_than_a_minute_is_no_answer(
    connect: Connect, age: str, is_told: bool
) -> None:
    """A choice that somebody took back meanwhile would still be in it."""
    kept = Reply(b'[{"id": 1}]', headers={**JSON, "Age": age})
    with LoopbackStore(lambda _: kept) as server, connect(server.url) as client:
        if is_told:
            assert client.get_list("customers", {}).rows == [{"id": 1}]
            return
        with pytest.raises(errors.StoreAnswerCachedError, match="out of a cache"):
            client.get_list("customers", {})
    assert len(server.requests) == 1
    assert server.requests[0].headers["Cache-Control"] == "no-cache"


def test_the_index_of_wordpress_may_come_out_of_a_cache(connect: Connect) -> None:
    kept = Reply(b'{"name": "Shop"}', headers={**JSON, "Age": "3600"})
    with LoopbackStore(lambda _: kept) as server, connect(server.url) as client:
        assert client.get_object("/", {}) == {"name": "Shop"}


@pytest.mark.parametrize("other", ["null", "false", "[]", '"gone"', "7"])
def test_what_is_no_object_in_a_list_of_objects_is_a_row_without_an_id(connect: Connect, other: str) -> None:
    mixed = Reply(f'[{{"id": 1}}, {other}, {{"id": 3}}]'.encode())
    with LoopbackStore(lambda _: mixed) as server, connect(server.url) as client:
        assert client.get_list("customers", {}).rows == [{"id": 1}, {}, {"id": 3}]
    alone = Reply(f"[{other}]".encode())
    with (
        LoopbackStore(lambda _: alone) as server,
        connect(server.url) as client,
        pytest.raises(errors.StoreAnswerMalformedError, match="where a list of objects was due"),
    ):
        client.get_list("customers", {})


@pytest.mark.parametrize("wanted", [False, True])
def test_proxies_of_the_environment_are_used_only_if_wanted(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LoopbackStore(lambda _: GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with connect("http://shop.invalid", attempts=1, use_environment_proxies=wanted) as client:
            if wanted:
                client.get_list("customers", {})
            else:
                with pytest.raises(errors.StoreUnreachableError, match="name of the host"):
                    client.get_list("customers", {})
    assert [request.raw_path for request in proxy.requests] == (
        ["http://shop.invalid/wp-json/wc/v3/customers"] if wanted else []
    )


def test_one_connection_serves_many_requests(connect: Connect) -> None:
    with LoopbackStore(lambda _: GOOD) as server, connect(server.url) as client:
        for _ in range(5):
            client.get_list("customers", {})
    assert (len(server.requests), len(server.connections)) == (5, 1)


def test_cookies_are_not_kept(connect: Connect) -> None:
    crumbs = Reply(b"[]", headers={"Content-Type": "application/json", "Set-Cookie": "visitor=7; Path=/"})
    with LoopbackStore(lambda _: crumbs) as server, connect(server.url) as client:
        client.get_list("customers", {})
        client.get_list("customers", {})
    assert len(server.requests) == 2
    assert not any("Cookie" in request.headers for request in server.requests)


def test_links_are_not_followed(connect: Connect) -> None:
    rows = [{"id": number} for number in range(1, 251)]
    away = '<https://elsewhere.example/?consumer_secret=cs_0>; rel="next"'

    def answer(request: Request) -> Reply:
        offset = int(request.query["offset"])
        page = of_rows(rows[offset : offset + int(request.query["per_page"])], total=len(rows))
        return Reply(page.body, headers={**page.headers, "Link": away})

    with LoopbackStore(answer) as server, connect(server.url) as client:
        assert [row["id"] for page in walk(client, "customers", {}) for row in page] == list(range(1, 251))
    assert {request.path for request in server.requests} == {"/wp-json/wc/v3/customers"}


def test_over_http_each_try_is_signed_anew_and_the_secret_stays_here(connect: Connect) -> None:
    with (
        LoopbackStore(in_turn(Reply(b"oops", status=500), GOOD)) as server,
        connect(server.url) as client,
    ):
        client.get_list("orders", {"status": "completed,trash"})
    signatures = [request.headers["Authorization"] for request in server.requests]
    assert all(text.startswith("OAuth ") and "HMAC-SHA256" in text for text in signatures)
    nonces = {text.partition('oauth_nonce="')[2].partition('"')[0] for text in signatures}
    assert len(nonces) == 2
    assert SECRET not in "".join(signatures)
    assert all("oauth" not in request.raw_path for request in server.requests)


def test_the_index_is_read_without_the_key(connect: Connect) -> None:
    with LoopbackStore(lambda _: Reply(b'{"name":"x"}')) as server, connect(server.url) as client:
        assert client.get_object("/", {"_fields": "name"}) == {"name": "x"}
    assert server.requests[0].path == "/wp-json/"
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"oops", status=500),
        Reply(b"busy", status=503),
        Reply(b"stop", status=429),
        Reply(drop=True),
        Reply(b'[{"id":1}]', cut=4),
        Reply(b""),
        Reply(b"<html></html>", headers={"Content-Type": "text/html"}),
    ],
)
def test_what_may_pass_is_tried_again(connect: Connect, naps: list[float], bad: Reply) -> None:
    with LoopbackStore(in_turn(bad, bad, GOOD)) as server, connect(server.url) as client:
        assert client.get_list("customers", {}).rows == [{"id": 1}]
    assert client.requests_made == len(server.requests) == 3
    assert len(naps) == 2
    assert 0 < naps[0] < naps[1] < 2


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply(b"oops", status=500), errors.StoreUnavailableError),
        (Reply(drop=True), errors.StoreUnreachableError),
        (Reply(b'[{"id":1}]', cut=4), errors.StoreAnswerCutError),
        (Reply(b""), errors.StoreAnswerEmptyError),
    ],
)
def test_what_does_not_pass_ends_with_its_name_and_the_number_of_attempts(
    connect: Connect, bad: Reply, kind: type[errors.StoreError]
) -> None:
    with (
        LoopbackStore(lambda _: bad) as server,
        connect(server.url, attempts=3) as client,
        pytest.raises(errors.StoreError, match=r"shop: GET customers \(3 attempts\)") as caught,
    ):
        client.get_list("customers", {})
    assert type(caught.value) is kind
    assert caught.value.transient
    assert client.requests_made == 3


def test_a_refused_connection_is_named(connect: Connect, naps: list[float]) -> None:
    with LoopbackStore(lambda _: GOOD) as server:
        url = server.url
    with (
        connect(url, attempts=2) as client,
        pytest.raises(errors.StoreUnreachableError, match="Connection refused"),
    ):
        client.get_list("customers", {})
    assert len(naps) == 1


def test_a_slow_store_is_a_time_out(connect: Connect) -> None:
    release = threading.Event()

    def answer(_: object) -> Reply:
        release.wait(10)
        return GOOD

    with LoopbackStore(answer) as server, connect(server.url, attempts=1, read_timeout=0.1) as client:
        with pytest.raises(errors.StoreTimeoutError):
            client.get_list("customers", {})
        release.set()


def test_a_permanent_failure_is_not_tried_again(connect: Connect, naps: list[float]) -> None:
    missing = Reply(b'{"code":"rest_no_route","message":"No"}', status=404)
    with (
        LoopbackStore(lambda _: missing) as server,
        connect(server.url) as client,
        pytest.raises(errors.StoreRouteMissingError),
    ):
        client.get_list("customers", {})
    assert (client.requests_made, naps) == (1, [])


def test_retry_after_is_waited_for(connect: Connect, naps: list[float]) -> None:
    slow_down = Reply(b"stop", status=429, headers={"Retry-After": "17"})
    with LoopbackStore(in_turn(slow_down, GOOD)) as server, connect(server.url) as client:
        client.get_list("customers", {})
    assert naps == [pytest.approx(17, abs=1)]


def test_a_long_maintenance_is_not_waited_for_and_the_message_says_when_to_come_back(
    connect: Connect, naps: list[float]
) -> None:
    closed = Reply(b"<html>", status=503, headers={"Retry-After": "600"})
    with (
        LoopbackStore(lambda _: closed) as server,
        connect(server.url) as client,
        pytest.raises(
            errors.StoreMaintenanceError, match=r"come back after \d{4}-\d\d-\d\d .* UTC"
        ) as caught,
    ):
        client.get_list("customers", {})
    assert (client.requests_made, naps) == (1, [])
    assert caught.value.retry_after == 600


def test_a_pause_holds_back_every_thread_of_the_client() -> None:
    asleep, wake = threading.Event(), threading.Event()
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            asleep.set()
        wake.wait(10)

    slow_down = Reply(b"stop", status=429, headers={"Retry-After": "60"})
    with LoopbackStore(in_turn(slow_down, GOOD)) as server:
        settings = StoreSettings("shop", server.url, "ck_0123", "cs_0123")
        with StoreClient(settings, sleep=sleep) as client:
            first = threading.Thread(target=client.get_list, args=("customers", {}))
            first.start()
            while not naps:
                wake.wait(0.005)
            second = threading.Thread(target=client.get_list, args=("orders", {}))
            second.start()
            assert asleep.wait(10)
            assert len(server.requests) == 1
            wake.set()
            first.join()
            second.join()
    assert len(server.requests) == 3
    assert all(50 < nap <= 60 for nap in naps)


def test_redirects_are_not_followed(connect: Connect) -> None:
    away = Reply(
        b"", status=301, headers={"Location": "https://elsewhere.example/wp-json/wc/v3/customers/?role=all"}
    )
    with (
        LoopbackStore(lambda _: away) as server,
        connect(server.url) as client,
        pytest.raises(
            errors.StoreRedirectedError, match=r"https://elsewhere.example/wp-json/wc/v3/customers/"
        ),
    ):
        client.get_list("customers", {})
    assert len(server.requests) == 1


def test_the_clock_of_the_store_is_the_date_of_its_answers(connect: Connect) -> None:
    with LoopbackStore(lambda _: GOOD) as server, connect(server.url) as client:
        assert client.server_time is None
        client.get_list("customers", {})
        assert client.server_time is not None
        assert abs((datetime.now(UTC) - client.server_time).total_seconds()) < 5


def by_a_clock_that_is_ahead(by: timedelta, reply: Reply, **headers: str) -> Callable[[Request], Reply]:
    def answer(_: Request) -> Reply:
        date = format_datetime(datetime.now(UTC) + by, usegmt=True)
        return Reply(reply.body, reply.status, {**reply.headers, "Date": date, **headers})

    return answer


@pytest.mark.parametrize("ahead", [timedelta(minutes=-7), timedelta(), timedelta(hours=3)])
@pytest.mark.parametrize("reply", [GOOD, Reply(b"oops", status=500)])
def test_every_answer_tells_by_how_much_the_store_s_clock_is_ahead(
    connect: Connect, ahead: timedelta, reply: Reply
) -> None:
    began = time.monotonic()
    with (
        LoopbackStore(by_a_clock_that_is_ahead(ahead, reply)) as server,
        connect(server.url, attempts=1) as client,
    ):
        assert client.clock_offset == UNKNOWN_OFFSET
        with contextlib.suppress(errors.StoreError):
            client.get_list("customers", {})
        told = client.clock_offset
        assert told.lowest <= ahead <= told.highest
        # As narrow as the header and the time that the answer took make it.
        took = timedelta(seconds=time.monotonic() - began)
        assert told.highest - told.lowest <= timedelta(seconds=1) + took


def test_a_store_that_answers_by_two_clocks_has_an_offset_that_holds_both(connect: Connect) -> None:
    replies = [by_a_clock_that_is_ahead(timedelta(minutes=by), GOOD) for by in (2, 0, 2)]
    with LoopbackStore(lambda request: replies.pop()(request)) as server, connect(server.url) as client:
        client.get_list("customers", {})
        before = client.clock_offset
        client.get_list("customers", {})
        client.get_list("customers", {})
    assert timedelta(minutes=1) < before.lowest <= timedelta(minutes=2) <= before.highest
    both = client.clock_offset
    assert both.lowest <= timedelta() < timedelta(minutes=2) <= both.highest


@pytest.mark.parametrize("headers", [{"Age": "40"}, {"X-Cache": "HIT"}])
def test_an_answer_out_of_a_cache_tells_nothing_of_the_store_s_clock(
    connect: Connect, headers: dict[str, str]
) -> None:
    ahead = timedelta(hours=-1)
    with (
        LoopbackStore(by_a_clock_that_is_ahead(ahead, GOOD, **headers)) as server,
        connect(server.url) as client,
    ):
        client.get_list("customers", {})
    assert client.clock_offset == UNKNOWN_OFFSET


@pytest.mark.parametrize("total", ["many", "", "-1", "9" * 5000])
def test_a_total_that_is_no_number_is_none(connect: Connect, total: str) -> None:
    odd = Reply(b'[{"id":1}]', headers={**JSON, "X-WP-Total": total})
    with LoopbackStore(lambda _: odd) as server, connect(server.url) as client:
        assert client.get_list("customers", {}).total is None


def test_an_error_that_is_sent_as_success_keeps_its_words(connect: Connect) -> None:
    closed = Reply(b'{"code":"shop_closed","message":"Back on Monday"}')
    with (
        LoopbackStore(lambda _: closed) as server,
        connect(server.url) as client,
        pytest.raises(
            errors.StoreAnswerMalformedError, match=r"an object \(shop_closed: Back on Monday\) where"
        ),
    ):
        client.get_list("customers", {})


def test_text_before_the_json_is_counted_and_warned_of_once(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    noisy = Reply(b"<b>Notice</b>: Oops in /srv/wp-content/plugins/noisy.php on line 3\n[]")
    with LoopbackStore(lambda _: noisy) as server, connect(server.url) as client:
        for _ in range(3):
            client.get_list("customers", {})
    said = "Notice: Oops in wp-content/plugins/noisy.php on line 3"
    assert (client.notices, client.first_notice) == (3, said)
    assert client.statistics().to_metadata()["answers_behind_text"] == 3
    [record] = caplog.records
    assert record.getMessage() == f"shop: the store's JSON is not as it should be: {said}"


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "myshop.example"},
        {"url": "ftp://shop.example.com"},
        {"url": "https://key:secret@shop.example.com"},
        {"url": "https://shop.example.com/?consumer_key=x"},
        {"consumer_key": ""},
        {"consumer_secret": "cs_with blank"},
        {"consumer_secret": "cs_…"},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_them(settings: dict[str, str]) -> None:
    values = {
        "url": "https://shop.example.com",
        "consumer_key": "ck_0",
        "consumer_secret": "cs_0",
        **settings,
    }
    with pytest.raises(ConfigurationError) as caught:
        StoreClient(StoreSettings("shop", values["url"], values["consumer_key"], values["consumer_secret"]))
    assert not any(value and value in str(caught.value) for value in settings.values())


def test_settings_and_errors_show_no_secret_and_errors_survive_a_process_boundary() -> None:
    shown = repr(StoreSettings("shop", "https://shop.example.com", "ck_0123", "cs_0123"))
    assert "ck_0123" not in shown
    assert "cs_0123" not in shown
    error = errors.StoreThrottledError(source="shop", tried="GET orders", got="status 429")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert error.next_step == errors.StoreThrottledError.advice
