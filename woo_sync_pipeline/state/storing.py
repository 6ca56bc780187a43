"""Records that were read, and the choices in them, go into the state.

What tells a record goes first, so that those that are known in their form need not be written; then what is known of
the others comes back, their choices are dated, and they are written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.choice_times import ReadingClock
from woo_sync_pipeline.contacts.choices import CAME_BACK, REPEATS, DatedChoices, date_choices
from woo_sync_pipeline.contacts.columns import Flags
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.words import leave_open
from woo_sync_pipeline.state.bulk import append_frame, arrow_schema, create_temporary, read_copied
from woo_sync_pipeline.state.changes import NOTE_CHANGED_RECORDS
from woo_sync_pipeline.state.columns import STORED_COLUMNS, of_records
from woo_sync_pipeline.state.statements import statements

# Temporary tables: `incoming`: what tells a record that was read, `place` being its row in the frame. `asking`: whose
# earlier words are wanted. `dated`: records as they are to be stored. `said`: what is new for the ledger. `touched`:
# phones that may look different now.
_INCOMING = of_records(
    "record_type record_id person_id phone hash", place="int", speaks="boolean", answers="boolean"
)
_ASKING = of_records("person_id phone email")
_SAID = of_records(
    "record_type record_id person_id phone",
    what="text",
    key="text",
    value="text",
    said_from="timestamptz",
    said_until="timestamptz",
    said_is_dated="boolean",
    became="text",
)
_WORDS = of_records(
    "phone is_person person_id email consent_key choice choice_from choice_until choice_is_dated",
    event_id="bigint",
    repeats="boolean",
    gave_way="boolean",
)
_OLD = (
    *("person_id", "phone", "consent", "consent_origin", "consent_key", "consent_answers", "consent_basis"),
    *("choice", "choice_from", "choice_until", "choice_is_dated", "choice_returned_at"),
    *("carried_opt_out_at", "carried_stop_at"),
)
_KNOWN = {
    "place": "bigint",
    **{f"old_{name}": STORED_COLUMNS[name] for name in _OLD},
    "old_last_seen_at": "timestamptz",
    "old_is_gone": "boolean",
    "left_is_left": "boolean",
    "left_consent": "text",
    "left_consent_at": "timestamptz",
    "left_state": "text",
    "left_state_by": "text",
    "left_unsubscribed_seen_at": "timestamptz",
    "left_applied_consent": "text",
    "left_applied_consent_at": "timestamptz",
}
_WORD_OF_A_RECORD = (
    *("record_type", "record_id", "person_id", "is_person", "phone", "email", "is_discarded", "consent"),
    *("consent_origin", "consent_key", "consent_value", "consent_answers", "consent_basis", "said_at"),
    *("created_at", "read_at"),
)
"""What `contacts.choices.date_choices` has to know of a record that was read."""

_READ = [name for name in STORED_COLUMNS if name != "read_at"]
_KEPT = {
    "person_id": "coalesce(nullif(excluded.person_id, ''), known.person_id)",
    # A person whose fields the source withholds has not left the groups that were read from them.
    "tags": "CASE WHEN excluded.is_person AND excluded.consent_basis = '' THEN known.tags ELSE excluded.tags END",
}
_SQL = statements(
    "storing",
    old_columns=", ".join(f"old.{name} AS old_{name}" for name in _OLD),
    read_columns=", ".join(_READ),
    changes=", ".join(f"{name} = {_KEPT.get(name, f'excluded.{name}')}" for name in _READ),
    repetitions=f"'{REPEATS}', '{CAME_BACK}'",
    came_back=CAME_BACK,
)

_SILENT = {
    "consent": Consent.unknown.value,
    "consent_origin": "",
    "consent_key": "",
    "choice_is_dated": False,
}
"""How a record is stored that says nothing of consent and never did; what is not named here is absent."""

_Places = npt.NDArray[np.int64]


def create_tables(connection: sa.Connection) -> None:
    """Make the temporary tables of `store_records`, which live until the transaction ends, but for `touched`."""
    create_temporary(connection, "incoming", _INCOMING)
    create_temporary(connection, "asking", _ASKING)
    create_temporary(connection, "dated", STORED_COLUMNS)
    create_temporary(connection, "said", _SAID)


def store_records(
    connection: sa.Connection,
    part: pd.DataFrame,
    names: Mapping[str, str],
    clock: ReadingClock,
    *,
    repeats_count: bool,
    analyze: bool,
) -> None:
    """Store a portion of the records that were read, with their choices dated; note in `touched` whom they touch.

    part: columns `records.RECORD_COLUMNS`, no record twice. names: `source` (key) and `run_id`. repeats_count: as in
    `date_choices`. analyze: whether PostgreSQL is to be told what its table of records holds now.
    """
    connection.execute(sa.text("TRUNCATE dated, said"))
    part, known = _what_is_new(connection, part.reset_index(drop=True), names)
    if part.empty:
        return
    rows, places = _rows_to_date(part, known)
    dated = None
    if len(rows):
        others = _words_of_the_same_people(connection, rows, names)
        dated = date_choices(rows, others, clock=clock, repeats_count=repeats_count)
    stored = _as_stored(part, dated, places)
    append_frame(connection, stored, "dated", STORED_COLUMNS, skip_absent=True)
    connection.execute(sa.text(_SQL["note_former_phones"]), names)
    connection.execute(sa.text(_SQL["upsert_records"]), names)
    if analyze:
        connection.execute(sa.text(_SQL["analyze_records"]))
    if dated is not None and len(dated.events):
        said_by = part.iloc[places[dated.events["row"]]]
        events = dated.events.assign(
            phone=said_by["phone"].to_numpy(), person_id=said_by["person_id"].to_numpy()
        )
        append_frame(connection, events, "said", _SAID, skip_absent=True)
        connection.execute(sa.text(_SQL["note_choices"]), names)
    connection.execute(sa.text("ANALYZE dated (record_type, record_id)"))
    connection.execute(sa.text(_SQL["touched_by_records"].format(records="dated")), names)


def _what_is_new(
    connection: sa.Connection, part: pd.DataFrame, names: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The records that are not known in this form, and by their positions what is known of them (columns `_KNOWN`)."""
    if not _may_be_known(connection, part, names["source"]):
        return part, _no_rows(_KNOWN)
    incoming = part[["record_type", "record_id", "person_id", "phone", "hash"]].assign(
        place=np.arange(len(part)), speaks=_speak(part), answers=_answer(part)
    )
    connection.execute(sa.text("TRUNCATE incoming"))
    append_frame(connection, incoming, "incoming", _INCOMING)
    connection.execute(sa.text("ANALYZE incoming (record_type, record_id, person_id, phone)"))
    connection.execute(sa.text(_SQL["touched_by_records"].format(records="incoming")), names)
    if connection.execute(sa.text(_SQL["forget_what_is_known"]), names).rowcount:
        places = read_copied(connection, "SELECT place FROM incoming ORDER BY place", {"place": "bigint"})
        left = places["place"].to_numpy()
        part = part.iloc[left].reset_index(drop=True)
    else:
        left = np.arange(len(part))
    if part.empty:
        return part, _no_rows(_KNOWN)
    connection.execute(sa.text(NOTE_CHANGED_RECORDS), names)
    known = read_copied(connection, _SQL["what_is_known"], _KNOWN, names)
    return part, known.set_index(np.searchsorted(left, known["place"]))


