"""What is known of the MessageMedia account: its lists and fields that are ours, and contacts that were confirmed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.state.bulk import PORTION, copy_new
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


def begin_directory_read(database: Database, *, run_id: str, unless_within: timedelta) -> datetime | None:
    """Note that this sync reads the whole directory from now on, by the clock of the database.

    None when there is no need to: nothing was ever confirmed, or a sync that succeeded did so within this time.
    """
    return next(
        iter(database.scalars(_SQL["begin_directory_read"], run_id=run_id, unless_within=unless_within)), None
    )


def note_states(
    database: Database, states: Mapping[str, SubscriptionState], *, run_id: str, read_at: datetime
) -> int:
    """Remember subscription states by phone, as a sync read them after `read_at`; how many have unsubscribed.

    A state that somebody changed on the platform counts as theirs: only a newer choice can change it again.
    """
    rows = [(phone, state.value) for phone, state in states.items()]
    with database.exclusive_commit() as connection:
        copy_new(connection, "seen", {"phone": "text", "state": "text"}, rows)
        changed = (
            connection.execute(sa.text(_SQL["note_states"]), {"run_id": run_id, "read_at": read_at})
            .scalars()
            .all()
        )
    return sum(state == SubscriptionState.UNSUBSCRIBED for state in changed)
