"""What `woo-sync check` says of stores that cannot be read: one line each, which names the failure."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from woo_sync_pipeline.demo.store import ApiKey, DemoStore, Fault, StoreData
from woo_sync_pipeline.demo.store.records import Permissions, UserRole
from woo_sync_pipeline.sources.woocommerce import errors
from woo_sync_pipeline.sources.woocommerce.check import check_lines
from woo_sync_pipeline.sources.woocommerce.client import StoreClient, StoreSettings
from woo_sync_pipeline.sources.woocommerce.error_page import error_page, store_errors
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.sources.woocommerce.loopback import JSON, LoopbackStore, Reply, of_rows
from woo_sync_pipeline_tests.sources.woocommerce.sources import CONSENT, source_of

PAGE = CHECKOUT / "docs" / "errors.md"
INDEX = Reply(b'{"name":"Shop","namespaces":["wc/v3"]}')
FIREWALL = b"<!DOCTYPE html><html><body><h1>Blocked by SiteGuard</h1> jane.doe@example.com</body></html>"
HTML = {"Content-Type": "text/html; charset=UTF-8"}


def connect_hastily(source: WooCommerceSettings) -> StoreClient:
    """The real client, but nobody waits: neither for an answer nor before the next attempt."""
    settings = StoreSettings(
        source=source.key,
        url=source.url,
        consumer_key=source.consumer_key.get_secret_value(),
        consumer_secret=source.consumer_secret.get_secret_value(),
        verify_tls=source.verify_tls,
        read_timeout=0.3,
        attempts=2,
    )
    return StoreClient(settings, sleep=lambda seconds: None)


@dataclass(frozen=True)
class Town:
    """A store that is fine, with the means to make it misbehave; `tls` is trusted by nobody."""

    shop: DemoStore
    tls: ssl.SSLContext

    def source(self, **options: Any) -> WooCommerceSettings:
        # Without the key that customers hide, which is a warning of its own.
        return source_of(self.shop, **{"consent": {"meta_keys": [CONSENT]}, **options})


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def town(shop: DemoStore, tls: ssl.SSLContext) -> Town:
    return Town(shop, tls)


Circumstance = Callable[[Town], AbstractContextManager[WooCommerceSettings]]
"""Makes the store misbehave and gives the source that meets it."""


def with_options(**options: Any) -> Circumstance:
    return lambda town: nullcontext(town.source(**options))


def with_key(*, permissions: Permissions = "read", user_role: UserRole = "administrator") -> Circumstance:
    def make(town: Town) -> AbstractContextManager[WooCommerceSettings]:
        key = ApiKey("ck_5555555555", "cs_5555555555", permissions, user_role)
        town.shop.data.keys.append(key)
        return nullcontext(town.source(consumer_key=key.consumer_key, consumer_secret=key.consumer_secret))

    return make


def with_fault(fault: Fault) -> Circumstance:
    def make(town: Town) -> AbstractContextManager[WooCommerceSettings]:
        town.shop.faults.rates = {fault: 1.0}
        return nullcontext(town.source())

    return make


def answering(reply: Reply) -> Circumstance:
    """The index of the API is fine, all else is answered with `reply`."""

    @contextmanager
    def make(town: Town) -> Iterator[WooCommerceSettings]:
        with LoopbackStore(lambda request: INDEX if request.path == "/wp-json/" else reply) as server:
            yield town.source(url=server.url)

    return make


def answering_all(reply: Reply) -> Circumstance:
    """Everything is answered with `reply`."""

    @contextmanager
    def make(town: Town) -> Iterator[WooCommerceSettings]:
        with LoopbackStore(lambda _: reply) as server:
            yield town.source(url=server.url)

    return make


def refusing(status: int, code: str, message: str = "No.") -> Circumstance:
    body = {"code": code, "message": message, "data": {"status": status}}
    return answering(Reply(json.dumps(body).encode(), status=status))


@contextmanager
def nobody_listens(town: Town) -> Iterator[WooCommerceSettings]:
    with DemoStore(StoreData()) as other:
        url = other.url
    yield town.source(url=url)


@contextmanager
def speaks_http(town: Town) -> Iterator[WooCommerceSettings]:
    yield town.source(url=town.shop.url.replace("http:", "https:"))


@contextmanager
def untrusted(town: Town) -> Iterator[WooCommerceSettings]:
    with DemoStore(town.shop.data, ssl_context=town.tls) as store:
        yield town.source(url=store.url)


@contextmanager
def slow(town: Town) -> Iterator[WooCommerceSettings]:
    enough = threading.Event()

    def answer(_: object) -> Reply:
        enough.wait(10)
        return Reply(drop=True)

    with LoopbackStore(answer) as server:
        yield town.source(url=server.url)
        enough.set()


AUTH = "woocommerce_rest_authentication_error"
FORWARDED = {"Location": "https://shop.example.com/wp-json/wc/v3/customers?role=all"}
CASES: dict[str, tuple[Circumstance, type[errors.StoreError]]] = {
    "a wrong secret": (with_options(consumer_secret="cs_wrong"), errors.StoreSecretRefusedError),
    "an unknown key": (with_options(consumer_key="ck_unknown"), errors.StoreKeyUnknownError),
    "http for https": (
        refusing(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        errors.StoreKeyUnknownError,
    ),
    "http for https, where the store redirects": (
        answering(Reply(status=301, headers=FORWARDED)),
        errors.StoreRedirectedError,
    ),
    "a key of a user without rights": (with_key(user_role="customer"), errors.StoreKeyWithoutRightsError),
    "a write-only key": (with_key(permissions="write"), errors.StoreKeyPermissionError),
    "a clock that is off": (refusing(401, AUTH, "Invalid timestamp."), errors.StoreClockWrongError),
    "a proxy that repeats requests": (
        refusing(401, AUTH, "Invalid nonce - nonce has already been used."),
        errors.StoreSignatureReplayedError,
    ),
    "a proxy that cuts the signature": (
        refusing(401, "woocommerce_rest_authentication_missing_parameter"),
        errors.StoreSignatureIncompleteError,
    ),
    "another plugin for keys": (refusing(401, "jwt_auth_no_token"), errors.StoreAuthError),
    "plain permalinks": (with_fault("redirect"), errors.StoreRedirectedError),
    "no WooCommerce": (refusing(404, "rest_no_route"), errors.StoreRouteMissingError),
    "a parameter that is refused": (refusing(400, "rest_invalid_param"), errors.StoreRequestRefusedError),
    "a plugin that closes the API": (
        refusing(401, "rest_cannot_access", "Only authenticated users can access the REST API."),
        errors.StoreBlockedError,
    ),
    "a plugin that forbids the API": (refusing(403, "rest_forbidden"), errors.StoreBlockedError),
    "a firewall": (answering(Reply(FIREWALL, status=403, headers=HTML)), errors.StoreBlockedError),
    "a firewall that says 200": (answering(Reply(FIREWALL, headers=HTML)), errors.StoreAnswerNotJsonError),
    "maintenance": (with_fault("maintenance"), errors.StoreMaintenanceError),
    "a PHP fatal error": (with_fault("fatal"), errors.StoreUnavailableError),
    "an exit": (with_fault("exit"), errors.StoreAnswerEmptyError),
    "an answer out of a cache": (
        answering(Reply(headers={**JSON, "Age": "3600"})),
        errors.StoreAnswerCachedError,
    ),
    "no list": (answering(Reply(b'{"customers":[]}')), errors.StoreAnswerMalformedError),
    "a list for an object": (answering_all(of_rows([{"id": 1}])), errors.StoreAnswerMalformedError),
    "an untrusted certificate": (untrusted, errors.StoreTlsError),
    "http on the port of https": (speaks_http, errors.StoreUnreachableError),
    "a name that does not resolve": (with_options(url="https://shop.invalid"), errors.StoreUnreachableError),
    "a refused connection": (nobody_listens, errors.StoreUnreachableError),
    "a connection that is dropped": (with_fault("drop"), errors.StoreUnreachableError),
    "an answer that is cut": (with_fault("cut"), errors.StoreAnswerCutError),
    "a time-out": (slow, errors.StoreTimeoutError),
    "too many requests": (with_fault("too_many_requests"), errors.StoreThrottledError),
    "an overloaded store": (with_fault("unavailable"), errors.StoreMaintenanceError),
}


@pytest.mark.parametrize(("circumstance", "kind"), CASES.values(), ids=CASES)
def test_each_failure_is_one_line_that_names_it_and_says_what_to_do(
    town: Town, circumstance: Circumstance, kind: type[errors.StoreError]
) -> None:
    with circumstance(town) as source:
        [line] = check_lines(source, connect_hastily)
    assert (line.verdict, line.subject) == ("FAIL", "shop")
    assert line.text.startswith("shop: GET ")
    assert line.text.endswith(kind.advice)
    assert any(sign in line.text for sign in kind.signs)
    assert "\n" not in line.text
    assert len(line.text) < 700
    for secret in (source.consumer_key.get_secret_value(), source.consumer_secret.get_secret_value()):
        assert secret not in line.text
    assert "jane.doe" not in line.text


def test_a_401_names_the_header_that_a_web_server_drops_and_its_mends(town: Town) -> None:
    with CASES["http for https"][0](town) as source:
        [line] = check_lines(source, connect_hastily)
    assert "drops the Authorization header" in line.text
    assert 'SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1' in line.text
    assert "CGIPassAuth On" in line.text


def test_a_ca_file_that_is_missing_is_one_line_too(town: Town, tmp_path: Path) -> None:
    [line] = check_lines(town.source(verify_tls=str(tmp_path / "ca.pem")), connect_hastily)
    assert (line.verdict, line.subject) == ("FAIL", "shop")
    assert "CA file of verify_tls: there is no such file. Set verify_tls to" in line.text


@pytest.mark.parametrize(
    ("circumstance", "said"),
    [
        (CASES["a firewall"][0], "Blocked by SiteGuard"),
        (CASES["a firewall that says 200"][0], "Blocked by SiteGuard"),
        (CASES["a PHP fatal error"][0], "WordPress › Error"),
        (CASES["a plugin that closes the API"][0], "Only authenticated users can access the REST API"),
    ],
)
def test_a_line_tells_what_the_store_or_what_stands_before_it_said(
    town: Town, circumstance: Circumstance, said: str
) -> None:
    with circumstance(town) as source:
        [line] = check_lines(source, connect_hastily)
    assert said in line.text


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            "notice",
            "(Warning: Undefined variable $undefined_thing in wp-content/plugins/noisy/noisy.php on line 1)",
        ),
        ("bom", "(a byte order mark)"),
    ],
)
def test_text_before_the_json_is_survived_and_warned_of(town: Town, fault: Fault, said: str) -> None:
    with with_fault(fault)(town) as source:
        fine, warning = check_lines(source, connect_hastily)
    assert (fine.verdict, warning.verdict) == ("ok", "warn")
    assert f"not as it should be {said}, and is read all the same: set WP_DEBUG_DISPLAY" in warning.text
    assert "\n" not in warning.text


def test_an_unknown_order_status_is_a_line_of_its_own(town: Town) -> None:
    fine, warning = check_lines(town.source(order_statuses=["completed", "shiped"]), connect_hastily)
    assert (fine.verdict, warning.verdict) == ("ok", "warn")
    assert "no order status shiped:" in warning.text


def test_the_page_of_errors_is_the_one_that_the_code_makes() -> None:
    """After a change: python -m woo_sync_pipeline.sources.woocommerce.error_page > docs/errors.md."""
    assert PAGE.read_text(encoding="utf-8") == error_page()


def test_every_error_has_a_row_with_its_meaning_and_what_to_do() -> None:
    kinds = store_errors()
    assert len(kinds) == 29
    assert all(kind.signs and kind.__doc__ and kind.advice for kind in kinds)
    assert len({kind.advice for kind in kinds}) == len(kinds)
    table = [line for line in error_page().splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in table] == [kind.__name__ for kind in kinds]
    assert all(line.count(" | ") == 4 for line in table)
    assert {kind for _, kind in CASES.values()} <= set(kinds)
