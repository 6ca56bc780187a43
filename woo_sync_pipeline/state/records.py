"""What was read from a source goes into the state: records, tagged items, and the contacts they make."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET, ClockOffset
from woo_sync_pipeline.contacts.choice_times import ReadingClock
from woo_sync_pipeline.contacts.contact import OnErasure
from woo_sync_pipeline.contacts.limits import ChangeSummary
from woo_sync_pipeline.contacts.merge import MergeInput, MergeSource, merge_contacts
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state import changes
from woo_sync_pipeline.state.bulk import PORTION, append_frame, copy_new, create_temporary, read_copied
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS, RECORD_KEY, of_records
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import ErasureNotes
from woo_sync_pipeline.state.lent_phones import lend_phones, with_lent_phones
from woo_sync_pipeline.state.opt_outs import MARK_GONE_AGAIN, opt_outs_alone
from woo_sync_pipeline.state.sources import change_consent_modes, changed_settings, remember_source
from woo_sync_pipeline.state.statements import statements
from woo_sync_pipeline.state.storing import create_tables, store_records

_HOLDERS = of_records(
    "phone record_type record_id is_person first_name last_name email tags created_at modified_at",
    source="text",
)
_SIGNALS = of_records(
    "phone consent choice_from choice_until choice_is_dated choice_returned_at consent_origin",
    source="text",
    is_stop="boolean",
)
_PURCHASES = {"phone": "text", "source": "text", "tag": "text"}
_ITEMS = {"item_id": "text", "tags": "text[]"}
_BEFORE = ("groups", "consent", "consent_at", "consent_dated_at", "status")
_DIFFERENT = {
    **CONTACT_COLUMNS,
    "is_new": "boolean",
    **{f"old_{name}": CONTACT_COLUMNS[name] for name in _BEFORE},
    "base_state": "text",
    "opted_out_when_stopped_at": "timestamptz",
}
_MERGED = [name for name in CONTACT_COLUMNS if name != "phone"]

# Temporary tables: `gone`, `incoming_items`: what was read, beside records. `touched`: phones that may look different
# now. `merged`: their contacts; `different`: those that differ, beside what they were.
_SQL = statements(
    "records",
    columns=", ".join(CONTACT_COLUMNS),
    holder_columns=", ".join(_HOLDERS),
    signal_columns=", ".join(_SIGNALS),
    known_before=", ".join(f"known.{name}" for name in _BEFORE),
    known_values=", ".join(f"known.{name}" for name in _MERGED),
    merged_values=", ".join(f"merged.{name}" for name in _MERGED),
    changes=", ".join(f"{name} = different.{name}" for name in _MERGED),
)
HOLDERS, SIGNALS_OF_RECORDS = _SQL["holders"], _SQL["signals_of_records"]

MANY_ROWS = 1_000
"""Rows that a commit brings from which on PostgreSQL is told what its tables hold, rather than left to find out."""


@dataclass(frozen=True)
class Reading:
    """What one reading of a source found.

    records: in portions, with the columns `RECORD_COLUMNS`; records that are known in this form may be left out.
    started_at: when the reading began (UTC); read_until: what changed before this time, by the clock of the source, has
    been read. gone: ids of known records that are gone for good, by type. item_tags: tags of the items that were looked
    up, by id. cursor: how far it has come, in terms that only the source understands. source_clock: by how much the
    clock that dates records is ahead of ours. opt_outs_are_dated: whether the time beside a person's opt-out is surely
    that of the opt-out, or a later one. settings: those that what the records mean depends on, by name.
    on_erasure: what shall happen to people who were erased in the source. beside: what the source itself writes in the
    same transaction.
    """

    records: Iterable[pd.DataFrame]
    started_at: datetime
    read_until: datetime
    gone: Mapping[str, Collection[str]] = field(default_factory=dict)
    item_tags: Mapping[str, Collection[str]] = field(default_factory=dict)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    source_clock: ClockOffset = UNKNOWN_OFFSET
    opt_outs_are_dated: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    on_erasure: OnErasure = "unsubscribe"
    beside: Callable[[sa.Connection], None] = lambda _: None


class _NotAcceptedError(Exception):
    """The transaction is to be rolled back."""


def commit_reading(
    database: Database,
    *,
    source: str,
    run_id: str,
    reading: Reading,
    sources: Mapping[str, MergeSource],
    accept: Callable[[pd.DataFrame], bool],
    within_limits: Callable[[ChangeSummary], bool] = lambda _: True,
) -> ChangeSummary:
    """Store what was read and merge the contacts it touches, all in one transaction; returns what it changes.

    `accept` is shown the merged contacts of all phones touched (columns of `merge_contacts`), in portions in the
    order of phones; at least one, which may be empty. `within_limits` is shown what all of it changes. When either
    says no, nothing is stored, not even that anything was read. Committing the same reading again changes nothing. A
    form that was read earlier than the stored one never replaces it.

    Raises `StateError` when another sync has committed a complete reading of the source that began later: what that
    one found unchanged is not noted anywhere, so an older form could not be told from a newer one.
    """
    found = ChangeSummary()
    with suppress(_NotAcceptedError), database.exclusive_commit() as connection:
        _prepare(connection)
        copy_new(
            connection,
            "gone",
            RECORD_KEY,
            [(kind, each) for kind, ids in reading.gone.items() for each in ids],
        )
        tags = ((item_id, list(names)) for item_id, names in reading.item_tags.items())
        copy_new(connection, "incoming_items", _ITEMS, tags)
        names = {"source": source, "run_id": run_id}
        clock = _reading_clock(connection, reading, names)
        is_first = not changes.is_known(connection, source)
        known = {} if is_first else changes.count_known(connection, source=source, name=sources[source].name)
        erasures = ErasureNotes(connection, source)
        rows = _store_all_records(
            connection, reading, names, clock, erasures, repeats_count=sources[source].repeats_count
        )
        _store_what_is_gone(connection, source, reading.started_at)
        erasures.keep(reading.on_erasure)
        of_another_mode = change_consent_modes(connection, sources)
        if of_another_mode:
            connection.execute(sa.text(_SQL["touched_by_consent_mode"]), {"sources": of_another_mode})
        reading.beside(connection)
        otherwise = changed_settings(connection, source, reading.settings)
        remember_source(connection, source, sources[source], reading.settings)
        new = _store_merged(connection, sources, accept)
        found = changes.summary(
            connection, before=known, new=new, is_first=is_first, changed_settings=otherwise
        )
        if not within_limits(found):
            raise _NotAcceptedError
        if rows >= MANY_ROWS:
            # Those by which it is looked up: of the others, lists above all, it takes three times as long.
            connection.execute(sa.text("ANALYZE woo_sync.contacts (phone, is_pending, base_state)"))
        connection.execute(
            sa.text(_SQL["note_commit"]),
            {
                "run_id": run_id,
                "started_at": reading.started_at,
                "read_until": reading.read_until,
                "cursor": json.dumps(reading.cursor),
                "store_ahead_by": reading.source_clock.to_json(),
            },
        )
    return found


def commit_opt_outs(
    database: Database,
    *,
    source: str,
    run_id: str,
    reading: Reading,
    sources: Mapping[str, MergeSource],
    accept: Callable[[pd.DataFrame], bool],
    with_emptied: bool,
) -> None:
    """Store nothing of a reading but the opt-outs that are new in it, for the contacts that are known.

    with_emptied: also those of persons who took a yes back by leaving no answer.
    All else of their records stays as it was, and they are read again by the next sync. `accept` is as in
    `commit_reading`.
    """
    with suppress(_NotAcceptedError), database.exclusive_commit() as connection:
        _prepare(connection)
        names = {"source": source, "run_id": run_id}
        clock = _reading_clock(connection, reading, names)
        create_temporary(connection, "only_opting_out", RECORD_KEY)
        for part in _portions(reading.records):
            store_records(
                connection,
                opt_outs_alone(connection, part, source=source, with_emptied=with_emptied),
                names,
                clock,
                repeats_count=sources[source].repeats_count,
                analyze=False,
            )
        connection.execute(sa.text(MARK_GONE_AGAIN), names)
        _store_merged(connection, sources, accept)
        connection.execute(sa.text(_SQL["note_opted_out_when_stopped"]))


def _prepare(connection: sa.Connection) -> None:
    """Make the temporary tables."""
    create_tables(connection)
    connection.execute(sa.text("CREATE TEMPORARY TABLE touched (phone text) ON COMMIT DROP"))
    changes.prepare(connection)
    prepare_contacts(connection)


def _store_all_records(
    connection: sa.Connection,
    reading: Reading,
    names: Mapping[str, str],
    clock: ReadingClock,
    erasures: ErasureNotes,
    *,
    repeats_count: bool,
) -> int:
    """Store the records that were read; how many."""
    rows = analyzed = 0
    for part in _portions(reading.records):
        rows += len(part)
        # Joins over a table that PostgreSQL believes to be as small as it was before would take hours.
        outgrown = len(part) >= MANY_ROWS and rows >= 2 * analyzed
        analyzed = rows if outgrown else analyzed
        part = with_lent_phones(connection, names["source"], part)
        erasures.note(part)
        store_records(connection, part, names, clock, repeats_count=repeats_count, analyze=outgrown)
        erasures.mark()
        lend_phones(connection, names["source"])
    return rows


def _store_what_is_gone(connection: sa.Connection, source: str, started_at: datetime) -> None:
    """Mark the records that are gone, and take the tags of items."""
    parameters = {"source": source, "started_at": started_at}
    connection.execute(sa.text(changes.NOTE_GONE_RECORDS), parameters)
    for name in ("touched_by_gone", "mark_gone", "touched_by_items", "upsert_items"):
        connection.execute(sa.text(_SQL[name]), parameters)


def _store_merged(
    connection: sa.Connection, sources: Mapping[str, MergeSource], accept: Callable[[pd.DataFrame], bool]
) -> int:
    """Merge the contacts that are touched, and store them; how many were not known. Raises when they are refused."""
    new = 0
    for merged in _merge_touched(connection, sources):
        if not accept(merged):
            raise _NotAcceptedError
        new += store_contacts(connection, merged)
    return new


def _portions(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The records in fewer and larger portions."""
    waiting: list[pd.DataFrame] = []
    for part in parts:
        if waiting and sum(map(len, waiting)) + len(part) > PORTION:
            yield pd.concat(waiting, ignore_index=True)
            waiting = []
        waiting.append(part)
    if waiting:
        yield pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else waiting[0]


