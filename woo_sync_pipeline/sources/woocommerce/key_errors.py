"""How a store refuses the credentials, one class per failure. To be imported from `errors`."""

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.sources.woocommerce.store_error import StoreError

_REST_API = "WooCommerce > Settings > Advanced > REST API"


class StoreAuthError(StoreError):
    """The store refused the credentials in a way that has no class of its own."""

    signs: ClassVar[tuple[str, ...]] = ("status 401",)
    advice = f"Check the key under {_REST_API}, or make a new one there with Read permission."


class StoreKeyUnknownError(StoreAuthError):
    """The store sees no valid key: the key is unknown, or the way it was sent is not honoured.

    WooCommerce answers alike to an unknown key, to no key, and to Basic credentials that reach it over
    plain HTTP, so the three cannot be told apart. A web server that drops the Authorization header makes it no key.
    """

    signs: ClassVar[tuple[str, ...]] = ("status 401, woocommerce_rest_cannot_view", "Consumer key is invalid")
    advice = (
        f"Either consumer_key is wrong (compare its last seven characters under {_REST_API}), or the store "
        "believes the request came over http instead of https: configure the https:// url, and if a proxy "
        "ends TLS, have it send X-Forwarded-Proto. Permalinks set to Plain (Settings > Permalinks) also do this, "
        "and so does a web server that drops the Authorization header (PHP as CGI): put "
        '`SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1` into .htaccess, or `CGIPassAuth On`.'
    )


class StoreSecretRefusedError(StoreAuthError):
    """The consumer key is known, its secret does not fit."""

    signs: ClassVar[tuple[str, ...]] = (
        "Consumer secret is invalid",
        "Invalid signature - provided signature does not match",
    )
    advice = (
        "Check consumer_secret for a cut or an added space; the store never shows it again, so if in doubt "
        f"revoke the key and make a new one under {_REST_API}."
    )


class StoreKeyPermissionError(StoreAuthError):
    """The key is right but has not the permission that the request needs."""

    signs: ClassVar[tuple[str, ...]] = ("The API key provided does not have read permissions",)
    advice = f"Set the key's Permissions to Read (or Read/Write) under {_REST_API}."


class StoreKeyWithoutRightsError(StoreAuthError):
    """The key is right but its user may not see this (403)."""

    signs: ClassVar[tuple[str, ...]] = ("status 403, woocommerce_rest_cannot_view",)
    advice = (
        f"Give the key to an administrator: {_REST_API}, field User. A shop manager's key can read customers "
        "but not their meta data."
    )


class StoreClockWrongError(StoreAuthError):
    """The signature's timestamp is more than 15 minutes away from the store's clock."""

    signs: ClassVar[tuple[str, ...]] = ("Invalid timestamp",)
    advice = (
        "Set the clock of this machine and of the store's server by NTP, or use the store's https:// url."
    )


class StoreSignatureReplayedError(StoreAuthError):
    """A signed request arrived twice. Signing anew helps, unless something repeats every request."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("Invalid nonce - nonce has already been used",)
    advice = "Run again; if it stays, a proxy repeats requests: use the store's https:// url."


class StoreSignatureIncompleteError(StoreAuthError):
    """Part of the signature's parameters did not arrive."""

    signs: ClassVar[tuple[str, ...]] = ("woocommerce_rest_authentication_missing_parameter",)
    advice = (
        "A proxy or security plugin removes parts of the Authorization header: use the store's https:// url."
    )
