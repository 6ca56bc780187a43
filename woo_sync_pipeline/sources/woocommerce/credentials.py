"""Where the API of a store is, and how requests to it are signed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from woo_sync_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from woo_sync_pipeline.sources.woocommerce.client import StoreSettings


def api_root(settings: StoreSettings) -> str:
    """The address of WordPress' REST API. Raises ConfigurationError for a url that can be none."""
    parts = urlsplit(settings.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ConfigurationError(
            source=settings.source,
            tried="reading the store's url",
            got="not a plain http(s) address",
            next_step="Set url to the address of the shop, such as https://shop.example.com, without key or query.",
        )
    return f"{settings.url.rstrip('/')}/wp-json"


def auth_for(settings: StoreSettings) -> AuthBase:
    """Basic over https, an OAuth 1.0a signature over http. Raises ConfigurationError for a key that can be none."""
    for name, value in (
        ("consumer_key", settings.consumer_key),
        ("consumer_secret", settings.consumer_secret),
    ):
        if not value or not value.isascii() or value != "".join(value.split()):
            raise ConfigurationError(
                source=settings.source,
                tried=f"reading {name}",
                got="empty, or with blanks or other characters that no key has",
                next_step="Copy it again from WooCommerce > Settings > Advanced > REST API.",
            )
    if urlsplit(settings.url).scheme == "https":
        return HTTPBasicAuth(settings.consumer_key, settings.consumer_secret)
    for library in ("oauthlib", "requests_oauthlib"):
        # Their debug logs show the consumer key with every request.
        logging.getLogger(library).setLevel(logging.INFO)
    return OAuth1(
        settings.consumer_key, client_secret=settings.consumer_secret, signature_method="HMAC-SHA256"
    )


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials; a callable, since for None requests would look into ~/.netrc."""
    return request
