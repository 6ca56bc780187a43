import contextlib
import re
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    PlatformError,
    PlatformProtocolError,
    PlatformTlsError,
    PlatformUnavailable,
)
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.steps.resources import MessageMediaResource

PHONE = "+61412345678"

# What the demo platform never does, a server that answers by script does.

Script = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def scripted(script: Script, context: ssl.SSLContext | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"{'https' if context else 'http'}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def answering(status: int, body: bytes, **headers: str) -> Script:
    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return script


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Welcome, Ada Byron</html>"),
        (200, b'{"content": [{"firstName": "Ada Byron"'),
        (200, b"[" * 100_000),
        (200, b""),
        (200, b"null"),
        (302, b""),
        (418, b'{"detail": "a teapot"}'),
        (501, b""),
    ],
)
def test_what_no_contacts_api_answers_is_said_and_not_repeated(status: int, body: bytes) -> None:
    with (
        scripted(answering(status, body, Location="https://elsewhere.example/")) as url,
        PlatformClient(PlatformSettings(url, "k", "s", backoff=0.01)) as client,
        pytest.raises(PlatformProtocolError) as caught,
    ):
        client.lists()
    assert client.requests_made == 1
    assert "Ada" not in str(caught.value)


def test_a_page_token_that_repeats_ends_the_walk() -> None:
    page = b'{"content": [], "totalElements": 5, "nextPageToken": "again"}'
    with (
        scripted(answering(200, page)) as url,
        PlatformClient(PlatformSettings(url, "k", "s")) as client,
        pytest.raises(PlatformProtocolError, match="token"),
    ):
        client.lists()
    assert client.requests_made == 2


@pytest.mark.parametrize("ahead", [timedelta(minutes=-7), timedelta(), timedelta(hours=3)])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_every_answer_tells_by_how_much_the_platform_s_clock_is_ahead(status: int, ahead: timedelta) -> None:
    began = time.monotonic()
    with (
        scripted(dated(ahead, status)) as url,
        PlatformClient(PlatformSettings(url, "k", "s", attempts=1)) as client,
    ):
        assert client.clock_offset == UNKNOWN_OFFSET
        with contextlib.suppress(PlatformError):
            client.lists()
        told = client.clock_offset
        assert told.lowest <= ahead <= told.highest
        # As narrow as the header and the time that the answer took make it.
        took = timedelta(seconds=time.monotonic() - began)
        assert told.highest - told.lowest <= timedelta(seconds=1) + took


@pytest.mark.parametrize("headers", [{"Age": "40"}, {"X-Cache": "HIT"}])
def test_an_answer_out_of_a_cache_tells_nothing_of_the_platform_s_clock(headers: dict[str, str]) -> None:
    with (
        scripted(dated(timedelta(hours=-1), 200, **headers)) as url,
        PlatformClient(PlatformSettings(url, "k", "s")) as client,
    ):
        client.lists()
    assert client.clock_offset == UNKNOWN_OFFSET


