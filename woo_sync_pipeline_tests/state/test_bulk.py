from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.state.bulk import (
    append_frame,
    copy_frame,
    copy_rows,
    create_temporary,
    read_copied,
    read_frame,
)
from woo_sync_pipeline.state.database import Database

Rows = list[tuple[Any, ...]]
RoundTrip = Callable[[Rows], Rows]

COLUMNS = {"label": "text", "number": "bigint", "moment": "timestamptz", "tags": "text[]", "ids": "bigint[]"}
TRICKY = [
    "",
    " ",
    ",",
    '"',
    '""',
    "'",
    "\\",
    "\\\\",
    "\\N",
    "\\.",
    "\n",
    "\r\n",
    "\t",
    "a\n\\.\nb",
    "NULL",
    "null",
    "{}",
    "{a,b}",
    '{"a"}',
    "%s",
    ":name",
    "$$",
    "é",
    "日本",
    "🎉",
    "\u202e",
    "\ufeff",
    "\x00",
    "a\x00b",
    "\x01",
    "\x7f",
]


@pytest.fixture
def round_trip(database: Database) -> Iterator[RoundTrip]:
    """Writes rows of COLUMNS and reads them back, in one transaction that is never kept."""
    with database._engine.connect() as connection:

        def go(rows: Rows) -> Rows:
            frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).assign(position=range(len(rows)))
            with connection.begin():
                copy_frame(connection, frame, "copied", {**COLUMNS, "position": "int"})
                read = connection.execute(
                    sa.text(f"SELECT {', '.join(COLUMNS)} FROM copied ORDER BY position")
                )
                return [tuple(row) for row in read]

        yield go


def without_nul(value: Any) -> Any:
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    return value.replace("\x00", "") if isinstance(value, str) else value


@pytest.mark.parametrize("text", TRICKY)
def test_every_text_comes_back_alone_and_in_a_list(round_trip: RoundTrip, text: str) -> None:
    row: tuple[Any, ...] = (text, 1, None, [text, "x", text], [])
    assert round_trip([row]) == [tuple(without_nul(value) for value in row)]


