"""What an answer of the store means: its JSON, or the error that it stands for. Pure, no network."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from woo_sync_pipeline.http.failures import failure_of_interruption
from woo_sync_pipeline.http.interruption import Cause, Interruption
from woo_sync_pipeline.http.pace import retry_after_seconds
from woo_sync_pipeline.http.requester import Answer
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.woocommerce.bodies import Parsed, parse_json, printed
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerCutError,
    StoreAnswerEmptyError,
    StoreAnswerNotJsonError,
    StoreAnswerTooLargeError,
    StoreAnswerTooSlowError,
    StoreAuthError,
    StoreBlockedError,
    StoreClockWrongError,
    StoreError,
    StoreKeyPermissionError,
    StoreKeyUnknownError,
    StoreKeyWithoutRightsError,
    StoreMaintenanceError,
    StoreRecordMissingError,
    StoreRedirectedError,
    StoreRequestRefusedError,
    StoreRouteMissingError,
    StoreSecretRefusedError,
    StoreSignatureIncompleteError,
    StoreSignatureReplayedError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreTlsError,
    StoreUnavailableError,
    StoreUnreachableError,
)

_OLD_API = "woocommerce_api_disabled"
_OF_WOOCOMMERCE = "woocommerce_"
# Plugins that close the REST API to strangers answer with codes of WordPress' own kind, or with their own.
_OF_REST_LOCKS = ("rest_", "itsec_")
_LOOKED_AT = 16_000
"""Bytes of a page that is no JSON."""

_OF_INTERRUPTIONS: dict[Cause, type[StoreError]] = {
    Cause.untrusted_certificate: StoreTlsError,
    Cause.no_connection: StoreUnreachableError,
    Cause.connect_timeout: StoreTimeoutError,
    Cause.read_timeout: StoreTimeoutError,
    Cause.cut: StoreAnswerCutError,
    Cause.lost: StoreUnreachableError,
    Cause.not_sendable: StoreUnreachableError,
    Cause.too_slow: StoreAnswerTooSlowError,
    Cause.too_large: StoreAnswerTooLargeError,
}


def error_of_interruption(interruption: Interruption, *, source: str, tried: str) -> StoreError:
    """The StoreError for a request that got no complete answer."""
    return failure_of_interruption(interruption, _OF_INTERRUPTIONS, source=source, tried=tried)


def read_answer(answer: Answer, *, source: str, tried: str) -> Parsed:
    """Give the JSON of a good answer, or raise the StoreError that the answer stands for."""

    def fail(kind: type[StoreError], got: str) -> StoreError:
        error = kind(source=source, tried=tried, got=got)
        if error.transient:
            error.retry_after = retry_after_seconds(answer.headers)
        return error

    if not 200 <= answer.status < 300:
        raise fail(*_failure(answer.status, answer))
    if not answer.body.strip():
        raise fail(StoreAnswerEmptyError, f"status {answer.status} with an empty body")
    try:
        parsed = parse_json(answer.body)
    except ValueError:
        # "Accepted" is no answer of WooCommerce: hosts send it with a page that asks whether a person is there.
        kind = StoreBlockedError if answer.status == HTTPStatus.ACCEPTED else StoreAnswerNotJsonError
        raise fail(kind, _summary(answer)) from None
    # Once a plugin has printed text, PHP can no longer send an error status: the error comes as 200.
    status = _error_status(parsed.value)
    if status is not None:
        raise fail(*_failure(status, answer))
    return parsed


def shape_of(value: object) -> str:
    """What a JSON value is, in words that are safe to show."""
    if isinstance(value, list):
        return "a list with something else than objects in it"
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}"
    code, message = value.get("code"), value.get("message")
    if isinstance(code, str) and isinstance(message, str):
        # An error that was sent with a good status: its own words tell most.
        return f"an object ({redact(f'{code}: {message}')})"
    return "an object"


def seconds_in_cache(headers: Mapping[str, str]) -> int:
    """How long the answer has been in a cache on its way, by its header Age; 0 where it does not say."""
    age = headers.get("Age", "").strip()
    return int(age) if age.isascii() and age.isdigit() and len(age) <= 10 else 0


def _failure(status: int, answer: Answer) -> tuple[type[StoreError], str]:
    """Which error a status stands for, and what came back in words that are safe to show."""
    code, message = _code_and_message(answer.body)
    if 300 <= status < 400:
        return StoreRedirectedError, f"status {status}, sent to {_place(answer.headers.get('Location', ''))}"
    kind: type[StoreError]
    if status == HTTPStatus.UNAUTHORIZED:
        kind = _unauthorised(code, message)
    elif status == HTTPStatus.FORBIDDEN:
        kind = StoreKeyWithoutRightsError if code.startswith(_OF_WOOCOMMERCE) else StoreBlockedError
    elif status == HTTPStatus.NOT_FOUND:
        missing_route = not code or code in ("rest_no_route", _OLD_API)
        kind = StoreRouteMissingError if missing_route else StoreRecordMissingError
    elif status == HTTPStatus.REQUEST_TIMEOUT:
        kind = StoreTimeoutError
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = StoreThrottledError
    elif status == HTTPStatus.SERVICE_UNAVAILABLE and (code == "wp_die" or "Retry-After" in answer.headers):
        kind = StoreMaintenanceError
    elif status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED:
        kind = StoreUnavailableError
    else:
        kind = StoreRequestRefusedError if code else StoreBlockedError
    return kind, _summary(answer)


def _unauthorised(code: str, message: str) -> type[StoreError]:
    said = message.lower()
    if not code or code.startswith(_OF_REST_LOCKS):
        return StoreBlockedError
    if code == "woocommerce_rest_authentication_missing_parameter":
        return StoreSignatureIncompleteError
    if code != "woocommerce_rest_authentication_error":
        return StoreKeyUnknownError if code.startswith(f"{_OF_WOOCOMMERCE}rest_cannot") else StoreAuthError
    for words, kind in (
        ("permission", StoreKeyPermissionError),
        ("consumer key", StoreKeyUnknownError),
        ("secret", StoreSecretRefusedError),
        ("signature method", StoreAuthError),
        ("signature", StoreSecretRefusedError),
        ("timestamp", StoreClockWrongError),
        ("nonce", StoreSignatureReplayedError),
    ):
        if words in said:
            return kind
    return StoreAuthError


def _code_and_message(body: bytes) -> tuple[str, str]:
    """WordPress' error code and message; empty when the body is none of its errors."""
    try:
        value = parse_json(body).value
    except ValueError:
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    if isinstance(value.get("errors"), (list, dict)):
        return _OLD_API, "the legacy API answered"
    return str(value.get("code") or ""), str(value.get("message") or "")


def _error_status(value: object) -> int | None:
    if not isinstance(value, dict) or not isinstance(value.get("code"), str) or "message" not in value:
        return None
    data = value.get("data")
    status = data.get("status") if isinstance(data, dict) else None
    return status if isinstance(status, int) and status >= 400 else None


def _summary(answer: Answer) -> str:
    code, message = _code_and_message(answer.body)
    if code or message:
        return f"status {answer.status}, {redact(f'{code}: {message}')}"
    kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no content type"
    shown = f"status {answer.status}, {redact(kind)}, {len(answer.body)} bytes that are not the API's JSON"
    said = printed(answer.body[:_LOOKED_AT].decode("utf-8", "replace"))
    return f"{shown}: {said}" if said else shown


def _place(location: str) -> str:
    """Where a redirect points, without its query (which repeats the parameters of the request)."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an unreadable address"
    # A host is nobody's data, though an address of digits and dots looks like a phone.
    host = f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else ""
    return f"{host}{redact(parts.path)}"
