"""Frames to tables and back: COPY in, one query out, never row by row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa


def copy_frame(
    connection: sa.Connection, frame: pd.DataFrame, table: str, columns: Mapping[str, str]
) -> None:
    """Create the temporary table `table` with `columns` (name → SQL type) and COPY the frame into it.

    Lists become arrays; missing values become NULL. The table lives until the transaction ends.
    """
    definitions = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE {table} ({definitions}) ON COMMIT DROP"))
    copy_rows(connection, table, list(columns), frame[list(columns)].itertuples(index=False, name=None))


def copy_rows(
    connection: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY rows into an existing table."""
    buffer = io.StringIO()
    for row in rows:
        buffer.write(",".join([_as_csv(value) for value in row]))
        buffer.write("\n")
    buffer.seek(0)
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT csv)", buffer)


def _as_csv(value: Any) -> str:
    # In COPY's CSV an unquoted empty field is NULL and a quoted one is an empty text.
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and value != value:
        return ""
    if isinstance(value, (datetime, pd.Timestamp)):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return _quoted("{" + ",".join(_array_item(item) for item in value) + "}")
    return _quoted(str(value))


def _quoted(text: str) -> str:
    # PostgreSQL text holds no NUL character.
    return '"' + text.replace("\x00", "").replace('"', '""') + '"'


def _array_item(item: Any) -> str:
    text = str(item).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def read_frame(
    connection: sa.Connection, query: str, parameters: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """The rows of a query; columns keep their names when there are no rows. Times are UTC."""
    result = connection.execute(sa.text(query), parameters or {})
    columns = list(result.keys())
    return pd.DataFrame([tuple(row) for row in result], columns=columns)
