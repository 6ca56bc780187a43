"""How fast a first sync reaches the platform: `python benchmarks/push.py --contacts 20000`.

Three ways to bring the same contacts to an empty demo account, which runs in a process of its own and answers after
a fixed time. The calculated limit is what `concurrency` requests at a time can reach when nothing but the platform
takes time; the bare pool only sends the same creations and remembers nothing; the push is the whole of `push_pending`,
from contacts that are pending in the state to all of them confirmed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic

import sqlalchemy as sa
from measuring import console, serve_platform
from rich.table import Table

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.state.bulk import copy_rows
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres
from woo_sync_pipeline.state.syncs import begin_sync
from woo_sync_pipeline.steps.push import push_pending

SOURCE = "WooCommerce"
RUN_ID = "benchmark"
_TAGS = 5
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Result:
    """One way to send the contacts. `share` is its speed as a part of the calculated limit."""

    way: str
    seconds: float
    contacts_per_second: float
    share: float
    requests: int


def _tag(number: int) -> str:
    return f"{SOURCE} - Tag {number % _TAGS}"


def phone_number(number: int) -> str:
    """An Australian mobile number in E.164."""
    return f"+614{number:08d}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and show a table."""
    options = _parser().parse_args(arguments)
    rate = options.concurrency / options.latency
    results = [Result("calculated limit", options.contacts / rate, rate, 1.0, options.contacts)]
    measured = {"bare pool": bare_pool, "push": push}
    for way, measure in measured.items():
        runs = []
        for _ in range(options.runs):
            with serve_platform(latency=options.latency, concurrency=options.concurrency) as settings:
                runs.append(measure(settings, options.contacts))
        seconds, requests = min(runs)
        speed = options.contacts / seconds
        results.append(Result(way, seconds, speed, speed / rate, requests))
    _show(results, options)
    if options.json:
        Path(options.json).write_text(
            json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=16, help="requests at the same time (default: 16)")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds per answer (default: 0.05)")
    parser.add_argument("--runs", type=int, default=3, help="the best of so many counts (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    return parser


def _show(results: Sequence[Result], options: argparse.Namespace) -> None:
    table = Table(
        title=f"{options.contacts:,} contacts, {options.concurrency} at a time, "
        f"{options.latency * 1000:g} ms per answer, best of {options.runs}; the last columns: time for so many contacts"
    )
    table.add_column("way", no_wrap=True)
    for column in ("seconds", "contacts/s", "of limit", "requests", "100,000", "1,000,000"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            result.way,
            f"{result.seconds:.1f}",
            f"{result.contacts_per_second:.0f}",
            f"{result.share:.0%}",
            f"{result.requests:,}",
            *(f"{count / result.contacts_per_second / 60:.1f} min" for count in (100_000, 1_000_000)),
        )
    console().print(table)


def bare_pool(settings: PlatformSettings, contacts: int) -> tuple[float, int]:
    """Create contacts and remember nothing; returns seconds and requests."""
    with PlatformClient(settings) as client, ThreadPoolExecutor(settings.max_concurrency) as threads:
        lists = [client.create_list(name).id for name in (SOURCE, *(_tag(number) for number in range(_TAGS)))]
        source, email = (
            client.create_custom_field(tag, tag, kind, 254).id
            for tag, kind in (("source", "TEXT"), ("email", "EMAIL"))
        )
        bodies = [
            {
                "firstName": "Ann",
                "lastName": f"Lee {number}",
                "channels": [
                    {"channelId": phone_number(number), "type": "SMS", "subscriptionState": "SUBSCRIBED"}
                ],
                "customFields": [
                    {"id": source, "value": SOURCE},
                    {"id": email, "value": f"ann{number}@example.com"},
                ],
                "lists": [{"id": lists[0]}, {"id": lists[1 + number % _TAGS]}],
            }
            for number in range(contacts)
        ]
        began = monotonic()
        for _ in threads.map(client.create_contact, bodies):
            pass
        return monotonic() - began, client.requests_made


def push(settings: PlatformSettings, contacts: int) -> tuple[float, int]:
    """Push contacts that are pending in the state; returns seconds and requests."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "data") as server:
        database = Database(server.url)
        try:
            _fill(database, contacts)
            with PlatformClient(settings) as client:
                began = monotonic()
                phones = pending_phones(database, source_name=SOURCE, touched=[], include_rejected=True)
                push_pending(
                    database,
                    client,
                    phones,
                    run_id=RUN_ID,
                    progress=lambda _: None,
                    noted=lambda _: None,
                )
                seconds = monotonic() - began
                requests = client.requests_made
            left = pending_phones(database, source_name=SOURCE, touched=[], include_rejected=True)
            if left:
                raise SystemExit(f"{len(left)} contacts are still pending")
            return seconds, requests
        finally:
            database.close()


def _fill(database: Database, contacts: int) -> None:
    rows = (
        (
            phone_number(number),
            "Ann",
            f"Lee {number}",
            f"ann{number}@example.com",
            [SOURCE],
            [SOURCE, _tag(number)],
            "opted_in",
            _EPOCH,
            _EPOCH,
            "SUBSCRIBED",
        )
        for number in range(contacts)
    )
    columns = {name: kind for name, kind in CONTACT_COLUMNS.items() if name != "consent_origin"}
    with database.transaction() as connection:
        copy_rows(connection, "woo_sync.contacts", columns, rows)
    with database.transaction() as connection:
        connection.execute(sa.text("ANALYZE woo_sync.contacts"))
    day = date(2026, 1, 1)
    begin_sync(
        database,
        run_id=RUN_ID,
        source="woocommerce",
        kind="first",
        reading="sweep",
        first_day=day,
        last_day=day,
    )


if __name__ == "__main__":
    main()
