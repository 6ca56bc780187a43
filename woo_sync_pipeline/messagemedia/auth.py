"""The two ways to authenticate with MessageMedia: HTTP Basic and signed requests (HMAC)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import requests
from requests.auth import AuthBase, HTTPBasicAuth


def basic_auth(api_key: str, api_secret: str) -> AuthBase:
    """HTTP Basic with the API key as user and the API secret as password, both as UTF-8."""
    return HTTPBasicAuth(api_key.encode(), api_secret.encode())


class HmacAuth(AuthBase):
    """A signature over the date, the body's MD5 and the request line.

    The signed path is the request target exactly as it goes on the wire: with its query, percent-encoded.
    The date is part of the signature and the platform accepts it for minutes only, so a request has to be
    prepared, and thereby signed, anew for every try.
    """

    def __init__(
        self, api_key: str, api_secret: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._api_key = api_key
        self._secret = api_secret.encode()
        self._now = now

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Date, Authorization and, with a body, Content-MD5 headers."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if body is not None and not isinstance(body, bytes):
            raise TypeError("only a body that is held in memory can be signed")
        date = format_datetime(self._now().astimezone(UTC), usegmt=True)
        request.headers["Date"] = date
        signed = "Date request-line"
        content_md5 = None
        if body:
            # MD5 is what the protocol asks for: a checksum, protected by the signature around it.
            content_md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
            request.headers["Content-MD5"] = content_md5
            signed = "Date Content-MD5 request-line"
        signature = sign(
            self._secret,
            signing_string(request.method or "GET", request.path_url, date=date, content_md5=content_md5),
        )
        request.headers["Authorization"] = (
            f'hmac username="{self._api_key}", algorithm="hmac-sha256", '
            f'headers="{signed}", signature="{signature}"'
        )
        return request


def signing_string(method: str, target: str, *, date: str, content_md5: str | None) -> str:
    """Return the text to be signed: lines joined by a newline, none at the end.

    `target` is the path with its query as sent, `date` in RFC 7231 form, `content_md5` hexadecimal or None
    when there is no body.
    """
    lines = [f"Date: {date}", f"{method} {target} HTTP/1.1"]
    if content_md5 is not None:
        lines.insert(1, f"Content-MD5: {content_md5}")
    return "\n".join(lines)


def sign(secret: bytes, text: str) -> str:
    """Return the Base64 of the HMAC-SHA256 of `text`, as UTF-8, under `secret`."""
    return base64.b64encode(hmac.new(secret, text.encode(), hashlib.sha256).digest()).decode("ascii")