def _may_be_known(connection: sa.Connection, part: pd.DataFrame, source: str) -> bool:
    """Whether any of these records is known: of a first sync none is."""
    for record_type, ids in part.groupby("record_type")["record_id"]:
        values = {"source": source, "record_type": record_type, "ids": ids.tolist()}
        if connection.execute(sa.text(_SQL["any_known"]), values).scalar_one():
            return True
    return False


def _speak(part: pd.DataFrame) -> Flags:
    """Which records say something of consent, or have a key without an answer, which may be a yes taken back."""
    speaks = (part["consent"] != Consent.unknown.value).to_numpy(dtype=bool)
    has_key = part["is_person"] & part["consent_key"].fillna("").ne("")
    return speaks | has_key.to_numpy(dtype=bool)


def _answer(part: pd.DataFrame) -> Flags:
    """Which records have an answer about consent, or may have one that the store withholds."""
    answers = (part["consent"] != Consent.unknown.value) | part["consent_basis"].fillna("").eq("")
    return answers.to_numpy(dtype=bool)


def _rows_to_date(part: pd.DataFrame, known: pd.DataFrame) -> tuple[pd.DataFrame, _Places]:
    """The rows of `contacts.choices.date_choices`, and the positions of their records in `part`."""
    places = np.union1d(np.flatnonzero(_speak(part)), known.index.to_numpy(dtype=np.int64))
    rows = part[list(_WORD_OF_A_RECORD)].iloc[places]
    before = known.reindex(places)
    columns = {str(name): before[name] for name in before if name not in ("place", "old_person_id")}
    columns["person_id"] = rows["person_id"].where(
        rows["person_id"] != "", before["old_person_id"].fillna("")
    )
    return rows.assign(**columns).reset_index(drop=True), places


