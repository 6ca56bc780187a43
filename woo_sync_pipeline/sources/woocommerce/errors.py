"""Everything that can go wrong while a WooCommerce store is read, one class per failure.

`transient` on the class is the one place where it is decided whether trying again later may help.
"""

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.sources.woocommerce.key_errors import (
    StoreAuthError,
    StoreClockWrongError,
    StoreKeyPermissionError,
    StoreKeyUnknownError,
    StoreKeyWithoutRightsError,
    StoreSecretRefusedError,
    StoreSignatureIncompleteError,
    StoreSignatureReplayedError,
)
from woo_sync_pipeline.sources.woocommerce.store_error import StoreError

__all__ = [
    "StoreAnswerCachedError",
    "StoreAnswerCutError",
    "StoreAnswerEmptyError",
    "StoreAnswerMalformedError",
    "StoreAnswerNotJsonError",
    "StoreAnswerTooLargeError",
    "StoreAnswerTooSlowError",
    "StoreAuthError",
    "StoreBlockedError",
    "StoreChangesTooFastError",
    "StoreClockWrongError",
    "StoreError",
    "StoreFilterIgnoredError",
    "StoreKeyPermissionError",
    "StoreKeyUnknownError",
    "StoreKeyWithoutRightsError",
    "StoreListEndlessError",
    "StoreMaintenanceError",
    "StoreRecordMissingError",
    "StoreRedirectedError",
    "StoreRequestRefusedError",
    "StoreRouteMissingError",
    "StoreSecretRefusedError",
    "StoreSignatureIncompleteError",
    "StoreSignatureReplayedError",
    "StoreThrottledError",
    "StoreTimeoutError",
    "StoreTlsError",
    "StoreUnavailableError",
    "StoreUnreachableError",
]

# --- the store cannot be reached, or not just now --------------------------------------------------


class StoreUnreachableError(StoreError):
    """No connection: refused, reset, dropped before the answer, or the host's name is not known."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = (
        "Connection refused",
        "the name of the host is not known",
        "closed without an answer",
        "no TLS connection",
    )
    advice = "Check that the configured url is right and that the shop opens in a browser; then run again."


class StoreTimeoutError(StoreUnreachableError):
    """The store did not answer in time."""

    signs: ClassVar[tuple[str, ...]] = ("no answer within", "status 408")
    advice = "The store is slow or overloaded: lower max_concurrency of this source, or run again later."


class StoreAnswerCutError(StoreUnreachableError):
    """The connection broke in the middle of an answer."""

    signs: ClassVar[tuple[str, ...]] = ("the answer broke off",)
    advice = "Run again; if it stays, a proxy in front of the store or its PHP time limit cuts answers short."


class StoreAnswerTooSlowError(StoreTimeoutError):
    """An answer went on and on without an end, however little came at a time."""

    signs: ClassVar[tuple[str, ...]] = ("that was not complete after",)
    advice = "Run again; if it stays, a proxy in front of the store, or the way to it, lets answers through too slowly."


class StoreTlsError(StoreError):
    """The store's certificate cannot be trusted."""

    signs: ClassVar[tuple[str, ...]] = ("the certificate is not trusted",)
    advice = (
        "Renew the store's certificate; for a private authority set verify_tls of this source to the path "
        "of its CA file."
    )


class StoreUnavailableError(StoreError):
    """The store answered with a server error (5xx): a PHP fatal error, memory exhausted, a dead backend."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("status 500", "status 502")
    advice = (
        "Run again later; if it stays, look at WooCommerce > Status > Logs (fatal-errors) for the plugin "
        "that fails."
    )


class StoreMaintenanceError(StoreUnavailableError):
    """The store says that it is in maintenance (503)."""

    signs: ClassVar[tuple[str, ...]] = ("status 503, wp_die", "status 503")
    advice = (
        "Run again when the update is over; if the store stays in maintenance, a WordPress update was "
        "interrupted: delete the file .maintenance in its root."
    )


class StoreThrottledError(StoreError):
    """The host or a security plugin limits the rate of requests (429)."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("status 429",)
    advice = (
        "Set max_requests_per_second of this source, or lower its max_concurrency, or ask the host to allow this "
        "client; then run again."
    )


# --- the way to WooCommerce -----------------------------------------------------------------------


class StoreBlockedError(StoreError):
    """Something in front of WooCommerce (firewall, password protection, a plugin that closes the REST API) refused.

    Or it asks whether a person is there.
    """

    signs: ClassVar[tuple[str, ...]] = (
        "status 403, text/html",
        "status 401, text/html",
        "status 401, rest_",
        "status 403, rest_",
        "status 202, text/html",
        "status 406, text/html",
    )
    advice = (
        "Not WooCommerce answered: allow /wp-json/wc/v3/ for this client in the host's firewall, in security "
        "plugins and in any password protection of the site."
    )


