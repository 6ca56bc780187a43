"""What is known of the MessageMedia account: its lists and fields that are ours, and contacts that were confirmed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from woo_sync_pipeline.state.bulk import PORTION
from woo_sync_pipeline.state.database import Database

# A contact that left every store may be deleted there: nobody misses it.
_HELD = "base_sources <> '{}' AND sources <> '{}' AND base_state IS NOT NULL"


@dataclass(frozen=True)
class KnownAccount:
    """lists: names of our lists by id. fields: ids of our custom fields by merge tag. sample: some contacts' ids by
    phone.
    """

    lists: Mapping[str, str]
    fields: Mapping[str, str]
    sample: Mapping[str, str]


def known_account(database: Database, *, sample: int) -> KnownAccount:
    """What is known of the account, with so many of the contacts that were confirmed last."""
    contacts = f"""
        SELECT phone, contact_id::text FROM woo_sync.contacts
        WHERE {_HELD} AND contact_id IS NOT NULL ORDER BY confirmed_at DESC NULLS LAST LIMIT :sample
    """  # noqa: S608 - the only thing put in is the constant above
    with database.transaction() as connection:
        return KnownAccount(
            dict(
                connection.execute(sa.text("SELECT list_id::text, name FROM woo_sync.platform_lists"))
                .tuples()
                .all()
            ),
            dict(
                connection.execute(sa.text("SELECT merge_tag, field_id FROM woo_sync.platform_fields"))
                .tuples()
                .all()
            ),
            dict(connection.execute(sa.text(contacts), {"sample": sample}).tuples().all()),
        )


def remember_fields(database: Database, fields: Mapping[str, str]) -> None:
    """Write down the ids of our custom fields by merge tag."""
    statement = """
        INSERT INTO woo_sync.platform_fields (merge_tag, field_id) VALUES (:merge_tag, :field_id)
        ON CONFLICT (merge_tag) DO UPDATE SET field_id = excluded.field_id
        WHERE platform_fields.field_id <> excluded.field_id
    """
    rows = [{"merge_tag": tag, "field_id": field_id} for tag, field_id in sorted(fields.items())]
    with database.transaction() as connection:
        connection.execute(sa.text(statement), rows)


def forget_lost(database: Database, *, lists: Collection[str], fields: Collection[str]) -> int:
    """Forget lists (by id) and custom fields (by merge tag) that are no longer there; how many contacts lack them.

    What the contacts had of them counts as never sent, so that the next push sends it again.
    """
    with database.exclusive_commit() as connection:
        names = list(
            connection.execute(
                sa.text(
                    "DELETE FROM woo_sync.platform_lists WHERE list_id::text = ANY(:lists) RETURNING name"
                ),
                {"lists": list(lists)},
            ).scalars()
        )
        connection.execute(
            sa.text("DELETE FROM woo_sync.platform_fields WHERE merge_tag = ANY(:fields)"),
            {"fields": list(fields)},
        )
        lacking = sa.text(f"""
            UPDATE woo_sync.contacts SET
                base_groups = ARRAY(
                    SELECT name FROM unnest(base_groups) AS name WHERE lower(name) <> ALL(:names) ORDER BY name
                ),
                base_sources = CASE WHEN :labels THEN '{{}}' ELSE base_sources END,
                base_email = CASE WHEN :emails THEN '' ELSE base_email END
            WHERE {_HELD} AND (:labels OR (:emails AND base_email <> '') OR EXISTS (
                SELECT FROM unnest(base_groups) AS name WHERE lower(name) = ANY(:names)
            ))
        """)  # noqa: S608 - the only thing put in is the constant above
        return connection.execute(
            lacking,
            {
                "names": [name.lower() for name in names],
                "labels": "source" in fields,
                "emails": "email" in fields,
            },
        ).rowcount


def forget_account(database: Database) -> None:
    """Forget all lists and fields, and count every contact as missing: it belongs to an account that is no longer."""
    statements = (
        "DELETE FROM woo_sync.platform_lists",
        "DELETE FROM woo_sync.platform_fields",
        f"UPDATE woo_sync.contacts SET missed_at = now() WHERE {_HELD}",  # noqa: S608 - the constant above
    )
    with database.exclusive_commit() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def held_phones(database: Database, *, confirmed_before: datetime) -> Iterator[list[str]]:
    """Phones of contacts that the platform confirmed before a time, in portions, in their order.

    Without those that are known to be missing.
    """
    query = sa.text(f"""
        SELECT phone FROM woo_sync.contacts
        WHERE {_HELD} AND confirmed_at < :before AND missed_at IS NULL
            AND phone > :after
        ORDER BY phone LIMIT :most
    """)  # noqa: S608 - the only thing put in is the constant above
    after = ""
    while True:
        with database.transaction() as connection:
            values = {"before": confirmed_before, "after": after, "most": PORTION}
            phones = list(connection.execute(query, values).scalars())
        if not phones:
            return
        yield phones
        after = phones[-1]


def note_missing(database: Database, phones: Collection[str]) -> None:
    """Note that these contacts are missing on the platform: the next push brings them back."""
    statement = (
        "UPDATE woo_sync.contacts SET missed_at = now() WHERE phone = ANY(:phones) AND missed_at IS NULL"
    )
    with database.exclusive_commit() as connection:
        connection.execute(sa.text(statement), {"phones": list(phones)})