texts = st.sampled_from(TRICKY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.integers(-(10**15), 10**15).map(
    lambda microseconds: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
numbers = st.integers(-(2**63), 2**63 - 1)
rows = st.tuples(
    st.none() | texts,
    st.none() | numbers,
    st.none() | moments,
    st.none() | st.lists(texts, max_size=3),
    st.none() | st.lists(numbers, max_size=3),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=st.lists(rows, max_size=5))
def test_all_rows_come_back_as_they_were_but_for_nul_characters(
    round_trip: RoundTrip, given_rows: Rows
) -> None:
    assert round_trip(given_rows) == [tuple(without_nul(value) for value in row) for row in given_rows]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=st.lists(rows.filter(lambda row: row[1] is not None), max_size=5))
def test_what_is_copied_out_is_what_was_copied_in(database: Database, given_rows: Rows) -> None:
    frame = pd.DataFrame(given_rows, columns=list(COLUMNS), dtype=object)
    with database._engine.connect() as connection, connection.begin():
        copy_frame(
            connection, frame.assign(position=range(len(frame))), "copied", {**COLUMNS, "position": "int"}
        )
        read = read_copied(connection, "SELECT * FROM copied ORDER BY position", COLUMNS)
    assert str(read["moment"].dtype) == "datetime64[us, UTC]"
    read["moment"] = read["moment"].astype(object).where(read["moment"].notna(), None)
    found = [tuple(row) for row in read.itertuples(index=False)]
    assert found == [tuple(without_nul(value) for value in row) for row in given_rows]


@pytest.mark.parametrize("text", ["\ufeff", "\ufeffAnn", "label"])
def test_what_may_stand_at_the_beginning_of_a_file_stays_where_it_is_copied_out(
    database: Database, text: str
) -> None:
    with database.transaction() as connection:
        found = read_copied(
            connection, "SELECT CAST(:text AS text) AS label", {"label": "text"}, {"text": text}
        )
    assert found["label"].tolist() == [text]


def test_a_row_without_anything_in_it_is_a_row(database: Database) -> None:
    query = "SELECT label FROM (VALUES (NULL), (''), (NULL)) AS given (label)"
    with database.transaction() as connection:
        assert read_copied(connection, query, {"label": "text"})["label"].tolist() == [None, "", None]


def test_values_are_written_into_a_query_that_is_copied_out(database: Database) -> None:
    query = """
        SELECT label, number, label = :label AS same FROM (VALUES ('O''Lee %', 1), ('%s', 2)) AS given (label, number)
        WHERE number < :most AND label LIKE '%' AND TIMESTAMPTZ '2026-11-01 00:00:00.5+00' < :until
    """
    values = {"label": "O'Lee %", "most": 2, "until": datetime(2026, 11, 2, tzinfo=UTC), "unused": object()}
    columns = {"label": "text", "number": "bigint", "same": "boolean"}
    with database.transaction() as connection:
        found = read_copied(connection, query, columns, values)
    assert found.to_dict("records") == [{"label": "O'Lee %", "number": 1, "same": True}]


def test_times_are_utc_whatever_the_session_s_time_zone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL timezone = 'Asia/Kathmandu'"))
        query = "SELECT TIMESTAMPTZ '1970-01-01 00:00:00.000001+00' AS moment"
        found = read_copied(connection, query, {"moment": "timestamptz"})
    assert found["moment"].tolist() == [pd.Timestamp("1970-01-01T00:00:00.000001Z")]


def test_missing_values_of_every_kind_are_null_and_empty_texts_are_not(
    round_trip: RoundTrip,
) -> None:
    nothing: list[Any] = [None, pd.NaT, pd.NA, float("nan"), np.nan]
    assert round_trip([(value,) * 5 for value in nothing]) == [(None,) * 5] * len(nothing)
    assert round_trip([("", 0, None, [], [])]) == [("", 0, None, [], [])]
    assert round_trip([(None, None, None, [""], [])]) == [(None, None, None, [""], [])]


def test_values_come_as_pandas_and_numpy_hold_them(
    round_trip: RoundTrip,
) -> None:
    moment = pd.Timestamp("2026-11-01T12:00:00.123456+11:00")
    row = (np.str_("Ann"), np.int64(7), moment, np.array(["a", "b"], dtype=object), np.array([1, 2]))
    assert round_trip([row]) == [("Ann", 7, moment.to_pydatetime(), ["a", "b"], [1, 2])]


def test_a_frame_without_rows_makes_an_empty_table(
    round_trip: RoundTrip,
) -> None:
    assert round_trip([]) == []


def test_only_the_named_columns_are_copied_in_their_order(database: Database) -> None:
    frame = pd.DataFrame({"extra": [1], "b": ["two"], "a": ["one"]})
    with database.transaction() as connection:
        copy_frame(connection, frame, "copied", {"a": "text", "b": "text"})
        read = read_frame(connection, "SELECT * FROM copied")
    assert read.to_dict("records") == [{"a": "one", "b": "two"}]


def test_rows_are_added_to_a_table_that_exists(database: Database) -> None:
    with database.transaction() as connection:
        for number in range(2):
            columns = {"source": "text", "item_id": "bigint", "tags": "text[]"}
            copy_rows(connection, "woo_sync.tagged_items", columns, [["s", number, ["a"]]])
        count = connection.execute(sa.text("SELECT count(*) FROM woo_sync.tagged_items")).scalar_one()
    assert count == 2


def test_columns_without_any_value_may_be_left_to_the_table(database: Database) -> None:
    frame = pd.DataFrame({"a": ["x", None], "b": [None, None], "moment": [pd.NaT, pd.NaT]})
    columns = {"a": "text", "b": "text", "moment": "timestamptz"}
    with database.transaction() as connection:
        create_temporary(connection, "copied", columns)
        append_frame(connection, frame, "copied", columns, skip_absent=True)
        rows = connection.execute(sa.text("SELECT a, b, moment FROM copied")).tuples().all()
    assert rows == [("x", None, None), (None, None, None)]


def test_the_temporary_table_ends_with_the_transaction(database: Database) -> None:
    for _ in range(2):
        with database.transaction() as connection:
            copy_frame(connection, pd.DataFrame({"a": ["x"]}), "copied", {"a": "text"})


def test_a_query_without_rows_still_names_its_columns(database: Database) -> None:
    with database.transaction() as connection:
        empty = read_frame(
            connection, "SELECT source, tags FROM woo_sync.tagged_items WHERE source = :s", {"s": "x"}
        )
        copied = read_copied(
            connection,
            "SELECT source, tags FROM woo_sync.tagged_items WHERE source = :s",
            {"source": "text", "tags": "text[]"},
            {"s": "x"},
        )
    for frame in (empty, copied):
        assert list(frame.columns) == ["source", "tags"]
        assert frame.empty
