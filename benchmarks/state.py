"""How fast contacts go into the state, beside COPY alone of the same rows.

    python benchmarks/state.py [SIZE ...] [--repeat N] [--json FILE]

For each size it measures on an embedded PostgreSQL, and takes the best of N runs:

- text: COPY of a text that is ready, into a table without index or constraint: the most that PostgreSQL takes;
- copy: the same from a frame, which has to become text: what "COPY alone" means for whoever has frames;
- upsert, empty: the way of a first sync: a frame to a temporary table to `contacts`, which holds nothing yet;
- upsert, unchanged: the same when every contact is there in the same form;
- diff: of that, the statements that compare all rows;
- to_sql: pandas' own way, on a sample.

The server has `max_wal_size` raised to 4 GB, so that no checkpoint falls into a measurement.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from measuring import console
from pyarrow import csv
from rich.table import Table

from woo_sync_pipeline.state.bulk import PORTION, append_frame
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres
from woo_sync_pipeline.state.records import prepare_contacts, store_contacts

SIZES = (10_000, 100_000, 1_000_000)
TO_SQL_SAMPLE = 20_000


@dataclass(frozen=True)
class Measured:
    """One way of writing so many contacts, in seconds by the clock."""

    what: str
    rows: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def contacts(count: int) -> pd.DataFrame:
    """Merged contacts with the columns of `CONTACT_COLUMNS`, by phone, as the merge gives them."""
    numbers = np.arange(count)
    tags = [["WooCommerce"], ["WooCommerce", "WooCommerce - VIP"], ["WooCommerce", "WooCommerce - Guests"]]
    moments = pd.to_datetime(1_700_000_000 + numbers % 80_000_000, unit="s", utc=True)
    return pd.DataFrame(
        {
            "phone": [f"+614{number:08d}" for number in numbers],
            "first_name": [f"Ann{number % 400}" for number in numbers],
            "last_name": [f"O'Lee {number % 20_000}" for number in numbers],
            "email": [f"ann.{number}@example.com" for number in numbers],
            "sources": [["WooCommerce"]] * count,
            "groups": [tags[number % 3] for number in numbers],
            "consent": "opted_in",
            "consent_at": moments.astype("datetime64[us, UTC]"),
            "consent_dated_at": moments.astype("datetime64[us, UTC]"),
            "consent_origin": "customer meta sms_marketing_consent",
            "status": "SUBSCRIBED",
        }
    )


def copy_text(database: Database, frame: pd.DataFrame) -> float:
    """COPY what is ready as text."""
    text = _as_text(frame)
    _make_bare_table(database)
    with database.transaction() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        began = time.perf_counter()
        with raw.cursor() as cursor:
            cursor.copy_expert("COPY copied FROM STDIN WITH (FORMAT csv)", BytesIO(text))
    return time.perf_counter() - began


def copy_alone(database: Database, frame: pd.DataFrame) -> float:
    """Turn a frame into text and COPY it."""
    _make_bare_table(database)
    began = time.perf_counter()
    with database.transaction() as connection:
        append_frame(connection, frame, "copied", CONTACT_COLUMNS)
    return time.perf_counter() - began


def _make_bare_table(database: Database) -> None:
    definitions = ", ".join(f"{name} {kind}" for name, kind in CONTACT_COLUMNS.items())
    with database.transaction() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS copied"))
        connection.execute(sa.text(f"CREATE TABLE copied ({definitions})"))


def _as_text(frame: pd.DataFrame) -> bytes:
    columns = {
        name: frame[name].map(lambda names: "{" + ",".join(f'"{each}"' for each in names) + "}")
        if kind == "text[]"
        else frame[name]
        for name, kind in CONTACT_COLUMNS.items()
    }
    target = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, quoting_style="all_valid")
    csv.write_csv(pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False), target, options)
    return target.getvalue().to_pybytes()


def upsert(database: Database, frame: pd.DataFrame) -> tuple[float, float]:
    """Write the contacts as `commit_reading` does; the seconds of all, and of comparing and writing alone."""
    comparing = 0.0
    began_at = 0.0

    def begin(*_: object) -> None:
        nonlocal began_at
        began_at = time.perf_counter()

    def end(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal comparing
        if "woo_sync.contacts" in statement:
            comparing += time.perf_counter() - began_at

    began = time.perf_counter()
    with database.exclusive_commit() as connection:
        sa.event.listen(connection, "before_cursor_execute", begin)
        sa.event.listen(connection, "after_cursor_execute", end)
        prepare_contacts(connection)
        for start in range(0, len(frame), PORTION):
            store_contacts(connection, frame.iloc[start : start + PORTION])
    return time.perf_counter() - began, comparing


def to_sql(database: Database, frame: pd.DataFrame) -> float:
    """What pandas does by itself."""
    sample = frame.head(TO_SQL_SAMPLE)
    began = time.perf_counter()
    with database.transaction() as connection:
        sample.to_sql("by_pandas", connection, if_exists="replace", index=False)
    return time.perf_counter() - began


def measure(database: Database, url: str, frame: pd.DataFrame) -> list[Measured]:
    """All ways once."""
    rows = len(frame)
    with database.transaction() as connection:
        connection.execute(sa.text("TRUNCATE woo_sync.contacts"))
    _settle(url)
    text, copied = copy_text(database, frame), copy_alone(database, frame)
    _settle(url)
    empty, _ = upsert(database, frame)
    _settle(url)
    unchanged, diff = upsert(database, frame)
    return [
        Measured("text", rows, text),
        Measured("copy", rows, copied),
        Measured("upsert, empty", rows, empty),
        Measured("upsert, unchanged", rows, unchanged),
        Measured("diff", rows, diff),
        Measured("to_sql", min(rows, TO_SQL_SAMPLE), to_sql(database, frame)),
    ]


def _settle(url: str) -> None:
    """What PostgreSQL does within some minutes by itself."""
    for statement in ("VACUUM ANALYZE woo_sync.contacts", "CHECKPOINT"):
        _administer(url, statement)


def _administer(url: str, statement: str) -> None:
    """A statement that runs outside of transactions."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def best_of(repeat: int, run: Callable[[], Sequence[Measured]]) -> list[Measured]:
    """The quickest of several runs, way by way."""
    runs = [run() for _ in range(repeat)]
    return [min(ways, key=lambda each: each.seconds) for ways in zip(*runs, strict=True)]


def table_of(size: int, found: Sequence[Measured]) -> Table:
    """The measurements of one size, each beside the bare COPY."""
    copied = next(each.rows_per_second for each in found if each.what == "copy")
    table = Table("contacts", "measured", "seconds", "rows/s", "of COPY alone")
    for each in found:
        table.add_row(
            f"{size:,}",
            each.what,
            f"{each.seconds:.2f}",
            f"{each.rows_per_second:,.0f}",
            f"{each.rows_per_second / copied:.2f}",
        )
    return table


def main() -> None:
    """Measure every size and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts (default: 3)")
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "data") as server:
        database = Database(server.url)
        _administer(server.url, "ALTER SYSTEM SET max_wal_size = '4GB'")
        _administer(server.url, "SELECT pg_reload_conf()")
        for size in options.sizes:
            frame = contacts(size)
            found = best_of(options.repeat, lambda frame=frame: measure(database, server.url, frame))
            console().print(table_of(size, found))
            results += [{"size": size, **asdict(each)} for each in found]
        database.close()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
