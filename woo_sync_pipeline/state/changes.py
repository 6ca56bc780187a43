"""What a reading would change of what is known, counted inside the transaction that stores it.

`changed_records` (temporary): store records that lose something. `different`: contacts that differ, beside what they
were. Both are filled while the reading is stored, and judged before it is committed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.contacts.limits import Change, ChangeSummary, Measured
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.bulk import create_temporary
from woo_sync_pipeline.state.columns import of_records
from woo_sync_pipeline.state.statements import statements

MOST_EXAMPLES = 10

_CHANGED_RECORDS = of_records("record_type record_id phone", change="text")

_CONTACTS = (Change.leaving_lists, Change.newly_subscribed, Change.newly_unsubscribed)
_SQL = statements("changes")
NOTE_CHANGED_RECORDS, NOTE_GONE_RECORDS = _SQL["note_changed_records"], _SQL["note_gone_records"]


def prepare(connection: sa.Connection) -> None:
    """Make the temporary table of records that lose something."""
    create_temporary(connection, "changed_records", _CHANGED_RECORDS)


def is_known(connection: sa.Connection, source: str) -> bool:
    """Whether anything of a source was ever committed."""
    return bool(connection.execute(sa.text(_SQL["is_known"]), {"source": source}).scalar_one())


def count_known(connection: sa.Connection, *, source: str, name: str) -> dict[str, int]:
    """How much is known of a source: records by the change that is a share of them, contacts, those subscribed."""
    parameters = {"source": source, "name": name}
    return {
        what: int(count)
        for query in (_SQL["known_records"], _SQL["known_contacts"])
        for what, count in connection.execute(sa.text(query), parameters).mappings().one().items()
    }


def summary(
    connection: sa.Connection,
    *,
    before: Mapping[str, int],
    new: int,
    is_first: bool,
    changed_settings: tuple[str, ...],
) -> ChangeSummary:
    """What the reading changes, of which all records and contacts have gone through the temporary tables.

    before: what `count_known` counted before anything was stored. new: how many contacts were not known.
    """
    if is_first:
        return ChangeSummary(new=new, is_first=True)
    counts: dict[str, Any] = dict(connection.execute(sa.text(_SQL["count_contacts"])).mappings().one())
    counts |= dict(connection.execute(sa.text(_SQL["count_records"])).tuples().all())
    leaving = connection.execute(sa.text(_SQL["leaving_because"])).tuples().all()
    return ChangeSummary(
        measured=tuple(
            _measured(connection, change, int(counts.get(change.value, 0)), before)
            for change in Change
            if change is not Change.missing_on_platform
        ),
        new=new,
        joining=counts["joining"],
        leaving_because=dict(leaving),
        is_first=is_first,
        changed_settings=changed_settings,
    )


def _measured(connection: sa.Connection, change: Change, count: int, before: Mapping[str, int]) -> Measured:
    examples = _examples(connection, change) if count else ()
    if change is Change.newly_subscribed:
        return Measured(change, count, before["contacts"], before["subscribed"], examples)
    if change is Change.newly_unsubscribed:
        return Measured(change, count, before["subscribed"], before["subscribed"], examples)
    of = before["contacts"] if change is Change.leaving_lists else before[change.value]
    return Measured(change, count, of, of, examples)


def _examples(connection: sa.Connection, change: Change) -> tuple[str, ...]:
    if change in _CONTACTS:
        query = f"SELECT phone FROM different WHERE NOT is_new AND {_SQL[change]} ORDER BY phone LIMIT :most"  # noqa: S608
        phones = connection.execute(sa.text(query), {"most": MOST_EXAMPLES}).scalars()
        return tuple(mask_phone(phone) for phone in phones)
    values = {"change": change.value, "most": MOST_EXAMPLES}
    return tuple(connection.execute(sa.text(_SQL["examples_of_records"]), values).scalars())