def _words_of_the_same_people(
    connection: sa.Connection, rows: pd.DataFrame, names: Mapping[str, str]
) -> pd.DataFrame:
    """What those have said before who opt in, or leave a key without an answer, unless they say what they said."""
    opts_in = rows["consent"] == Consent.opted_in.value
    leaves_open = rows["is_person"] & leave_open(rows["consent_answers"])
    says_the_same = (rows["old_consent_basis"] == rows["consent_basis"]) & (
        rows["old_consent_answers"] == rows["consent_answers"]
    )
    asking = rows[(opts_in | leaves_open) & ~says_the_same]
    if asking.empty:
        return _no_rows(_WORDS)
    connection.execute(sa.text("TRUNCATE asking"))
    append_frame(connection, asking, "asking", _ASKING)
    connection.execute(sa.text("ANALYZE asking"))
    by_address = asking["phone"].isna() & asking["email"].fillna("").ne("") & opts_in[asking.index]
    query = _SQL["words_of_the_same_people"]
    if by_address.any():
        query += f"\n{_SQL['by_address']}"
    return read_copied(connection, query, _WORDS, names)


def _no_rows(columns: Mapping[str, str]) -> pd.DataFrame:
    nothing: pd.DataFrame = arrow_schema(columns).empty_table().to_pandas()
    return nothing


def _as_stored(part: pd.DataFrame, dated: DatedChoices | None, places: _Places) -> pd.DataFrame:
    """The records with the columns `STORED_COLUMNS`; `places` are those of the dated ones."""
    columns: dict[str, Any] = {}
    for name in STORED_COLUMNS:
        if name in part and name not in _SILENT:
            columns[name] = part[name].to_numpy() if part[name].dtype == object else part[name]
            continue
        found = None if dated is None else dated.records[name]
        columns[name] = _spread(found, places, len(part), _SILENT.get(name))
    return pd.DataFrame(columns, copy=False)


def _spread(cells: pd.Series[Any] | None, places: _Places, count: int, absent: object) -> Any:
    """The cells at their places among `count`, and elsewhere what stands for none."""
    if cells is not None and len(cells) == count:
        return cells
    if cells is not None and isinstance(cells.dtype, pd.DatetimeTZDtype):
        return cells.set_axis(places).reindex(np.arange(count))
    spread = np.full(count, absent, dtype=object)
    if cells is not None:
        spread[places] = cells.to_numpy(dtype=object)
    return spread
