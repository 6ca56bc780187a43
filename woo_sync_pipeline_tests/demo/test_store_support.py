"""What the tests of the demo store share: HTTPS on loopback, signed and plain requests, recorded exchanges."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import trustme
from requests_oauthlib import OAuth1

from woo_sync_pipeline.demo.store import ApiKey, DemoStore, StoreData
from woo_sync_pipeline_tests.checkout import SHARED

RECORDED = SHARED / "woocommerce" / "recorded"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Pairs = Sequence[tuple[str, str]] | Mapping[str, str]


def keys() -> list[ApiKey]:
    return [
        ApiKey("ck_read", "cs_read"),
        ApiKey("ck_both", "cs_both", "read_write"),
        ApiKey("ck_write", "cs_write", "write"),
        ApiKey("ck_manager", "cs_manager", "read", "shop_manager"),
        ApiKey("ck_customer", "cs_customer", "read", "customer"),
    ]


def empty_store(timezone: str = "Australia/Sydney") -> StoreData:
    """A store with keys and a clock that stands still at NOON."""
    data = StoreData(name="Hand-made", timezone=timezone)
    data.keys = keys()
    data.clock = lambda: NOON
    return data


def stop_clock(data: StoreData, moment: datetime) -> None:
    """Let the store's clock stand still at another moment."""
    data.clock = lambda: moment


@contextmanager
def https_store(data: StoreData, folder: Path) -> Iterator[tuple[DemoStore, str]]:
    """Serve over HTTPS; gives the store and the path of the CA file to verify it with."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with DemoStore(data, ssl_context=context) as store:
        yield store, str(ca_file)


def ask(
    store: DemoStore,
    path: str,
    params: Pairs = (),
    *,
    key: ApiKey | None = None,
    ca_file: str = "",
    method: str = "GET",
    **more: Any,
) -> requests.Response:
    """Ask with a key (signed over HTTP, Basic over HTTPS) or without; never follows a redirect."""
    auth: Any = None
    if key is not None:
        signed = OAuth1(key.consumer_key, key.consumer_secret, signature_method="HMAC-SHA256")
        auth = (key.consumer_key, key.consumer_secret) if ca_file else signed
    with requests.Session() as session:
        session.trust_env = False
        more.setdefault("auth", auth)
        full = path if path.startswith("/") else f"/wp-json/wc/v3/{path}"
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
        return session.request(
            method,
            store.url + full,
            params=pairs,
            verify=ca_file or True,
            allow_redirects=False,
            timeout=10,
            **more,
        )


def rows(store: DemoStore, path: str, params: Pairs = (), **more: Any) -> list[dict[str, Any]]:
    """The rows of a list that must be there, read with the administrator's read key."""
    answer = ask(store, path, params, key=store.data.keys[0], **more)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def ids(store: DemoStore, path: str, params: Pairs = (), **more: Any) -> list[int]:
    return [row["id"] for row in rows(store, path, params, **more)]


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return found
