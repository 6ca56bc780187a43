"""Everything that can go wrong while a Klaviyo account is read: a table with one class per kind of failure."""

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.http.failures import ServerError, failure_kind

_KEYS = "Klaviyo > Settings > API keys"


class KlaviyoError(ServerError):
    """An account could not be read. The subclasses say why."""

    advice: ClassVar[str] = "Look at status.klaviyo.com; if nothing is wrong there, run again."
    server: ClassVar[str] = "Klaviyo"


def _kind(
    name: str,
    meaning: str,
    signs: tuple[str, ...],
    advice: str,
    *,
    parent: type[KlaviyoError] = KlaviyoError,
    transient: bool | None = None,
) -> type[KlaviyoError]:
    return failure_kind(parent, name, meaning, signs, advice, transient=transient)


# --- the key -------------------------------------------------------------------------------------

KlaviyoKeyRefusedError = _kind(
    "KlaviyoKeyRefusedError",
    "Klaviyo does not know the private key, or it was revoked (401).",
    ("status 401",),
    f"Compare api_key with the private key (pk_…) under {_KEYS}, or make a new one there.",
)
KlaviyoScopeMissingError = _kind(
    "KlaviyoScopeMissingError",
    "The key is right, but has not the scope that the request needs (403).",
    ("status 403",),
    f"Make a private key under {_KEYS} with read access to accounts, lists, profiles and segments; the scopes of a "
    "key cannot be changed later.",
)

KlaviyoOtherAccountError = _kind(
    "KlaviyoOtherAccountError",
    "The key opens another account than the one that was read before: nothing is concluded from it.",
    ("another account than before",),
    "Nothing was changed. Put back the key of that account. The other one is a source of its own: give it an entry of "
    "its own under `sources`, with another `key`.",
)

# --- the service cannot be reached, or not just now ----------------------------------------------

KlaviyoUnreachableError = _kind(
    "KlaviyoUnreachableError",
    "No connection: refused, reset, dropped before the answer, or the host's name is not known.",
    (
        "Connection refused",
        "the name of the host is not known",
        "closed without an answer",
        "no TLS connection",
    ),
    "Check that this machine reaches a.klaviyo.com (a proxy? use_environment_proxies); then run again.",
    transient=True,
)
KlaviyoTimeoutError = _kind(
    "KlaviyoTimeoutError",
    "Klaviyo did not answer in time.",
    ("no answer within", "status 408"),
    "Run again later.",
    parent=KlaviyoUnreachableError,
)
KlaviyoAnswerCutError = _kind(
    "KlaviyoAnswerCutError",
    "The connection broke in the middle of an answer.",
    ("the answer broke off",),
    "Run again; if it stays, a proxy on the way cuts answers short.",
    parent=KlaviyoUnreachableError,
)
KlaviyoAnswerTooSlowError = _kind(
    "KlaviyoAnswerTooSlowError",
    "An answer went on and on without an end, however little came at a time.",
    ("that was not complete after",),
    "Run again; if it stays, the way to Klaviyo lets answers through too slowly.",
    parent=KlaviyoTimeoutError,
)
KlaviyoTlsError = _kind(
    "KlaviyoTlsError",
    "The certificate of the server cannot be trusted.",
    ("the certificate is not trusted",),
    "A proxy on the way shows a certificate of its own: set verify_tls of this source to the path of its CA file.",
)
KlaviyoUnavailableError = _kind(
    "KlaviyoUnavailableError",
    "Klaviyo answered with a server error (5xx).",
    ("status 500", "status 503"),
    "Run again later; status.klaviyo.com tells of trouble there.",
    transient=True,
)
KlaviyoThrottledError = _kind(
    "KlaviyoThrottledError",
    "The requests of this account are more than Klaviyo lets through at a time (429). All keys of an account share "
    "its limits.",
    ("status 429",),
    "Run again later; if it stays, other tools use up the limits of the account: lower max_share_of_limit, or run at "
    "another time (daily_at).",
    transient=True,
)

# --- the request ---------------------------------------------------------------------------------

KlaviyoRequestRefusedError = _kind(
    "KlaviyoRequestRefusedError",
    "Klaviyo refused a parameter or the request as such (400).",
    ("status 400",),
    "This revision of the API takes other requests: leave `revision` of this source out.",
)
KlaviyoCursorExpiredError = _kind(
    "KlaviyoCursorExpiredError",
    "The place in a list up to which it was read has expired (400), again and again although it was read anew.",
    ("page[cursor]",),
    "Run again when the account is less busy.",
    parent=KlaviyoRequestRefusedError,
)
KlaviyoRecordMissingError = _kind(
    "KlaviyoRecordMissingError",
    "There is no such list or segment, or no API at this address (404).",
    ("status 404",),
    "If it was deleted meanwhile, the next sync finds that by itself; else leave `url` of this source out.",
)
KlaviyoRevisionGoneError = _kind(
    "KlaviyoRevisionGoneError",
    "Klaviyo has retired the revision of its API that is asked for (410).",
    ("status 410",),
    "Leave `revision` of this source out, and update woo_sync_pipeline.",
)
KlaviyoRedirectedError = _kind(
    "KlaviyoRedirectedError",
    "The server sends elsewhere. Redirects are never followed: they would carry the key along.",
    ("status 301", "status 302"),
    "Leave `url` of this source out, so that Klaviyo itself is asked.",
)

# --- the answer ----------------------------------------------------------------------------------

KlaviyoAnswerNotJsonError = _kind(
    "KlaviyoAnswerNotJsonError",
    "A good status and a body that is not JSON: a page of a proxy, or JSON that is cut.",
    ("that are not JSON",),
    "Run again; if it stays, something on the way answers in Klaviyo's place: look at proxies and firewalls.",
    transient=True,
)
KlaviyoAnswerMalformedError = _kind(
    "KlaviyoAnswerMalformedError",
    "Valid JSON of another shape than the API's.",
    ("where a list of objects was due", "a next page without its place"),
    "Leave `revision` and `url` of this source out; if that is so already, update woo_sync_pipeline.",
)
KlaviyoAnswerTooLargeError = _kind(
    "KlaviyoAnswerTooLargeError",
    "An answer that is larger, unpacked, than any page can be: it was not read to its end.",
    ("an answer of more than",),
    "Something else than Klaviyo answers: leave `url` of this source out, and look at proxies.",
)
KlaviyoListEndlessError = _kind(
    "KlaviyoListEndlessError",
    "The pages of a list go on and on, and bring nothing that was not there before.",
    ("and no end",),
    "Run again; if it stays, tell Klaviyo's support.",
)
