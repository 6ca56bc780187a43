"""What is known of the MessageMedia account: its lists and fields that are ours, and contacts that were confirmed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from woo_sync_pipeline.state.bulk import PORTION
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("known_account")


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
    with database.transaction() as connection:
        return KnownAccount(
            *(
                dict(connection.execute(sa.text(_SQL[name]), {"sample": sample}).tuples().all())
                for name in ("lists", "fields", "sample")
            )
        )


def remember_fields(database: Database, fields: Mapping[str, str]) -> None:
    """Write down the ids of our custom fields by merge tag."""
    rows = [{"merge_tag": tag, "field_id": field_id} for tag, field_id in sorted(fields.items())]
    with database.transaction() as connection:
        connection.execute(sa.text(_SQL["remember_field"]), rows)


def forget_lost(database: Database, *, lists: Collection[str], fields: Collection[str]) -> int:
    """Forget lists (by id) and custom fields (by merge tag) that are no longer there; how many contacts lack them.

    What the contacts had of them counts as never sent, so that the next push sends it again.
    """
    with database.exclusive_commit() as connection:
        forget = sa.text(_SQL["forget_lists"])
        names = connection.execute(forget, {"lists": list(lists)}).scalars().all()
        connection.execute(sa.text(_SQL["forget_fields"]), {"fields": list(fields)})
        lost = {
            "names": [name.lower() for name in names],
            "labels": "source" in fields,
            "emails": "email" in fields,
        }
        return connection.execute(sa.text(_SQL["forget_what_lacks"]), lost).rowcount


def forget_account(database: Database) -> None:
    """Forget all lists and fields, and count every contact as missing: it belongs to an account that is no longer."""
    with database.exclusive_commit() as connection:
        connection.execute(sa.text(_SQL["forget_account"]))


def held_phones(database: Database, *, confirmed_before: datetime) -> Iterator[list[str]]:
    """Phones of contacts that the platform confirmed before a time, in portions, in their order.

    Without those that are known to be missing.
    """
    after = ""
    while phones := database.scalars(_SQL["held"], before=confirmed_before, after=after, most=PORTION):
        yield phones
        after = phones[-1]


def note_missing(database: Database, phones: Collection[str]) -> None:
    """Note that these contacts are missing on the platform: the next push brings them back."""
    with database.exclusive_commit() as connection:
        connection.execute(sa.text(_SQL["note_missing"]), {"phones": list(phones)})
