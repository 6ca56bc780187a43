"""Answers other than 2xx, turned into this project's errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    PlatformAuthError,
    PlatformError,
    PlatformProtocolError,
    RequestRejected,
)
from woo_sync_pipeline.privacy import redact


def error_of_answer(status: int, body: bytes, *, tried: str) -> PlatformError:
    """Return the error that a final answer stands for. `tried` starts with the request's method."""
    answer = _parsed(body)
    if status in (401, 403):
        return PlatformAuthError(
            tried=tried,
            got=f"{status}: the credentials were not accepted",
            next_step="Check messagemedia.api_key, api_secret and base_url (keys belong to one region); "
            "with auth: hmac also this machine's clock.",
        )
    if status == 400:
        reasons = tuple(_reasons(answer))
        kind = RequestRejected if tried.startswith("GET ") else ContactRejected
        return kind(
            tried=tried,
            got=f"400: {'; '.join(reasons) or _detail(answer, body)}",
            next_step="Correct the value in the store, or report it if the value looks right.",
            reasons=reasons,
            invalid_ids=tuple(_invalid_ids(answer)),
        )
    if status == 404:
        return NotFound(
            tried=tried,
            got=f"404: {_detail(answer, body)}",
            next_step="It was deleted on the platform; the next sync looks it up again.",
        )
    if status == 409:
        return AlreadyExists(
            tried=tried,
            got=f"409: {_detail(answer, body)}",
            next_step="Look up the one that exists and use it.",
        )
    return unreadable_answer(status, body, tried=tried)


def unreadable_answer(status: int, body: bytes, *, tried: str) -> PlatformProtocolError:
    """Return the error for an answer that the Contacts API is not known to give."""
    return PlatformProtocolError(
        tried=tried,
        got=f"status {status}: {_detail(_parsed(body), body)}",
        next_step="Check that messagemedia.base_url is a MessageMedia API.",
    )


def _parsed(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _detail(answer: dict[str, object], body: bytes) -> str:
    texts = [text for key in ("title", "detail") if isinstance(text := answer.get(key), str) and text]
    return redact(": ".join(texts) or body[:2000].decode(errors="replace")) or "no explanation"


def _invalid_fields(answer: dict[str, object]) -> Iterator[dict[str, object]]:
    fields = answer.get("invalidFields")
    for each in fields if isinstance(fields, list) else []:
        if isinstance(each, dict):
            yield each


def _reasons(answer: dict[str, object]) -> Iterator[str]:
    for each in _invalid_fields(answer):
        name, code, reason = (str(each.get(key) or "") for key in ("name", "code", "reason"))
        yield redact(f"{name}: {code} {reason}".strip())


def _invalid_ids(answer: dict[str, object]) -> Iterator[str]:
    for each in _invalid_fields(answer):
        ids = each.get("invalidIds")
        yield from (i for i in ids if isinstance(i, str)) if isinstance(ids, list) else ()
