"""Everything that can go wrong while a WooCommerce store is read: a table with one class per kind of failure.

`transient` in the table is the one place where it is decided whether trying again later may help.
"""

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.http.failures import ServerError, failure_kind

_REST_API = "WooCommerce > Settings > Advanced > REST API"


class StoreError(ServerError):
    """A store could not be read. The subclasses say why."""

    advice: ClassVar[str] = "Look at the store's error log (WooCommerce > Status > Logs)."
    server: ClassVar[str] = "The store"


def _kind(
    name: str,
    meaning: str,
    signs: tuple[str, ...],
    advice: str,
    *,
    parent: type[StoreError] = StoreError,
    transient: bool | None = None,
) -> type[StoreError]:
    return failure_kind(parent, name, meaning, signs, advice, transient=transient)


# --- the credentials -----------------------------------------------------------------------------

StoreAuthError = _kind(
    "StoreAuthError",
    "The store refused the credentials in a way that has no class of its own.",
    ("status 401",),
    f"Check the key under {_REST_API}, or make a new one there with Read permission.",
)
StoreClockWrongError = _kind(
    "StoreClockWrongError",
    "The signature's timestamp is more than 15 minutes away from the store's clock.",
    ("Invalid timestamp",),
    "Set the clock of this machine and of the store's server by NTP, or use the store's https:// url.",
    parent=StoreAuthError,
)
StoreKeyPermissionError = _kind(
    "StoreKeyPermissionError",
    "The key is right but has not the permission that the request needs.",
    ("The API key provided does not have read permissions",),
    f"Set the key's Permissions to Read (or Read/Write) under {_REST_API}.",
    parent=StoreAuthError,
)
StoreKeyUnknownError = _kind(
    "StoreKeyUnknownError",
    "The store sees no valid key: the key is unknown, or the way it was sent is not honoured. "
    "WooCommerce answers alike to an unknown key, to no key, and to Basic credentials that reach it "
    "over plain HTTP, so the three cannot be told apart. A web server that drops the Authorization "
    "header makes it no key.",
    ("status 401, woocommerce_rest_cannot_view", "Consumer key is invalid"),
    f"Either consumer_key is wrong (compare its last seven characters under {_REST_API}), or the store "
    "believes the request came over http instead of https: configure the https:// url, and if a proxy "
    "ends TLS, have it send X-Forwarded-Proto. Permalinks set to Plain (Settings > Permalinks) also do "
    "this, and so does a web server that drops the Authorization header (PHP as CGI): put `SetEnvIf "
    'Authorization "(.*)" HTTP_AUTHORIZATION=$1` into .htaccess, or `CGIPassAuth On`.',
    parent=StoreAuthError,
)
StoreKeyWithoutRightsError = _kind(
    "StoreKeyWithoutRightsError",
    "The key is right but its user may not see this (403).",
    ("status 403, woocommerce_rest_cannot_view",),
    f"Give the key to an administrator: {_REST_API}, field User. A shop manager's key can read customers "
    "but not their meta data.",
    parent=StoreAuthError,
)
StoreSecretRefusedError = _kind(
    "StoreSecretRefusedError",
    "The consumer key is known, its secret does not fit.",
    ("Consumer secret is invalid", "Invalid signature - provided signature does not match"),
    "Check consumer_secret for a cut or an added space; the store never shows it again, so if in doubt "
    f"revoke the key and make a new one under {_REST_API}.",
    parent=StoreAuthError,
)
StoreSignatureIncompleteError = _kind(
    "StoreSignatureIncompleteError",
    "Part of the signature's parameters did not arrive.",
    ("woocommerce_rest_authentication_missing_parameter",),
    "A proxy or security plugin removes parts of the Authorization header: use the store's https:// url.",
    parent=StoreAuthError,
)
StoreSignatureReplayedError = _kind(
    "StoreSignatureReplayedError",
    "A signed request arrived twice. Signing anew helps, unless something repeats every request.",
    ("Invalid nonce - nonce has already been used",),
    "Run again; if it stays, a proxy repeats requests: use the store's https:// url.",
    parent=StoreAuthError,
    transient=True,
)

