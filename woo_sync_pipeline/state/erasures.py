"""People who were erased in a store: how they are recognised, and what is still to be done for them.

WordPress' erasers leave an order that says of itself that it is anonymised, and a customer without any address. Neither
tells whom it concerned: that is known from what was read before. A phone that is to be erased waits in `erasures` until
the platform has been told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.contact import OnErasure
from woo_sync_pipeline.state.bulk import append_frame, create_temporary
from woo_sync_pipeline.state.columns import of_records
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.people import StoreRecord
from woo_sync_pipeline.state.statements import statements
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts


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


_SQL = statements("erasures")

_LOOKING_SO = of_records("record_type record_id is_person modified_at")


@dataclass(frozen=True)
class Erasure:
    """A phone to be erased, because a record of a store was.

    contact_id: the contact on the platform, where one is known. is_held: another record of some store has the phone.
    is_unsubscribed: the platform has confirmed that nobody with the phone is subscribed or on a list of ours.
    """

    phone: str = field(repr=False)
    source: str
    record_type: str
    record_id: str
    mode: OnErasure
    contact_id: str | None
    is_held: bool
    is_unsubscribed: bool


class ErasureNotes:
    """Notes the records of one reading that were erased, while its records are stored; tables are made when needed."""

    def __init__(self, connection: sa.Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._is_prepared = False

    def note(self, records: pd.DataFrame) -> None:
        """Note which of these records, not yet stored, were erased, with the phone that they had.

        `records` has the columns record_type, record_id, is_person, modified_at and is_erased: whether it looks as
        erased ones do.
        """
        looking_so = records[records["is_erased"].eq(True)]
        if looking_so.empty:
            return
        if not self._is_prepared:
            create_temporary(self._connection, "looking_so", _LOOKING_SO)
            create_temporary(self._connection, "erased", of_records("record_type record_id phone"))
            self._is_prepared = True
        self._execute("TRUNCATE looking_so")
        append_frame(self._connection, looking_so, "looking_so", _LOOKING_SO)
        self._execute(_SQL["note"])

    def mark(self) -> None:
        """Mark the records, which are stored by now, and take away what names a person."""
        if self._is_prepared:
            self._execute(_SQL["mark"])

    def keep(self, mode: OnErasure) -> None:
        """Keep the phones that were erased until the platform has been told; they are noted in `touched`."""
        if self._is_prepared:
            self._execute(_SQL["keep"], mode=mode)
            self._execute("INSERT INTO touched SELECT phone FROM erased WHERE phone IS NOT NULL")

    def _execute(self, statement: str, **values: object) -> None:
        self._connection.execute(sa.text(statement), {"source": self._source, **values})


def pending_erasures(database: Database, source: str) -> list[Erasure]:
    """The phones of people who were erased in a source, and for whom something is still to be done."""
    return [Erasure(**row._mapping) for row in database.rows(_SQL["pending"], source=source)]


def note_lines(database: Database, lines: Sequence[SyncContact], *, run_id: str) -> None:
    """Write down lines of the report of what is not done yet."""
    with database.transaction() as connection:
        note_contacts(connection, run_id, lines)


def settle_erasure(
    database: Database, erasure: Erasure, *, run_id: str, forget: bool, lines: Sequence[SyncContact]
) -> bool:
    """Write down that it is done, with `lines` of the report; with `forget` erase the phone from the state.

    Returns whether it was: a phone that another record has got meanwhile is not forgotten.
    """
    values = {"phone": erasure.phone}
    record = {"source": erasure.source, "record_type": erasure.record_type, "record_id": erasure.record_id}
    with database.exclusive_commit() as connection:
        if forget and connection.execute(sa.text(_SQL["is_held"]), values).scalar_one():
            return False
        if forget:
            erase(
                connection,
                [erasure.phone, *connection.execute(sa.text(_SQL["former_of_record"]), record).scalars()],
            )
        connection.execute(sa.text("DELETE FROM woo_sync.erasures WHERE phone = :phone"), values)
        note_contacts(connection, run_id, lines)
        return True
