"""Answers other than 2xx, turned into this project's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from woo_sync_pipeline.http.interruption import Cause, Interruption
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    PlatformAuthError,
    PlatformError,
    PlatformProtocolError,
    PlatformTlsError,
    RequestRejected,
)
from woo_sync_pipeline.privacy import mask_phone, redact

# Request properties whose values say nothing about a person.
_IMPERSONAL = frozenset(("id", "type", "subscriptionState", "name", "label", "mergeTag"))


def error_of_answer(
    status: int, body: bytes, *, tried: str, sent: Mapping[str, object] | None = None
) -> PlatformError:
    """Return the error that a final answer stands for.

    `tried` starts with the request's method. `sent` is the request's body: the platform may quote any value
    of it, a name for instance, that no pattern recognises as personal; those values are masked.
    """
    said = _Explanation(body, sent or {})
    if status in (401, 403):
        return PlatformAuthError(
            tried=tried,
            got=f"{status}: the credentials were not accepted",
            next_step="Check messagemedia.api_key, api_secret and base_url (keys belong to one region); "
            "with auth: hmac also this machine's clock.",
        )
    if status == 400:
        kind = RequestRejected if tried.startswith("GET ") else ContactRejected
        return kind(
            tried=tried,
            got=f"400: {'; '.join(said.reasons) or said.detail}",
            next_step="Correct the value in the store, or report it if the value looks right.",
            reasons=said.reasons,
            invalid_ids=said.invalid_ids,
        )
    got = f"{status}: {said.detail}"
    if status == 404:
        return NotFound(
            tried=tried,
            got=got,
            next_step="It was deleted on the platform; the next sync looks it up again.",
        )
    if status == 409:
        return AlreadyExists(tried=tried, got=got, next_step="Look up the one that exists and use it.")
    return PlatformProtocolError(tried=tried, got=got, next_step=_WRONG_ADDRESS)


def unreadable_answer(status: int, content_type: str, *, tried: str) -> PlatformProtocolError:
    """Return the error for a 2xx answer that is no JSON. Its text may hold contacts and is not shown."""
    return PlatformProtocolError(
        tried=tried, got=f"{status} with a body ({content_type}) that is no JSON", next_step=_WRONG_ADDRESS
    )


def error_of_interruption(interruption: Interruption, *, tried: str) -> PlatformError | None:
    """Return the error for a request without a complete answer that no repetition helps; None if one may."""
    match interruption.cause:
        case Cause.untrusted_certificate:
            return PlatformTlsError(
                tried=tried,
                got="the server's certificate is not trusted",
                next_step="Check messagemedia.base_url, or give the CA file as messagemedia.verify_tls.",
            )
        case Cause.not_sendable:
            got = f"the request could not be made ({interruption.raised})"
            return PlatformProtocolError(tried=tried, got=got, next_step="Check messagemedia.base_url.")
        case Cause.too_large:
            return PlatformProtocolError(tried=tried, got=interruption.words, next_step=_WRONG_ADDRESS)
    return None


_WRONG_ADDRESS = "Check that messagemedia.base_url is a MessageMedia API."


class _Explanation:
    """What the platform said about a refusal, fit to be shown."""

    def __init__(self, body: bytes, sent: Mapping[str, object]) -> None:
        self._masks = [
            # Whole words only: the initial "A" must not take every a out of the text.
            (re.compile(rf"(?<!\w){re.escape(value)}(?!\w)"), mask_phone(value) if phone else "•••")
            for value, phone in sorted(set(_personal(sent)), key=lambda each: -len(each[0]))
        ]
        answer = _parsed(body)
        fields = answer.get("invalidFields")
        self._fields = [each for each in fields if isinstance(each, dict)] if isinstance(fields, list) else []
        texts = [text for key in ("title", "detail") if isinstance(text := answer.get(key), str) and text]
        plain = "" if answer else body[:2000].decode(errors="replace")
        self.detail = self._shown(": ".join(texts) or plain) or "no explanation"

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(
            self._shown(f"{each.get('name')}: {each.get('code')} {each.get('reason') or ''}".strip())
            for each in self._fields
        )

    @property
    def invalid_ids(self) -> tuple[str, ...]:
        ids = (each.get("invalidIds") for each in self._fields)
        return tuple(i for some in ids if isinstance(some, list) for i in some if isinstance(i, str))

    def _shown(self, text: str) -> str:
        for pattern, mask in self._masks:
            text = pattern.sub(mask, text)
        return redact(text)


def _personal(sent: object, key: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the values in a request's body that may tell who a person is, and whether each is a phone."""
    if isinstance(sent, Mapping):
        for name, value in sent.items():
            yield from _personal(value, name)
    elif isinstance(sent, list | tuple):
        for value in sent:
            yield from _personal(value, key)
    elif isinstance(sent, str) and sent and key not in _IMPERSONAL and not key.endswith("Ids"):
        yield sent, key == "channelId"


def _parsed(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