def dated(ahead: timedelta, status: int, **headers: str) -> Script:
    """Answer by a clock that is ahead of ours."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        body = b'{"content": [], "totalElements": 0}'
        handler.send_response_only(status)
        handler.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return script


def test_an_answer_cut_short_is_asked_for_again() -> None:
    tries: list[str] = []

    def script(handler: BaseHTTPRequestHandler) -> None:
        tries.append(handler.path)
        whole = b'{"content": [], "totalElements": 0}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole if len(tries) > 1 else whole[:9])
        handler.close_connection = True

    with scripted(script) as url, PlatformClient(PlatformSettings(url, "k", "s", backoff=0.01)) as client:
        assert client.lists() == []
    assert len(tries) == 2


def test_an_answer_that_is_too_large_is_not_asked_for_again() -> None:
    body = b'{"content": [], "totalElements": 0}'
    with (
        scripted(answering(200, body)) as url,
        PlatformClient(PlatformSettings(url, "k", "s", largest_answer=len(body) - 1)) as client,
        pytest.raises(PlatformProtocolError, match="an answer of more than 34 bytes"),
    ):
        client.lists()
    assert client.requests_made == 1


def test_an_answer_of_single_bytes_ends_with_the_time_for_all_of_it() -> None:
    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b" ")
                time.sleep(0.05)

    began = time.monotonic()
    with (
        scripted(script) as url,
        PlatformClient(
            PlatformSettings(url, "k", "s", answer_timeout=0.3, attempts=2, backoff=0.01)
        ) as client,
        pytest.raises(PlatformUnavailable, match=r"not complete after 0\.3 seconds \(2 tries\)"),
    ):
        client.lists()
    assert time.monotonic() - began < 4


def test_cookies_and_the_environment_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login thief password thief\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    seen: list[dict[str, str]] = []

    def script(handler: BaseHTTPRequestHandler) -> None:
        seen.append(dict(handler.headers))
        answering(200, b'{"content": [], "totalElements": 0}', **{"Set-Cookie": "a=b"})(handler)

    with scripted(script) as url, PlatformClient(PlatformSettings(url, "k", "s")) as client:
        client.lists()
        client.lists()
    assert [each["Authorization"] for each in seen] == ["Basic azpz", "Basic azpz"]
    assert not any("Cookie" in each for each in seen)


@dataclass(frozen=True)
class Guarded:
    """A platform whose certificate is signed by an authority that only `ca_file` names."""

    url: str
    ca_file: Path

    def connect(self, **options: object) -> PlatformClient:
        """The client that a configuration with these options of `messagemedia` gives."""
        account = {"base_url": self.url, "api_key": "k", "api_secret": "s", **options}
        source = {
            "name": "Shop",
            "key": "shop",
            "url": "https://shop.example.com",
            "consumer_key": "ck",
            "consumer_secret": "cs",
            "start_date": "2026-11-01",
            "default_region": "AU",
        }
        settings = Settings.model_validate({"messagemedia": account, "sources": [source]})
        return MessageMediaResource(settings).connect()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with scripted(answering(200, b'{"content": [], "totalElements": 0}'), context) as url:
        yield Guarded(url, tmp_path / "ca.pem")


@pytest.mark.parametrize("options", [{}, {"verify_tls": True}])
def test_a_certificate_of_nobody_known_is_refused_with_what_to_configure(
    guarded: Guarded, options: dict[str, object]
) -> None:
    with guarded.connect(**options) as client:
        with pytest.raises(PlatformTlsError, match=r"the CA file as messagemedia\.verify_tls") as caught:
            client.contacts_by_phone([PHONE])
        assert PHONE[1:] not in "".join(traceback.format_exception(caught.value))
        assert client.requests_made == 1


def test_a_ca_file_of_the_configuration_makes_its_certificates_trusted(guarded: Guarded) -> None:
    with guarded.connect(verify_tls=str(guarded.ca_file)) as client:
        assert client.lists() == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_no_certificate_is_verified_if_the_configuration_says_so(guarded: Guarded) -> None:
    with guarded.connect(verify_tls=False) as client:
        assert client.lists() == []


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used_is_refused_before_any_request(
    guarded: Guarded, content: str | None
) -> None:
    guarded.ca_file.unlink()
    if content is not None:
        guarded.ca_file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"CA file of messagemedia\.verify_tls.*PEM") as caught:
        guarded.connect(verify_tls=str(guarded.ca_file))
    assert caught.value.source == "messagemedia"


def test_a_host_that_does_not_exist_is_unavailable_and_the_message_says_where_to_look() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            PlatformClient(PlatformSettings(url, "k", "s", backoff=0.01, attempts=2)) as client,
            pytest.raises(PlatformUnavailable) as caught,
        ):
            client.contacts_by_phone([PHONE])
    assert re.search(r"no connection could be opened \(2 tries\)", str(caught.value))
