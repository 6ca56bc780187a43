"""Who is asking: keys over HTTPS (Basic or in the query), OAuth 1.0a anywhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.php import Query, flatten
from woo_sync_pipeline.demo.store.records import ApiKey

_OAUTH_PARAMS = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
)
_HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_FAILED = "woocommerce_rest_authentication_error"
_TOLERANCE = 15 * 60


class RefusedError(Exception):
    """The credentials were looked at and refused: 401 with this code and message."""

    def __init__(self, message: str, code: str = _FAILED) -> None:
        self.body = {"code": code, "message": message, "data": {"status": 401}}
        super().__init__(message)


@dataclass(frozen=True)
class Call:
    """What a request's authentication depends on."""

    method: str
    url: str
    query: Query
    authorization: str
    is_https: bool


class Authenticator:
    """Finds the key behind a request; remembers the nonces of the last fifteen minutes."""

    def __init__(self, data: StoreData) -> None:
        self._data = data
        self._nonces: dict[tuple[str, str], int] = {}

    def identify(self, call: Call) -> ApiKey | None:
        """Return the key, or None for a stranger. Raises RefusedError.

        Plain keys are not even looked at over HTTP; an unknown key is a stranger, a wrong secret is refused.
        """
        found = self._plain(call) if call.is_https else None
        found = found or self._signed(call)
        if found and call.method in ("GET", "HEAD") and not found.may_read:
            raise RefusedError("The API key provided does not have read permissions.")
        if found and call.method in ("POST", "PUT", "PATCH", "DELETE") and not found.may_write:
            raise RefusedError("The API key provided does not have write permissions.")
        return found

    def _plain(self, call: Call) -> ApiKey | None:
        name, secret = str(call.query.get("consumer_key", "")), str(call.query.get("consumer_secret", ""))
        if not (name and secret):
            name, secret = _basic(call.authorization)
        found = self._key(name)
        if found is None or not secret:
            return None
        if not hmac.compare_digest(found.consumer_secret.encode(), secret.encode()):
            raise RefusedError("Consumer secret is invalid.")
        return found

    def _signed(self, call: Call) -> ApiKey | None:
        oauth = {name: value for name, value in call.query.items() if name.startswith("oauth_")}
        oauth |= _oauth_header(call.authorization)
        missing = [name for name in _OAUTH_PARAMS if not oauth.get(name)]
        if len(missing) == len(_OAUTH_PARAMS):
            return None
        if missing:
            raise RefusedError(
                f"Missing OAuth parameters {', '.join(missing)}",
                "woocommerce_rest_authentication_missing_parameter",
            )
        found = self._key(oauth["oauth_consumer_key"])
        if found is None:
            raise RefusedError("Consumer key is invalid.")
        digest = _HASHES.get(oauth["oauth_signature_method"])
        if digest is None:
            raise RefusedError("Invalid signature - signature method is invalid.")
        base = signature_base(call.method, call.url, call.query | oauth)
        expected = base64.b64encode(
            hmac.new(f"{found.consumer_secret}&".encode(), base.encode(), digest).digest()
        )
        given = str(oauth["oauth_signature"]).replace(" ", "+")
        if not hmac.compare_digest(expected, unquote(given).encode()):
            raise RefusedError("Invalid signature - provided signature does not match.")
        self._check_freshness(found, oauth)
        return found

    def _check_freshness(self, key: ApiKey, oauth: dict[str, Any]) -> None:
        now = self._data.signature_clock()
        stamp = int(oauth["oauth_timestamp"]) if str(oauth["oauth_timestamp"]).isdecimal() else 0
        if abs(now - stamp) > _TOLERANCE:
            raise RefusedError("Invalid timestamp.")
        nonce = (key.consumer_key, str(oauth["oauth_nonce"]))
        if nonce in self._nonces:
            raise RefusedError("Invalid nonce - nonce has already been used.")
        if len(self._nonces) > 20_000:
            self._nonces = {known: when for known, when in self._nonces.items() if now - when <= _TOLERANCE}
        self._nonces[nonce] = stamp

    def _key(self, name: str) -> ApiKey | None:
        return next((key for key in self._data.keys if key.consumer_key == name), None)


def signature_base(method: str, url: str, params: Query) -> str:
    """Return the text that OAuth 1.0a signs. Lists are spelled `status[0]`, however the client wrote them.

    That is why a client that signed `status[]=a&status[]=b` is refused.
    """
    pairs = sorted(
        (quote(name, safe="-._~"), quote(value, safe="-._~"))
        for name, value in flatten(params)
        if name != "oauth_signature"
    )
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(quote(part, safe="-._~") for part in (method, url, joined))


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _oauth_header(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "oauth":
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: unquote(value.strip('"')) for name, _, value in pairs if name.startswith("oauth_")}