# --- the request ----------------------------------------------------------------------------------


class StoreRedirectedError(StoreError):
    """The store sends elsewhere. Redirects are never followed: they would carry the credentials along."""

    signs: ClassVar[tuple[str, ...]] = ("status 301, sent to", "status 302, sent to")
    advice = (
        "If the new place differs in http/https or in the host (www), configure that url; otherwise set "
        "Settings > Permalinks in the store to anything but Plain."
    )


class StoreRouteMissingError(StoreError):
    """There is no WooCommerce REST API at this address (404)."""

    signs: ClassVar[tuple[str, ...]] = (
        "status 404, rest_no_route",
        "status 404, text/html",
        "WordPress without the API wc/v3",
    )
    advice = (
        "Check the configured url (with the sub-folder, if WordPress is in one), that WooCommerce is active "
        "under Plugins, that Settings > Permalinks is not Plain, and that no plugin has moved the REST API away from "
        "/wp-json/."
    )


class StoreRecordMissingError(StoreError):
    """The store has no record with this id (404)."""

    signs: ClassVar[tuple[str, ...]] = (
        "status 404, wc_user_invalid_id",
        "status 404, woocommerce_rest_shop_order_invalid_id",
    )
    advice = "It was deleted in the store; the next sweep finds that by itself."


class StoreRequestRefusedError(StoreError):
    """The store refused a parameter or the request as such."""

    signs: ClassVar[tuple[str, ...]] = ("status 400, rest_invalid_param",)
    advice = (
        "Update WooCommerce (Plugins > Installed Plugins); if it is current, look for a plugin that changes "
        "its API."
    )


# --- the answer -----------------------------------------------------------------------------------


class StoreAnswerEmptyError(StoreError):
    """Status 200 and nothing in it: usually a plugin that exits early."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("status 200 with an empty body",)
    advice = (
        "Run again; if it stays, deactivate plugins one by one (Plugins > Installed Plugins) to find the one."
    )


class StoreAnswerNotJsonError(StoreError):
    """Status 200 and a body that is not JSON: a page, or JSON that is cut or broken."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("status 200, text/html", "bytes that are not the API's JSON")
    advice = (
        "Run again; if it stays, open /wp-json/wc/v3/ of the store in a browser: a firewall's page, a caching "
        "plugin or a plugin's output stands in place of the API's answer."
    )


class StoreAnswerMalformedError(StoreError):
    """Valid JSON of another shape than the API's: not a list of objects, or an object without its id."""

    signs: ClassVar[tuple[str, ...]] = (
        "where a list of objects was due",
        "where an object was due",
        "without an integer id",
    )
    advice = (
        "A plugin changes WooCommerce's answers: deactivate those that touch the REST API, then run again."
    )


class StoreFilterIgnoredError(StoreError):
    """The answer is not in the order, or not within the bounds, that were asked for."""

    signs: ClassVar[tuple[str, ...]] = (
        "modified_after is ignored",
        "the same page whatever the offset",
        "from outside of the window",
        "not sorted by id",
    )
    advice = (
        "Update WooCommerce (filters by modification date need 5.8 or newer) and exclude /wp-json/ from page "
        "caches; then run again."
    )


class StoreAnswerCachedError(StoreError):
    """The answer comes out of a cache: what it says of people's choices may no longer be true."""

    signs: ClassVar[tuple[str, ...]] = ("an answer out of a cache",)
    advice = (
        "Exclude /wp-json/ from page caches: in the plugin that caches, at the host and at the CDN (a rule that "
        "bypasses its cache); then run again."
    )


class StoreChangesTooFastError(StoreError):
    """Pages of a list cannot be joined without a gap, however often they are read again."""

    transient: ClassVar[bool] = True
    signs: ClassVar[tuple[str, ...]] = ("pages that do not join",)
    advice = "Run again at a quieter time (a bulk deletion or import may be under way); exclude /wp-json/ from caches."


class StoreAnswerTooLargeError(StoreError):
    """An answer that is larger, unpacked, than any page of a list can be: it was not read to its end."""

    signs: ClassVar[tuple[str, ...]] = ("an answer of more than",)
    advice = (
        "Something else than WooCommerce answers, or a plugin hangs very much onto each record: look at what "
        "/wp-json/wc/v3/ of the store gives in a browser."
    )


class StoreListEndlessError(StoreError):
    """A list goes on far beyond the number of rows that the store counted at its beginning."""

    signs: ClassVar[tuple[str, ...]] = ("and no end",)
    advice = (
        "A plugin or a cache changes the pages of the API: deactivate those that touch the REST API and exclude "
        "/wp-json/ from caches; then run again."
    )
