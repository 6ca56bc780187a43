"""The demo platform's side of HTTP Basic and of signed requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_CLOCK_SKEW = timedelta(minutes=5)

_HMAC = re.compile(
    r'hmac username="(?P<username>[^"]*)", algorithm="hmac-sha256", '
    r'headers="(?P<headers>[^"]*)", signature="(?P<signature>[^"]*)"'
)


def is_authentic(
    method: str, target: str, headers: Mapping[str, str], body: bytes, *, api_key: str, api_secret: str
) -> bool:
    """Tell whether a request proves to know the secret. `target` is the path and query as received."""
    authorization = headers.get("Authorization", "")
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "basic":
        expected = base64.b64encode(f"{api_key}:{api_secret}".encode())
        return hmac.compare_digest(credential.strip().encode(), expected)
    signed = _HMAC.fullmatch(authorization)
    if signed is None:
        return False
    date = headers.get("Date", "")
    lines = [f"Date: {date}"]
    if body:
        digest = headers.get("Content-MD5", "")
        if digest != hashlib.md5(body, usedforsecurity=False).hexdigest():
            return False
        lines.append(f"Content-MD5: {digest}")
    lines.append(f"{method} {target} HTTP/1.1")
    expected_headers = "Date Content-MD5 request-line" if body else "Date request-line"
    expected = base64.b64encode(
        hmac.new(api_secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    )
    return (
        _is_current(date)
        and signed["headers"] == expected_headers
        and hmac.compare_digest(signed["username"].encode(), api_key.encode())
        and hmac.compare_digest(signed["signature"].encode(), expected)
    )


def _is_current(date: str) -> bool:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return False
    if moment.tzinfo is None or not date.endswith("GMT"):
        return False
    return abs(datetime.now(UTC) - moment) <= MAX_CLOCK_SKEW
