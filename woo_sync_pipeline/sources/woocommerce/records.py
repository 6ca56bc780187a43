"""From the store's rows to tables: only what is used, flat, with a hash of the content."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from woo_sync_pipeline.contacts.consent import OTHER_VALUES
from woo_sync_pipeline.sources.woocommerce.client import Row
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.fields import (
    ADDRESS_COLUMNS,
    ADDRESS_FIELDS,
    ANONYMISED_META_KEY,
    RENEWAL_META_KEYS,
    is_empty,
    objects,
    part,
)
from woo_sync_pipeline.sources.woocommerce.values import parse_gmt, whole_number

_MOMENT = pa.timestamp("us", tz="UTC")


def _schema(own: Iterable[tuple[str, pa.DataType]], last: Iterable[tuple[str, pa.DataType]]) -> pa.Schema:
    return pa.schema(
        [
            ("record_id", pa.int64()),
            ("created_at", _MOMENT),
            ("modified_at", _MOMENT),
            *own,
            *((name, pa.string()) for name in ADDRESS_COLUMNS),
            ("meta", pa.string()),
            *last,
            ("hash", pa.string()),
            ("read_at", _MOMENT),
        ]
    )


CUSTOMER_SCHEMA: pa.Schema = _schema(
    [(name, pa.string()) for name in ("role", "email", "first_name", "last_name")], []
)
ORDER_SCHEMA: pa.Schema = _schema(
    [
        ("status", pa.string()),
        ("customer_id", pa.int64()),
        ("is_renewal", pa.bool_()),
        ("is_anonymised", pa.bool_()),
    ],
    [("product_ids", pa.list_(pa.int64()))],
)


# For every row, so made once: `json.dumps` with options would make one for each.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_NOTHING_KNOWN: Mapping[int, str] = {}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
"""Years that a date is believed to have: a mistyped one (0016, 2925) is none, and not every library can hold it."""

_UNREADABLE = -1
_RENEWAL_WORDS = ("subscription", "renewal")


@dataclass(frozen=True)
class TableMade:
    """What a page of rows became.

    table: the rows that are not known in their present form. known_but_saved: how many of the others were saved after
    the moment that was asked about.
    """

    table: pa.Table
    known_but_saved: int


def customer_page(
    rows: Sequence[Row],
    *,
    meta_keys: Collection[str],
    fingerprint: str,
    read_at: datetime,
    known: Mapping[int, str] = _NOTHING_KNOWN,
    saved_since: datetime | None = None,
) -> TableMade:
    """Customers as a table of CUSTOMER_SCHEMA, one row each, in order, but those whose hash is `known` by their id.

    Texts are "" when absent; `created_at` and `modified_at` may be NaT. `meta` is a JSON object of those
    `meta_keys` that the customer has, None when the store withheld meta data. `hash` covers everything before
    it but `modified_at`, and `fingerprint`. `read_at` is tz-aware. A date outside the years 1970 to 2199 counts as
    absent. Raises StoreAnswerMalformedError for a row without an integer id.

    Of the rows that are left out those are counted that were modified after `saved_since`, which is tz-aware and by the
    store's clock. Such a customer was saved, and nothing that the API shows is another than before: so it looks, among
    other things, when somebody changes a choice that the store keeps under a hidden key (one that begins with `_`).
    """

    def own(row: Row) -> list[Any]:
        return [_text(row.get(name)) for name in ("role", "email", "first_name", "last_name")]

    content = _Content(own, lambda _: [], frozenset(meta_keys), fingerprint)
    return _table(CUSTOMER_SCHEMA, rows, content, read_at, known, saved_since)


def order_table(
    rows: Sequence[Row],
    *,
    meta_keys: Collection[str],
    fingerprint: str,
    read_at: datetime,
    known: Mapping[int, str] = _NOTHING_KNOWN,
) -> pa.Table:
    """Orders as a table of ORDER_SCHEMA, one row each, in order, but those whose hash is `known` by their id.

    `customer_id` is 0 when the order names none, -1 when what it names cannot be read: such an order is nobody's that
    we know, and no guest's. `is_renewal` tells orders that a subscription made by itself, whose meta is copied and no
    new choice, `is_anonymised` those of which the store has erased the person; each is part of `hash` only where it is
    true. `product_ids` are distinct and
    ascending, without the 0 of deleted products. The rest is as in `customer_page`.
    """

    def own(row: Row) -> list[Any]:
        flags = [_is_renewal(row), _is_anonymised(row)]
        return [_text(row.get("status")), _customer_id(row), *flags]

    def last(row: Row) -> list[Any]:
        products = {_integer(item.get("product_id")) for item in objects(row.get("line_items"))}
        return [sorted(products - {0})]

    content = _Content(own, last, frozenset(meta_keys), fingerprint)
    return _table(ORDER_SCHEMA, rows, content, read_at, known).table


@dataclass(frozen=True)
class _Content:
    """What is taken of a row: its own fields, its addresses, its meta, its last fields."""

    own: Callable[[Row], list[Any]]
    last: Callable[[Row], list[Any]]
    meta_keys: frozenset[str]
    fingerprint: str

    def of(self, row: Row) -> list[Any]:
        return [*self.own(row), *_addresses(row), _meta(row, self.meta_keys), *self.last(row)]


def _table(
    schema: pa.Schema,
    rows: Sequence[Row],
    content: _Content,
    read_at: datetime,
    known: Mapping[int, str],
    saved_since: datetime | None = None,
) -> TableMade:
    for name, moment in (("read_at", read_at), ("saved_since", saved_since)):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"{name} without a time zone")
    records = []
    known_but_saved = 0
    for row in rows:
        number = whole_number(row.get("id"))
        if number is None:
            raise StoreAnswerMalformedError(
                source="store", tried="reading rows into a frame", got="a row without an integer id"
            )
        created = _moment(row.get("date_created_gmt"))
        rest = content.of(row)
        # A flag counts only where it is set: one that is new leaves the hashes of all other records as they were.
        hashed = [value for value in rest if value is not False]
        digest = _hash([number, created.isoformat() if created else None, *hashed, content.fingerprint])
        # A sweep meets almost nothing but what is known: no more work for that.
        if known.get(number) != digest:
            modified = _moment(row.get("date_modified_gmt"))
            records.append((number, created, modified, *rest, digest, read_at))
        elif saved_since is not None:
            modified = _moment(row.get("date_modified_gmt"))
            known_but_saved += modified is not None and modified > saved_since
    # Arrow, so that a table without rows and a column without values have the same types as all.
    columns = zip(*records, strict=True) if records else ((),) * len(schema)
    arrays = [pa.array(column, type=kind.type) for column, kind in zip(columns, schema, strict=True)]
    return TableMade(pa.Table.from_arrays(arrays, schema=schema), known_but_saved)


def _is_renewal(row: Row) -> bool:
    made_by = _text(row.get("created_via")).lower()
    return any(word in made_by for word in _RENEWAL_WORDS) or any(
        item.get("key") in RENEWAL_META_KEYS and not is_empty(item.get("value"))
        for item in objects(row.get("meta_data"))
    )


def _is_anonymised(row: Row) -> bool:
    return any(
        item.get("key") == ANONYMISED_META_KEY and item.get("value") in ("yes", "1", True)
        for item in objects(row.get("meta_data"))
    )


def _addresses(row: Row) -> list[str]:
    return [_text(part(row, kind).get(name)) for kind, name in ADDRESS_FIELDS]


def _meta(row: Row, keys: frozenset[str]) -> str | None:
    if "meta_data" not in row:
        return None
    found: dict[str, Any] = {}
    others: dict[str, list[Any]] = {}
    for item in objects(row["meta_data"]):
        key, value = item.get("key"), item.get("value")
        if not isinstance(key, str) or key not in keys:
            continue
        # Of a key that is stored twice the first counts, as for WordPress' own get_user_meta(single); but for a no.
        if key not in found:
            found[key] = value
        elif value != found[key]:
            others.setdefault(key, []).append(value)
    if others:
        found[OTHER_VALUES] = others
    text = compact_json(found)
    # The one escape that PostgreSQL cannot store in jsonb.
    return text.replace("\\u0000", "") if "\\u0000" in text else text


def _hash(content: list[Any]) -> str:
    return blake2b(compact_json(content).encode(), digest_size=16).hexdigest()


def compact_json(value: object) -> str:
    """JSON without blanks and with sorted keys. Half of a surrogate pair becomes a question mark."""
    text = _ENCODER.encode(value)
    return text if text.isascii() else _whole(text)


def _text(value: object) -> str:
    """A field as text: "" for null, false and whatever else is no text or number."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "")
        return value if value.isascii() else _whole(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _whole(text: str) -> str:
    """Half of a surrogate pair, which JSON can spell and nothing can store, becomes a question mark."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _customer_id(row: Row) -> int:
    value = row.get("customer_id")
    if is_empty(value):
        return 0
    number = whole_number(value)
    return _UNREADABLE if number is None else number


def _integer(value: object) -> int:
    return whole_number(value) or 0


def _moment(value: object) -> datetime | None:
    moment = parse_gmt(value)
    return moment if moment is not None and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None
