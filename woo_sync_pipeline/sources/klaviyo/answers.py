"""What an answer of Klaviyo means: its JSON, or the error that it stands for. Pure, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from woo_sync_pipeline.http.interruption import Cause
from woo_sync_pipeline.http.pace import retry_after_seconds
from woo_sync_pipeline.http.requester import Answer
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.sources.klaviyo import errors as kinds
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoError

OF_INTERRUPTIONS: Mapping[Cause, type[KlaviyoError]] = {
    Cause.untrusted_certificate: kinds.KlaviyoTlsError,
    Cause.no_connection: kinds.KlaviyoUnreachableError,
    Cause.connect_timeout: kinds.KlaviyoTimeoutError,
    Cause.read_timeout: kinds.KlaviyoTimeoutError,
    Cause.cut: kinds.KlaviyoAnswerCutError,
    Cause.lost: kinds.KlaviyoUnreachableError,
    Cause.not_sendable: kinds.KlaviyoUnreachableError,
    Cause.too_slow: kinds.KlaviyoAnswerTooSlowError,
    Cause.too_large: kinds.KlaviyoAnswerTooLargeError,
}
_OF_STATUSES: Mapping[int, type[KlaviyoError]] = {
    HTTPStatus.UNAUTHORIZED: kinds.KlaviyoKeyRefusedError,
    HTTPStatus.FORBIDDEN: kinds.KlaviyoScopeMissingError,
    HTTPStatus.NOT_FOUND: kinds.KlaviyoRecordMissingError,
    HTTPStatus.REQUEST_TIMEOUT: kinds.KlaviyoTimeoutError,
    HTTPStatus.GONE: kinds.KlaviyoRevisionGoneError,
    HTTPStatus.TOO_MANY_REQUESTS: kinds.KlaviyoThrottledError,
}
_CURSOR = "page[cursor]"
_MOST_ERRORS_SHOWN = 3


def read_answer(answer: Answer, *, source: str, tried: str) -> dict[str, Any]:
    """Give the JSON object of a good answer, or raise the KlaviyoError that the answer stands for."""

    def fail(kind: type[KlaviyoError], got: str) -> KlaviyoError:
        error = kind(source=source, tried=tried, got=got)
        if error.transient:
            error.retry_after = retry_after_seconds(answer.headers)
        return error

    value = _json(answer.body)
    if not 200 <= answer.status < 300:
        told = _errors(value)
        raise fail(_kind(answer.status, told), _summary(answer, told))
    if value is None:
        content = redact(answer.headers.get("Content-Type", "").partition(";")[0]) or "no content type"
        got = f"status {answer.status}, {content}, {len(answer.body)} bytes that are not JSON"
        raise fail(kinds.KlaviyoAnswerNotJsonError, got)
    if not isinstance(value, dict):
        got = f"a JSON {type(value).__name__} where a list of objects was due"
        raise fail(kinds.KlaviyoAnswerMalformedError, got)
    if told := _errors(value):
        # An error that was sent with a good status.
        raise fail(kinds.KlaviyoAnswerMalformedError, f"{_said(told)} where a list of objects was due")
    return value


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _errors(value: object) -> list[dict[str, Any]]:
    found = value.get("errors") if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _kind(status: int, told: list[dict[str, Any]]) -> type[KlaviyoError]:
    if status in _OF_STATUSES:
        return _OF_STATUSES[status]
    if 300 <= status < 400:
        return kinds.KlaviyoRedirectedError
    if status >= 500:
        return kinds.KlaviyoUnavailableError
    if any(_names_cursor(each) for each in told):
        return kinds.KlaviyoCursorExpiredError
    return kinds.KlaviyoRequestRefusedError


def _names_cursor(error: Mapping[str, Any]) -> bool:
    """Whether an error is about the place in a list, by its parameter or, where it names none, by its words."""
    place = error.get("source")
    parameter = place.get("parameter") if isinstance(place, dict) else None
    if isinstance(parameter, str) and parameter:
        return _CURSOR in parameter
    return "cursor" in f"{error.get('code')} {error.get('title')} {error.get('detail')}".lower()


def _summary(answer: Answer, told: list[dict[str, Any]]) -> str:
    if 300 <= answer.status < 400:
        return f"status {answer.status}, sent elsewhere"
    if told:
        return f"status {answer.status}, {_said(told)}"
    content = redact(answer.headers.get("Content-Type", "").partition(";")[0]) or "no content type"
    return f"status {answer.status}, {content}, {len(answer.body)} bytes"


def _said(told: list[dict[str, Any]]) -> str:
    return "; ".join(
        redact(
            ": ".join(str(each[name]) for name in ("code", "detail") if each.get(name))
            or str(each.get("title") or "an error without words")
        )
        + _parameter(each)
        for each in told[:_MOST_ERRORS_SHOWN]
    )


def _parameter(error: Mapping[str, Any]) -> str:
    place = error.get("source")
    named = place.get("parameter") if isinstance(place, dict) else None
    return f" ({redact(named)})" if isinstance(named, str) and named else ""
