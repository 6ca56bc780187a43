"""What the state knows of an account: what a reading need not pass on again."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database

MEMBERSHIP = "membership"


def known_memberships(
    database: Database,
    source: str,
    *,
    of: Collection[str] | None = None,
    within: Collection[str] | None = None,
) -> dict[str, list[str]]:
    """Item ids of the groups of each profile, by its id.

    of: only of these profiles. within: only of those who are in one of these groups.
    """
    query = """
        SELECT record_id, item_ids FROM woo_sync.source_records
        WHERE source = :source AND record_type = :record_type AND gone_at IS NULL
    """
    values: dict[str, object] = {"source": source, "record_type": MEMBERSHIP}
    if of is not None:
        query += " AND record_id = ANY(:ids)"
        values["ids"] = list(of)
    if within is not None:
        # That the lists are not empty is said for PostgreSQL: the index has no others.
        query += " AND item_ids && CAST(:groups AS text[]) AND item_ids <> '{}'"
        values["groups"] = list(within)
    with database.transaction() as connection:
        return {
            record_id: list(items) for record_id, items in connection.execute(sa.text(query), values).tuples()
        }
