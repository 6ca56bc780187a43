"""Cursors: opaque, good for one query only, and for as long as the account says."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from woo_sync_pipeline.demo.klaviyo.answers import ApiError, invalid
from woo_sync_pipeline.demo.klaviyo.state import SortKey

_SEAL = b"sealed by the demo account"
_SEAL_BYTES = 9


@dataclass(frozen=True)
class Position:
    """A place in a sorted walk: just behind `key`, or just before it when going back."""

    key: SortKey
    is_back: bool = False


def write_cursor(position: Position, *, query: str, now: datetime) -> str:
    """Make the cursor for a position in the walk of a query."""
    value, record_id = position.key
    is_moment = isinstance(value, datetime)
    parts = [_mark(query), position.is_back, is_moment, str(value), record_id, now.timestamp()]
    content = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(content) + content).decode().rstrip("=")


def read_cursor(text: str, *, query: str, now: datetime, lifetime: timedelta | None) -> Position:
    """Find the position. Raises `ApiError` (400) for a cursor that is made up, of another query, or expired."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _not_a_cursor() from None
    content = sealed[_SEAL_BYTES:]
    if sealed[:_SEAL_BYTES] != _seal(content):
        raise _not_a_cursor()
    mark, is_back, is_moment, value, record_id, issued = json.loads(content)
    if mark != _mark(query):
        raise invalid("page[cursor]", "The cursor belongs to another query.")
    if lifetime is not None and now.timestamp() - issued > lifetime.total_seconds():
        raise expired_cursor()
    return Position((datetime.fromisoformat(value) if is_moment else value, record_id), is_back)


def expired_cursor() -> ApiError:
    """The 400 to a cursor that was good once."""
    return invalid("page[cursor]", "The cursor has expired.")


def _not_a_cursor() -> ApiError:
    return invalid("page[cursor]", "The cursor is not one of this account.")


def _mark(query: str) -> str:
    return blake2b(query.encode(), digest_size=9).hexdigest()


def _seal(content: bytes) -> bytes:
    return blake2b(content, key=_SEAL, digest_size=_SEAL_BYTES).digest()
