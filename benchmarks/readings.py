"""How fast what was read of a store gets into the state: records, their choices dated, and the contacts they make.

    python benchmarks/readings.py [SIZE ...] [--repeat N] [--json FILE]

For each size (of records: three fifths customers, the rest orders, two thirds of them customers' and the rest guests')
it commits, on an embedded PostgreSQL, into an empty state and then, one after the other:

- first: all of it into the empty state;
- again: the same once more, as after a crash: nothing is written;
- 1%: a hundredth of the records, changed;
- all: all of them, changed.

Half of the records say something of consent; `--everybody` lets all of them opt in. The median of N runs is shown, each
with a server of its own: seconds by the clock, and seconds of the processor in this process and in the server's, which
say more on a machine that does other work as well.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from measuring import console, cpu_seconds_of_family
from rich.table import Table

from woo_sync_pipeline.contacts.consent import Answer, Consent, answers_text
from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres
from woo_sync_pipeline.state.records import Reading, commit_reading
from woo_sync_pipeline.state.syncs import begin_sync

SIZES = (10_000, 100_000)
KEY = "sms_marketing_consent"
SOURCES = {"shop": MergeSource("WooCommerce", is_explicit=True)}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PRODUCTS = 50
PORTION = 5_000


@dataclass(frozen=True)
class Measured:
    """One commit of so many records, in seconds."""

    what: str
    rows: int
    seconds: float
    own_processor: float
    server_processor: float


def records(count: int, *, version: int, everybody: bool) -> pd.DataFrame:
    """Records with the columns of `RECORD_COLUMNS` but `read_at`; those of another version have other names."""
    numbers, random = np.arange(count), np.random.default_rng(7)
    customers = count * 3 // 5
    is_order = numbers >= customers
    is_guest = is_order & (numbers % 3 == 0)
    customer = np.where(is_order, random.integers(1, max(customers, 2), count), numbers + 1)
    # Guests come back as well.
    number = np.where(is_guest, 50_000_000 + random.integers(0, max(count // 10, 1), count), customer)
    phones = np.array([f"+614{each:08d}" for each in number], dtype=object)
    reasons = np.full(count, None, dtype=object)
    has_none = random.random(count) < 0.05
    phones[has_none], reasons[has_none] = None, "missing_phone"
    roll = random.random(count)
    consent = np.select(
        [roll < 0.4, roll < 0.5], [Consent.opted_in.value, Consent.opted_out.value], "unknown"
    )
    consent = np.full(count, Consent.opted_in.value) if everybody else consent
    speaks = consent != Consent.unknown.value
    answers = {each.value: answers_text({KEY: Answer(each, KEY)}) for each in Consent}
    kinds = np.where(is_order, "order", "customer")
    created = pd.Series(pd.to_datetime(BEGAN) + pd.to_timedelta(numbers, unit="s")).astype(
        "datetime64[us, UTC]"
    )
    tags = [["VIP"], [], ["Buyer", "Newsletter"]]
    texts = {
        "record_type": kinds,
        "phone": phones,
        "phone_masked": [f"+61•••••{each % 1000:03d}" for each in number],
        "first_name": [f"Ann{each % 400} {version}" for each in number],
        "last_name": [f"O'Lee {each % 20_000}" for each in number],
        "email": [f"ann.{each}@example.com" for each in number],
        "record_id": (numbers + 1).astype(str),
        "person_id": np.where(is_guest, "", customer.astype(str)),
        "status": np.where(is_order, "completed", ""),
        "consent": consent,
        "consent_origin": np.where(
            speaks, np.where(is_order, f"order meta {KEY}", f"customer meta {KEY}"), ""
        ),
        "consent_key": np.where(speaks, KEY, ""),
        "consent_value": np.where(speaks, np.where(consent == Consent.opted_in.value, "yes", "no"), ""),
        "consent_answers": np.where(speaks, [answers[each] for each in consent], ""),
        "consent_basis": np.full(count, "0123456789abcdef"),
        "invalid_reason": reasons,
        "hash": [f"{each:032x}-{version}" for each in numbers],
    }
    return pd.DataFrame(
        {
            **{name: np.asarray(values, dtype=object) for name, values in texts.items()},
            "is_person": ~is_order,
            "is_discarded": False,
            "said_at": pd.Series([pd.NaT] * count, dtype="datetime64[us, UTC]"),
            "tags": [tags[each % 3] for each in numbers],
            "item_ids": [
                [str(each % PRODUCTS + 1)] if order else []
                for each, order in zip(numbers, is_order, strict=True)
            ],
            "is_erased": False,
            "created_at": created,
            "modified_at": created,
        }
    )


def commits(size: int, *, everybody: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    """What is committed, one after the other."""
    known = records(size, version=0, everybody=everybody)
    yield "first", known
    yield "again", known
    yield "1%", records(size, version=1, everybody=everybody)[::100].reset_index(drop=True)
    yield "all", records(size, version=2, everybody=everybody)


def measure(size: int, *, everybody: bool) -> list[Measured]:
    """All commits once, on a server of their own."""
    found = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "data") as server:
        administer(server.url, "ALTER SYSTEM SET max_wal_size = '4GB'", "SELECT pg_reload_conf()")
        process = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        database = Database(server.url)
        for day, (what, frame) in enumerate(commits(size, everybody=everybody), 1):
            started = BEGAN + timedelta(days=100 + day)
            run_id = f"run {day}"
            days = {"first_day": date(2026, 1, 1), "last_day": date(2026, 1, 1)}
            begin_sync(database, run_id=run_id, source="shop", kind="daily", reading="sweep", **days)
            reading = reading_of(frame, started)
            # What PostgreSQL does within some minutes by itself.
            administer(server.url, "VACUUM ANALYZE woo_sync.source_records, woo_sync.contacts", "CHECKPOINT")
            began, own, of_server = time.perf_counter(), time.process_time(), cpu_seconds_of_family(process)
            commit_reading(
                database,
                source="shop",
                run_id=run_id,
                reading=reading,
                sources=SOURCES,
                accept=lambda _: True,
            )
            seconds, own = time.perf_counter() - began, time.process_time() - own
            found.append(Measured(what, len(frame), seconds, own, cpu_seconds_of_family(process) - of_server))
        database.close()
    return found


def reading_of(frame: pd.DataFrame, started: datetime) -> Reading:
    """The records as they come out of staging, in portions."""
    read = frame.assign(read_at=pd.Series([started] * len(frame), dtype="datetime64[us, UTC]"))
    read = read[list(RECORD_COLUMNS)]
    return Reading(
        records=[read.iloc[start : start + PORTION] for start in range(0, len(read), PORTION)],
        started_at=started,
        read_until=started,
        item_tags={str(product): [f"Tag {product % 7}"] for product in range(1, PRODUCTS + 1)},
    )


def administer(url: str, *statements: str) -> None:
    """Statements that run outside of transactions."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def medians(runs: Sequence[Sequence[Measured]]) -> list[Measured]:
    """Of each commit the medians of all runs."""
    return [
        Measured(
            same[0].what,
            same[0].rows,
            *(
                statistics.median(getattr(each, name) for each in same)
                for name in ("seconds", "own_processor", "server_processor")
            ),
        )
        for same in zip(*runs, strict=True)
    ]


def table_of(found: Sequence[Measured]) -> Table:
    """The measurements of one size."""
    table = Table("commit", "records", "seconds", "records/s", "own processor", "PostgreSQL's")
    for each in found:
        table.add_row(
            each.what,
            f"{each.rows:,}",
            f"{each.seconds:.2f}",
            f"{each.rows / each.seconds:,.0f}",
            f"{each.own_processor:.2f}",
            f"{each.server_processor:.2f}",
        )
    return table


def main() -> None:
    """Measure every size and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--repeat", type=int, default=3, help="the median of so many runs (default: 3)")
    parser.add_argument("--everybody", action="store_true", help="let every record opt in")
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    options = parser.parse_args()
    results = []
    for size in options.sizes:
        found = medians([measure(size, everybody=options.everybody) for _ in range(options.repeat)])
        console().print(table_of(found))
        results += [{"size": size, **asdict(each)} for each in found]
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
