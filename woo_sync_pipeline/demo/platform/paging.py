"""Pages by key: a token says after, or before, which id the page begins, and for which filter."""

from __future__ import annotations

import base64
import bisect
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qsl

from woo_sync_pipeline.demo.platform.answers import InvalidField, Json, invalid
from woo_sync_pipeline.demo.platform.shapes import Check, integer, text

DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 1000

Query = Mapping[str, list[str]]
Direction = Literal["next", "prev"]

_PAGING: Mapping[str, Check] = {
    "pageSize": text(max_length=10),
    "nextPageToken": text(not_blank=True),
    "prevPageToken": text(not_blank=True),
}
_PAGE_SIZE = integer(1, MAX_PAGE_SIZE)
_TOKENS = {"nextPageToken", "prevPageToken"}


def parse_query(raw: str, filters: Mapping[str, Check], repeatable: frozenset[str]) -> Query:
    """Read a query string. Unknown parameters, and single ones given twice, are refused with 400."""
    values: dict[str, list[str]] = {}
    wrong: list[InvalidField] = []
    checks = {**_PAGING, **filters}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        if name not in checks:
            wrong.append(InvalidField(name, "incorrect_operation", "is not known"))
            continue
        if name in values and name not in repeatable:
            wrong.append(InvalidField(name, "duplicated_value", "must be given once"))
        checks[name](name, value, wrong)
        values.setdefault(name, []).append(value)
    if wrong:
        raise invalid(wrong)
    return values


class Pager:
    """Cuts ordered ids into pages. Its tokens are signed: one that it did not make is refused."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def page(self, ids: Sequence[str], query: Query, kind: str) -> tuple[Sequence[str], Json]:
        """Return the ids of the page that the query asks for, and the page's JSON still without content.

        `ids` are all that match, ascending; `kind` is the entity, so that tokens do not travel.
        """
        size = _page_size(query)
        if query.keys() >= _TOKENS:
            raise invalid([InvalidField("prevPageToken", "must_be_empty", "excludes nextPageToken")])
        start, end = 0, size
        if "nextPageToken" in query:
            start = bisect.bisect_right(ids, self._read("next", query, kind))
            end = start + size
        elif "prevPageToken" in query:
            end = bisect.bisect_left(ids, self._read("prev", query, kind))
            start = max(0, end - size)
        page = ids[start:end]
        data: Json = {"content": [], "totalElements": len(ids)}
        if page and end < len(ids):
            data["nextPageToken"] = self._make("next", page[-1], query, kind)
        if page and start > 0:
            data["prevPageToken"] = self._make("prev", page[0], query, kind)
        return page, data

    def _make(self, direction: Direction, key: str, query: Query, kind: str) -> str:
        payload = json.dumps([direction, key]).encode()
        return base64.urlsafe_b64encode(self._seal(payload, query, kind) + payload).decode().rstrip("=")

    def _read(self, direction: Direction, query: Query, kind: str) -> str:
        name = f"{direction}PageToken"
        token = query[name][0]
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            sealed = b""
        seal, payload = sealed[:16], sealed[16:]
        if not hmac.compare_digest(seal, self._seal(payload, query, kind)):
            raise invalid([InvalidField(name, "invalid_format", "is no token of this query")])
        made_for, key = json.loads(payload)
        if made_for != direction:
            raise invalid([InvalidField(name, "invalid_format", "is a token for the other direction")])
        return str(key)

    def _seal(self, payload: bytes, query: Query, kind: str) -> bytes:
        filters = {name: sorted(each) for name, each in query.items() if name not in _PAGING}
        text = json.dumps([kind, filters], sort_keys=True).encode()
        return hmac.new(self._key, text + b"\n" + payload, hashlib.sha256).digest()[:16]


def _page_size(query: Query) -> int:
    given = query.get("pageSize")
    if given is None:
        return DEFAULT_PAGE_SIZE
    value: object = int(given[0]) if given[0].isascii() and given[0].isdigit() else given[0]
    wrong: list[InvalidField] = []
    _PAGE_SIZE("pageSize", value, wrong)
    if wrong or not isinstance(value, int):
        raise invalid(wrong)
    return value
