"""What an answer of the store means: its JSON, or the error that it stands for. Pure, no network."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from woo_sync_pipeline.clocks import http_date
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.woocommerce.errors import (
    StoreAnswerEmptyError,
    StoreAnswerNotJsonError,
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
    StoreUnavailableError,
)

_OLD_API = "woocommerce_api_disabled"
_OF_WOOCOMMERCE = "woocommerce_"
# Plugins that close the REST API to strangers answer with codes of WordPress' own kind, or with their own.
_OF_REST_LOCKS = ("rest_", "itsec_")
_BLANK = "\ufeff \t\r\n"
# Where JSON can begin after a notice: at the start of a line or after a tag, and shaped as an API's answer.
_JSON_START = re.compile(r"(?:^|[\n>\ufeff])[\s\ufeff]*(\[\s*[{\]]|\{\s*[\"}])")
_HEADING = re.compile(r"<(title|h[1-3])\b[^<>]*>(.{1,400}?)</\1\s*>", re.I | re.S)
_MARKUP = re.compile(r"<[^<>]*>")
_PHP_MESSAGE = re.compile(
    r"\b(?:fatal error|parse error|warning|notice|deprecated)\s*:.{1,400}?\bon line \d+", re.I | re.S
)
_SERVER_FOLDER = re.compile(r"\S*/(?=wp-content/)")
_LOOKED_AT = 4000
"""Characters of a foreign text: the rest of it tells no more."""

_LONGEST_RETRY_AFTER = 366 * 86_400.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `headers` must be case-insensitive. `body` stays out of the repr: personal data."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Parsed:
    """The JSON of an answer, and the text that stood before it, which belongs to nothing."""

    value: Any = field(repr=False)
    before: str = field(default="", repr=False)

    @property
    def had_text_before(self) -> bool:
        """Whether anything but blanks stood before the JSON, be it a byte order mark."""
        return bool(self.before.strip(" \t\r\n"))

    @property
    def notice(self) -> str:
        """The text before the JSON in a few words that are safe to show."""
        if said := _printed(self.before):
            return said
        characters = len(self.before.strip(_BLANK))
        return f"{characters} characters that are no message of PHP" if characters else "a byte order mark"


def parse_json(body: bytes) -> Parsed:
    """Read the JSON of a body, also behind a byte order mark or a PHP notice that was printed before it.

    Raises ValueError when what follows is not one complete JSON value. A cut body is never mended: were the
    search to go on inside of it, its tail `[]` would look like an empty store.
    """
    text = body.decode("utf-8").rstrip(_BLANK)
    start = len(text) - len(text.lstrip(_BLANK))
    if text[start : start + 1] not in ("[", "{"):
        found = _JSON_START.search(text)
        if found is None:
            raise ValueError("no JSON in the body")
        start = found.start(1)
    try:
        value = json.loads(text[start:])
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return Parsed(value, text[:start])


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
        raise fail(StoreAnswerNotJsonError, _summary(answer)) from None
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


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait (number or HTTP date); None when absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER)
    due = http_date(text)
    if due is None:
        return None
    # By the store's own clock where it tells it: the two clocks may differ by more than the wait.
    now = http_date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max(0.0, (due - now).total_seconds()), _LONGEST_RETRY_AFTER)


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
    said = _printed(answer.body[: 4 * _LOOKED_AT].decode("utf-8", "replace"))
    return f"{shown}: {said}" if said else shown


def _printed(text: str) -> str:
    """What a plugin or a page says: PHP's message, or the title or heading. "" when there is none of these.

    Nothing else of a foreign text is shown: what a plugin prints may be a person, in a form that no mask knows.
    """
    head = text[:_LOOKED_AT]
    if json_start := _JSON_START.search(head):
        head = head[: json_start.start(1)]
    words = html.unescape(_MARKUP.sub("", head))
    if message := _PHP_MESSAGE.search(words):
        # The trace holds the arguments of calls.
        said = message[0].partition("Stack trace")[0]
        return redact(_SERVER_FOLDER.sub("", said), limit=160).strip()
    heading = _HEADING.search(head)
    return redact(html.unescape(_MARKUP.sub(" ", heading[2])), limit=80) if heading else ""


def _place(location: str) -> str:
    """Where a redirect points, without its query (which repeats the parameters of the request)."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an unreadable address"
    # A host is nobody's data, though an address of digits and dots looks like a phone.
    host = f"{parts.scheme}://{parts.hostname or ''}" if parts.scheme else ""
    return f"{host}{redact(parts.path)}"