# --- the store cannot be reached, or not just now ------------------------------------------------

StoreUnreachableError = _kind(
    "StoreUnreachableError",
    "No connection: refused, reset, dropped before the answer, or the host's name is not known.",
    (
        "Connection refused",
        "the name of the host is not known",
        "closed without an answer",
        "no TLS connection",
    ),
    "Check that the configured url is right and that the shop opens in a browser; then run again.",
    transient=True,
)
StoreTimeoutError = _kind(
    "StoreTimeoutError",
    "The store did not answer in time.",
    ("no answer within", "status 408"),
    "The store is slow or overloaded: lower max_concurrency of this source, or run again later.",
    parent=StoreUnreachableError,
)
StoreAnswerCutError = _kind(
    "StoreAnswerCutError",
    "The connection broke in the middle of an answer.",
    ("the answer broke off",),
    "Run again; if it stays, a proxy in front of the store or its PHP time limit cuts answers short.",
    parent=StoreUnreachableError,
)
StoreAnswerTooSlowError = _kind(
    "StoreAnswerTooSlowError",
    "An answer went on and on without an end, however little came at a time.",
    ("that was not complete after",),
    "Run again; if it stays, a proxy in front of the store, or the way to it, lets answers through too "
    "slowly.",
    parent=StoreTimeoutError,
)
StoreTlsError = _kind(
    "StoreTlsError",
    "The store's certificate cannot be trusted.",
    ("the certificate is not trusted",),
    "Renew the store's certificate; for a private authority set verify_tls of this source to the path "
    "of its CA file.",
)
StoreUnavailableError = _kind(
    "StoreUnavailableError",
    "The store answered with a server error (5xx): a PHP fatal error, memory exhausted, a dead backend.",
    ("status 500", "status 502"),
    "Run again later; if it stays, look at WooCommerce > Status > Logs (fatal-errors) for the plugin "
    "that fails.",
    transient=True,
)
StoreMaintenanceError = _kind(
    "StoreMaintenanceError",
    "The store says that it is in maintenance (503).",
    ("status 503, wp_die", "status 503"),
    "Run again when the update is over; if the store stays in maintenance, a WordPress update was "
    "interrupted: delete the file .maintenance in its root.",
    parent=StoreUnavailableError,
)
StoreThrottledError = _kind(
    "StoreThrottledError",
    "The host or a security plugin limits the rate of requests (429).",
    ("status 429",),
    "Set max_requests_per_second of this source, or lower its max_concurrency, or ask the host to allow "
    "this client; then run again.",
    transient=True,
)

# --- the way to WooCommerce ----------------------------------------------------------------------

StoreBlockedError = _kind(
    "StoreBlockedError",
    "Something in front of WooCommerce (firewall, password protection, a plugin that closes the REST "
    "API) refused. Or it asks whether a person is there.",
    (
        "status 403, text/html",
        "status 401, text/html",
        "status 401, rest_",
        "status 403, rest_",
        "status 202, text/html",
        "status 406, text/html",
    ),
    "Not WooCommerce answered: allow /wp-json/wc/v3/ for this client in the host's firewall, in "
    "security plugins and in any password protection of the site.",
)

# --- the request ---------------------------------------------------------------------------------

