"""Who is let in, and what the others are told."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

import pytest
from requests_oauthlib import OAuth1

from woo_sync_pipeline.demo.store import ApiKey, DemoStore
from woo_sync_pipeline.demo.store.auth import Authenticator, Call, RefusedError, signature_base
from woo_sync_pipeline_tests.demo.test_store_support import ask, empty_store, https_store, keys

READ, BOTH, WRITE, MANAGER, CUSTOMER = keys()
FAILED = "woocommerce_rest_authentication_error"
HIDDEN = "woocommerce_rest_cannot_view"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoStore, str]]:
    data = empty_store()
    data.register_customer(email="ann@example.com")
    with https_store(data, tmp_path_factory.mktemp("ca")) as served:
        yield served


@pytest.fixture(scope="module")
def plain() -> Iterator[DemoStore]:
    data = empty_store()
    data.register_customer(email="ann@example.com")
    with DemoStore(data) as store:
        yield store


@pytest.mark.parametrize(
    ("key", "method", "status", "code", "words"),
    [
        (READ, "GET", 200, "", ""),
        (BOTH, "GET", 200, "", ""),
        (MANAGER, "GET", 200, "", ""),
        (None, "GET", 401, HIDDEN, "Sorry, you cannot list resources."),
        (ApiKey("ck_no", "cs_read"), "GET", 401, HIDDEN, "Sorry, you cannot list resources."),
        (ApiKey("ck_read", "cs_no"), "GET", 401, FAILED, "Consumer secret is invalid."),
        (ApiKey("ck_read", "cs_read "), "GET", 401, FAILED, "Consumer secret is invalid."),
        (READ, "POST", 401, FAILED, "The API key provided does not have write permissions."),
        (WRITE, "GET", 401, FAILED, "The API key provided does not have read permissions."),
        (CUSTOMER, "GET", 403, HIDDEN, "Sorry, you cannot list resources."),
    ],
)
@pytest.mark.parametrize("place", ["header", "query"])
def test_keys_over_https(
    secure: tuple[DemoStore, str],
    key: ApiKey | None,
    method: str,
    status: int,
    code: str,
    words: str,
    place: str,
) -> None:
    store, ca_file = secure
    params = {"per_page": "1"}
    if key is not None and place == "query":
        params |= {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
        key = None
    answer = ask(store, "customers", params, key=key, ca_file=ca_file, method=method)
    assert answer.status_code == status
    assert "WWW-Authenticate" not in answer.headers
    if status != 200:
        assert (answer.json()["code"], answer.json()["message"]) == (code, words)


def test_the_same_keys_over_plain_http_are_not_even_looked_at(plain: DemoStore) -> None:
    wrong = ask(plain, "customers", auth=(READ.consumer_key, "cs_no"))
    right = ask(plain, "customers", auth=(READ.consumer_key, READ.consumer_secret))
    in_query = {"consumer_key": READ.consumer_key, "consumer_secret": READ.consumer_secret}
    asked = ask(plain, "customers", in_query)
    assert {answer.status_code for answer in (wrong, right, asked)} == {401}
    assert {answer.json()["code"] for answer in (wrong, right, asked)} == {HIDDEN}


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
@pytest.mark.parametrize("place", ["auth_header", "query"])
@pytest.mark.parametrize(
    "params",
    [
        {"search": "O'Brien & Söhne 100%", "status": "a,b"},
        {"status[0]": "pending", "status[1]": "trash"},
        {"modified_after": "2026-04-05T02:05:00+10:00", "_fields": "id,billing.phone"},
    ],
)
def test_signed_requests_are_accepted_over_http(
    plain: DemoStore, method: str, place: str, params: dict[str, str]
) -> None:
    signed = OAuth1(READ.consumer_key, READ.consumer_secret, signature_method=method, signature_type=place)
    path = "orders" if "modified_after" in params or "status[0]" in params else "customers"
    assert ask(plain, path, params, auth=signed).status_code == 200


def test_signed_requests_are_accepted_over_https_too(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    signed = OAuth1(READ.consumer_key, READ.consumer_secret)
    assert ask(store, "customers", ca_file=ca_file, auth=signed).status_code == 200


def test_plaintext_signatures_are_refused(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    signed = OAuth1(READ.consumer_key, READ.consumer_secret, signature_method="PLAINTEXT")
    answer = ask(store, "customers", ca_file=ca_file, auth=signed)
    assert answer.status_code == 401
    assert "signature method is invalid" in answer.json()["message"]


def test_permissions_hold_for_signed_requests(plain: DemoStore) -> None:
    assert ask(plain, "customers", key=WRITE).status_code == 401
    assert ask(plain, "customers", key=CUSTOMER).status_code == 403


def test_a_get_that_says_it_is_a_delete_needs_write_permission(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    answer = ask(store, "customers/1", {"_method": "DELETE"}, key=READ, ca_file=ca_file)
    assert (answer.status_code, answer.json()["code"]) == (401, FAILED)
    assert 1 in store.data.customers


def test_a_wrong_secret_is_refused_before_the_path_is_looked_at(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    wrong = ApiKey(READ.consumer_key, "cs_no")
    assert ask(store, "nothing/here", key=wrong, ca_file=ca_file).status_code == 401
    assert ask(store, "nothing/here", ca_file=ca_file).status_code == 404


def test_a_bad_parameter_is_refused_before_a_stranger_is(plain: DemoStore) -> None:
    assert ask(plain, "customers", {"per_page": "0"}).status_code == 400


def test_brackets_without_numbers_are_fine_without_a_signature(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    pairs = [("_fields[]", "id"), ("_fields[]", "role")]
    answer = ask(store, "customers", pairs, key=READ, ca_file=ca_file)
    assert answer.json() == [{"id": 1, "role": "customer"}]


def test_the_index_needs_no_key_and_tells_the_time_zone(plain: DemoStore) -> None:
    answer = ask(plain, "/wp-json/", {"_fields": "name,gmt_offset,timezone_string"})
    assert answer.json() == {"name": "Hand-made", "gmt_offset": 11, "timezone_string": "Australia/Sydney"}


def call(**oauth: str) -> Call:
    """A signed call as `Authenticator` sees it; parameters given here replace the right ones."""
    query = {
        "oauth_consumer_key": READ.consumer_key,
        "oauth_timestamp": "1000000",
        "oauth_nonce": "n1",
        "oauth_signature_method": "HMAC-SHA256",
        **oauth,
    }
    url = "http://127.0.0.1/wp-json/wc/v3/customers"
    if "oauth_signature" not in query:
        base = signature_base("GET", url, query).encode()
        digest = hmac.new(f"{READ.consumer_secret}&".encode(), base, hashlib.sha256).digest()
        query["oauth_signature"] = base64.b64encode(digest).decode()
    return Call("GET", url, query, "", is_https=False)


@pytest.fixture
def authenticator() -> Authenticator:
    data = empty_store()
    data.signature_clock = lambda: 1_000_000.0
    return Authenticator(data)


def test_a_signature_is_good_once(authenticator: Authenticator) -> None:
    assert authenticator.identify(call()) == READ
    with pytest.raises(RefusedError, match="nonce has already been used"):
        authenticator.identify(call())
    assert authenticator.identify(call(oauth_nonce="n2")) == READ


@pytest.mark.parametrize(
    ("stamp", "good"),
    [("999100", True), ("1000900", True), ("999099", False), ("1000901", False), ("x", False)],
)
def test_a_timestamp_may_be_fifteen_minutes_off(authenticator: Authenticator, stamp: str, good: bool) -> None:
    if good:
        assert authenticator.identify(call(oauth_timestamp=stamp)) == READ
    else:
        with pytest.raises(RefusedError, match=r"Invalid timestamp\."):
            authenticator.identify(call(oauth_timestamp=stamp))


def test_missing_oauth_parameters_are_named(authenticator: Authenticator) -> None:
    with pytest.raises(RefusedError, match=r"oauth_timestamp, oauth_nonce$") as refused:
        authenticator.identify(call(oauth_timestamp="", oauth_nonce="", oauth_signature="x"))
    assert refused.value.body["code"] == "woocommerce_rest_authentication_missing_parameter"


def test_what_is_not_base64_is_no_key(authenticator: Authenticator) -> None:
    for header in ("Basic ***", "Basic /////w==", "Bearer abc", ""):
        assert authenticator.identify(Call("GET", "https://x", {}, header, is_https=True)) is None


def test_no_credential_is_remembered_with_a_request(secure: tuple[DemoStore, str]) -> None:
    store, ca_file = secure
    ask(store, "customers", {"consumer_key": "ck_read", "consumer_secret": "cs_read"}, ca_file=ca_file)
    signed = OAuth1(READ.consumer_key, READ.consumer_secret, signature_type="query")
    ask(store, "customers", {"page": "1"}, ca_file=ca_file, auth=signed)
    assert [seen.query for seen in store.requests[-2:]] == [{}, {"page": "1"}]
