"""Phones that registered customers have from their orders.

WooCommerce links the guest orders of an address to the account that is made with it; such an account may have no phone
of its own for ever. A customer without one takes that of the newest own order: `phone` is set although `invalid_reason`
says that the customer's own is missing. So the contact that the orders made before keeps its lists and its consent.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("lent_phones")


def with_lent_phones(connection: sa.Connection, source: str, records: pd.DataFrame) -> pd.DataFrame:
    """The records, of which persons without a phone of their own have the one that they were lent before.

    Else they would seem to lose it each time that they change. `records` has the columns record_id, is_person, phone
    and invalid_reason.
    """
    asked = records["is_person"] & (records["invalid_reason"] == InvalidReason.missing_phone.value)
    if not asked.any():
        return records
    ids = records.loc[asked, "record_id"].tolist()
    values = {"source": source, "ids": ids, "missing": InvalidReason.missing_phone.value}
    lent = dict(connection.execute(sa.text(_SQL["lent"]), values).tuples().all())
    if not lent:
        return records
    of_asked = records.loc[asked, "record_id"].map(lent)
    return records.assign(phone=records["phone"].where(~asked, of_asked.astype(object)))


def lend_phones(connection: sa.Connection, source: str) -> None:
    """Give the persons that a portion of records (`dated`, already stored) concerns the phones of their records.

    Whose phone becomes another one is noted in `touched`.
    """
    values = {"source": source, "missing": InvalidReason.missing_phone.value}
    connection.execute(sa.text(_SQL["lend"]), values)


def persons_not_to_mend(database: Database, source: str, ids: Collection[str]) -> set[tuple[str, str]]:
    """Of the records of a source with these ids the persons whose own phone is missing and not missed: type and id.

    They have the phone of a record that belongs to them, or were erased in the source.
    """
    return set(map(tuple, database.rows(_SQL["persons_not_to_mend"], source=source, ids=list(ids))))
