import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.auth import HmacAuth, basic_auth
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import PlatformAuthError
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

NOON = datetime(2026, 8, 18, 12, 0, 5, tzinfo=UTC)
DATE = "Tue, 18 Aug 2026 12:00:05 GMT"


def signed_by_hand(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


def prepared(method: str, url: str, now: datetime = NOON, **parts: Any) -> requests.PreparedRequest:
    auth = HmacAuth("key-1", "sécret", now=lambda: now)
    return requests.Request(method, url, auth=auth, **parts).prepare()


def test_a_request_without_a_body_is_signed_over_date_and_request_line() -> None:
    request = prepared("GET", "https://h.example/api/v1/contacts/lists", params=[("pageSize", "1000")])

    signature = signed_by_hand("sécret", f"Date: {DATE}\nGET /api/v1/contacts/lists?pageSize=1000 HTTP/1.1")
    assert request.headers["Date"] == DATE
    assert "Content-MD5" not in request.headers
    assert request.headers["Authorization"] == (
        'hmac username="key-1", algorithm="hmac-sha256", headers="Date request-line", '
        f'signature="{signature}"'
    )


def test_a_request_with_a_body_is_signed_over_its_hexadecimal_md5_too() -> None:
    request = prepared("POST", "https://h.example/api/v1/contacts/lists", data=b'{"name": "VIP"}')

    md5 = hashlib.md5(b'{"name": "VIP"}').hexdigest()
    signature = signed_by_hand(
        "sécret", f"Date: {DATE}\nContent-MD5: {md5}\nPOST /api/v1/contacts/lists HTTP/1.1"
    )
    assert request.headers["Content-MD5"] == md5
    assert request.headers["Authorization"] == (
        'hmac username="key-1", algorithm="hmac-sha256", headers="Date Content-MD5 request-line", '
        f'signature="{signature}"'
    )


@pytest.mark.parametrize(
    ("method", "target", "body", "signature"),
    [
        (
            "POST",
            "/api/v1/contacts/lists",
            b'{"name": "VIP"}',
            "tC4GDl8/PwSPOnfbqaHkxREs31PpPLdu8Yzw1lTq9cw=",
        ),
        (
            "GET",
            "/api/v1/contacts/contacts?pageSize=1000&channelIds=%2B61412345678",
            None,
            "VkW3B7EsmqGnXVt3chizlp8hS6Hd50N2+j+aLlLZXAw=",
        ),
    ],
)
def test_signatures_are_those_that_openssl_makes(
    method: str, target: str, body: bytes | None, signature: str
) -> None:
    # openssl dgst -sha256 -mac HMAC -macopt key:the-secret -binary <signing string> | base64
    auth = HmacAuth("key-1", "the-secret", now=lambda: NOON)
    request = requests.Request(method, f"https://h.example{target}", data=body, auth=auth).prepare()
    assert f'signature="{signature}"' in str(request.headers["Authorization"])


def test_the_signed_path_is_the_percent_encoded_one_that_is_sent() -> None:
    request = prepared("GET", "https://h.example/x", params=[("name", "é +&")])

    signature = signed_by_hand("sécret", f"Date: {DATE}\nGET /x?name=%C3%A9+%2B%26 HTTP/1.1")
    assert f'signature="{signature}"' in str(request.headers["Authorization"])


def test_the_date_is_greenwich_time_whatever_the_clock_shows() -> None:
    brisbane = NOON.astimezone(timezone(timedelta(hours=10)))
    assert prepared("GET", "https://h.example/", now=brisbane).headers["Date"] == DATE


def test_basic_credentials_are_utf_8() -> None:
    request = requests.Request("GET", "https://h.example/", auth=basic_auth("kéy", "s:ecret")).prepare()
    expected = base64.b64encode("kéy:s:ecret".encode()).decode()
    assert request.headers["Authorization"] == f"Basic {expected}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_the_platform_verifies_the_signature_of_any_query(platform: DemoPlatform, name: str) -> None:
    wanted = PlatformSettings(platform.url, platform.api_key, platform.api_secret, auth="hmac")
    with PlatformClient(wanted) as client:
        assert client.find_list(name) is None


@pytest.mark.parametrize("auth", ["basic", "hmac"])
@pytest.mark.parametrize(("key", "secret"), [("wrong", None), (None, "wrong")])
def test_wrong_credentials_are_refused(
    platform: DemoPlatform, auth: str, key: str | None, secret: str | None
) -> None:
    wanted = PlatformSettings(
        platform.url,
        key or platform.api_key,
        secret or platform.api_secret,
        auth="hmac" if auth == "hmac" else "basic",
    )
    platform.requests.reset()
    with PlatformClient(wanted) as client, pytest.raises(PlatformAuthError) as caught:
        client.create_list("Nobody's")
    assert platform.api_secret not in str(caught.value)
    assert [each.status for each in platform.requests.entries] == [401]


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_is_refused(platform: DemoPlatform, minutes: int) -> None:
    def shifted() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    auth = HmacAuth(platform.api_key, platform.api_secret, now=shifted)
    answer = requests.get(f"{platform.url}/api/v1/contacts/lists", auth=auth, timeout=5)
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_body_that_was_changed_on_the_way_is_refused(platform: DemoPlatform) -> None:
    auth = HmacAuth(platform.api_key, platform.api_secret)
    url = f"{platform.url}/api/v1/contacts/lists"
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("POST", url, data=b'{"name": "a"}', auth=auth))
        request.body = b'{"name": "b"}'
        assert session.send(request, timeout=5).status_code == 401


def test_each_try_is_signed_anew(platform: DemoPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    # The clock of the first try is an hour slow: only a second signature can be accepted.
    moments = iter([datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)])
    wanted = PlatformSettings(platform.url, platform.api_key, platform.api_secret, auth="hmac", backoff=0.01)
    platform.faults.queue("500")
    with PlatformClient(wanted) as client:
        signer = HmacAuth(platform.api_key, platform.api_secret, now=lambda: next(moments))
        monkeypatch.setattr(client._transport, "_auth", signer)
        assert client.lists() is not None
    assert list(moments) == []