def _reading_clock(connection: sa.Connection, reading: Reading, names: Mapping[str, str]) -> ReadingClock:
    """By which clock the reading is dated. Raises `StateError` when a later one was committed already."""
    swept_at = connection.execute(sa.text(_SQL["latest_sweep"]), names).scalar_one()
    if swept_at is not None and swept_at > reading.started_at:
        raise StateError(
            source=names["source"],
            tried="store what was read",
            got="another sync has read the whole store since, so that this may be true no more",
            next_step="Nothing was changed. Start a new sync instead of going on with this one.",
        )
    earlier = tuple(connection.execute(sa.text(_SQL["earlier_clocks"]), names).one())
    offset = reading.source_clock
    if None not in earlier:
        offset = offset.united(ClockOffset.from_json(earlier))
    return ReadingClock((offset.lowest, offset.highest), swept_at, reading.opt_outs_are_dated)


def prepare_contacts(connection: sa.Connection) -> None:
    """Make the temporary tables that `store_contacts` uses."""
    create_temporary(connection, "merged", CONTACT_COLUMNS)
    create_temporary(connection, "different", _DIFFERENT)


def store_contacts(connection: sa.Connection, merged: pd.DataFrame) -> int:
    """Write a portion of merged contacts, those that are new and those that differ; how many are new.

    `merged` has the columns `CONTACT_COLUMNS`. Those that differ stay in the temporary table `different`, beside what
    they were.
    """
    if merged.empty:
        return 0
    connection.execute(sa.text("TRUNCATE merged"))
    append_frame(connection, merged, "merged", CONTACT_COLUMNS)
    bounds = {"first": merged["phone"].min(), "last": merged["phone"].max()}
    if not connection.execute(sa.text(_SQL["any_known"]), bounds).scalar_one():
        return connection.execute(sa.text(_SQL["insert_all"])).rowcount
    connection.execute(sa.text("ANALYZE merged (phone)"))
    # What this transaction has written PostgreSQL has not counted: it might compare each row with each.
    nested_loops = "on" if len(merged) < MANY_ROWS else "off"
    connection.execute(sa.text(f"SET LOCAL enable_nestloop = {nested_loops}"))
    connection.execute(sa.text(_SQL["find_different"]), bounds)
    connection.execute(sa.text(_SQL["update_different"]), bounds)
    new = connection.execute(sa.text(_SQL["insert_new"]), bounds).rowcount
    connection.execute(sa.text("SET LOCAL enable_nestloop = on"))
    return new