StoreRedirectedError = _kind(
    "StoreRedirectedError",
    "The store sends elsewhere. Redirects are never followed: they would carry the credentials along.",
    ("status 301, sent to", "status 302, sent to"),
    "If the new place differs in http/https or in the host (www), configure that url; otherwise set "
    "Settings > Permalinks in the store to anything but Plain.",
)
StoreRouteMissingError = _kind(
    "StoreRouteMissingError",
    "There is no WooCommerce REST API at this address (404).",
    ("status 404, rest_no_route", "status 404, text/html", "WordPress without the API wc/v3"),
    "Check the configured url (with the sub-folder, if WordPress is in one), that WooCommerce is active "
    "under Plugins, that Settings > Permalinks is not Plain, and that no plugin has moved the REST API "
    "away from /wp-json/.",
)
StoreRecordMissingError = _kind(
    "StoreRecordMissingError",
    "The store has no record with this id (404).",
    ("status 404, wc_user_invalid_id", "status 404, woocommerce_rest_shop_order_invalid_id"),
    "It was deleted in the store; the next sweep finds that by itself.",
)
StoreRequestRefusedError = _kind(
    "StoreRequestRefusedError",
    "The store refused a parameter or the request as such.",
    ("status 400, rest_invalid_param",),
    "Update WooCommerce (Plugins > Installed Plugins); if it is current, look for a plugin that changes "
    "its API.",
)

# --- the answer ----------------------------------------------------------------------------------

StoreAnswerEmptyError = _kind(
    "StoreAnswerEmptyError",
    "Status 200 and nothing in it: usually a plugin that exits early.",
    ("status 200 with an empty body",),
    "Run again; if it stays, deactivate plugins one by one (Plugins > Installed Plugins) to find the one.",
    transient=True,
)
StoreAnswerNotJsonError = _kind(
    "StoreAnswerNotJsonError",
    "Status 200 and a body that is not JSON: a page, or JSON that is cut or broken.",
    ("status 200, text/html", "bytes that are not the API's JSON"),
    "Run again; if it stays, open /wp-json/wc/v3/ of the store in a browser: a firewall's page, a "
    "caching plugin or a plugin's output stands in place of the API's answer.",
    transient=True,
)
StoreAnswerMalformedError = _kind(
    "StoreAnswerMalformedError",
    "Valid JSON of another shape than the API's: not a list of objects, or an object without its id.",
    ("where a list of objects was due", "where an object was due", "without an integer id"),
    "A plugin changes WooCommerce's answers: deactivate those that touch the REST API, then run again.",
)
StoreFilterIgnoredError = _kind(
    "StoreFilterIgnoredError",
    "The answer is not in the order, or not within the bounds, that were asked for.",
    (
        "modified_after is ignored",
        "the same page whatever the offset",
        "from outside of the window",
        "not sorted by id",
    ),
    "Update WooCommerce (filters by modification date need 5.8 or newer) and exclude /wp-json/ from "
    "page caches; then run again.",
)
StoreAnswerCachedError = _kind(
    "StoreAnswerCachedError",
    "The answer comes out of a cache: what it says of people's choices may no longer be true.",
    ("an answer out of a cache",),
    "Exclude /wp-json/ from page caches: in the plugin that caches, at the host and at the CDN (a rule "
    "that bypasses its cache); then run again.",
)
StoreChangesTooFastError = _kind(
    "StoreChangesTooFastError",
    "Pages of a list cannot be joined without a gap, however often they are read again.",
    ("pages that do not join",),
    "Run again at a quieter time (a bulk deletion or import may be under way); exclude /wp-json/ from "
    "caches.",
    transient=True,
)
StoreAnswerTooLargeError = _kind(
    "StoreAnswerTooLargeError",
    "An answer that is larger, unpacked, than any page of a list can be: it was not read to its end.",
    ("an answer of more than",),
    "Something else than WooCommerce answers, or a plugin hangs very much onto each record: look at "
    "what /wp-json/wc/v3/ of the store gives in a browser.",
)
StoreListEndlessError = _kind(
    "StoreListEndlessError",
    "A list goes on far beyond the number of rows that the store counted at its beginning.",
    ("and no end",),
    "A plugin or a cache changes the pages of the API: deactivate those that touch the REST API and "
    "exclude /wp-json/ from caches; then run again.",
)
