"""How to reach MessageMedia, and how patient to be with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.http.requester import HttpSettings, check_authority, is_loopback
from woo_sync_pipeline.messagemedia.errors import SOURCE


@dataclass(frozen=True)
class PlatformSettings(HttpSettings):
    """The account to use and the limits to keep, in seconds where they are times.

    `attempts` bounds the tries of a request that breaks; being asked to slow down does not use them up and
    is bounded by `throttle_patience`, the time one request may wait in total.
    Raises ConfigurationError for values that cannot work or that would send credentials unprotected.
    """

    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    auth: Literal["basic", "hmac"] = "basic"
    max_concurrency: int = field(default=16, kw_only=True)
    read_timeout: float = field(default=30, kw_only=True)
    throttle_patience: float = 600.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _wrong("base_url", "no http(s) address", "Use https://au.app.api.sinch.com or the eu one.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise _wrong("base_url", "credentials, a query or a fragment in it", "Name host and path only.")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise _wrong("base_url", "an address without TLS", "Use https: the API secret travels with it.")
        if not self.api_key or not self.api_secret:
            raise _wrong("api_key, api_secret", "an empty value", "Create an API key in MessageMedia.")
        if self.auth not in ("basic", "hmac"):
            raise _wrong("auth", "an unknown value", "Use basic or hmac.")
        if self.max_concurrency < 1 or self.attempts < 1:
            raise _wrong("max_concurrency, attempts", "a value below 1", "Use at least 1.")
        if self.max_requests_per_second is not None and self.max_requests_per_second <= 0:
            raise _wrong("max_requests_per_second", "no positive number", "Use one, or leave it out.")
        check_authority(
            self.verify_tls, source=SOURCE, setting="messagemedia.verify_tls", server="the platform"
        )

    @property
    def origin(self) -> str:
        """The base URL without a slash at its end."""
        return self.base_url.rstrip("/")


def _wrong(setting: str, got: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(
        source=SOURCE, tried=f"reading messagemedia.{setting}", got=got, next_step=next_step
    )