def latest_sweep(database: Database, source: str, *, run_id: str) -> datetime | None:
    """When the latest complete reading of a source but that of this run began (UTC), by our clock; None: none did."""
    began: datetime | None = database.scalars(_SQL["latest_sweep"], source=source, run_id=run_id)[0]
    return began


def record_hashes(
    database: Database, source: str, record_type: str, ids: Collection[str] | None = None
) -> dict[str, str]:
    """Hashes of the records of a type that are known and not gone, by id: of all, or of those with these ids."""
    values: dict[str, object] = {"source": source, "record_type": record_type}
    if ids is None:
        return dict(database.rows(_SQL["hashes"], **values))
    return dict(database.rows(f"{_SQL['hashes']} AND record_id = ANY(:ids)", ids=list(ids), **values))


def known_phones(database: Database, phones: Collection[str]) -> set[str]:
    """Those of these phones (E.164) that a record of any source has."""
    query = "SELECT DISTINCT phone FROM woo_sync.source_records WHERE phone = ANY(:phones)"
    return set(database.scalars(query, phones=list(phones)))


def invalid_reasons(database: Database, source: str) -> dict[str, int]:
    """How many records of a source that should hold a contact hold none, by reason, the most frequent first."""
    return dict(database.rows(_SQL["invalid_reasons"], source=source))


def _merge_touched(connection: sa.Connection, sources: Mapping[str, MergeSource]) -> Iterator[pd.DataFrame]:
    connection.execute(sa.text(_SQL["number_touched"]), {"portion_size": PORTION})
    portions = connection.execute(sa.text("SELECT coalesce(max(portion) + 1, 0) FROM numbered")).scalar_one()
    names = connection.execute(sa.text("SELECT name FROM woo_sync.platform_lists")).scalars()
    list_names = {name.casefold(): name for name in names}
    for portion in range(max(portions, 1)):
        connection.execute(sa.text(_SQL["choose_portion"]), {"portion": portion})
        phones = read_copied(connection, "SELECT phone FROM touched_phones", {"phone": "text"})["phone"]
        known = MergeInput(
            holders=read_copied(connection, HOLDERS, _HOLDERS),
            signals=read_copied(connection, _SQL["signals"], _SIGNALS),
            purchases=read_copied(connection, _SQL["purchases"], _PURCHASES),
        )
        yield merge_contacts(known, phones=phones, sources=sources, list_names=list_names)
