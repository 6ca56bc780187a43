"""Erasing one person from the state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.people import StoreRecord
from woo_sync_pipeline.state.statements import statements

_SQL = statements("erasure")


@dataclass(frozen=True)
class Erased:
    """What was known of a person, and is no more.

    records: deleted; blanked: those of other people that named the phone and stay without it. history: lines
    of reports; ledger: entries of the ledger of consent; contacts: how many; contact_ids: those still on the platform.
    former: earlier phones (E.164) of the person, whose traces went too; held: earlier ones that somebody else has now,
    whose traces stay. moved: records of others that had the phone once, and have another one now.
    """

    records: tuple[StoreRecord, ...] = ()
    blanked: tuple[StoreRecord, ...] = ()
    history: int = 0
    ledger: int = 0
    contacts: int = 0
    contact_ids: tuple[str, ...] = ()
    was_unsubscribed: bool = False
    former: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    moved: tuple[StoreRecord, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Nothing was known."""
        return not (self.records or self.blanked or self.history or self.ledger or self.contacts)


def erase_person(database: Database, phones: Sequence[str], records: Sequence[StoreRecord] = ()) -> Erased:
    """Delete everything that the state holds of the people with these phones (E.164), in one transaction.

    The same of `records` that have no usable phone. What is kept under earlier phones of theirs goes as well, unless
    somebody else has such a phone now. Waits for a push that is under way: it would write the contact down again.
    """
    with database.exclusive_push(), database.exclusive_commit() as connection:
        return erase(connection, phones, records)


def erase(connection: sa.Connection, phones: Sequence[str], records: Sequence[StoreRecord] = ()) -> Erased:
    """`erase_person`, in a transaction that alone may write contacts."""
    values = {
        "phones": list(phones),
        "records": json.dumps([asdict(record) for record in records]),
    }
    connection.execute(sa.text(_SQL["chosen"]), values)
    connection.execute(sa.text(_SQL["doomed"]))
    earlier = connection.execute(sa.text(_SQL["former"])).tuples().all()
    former = tuple(phone for phone, is_held in earlier if not is_held)
    connection.execute(
        sa.text("INSERT INTO erased_phones SELECT unnest(CAST(:phones AS text[]))"),
        {"phones": list(former)},
    )
    moved = connection.execute(sa.text(_SQL["had_it_once"])).tuples().all()
    connection.execute(sa.text(_SQL["delete_former"]))
    history = connection.execute(sa.text(_SQL["delete_history"])).rowcount
    ledger = connection.execute(sa.text(_SQL["delete_ledger"])).rowcount
    deleted = connection.execute(sa.text(_SQL["delete_records"])).tuples().all()
    blanked = connection.execute(sa.text(_SQL["blank_records_of_others"])).tuples().all()
    contacts = connection.execute(sa.text(_SQL["delete_contacts"])).mappings().all()
    connection.execute(sa.text(_SQL["delete_erasures"]))
    return Erased(
        records=_sorted(deleted),
        blanked=_sorted(blanked),
        history=history,
        ledger=ledger,
        contacts=len(contacts),
        contact_ids=tuple(sorted(each["contact_id"] for each in contacts if each["contact_id"])),
        was_unsubscribed=any(each["is_unsubscribed"] for each in contacts),
        former=former,
        held=tuple(phone for phone, is_held in earlier if is_held),
        moved=_sorted(moved),
    )


def _sorted(rows: Sequence[tuple[str, str, str]]) -> tuple[StoreRecord, ...]:
    return tuple(sorted((StoreRecord(*row) for row in rows), key=str))
