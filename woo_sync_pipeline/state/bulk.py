"""Frames to tables and back: COPY in, one query out, never row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv

from woo_sync_pipeline.contacts.columns import each_distinct
from woo_sync_pipeline.errors import StateError

_ARROW_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "jsonb": pa.string(),
    "uuid": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "text[]": pa.list_(pa.string()),
    "bigint[]": pa.list_(pa.int64()),
}
# In COPY's CSV an unquoted empty field is NULL and a quoted one is an empty text.
_CSV = csv.WriteOptions(include_header=False, quoting_style="all_valid", batch_size=8_192)
PORTION = 50_000
"""Rows that are worked on at a time, so that what a step takes in memory does not grow with the store."""
_LARGEST_BLOCK = 2**30
"""Bytes of CSV that Arrow reads at a time, of which no row may be larger."""


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """The Arrow types of columns (name → SQL type)."""
    return pa.schema([(name, _ARROW_TYPES[sql_type]) for name, sql_type in columns.items()])


def copy_frame(
    connection: sa.Connection, frame: pd.DataFrame, table: str, columns: Mapping[str, str]
) -> None:
    """Create the temporary table `table` with `columns` (name → SQL type) and COPY the frame into it.

    Lists become arrays; missing values become NULL. The table lives until the transaction ends.
    """
    create_temporary(connection, table, columns)
    append_frame(connection, frame, table, columns)


def create_temporary(connection: sa.Connection, table: str, columns: Mapping[str, str]) -> None:
    """Create an empty table with `columns` (name → SQL type) that lives until the transaction ends."""
    definitions = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE {table} ({definitions}) ON COMMIT DROP"))


def append_frame(
    connection: sa.Connection,
    frame: pd.DataFrame,
    table: str,
    columns: Mapping[str, str],
    *,
    skip_absent: bool = False,
) -> None:
    """COPY the `columns` (name → SQL type) of a frame into an existing table.

    skip_absent: leave out columns that are NULL in all rows; the table must have no defaults for them.
    """
    for start in range(0, len(frame), PORTION):
        part = frame.iloc[start : start + PORTION]
        arrays = {name: _array(table, part[name], sql_type) for name, sql_type in columns.items()}
        if skip_absent:
            arrays = {name: cells for name, cells in arrays.items() if cells.null_count < len(cells)}
        _copy(connection, table, pa.table(arrays))


def copy_rows(
    connection: sa.Connection, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY rows, with values in the order of `columns` (name → SQL type), into an existing table."""
    append_frame(connection, pd.DataFrame(list(rows), columns=list(columns), dtype=object), table, columns)


def copy_new(
    connection: sa.Connection, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY rows, as `copy_rows` does, into a table that is made for them and lives until the transaction ends."""
    create_temporary(connection, table, columns)
    copy_rows(connection, table, columns, rows)


def _array(table: str, cells: pd.Series[Any], sql_type: str) -> pa.Array:
    try:
        return pa.Array.from_pandas(cells, type=_ARROW_TYPES[sql_type])
    except pa.ArrowException:
        # Not chained: what Arrow says quotes the cell.
        raise StateError(
            source="state",
            tried=f"write rows into {table}",
            got=f"a cell of the column {cells.name} is no {sql_type}",
            next_step="This is a fault of woo_sync_pipeline: nothing was changed.",
        ) from None


def _copy(connection: sa.Connection, table: str, rows: pa.Table) -> None:
    target = pa.BufferOutputStream()
    texts = pa.Table.from_arrays([_as_text(column) for column in rows.columns], names=rows.column_names)
    csv.write_csv(texts, target, _CSV)
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table} ({', '.join(rows.column_names)}) FROM STDIN WITH (FORMAT csv)",
            BytesIO(target.getvalue()),
        )


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    cells = column.combine_chunks()
    if pa.types.is_list(cells.type):
        return _as_array_literals(cells)
    if pa.types.is_timestamp(cells.type):
        # Arrow writes a time without a time zone twenty times as quickly as one with it. In UTC both are the same.
        plain = cells.cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(plain, "Z", "")
    return _without_nul(cells) if pa.types.is_string(cells.type) else cells


def _as_array_literals(lists: pa.ListArray) -> pa.Array:
    """Each list as PostgreSQL spells an array; an absent list stays absent."""
    items = _without_nul(lists.flatten().cast(pa.string()))
    for special in ("\\", '"'):
        items = pc.replace_substring(items, special, f"\\{special}")
    quoted = pc.binary_join_element_wise('"', items, '"', "")
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, quoted), ",")
    literals = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(lists.is_valid(), literals, pa.scalar(None, pa.string()))


def _without_nul(texts: pa.Array) -> pa.Array:
    """PostgreSQL text holds no NUL character."""
    return pc.replace_substring(texts, "\0", "")


def read_frame(
    connection: sa.Connection, query: str, parameters: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """The rows of a query; columns keep their names when there are no rows. Times are UTC."""
    result = connection.execute(sa.text(query), parameters or {})
    columns = list(result.keys())
    return pd.DataFrame([tuple(row) for row in result.fetchall()], columns=columns)


def read_copied(
    connection: sa.Connection,
    query: str,
    columns: Mapping[str, str],
    parameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Those `columns` (name → SQL type) of a query's rows, for many rows: COPY out, without a Python object per cell.

    A column of moments is one of pandas, in UTC and microseconds. NULL is NaT among moments and otherwise None; numbers
    must not be NULL. Equal lists are one object, which nobody may change.
    """
    lists = [name for name, sql_type in columns.items() if sql_type.endswith("[]")]
    shown = ", ".join(f"to_json({name}) AS {name}" if name in lists else name for name in columns)
    # With a header: at the very beginning Arrow would take U+FEFF for a mark of the encoding, and a cell may begin so.
    copying = f"COPY (SELECT {shown} FROM ({query}) AS found) TO STDOUT (FORMAT csv, HEADER)"  # noqa: S608 - our own
    target = BytesIO()
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.copy_expert(_with_values(connection, cursor, copying, parameters), target)
    types = {
        name: pa.string() if name in lists else _ARROW_TYPES[sql_type] for name, sql_type in columns.items()
    }
    frame: pd.DataFrame = _rows_of_csv(target.getbuffer(), types).to_pandas()
    return frame.assign(
        **{name: each_distinct(_list_of_json, frame[name].to_numpy(dtype=object)) for name in lists}
    )


def _with_values(
    connection: sa.Connection, cursor: Any, query: str, parameters: Mapping[str, Any] | None
) -> str | bytes:
    """The query with its values in it, as the driver writes them: COPY takes no parameters."""
    statement = sa.text(query).compile(dialect=connection.dialect)
    values = {name: (parameters or {})[name] for name in statement.params}
    # Without values the driver leaves the signs that stand for a percent sign as they are.
    written: str | bytes = cursor.mogrify(str(statement), values or {"": ""})
    return written


def _rows_of_csv(text: memoryview, types: Mapping[str, pa.DataType]) -> pa.Table:
    return csv.read_csv(
        pa.BufferReader(text),
        read_options=csv.ReadOptions(block_size=min(len(text) + 1, _LARGEST_BLOCK)),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _list_of_json(text: object) -> list[Any] | None:
    """The list that PostgreSQL wrote; an absent one may have become NaN on the way."""
    return json.loads(text) if isinstance(text, str) else None
