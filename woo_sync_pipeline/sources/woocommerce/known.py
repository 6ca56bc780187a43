"""What the state knows of a store: what a reading need not pass on again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.state.bulk import copy_rows
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import record_hashes
from woo_sync_pipeline.state.syncs import watermark

_LAST_CUSTOMER, _LAST_ORDER = "last_customer_id", "last_order_id"
_ROLE_COLUMNS = {"source": "text", "user_id": "bigint", "roles": "text[]"}


def last_customer_id(cursor: Mapping[str, Any]) -> int:
    """The highest customer id that was ever met; 0 where none was."""
    return int(cursor.get(_LAST_CUSTOMER, 0))


def next_cursor(known: Mapping[str, Any], *, customer_id: int, order_id: int | None) -> dict[str, int]:
    """How far a store has been read after a reading, given how far it was before.

    customer_id: the highest that was met: those of the deleted are never given again. order_id: the one up to which all
    orders have been met, whatever their dates; None where that was not looked at.
    """
    order_id = known.get(_LAST_ORDER) if order_id is None else order_id
    found = {_LAST_CUSTOMER: max(customer_id, last_customer_id(known))}
    return found if order_id is None else {**found, _LAST_ORDER: order_id}


def customer_hashes(database: Database, source: str, ids: Collection[int] | None = None) -> dict[int, str]:
    """Hashes of the customers of a source that are not gone, by customer id: of all, or of those with these ids."""
    return _hashes(database, source, "customer", ids)


def order_hashes(database: Database, source: str, ids: Collection[int]) -> dict[int, str]:
    """Hashes of those orders that are known and not gone, by order id."""
    return _hashes(database, source, "order", ids)


def _hashes(database: Database, source: str, kind: str, ids: Collection[int] | None) -> dict[int, str]:
    found = record_hashes(database, source, kind, None if ids is None else list(map(str, ids)))
    return {int(number): digest for number, digest in found.items()}


def known_guest_orders(
    database: Database, source: str, *, parts: int = 1, chosen: Collection[int] = (0,)
) -> set[int]:
    """Ids of the guest orders of a source that hold, or may hold, a contact: neither gone nor in the trash.

    Only those whose id, divided by `parts`, leaves one of the `chosen` numbers; without these all.
    """
    query = """
        WITH known AS MATERIALIZED (
            SELECT record_id::bigint AS order_id FROM woo_sync.source_records
            WHERE source = :source AND record_type = 'order' AND person_id = '' AND gone_at IS NULL AND NOT is_discarded
        )
        SELECT order_id FROM known WHERE order_id % :parts = ANY(:chosen)
    """
    return _numbers(database, query, source=source, parts=parts, chosen=list(chosen))


def last_order_id(database: Database, source: str) -> int:
    """The order id up to which all orders of a source have been met, whatever their dates; 0 where none was.

    Of what was read before this was noted, the highest known id stands for it.
    """
    mark = watermark(database, source)
    if mark is not None and _LAST_ORDER in mark.cursor:
        return int(mark.cursor[_LAST_ORDER])
    query = """
        SELECT coalesce(max(record_id::bigint), 0) FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'order'
    """
    return _numbers(database, query, source=source).pop()


def orders_that_named_a_customer(database: Database, source: str, ids: Collection[int]) -> set[int]:
    """Those orders that named a customer at any earlier reading."""
    query = """
        SELECT record_id::bigint FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'order' AND person_id <> '' AND record_id = ANY(:ids)
    """
    return _numbers(database, query, source=source, ids=list(map(str, ids)))


def users_with_several_roles(
    database: Database, source: str, ids: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """All roles of those of these users of a source who have several, as the last complete reading found them."""
    query = "SELECT user_id, roles FROM woo_sync.user_roles WHERE source = :source AND user_id = ANY(:ids)"
    return {number: tuple(roles) for number, roles in database.rows(query, source=source, ids=list(ids))}


def replace_roles(source: str, roles: Mapping[int, Sequence[str]] | None) -> Callable[[sa.Connection], None]:
    """What replaces, in the transaction of a reading, what is known of the users of a source with several roles.

    Their roles are by id; None where not all of it was read: then nothing is replaced.
    """

    def write(connection: sa.Connection) -> None:
        if roles is None:
            return
        connection.execute(
            sa.text("DELETE FROM woo_sync.user_roles WHERE source = :source"), {"source": source}
        )
        rows = ([source, number, list(names)] for number, names in roles.items())
        copy_rows(connection, "woo_sync.user_roles", _ROLE_COLUMNS, rows)

    return write


def known_product_ids(database: Database, source: str) -> set[int]:
    """Ids of the products whose tags are known."""
    return _numbers(
        database, "SELECT item_id::bigint FROM woo_sync.tagged_items WHERE source = :source", source=source
    )


def _numbers(database: Database, query: str, **values: object) -> set[int]:
    return set(database.scalars(query, **values))
