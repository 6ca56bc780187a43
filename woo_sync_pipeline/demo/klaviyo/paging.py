"""Walks over live data: cursors, and what follows a place in a sorted index."""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True)
class Page:
    """The keys on a page, in the order shown, and whether there is more on either side."""

    keys: list[SortKey]
    has_next: bool
    has_previous: bool


def cut_page(
    index: Sequence[SortKey],
    position: Position | None,
    *,
    size: int,
    descending: bool,
    matches: Callable[[str], bool],
) -> Page:
    """The page of `size` matching keys behind a position, or before it when that goes back.

    `index` is sorted ascending. Nothing is remembered between pages: what moves in the index meanwhile may be met
    twice, or not at all.
    """
    is_back = position is not None and position.is_back
    upwards = descending == is_back
    found: list[SortKey] = []
    for key in _from(index, position, upwards=upwards):
        if matches(key[1]):
            found.append(key)
            if len(found) > size:
                break
    has_more = len(found) > size
    kept = found[:size]
    if is_back:
        return Page(kept[::-1], has_next=True, has_previous=has_more)
    return Page(kept, has_next=has_more, has_previous=position is not None)


def _from(index: Sequence[SortKey], position: Position | None, *, upwards: bool) -> Iterator[SortKey]:
    if upwards:
        start = bisect_right(index, position.key) if position else 0
        return (index[place] for place in range(start, len(index)))
    end = bisect_left(index, position.key) if position else len(index)
    return (index[place] for place in range(end - 1, -1, -1))
