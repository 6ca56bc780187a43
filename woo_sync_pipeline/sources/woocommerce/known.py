"""What the state knows of a store: what a reading need not pass on again."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database


def customer_hashes(database: Database, source: str, ids: Collection[int] | None = None) -> dict[int, str]:
    """Hashes of the customers of a source that are not gone, by customer id: of all, or of those with these ids."""
    query = """
        SELECT record_id, hash FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'customer' AND gone_at IS NULL
    """
    values: dict[str, object] = {"source": source}
    if ids is not None:
        query += " AND record_id = ANY(:ids)"
        values["ids"] = list(ids)
    with database.transaction() as connection:
        return dict(connection.execute(sa.text(query), values).tuples().all())


def order_hashes(database: Database, source: str, ids: Collection[int]) -> dict[int, str]:
    """Hashes of those orders that are known and not gone, by order id."""
    query = """
        SELECT record_id, hash FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'order' AND record_id = ANY(:ids) AND gone_at IS NULL
    """
    with database.transaction() as connection:
        return dict(connection.execute(sa.text(query), {"source": source, "ids": list(ids)}).tuples().all())


def known_guest_orders(
    database: Database, source: str, *, parts: int = 1, chosen: Collection[int] = (0,)
) -> set[int]:
    """Ids of the guest orders of a source that hold, or may hold, a contact: neither gone nor in the trash.

    Only those whose id, divided by `parts`, leaves one of the `chosen` numbers; without these all.
    """
    query = """
        SELECT record_id FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'order' AND customer_id = 0 AND gone_at IS NULL
            AND order_status <> 'trash' AND record_id % :parts = ANY(:chosen)
    """
    with database.transaction() as connection:
        values = {"source": source, "parts": parts, "chosen": list(chosen)}
        return set(connection.execute(sa.text(query), values).scalars())


def last_order_id(database: Database, source: str) -> int:
    """The order id up to which all orders of a source have been met, whatever their dates; 0 where none was.

    Of what was read before this was noted, the highest known id stands for it.
    """
    query = """
        SELECT coalesce(
            (SELECT last_order_id FROM woo_sync.sync_runs
                WHERE source = :source AND committed_at IS NOT NULL AND last_order_id IS NOT NULL
                ORDER BY committed_at DESC LIMIT 1),
            (SELECT max(record_id) FROM woo_sync.source_records WHERE source = :source AND record_type = 'order'),
            0
        )
    """
    with database.transaction() as connection:
        found: int = connection.execute(sa.text(query), {"source": source}).scalar_one()
        return found


def orders_that_named_a_customer(database: Database, source: str, ids: Collection[int]) -> set[int]:
    """Those orders that named a customer at any earlier reading."""
    query = """
        SELECT record_id FROM woo_sync.source_records
        WHERE source = :source AND record_type = 'order' AND customer_id <> 0 AND record_id = ANY(:ids)
    """
    with database.transaction() as connection:
        rows = connection.execute(sa.text(query), {"source": source, "ids": list(ids)})
        return set(rows.scalars())


def users_with_several_roles(
    database: Database, source: str, ids: Collection[int]
) -> dict[int, tuple[str, ...]]:
    """All roles of those of these users of a source who have several, as the last complete reading found them."""
    query = "SELECT user_id, roles FROM woo_sync.user_roles WHERE source = :source AND user_id = ANY(:ids)"
    with database.transaction() as connection:
        rows = connection.execute(sa.text(query), {"source": source, "ids": list(ids)}).tuples()
        return {number: tuple(roles) for number, roles in rows}


def known_product_ids(database: Database, source: str) -> set[int]:
    """Ids of the products whose tags are known."""
    query = "SELECT product_id FROM woo_sync.products WHERE source = :source"
    with database.transaction() as connection:
        return set(connection.execute(sa.text(query), {"source": source}).scalars())
