"""All that the state holds of one phone, as it was at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.merge import MergeInput
from woo_sync_pipeline.state.bulk import read_frame
from woo_sync_pipeline.state.consent_ledger import LedgerEntry, latest_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import HOLDERS, SIGNALS_OF_RECORDS
from woo_sync_pipeline.state.statements import statements

_SQL = statements("explanation")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class KnownOfPhone:
    """What is known of a phone: its row of `contacts`, its store records, its lines of reports and of the ledger.

    former: phones that these records had before; moved: records that had this phone before, with the one they have now.
    Of lines the newest come first. `merging` has what its contact is merged from; each row of `merging.signals` also
    names its record.
    """

    contact: Row | None
    records: tuple[Row, ...]
    outcomes: tuple[Row, ...]
    ledger: tuple[LedgerEntry, ...]
    merging: MergeInput
    former: tuple[Row, ...]
    moved: tuple[Row, ...]


def known_of_phone(database: Database, phone: str, *, lines: int) -> KnownOfPhone:
    """What is known of a phone (E.164), with so many of its latest lines of reports and of the ledger of consent."""
    values = {"phone": phone, "limit": lines}
    with database.transaction() as connection:
        # One moment for all queries: a sync may commit between them.
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(
            sa.text(
                "CREATE TEMPORARY TABLE touched_phones ON COMMIT DROP AS SELECT CAST(:phone AS text) AS phone"
            ),
            values,
        )
        contacts, records, outcomes, former, moved = (
            tuple(dict(row) for row in connection.execute(sa.text(_SQL[name]), values).mappings())
            for name in ("contact", "records", "outcomes", "former", "moved")
        )
        ledger = tuple(latest_of(connection, phone, limit=lines))
        merging = MergeInput(
            holders=read_frame(connection, HOLDERS),
            signals=read_frame(connection, SIGNALS_OF_RECORDS),
            purchases=pd.DataFrame(columns=["phone", "source", "tag"]),
        )
    return KnownOfPhone(
        contacts[0] if contacts else None, records, outcomes, ledger, merging, former=former, moved=moved
    )
