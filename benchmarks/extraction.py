"""How fast all customers of a store are read, beside what the store allows and beside two other ways.

    python benchmarks/extraction.py [--customers N] [--latency MS] [--concurrency N] [--rounds N] [--json FILE]

A demo store with N customers runs in a process of its own and holds every answer back for MS milliseconds. Each
contender reads it in a fresh process:

- bare: the same requests from the same number of threads, every answer thrown away: what store and latency allow;
- sweep: the daily reading of woo_sync_pipeline: decoded, compared with the state, turned into a frame;
- requests: a plain sequential loop over pages and a DataFrame of their rows;
- dlt: its `rest_api` source and a DataFrame of its rows (skipped when dlt is not installed).

The clock runs from the first request to the finished frame. bare and sweep are measured in pairs, one right after the
other, because other programs on the machine slow both; the best pair is shown in the table, all of them below it. How
busy the store's process was during bare tells whether it was the bottleneck.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from measuring import Store, console, cpu_seconds, peak_memory_mb, serve_store
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from rich.table import Table

from woo_sync_pipeline.sources.woocommerce.client import connect
from woo_sync_pipeline.sources.woocommerce.customer_changes import sweep
from woo_sync_pipeline.sources.woocommerce.fields import CUSTOMER_FIELDS
from woo_sync_pipeline.sources.woocommerce.paging import PAGE_SIZE
from woo_sync_pipeline.sources.woocommerce.settings import (
    WooCommerceConsent,
    WooCommerceGroups,
    WooCommerceSettings,
)
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.embedded import EmbeddedPostgres


@dataclass(frozen=True)
class Measured:
    """One contender's run: seconds by the clock and of the processor, peak memory of its process in megabytes.

    `store_busy` is the share of the time during which the store's process was computing.
    """

    what: str
    rows: int
    requests: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    store_busy: float | None = None

    @property
    def rows_per_second(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


@dataclass(frozen=True)
class Run:
    """Rows read by so many requests, and the seconds it took: by the clock and of the processor."""

    rows: int
    requests: int
    seconds: float
    cpu_seconds: float


class Watch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, *, rows: int, requests: int) -> Run:
        """What was done since."""
        return Run(rows, requests, time.perf_counter() - self._wall, time.process_time() - self._cpu)


def bare(store: Store) -> Run:
    """Send the requests of a sweep and look at no answer."""
    asked = {"role": "all", "_fields": CUSTOMER_FIELDS, "orderby": "id", "order": "asc"}
    offsets = range(0, store.customers, PAGE_SIZE - 1)
    with requests.Session() as session, ThreadPoolExecutor(store.concurrency) as pool:
        session.mount("http://", HTTPAdapter(pool_maxsize=store.concurrency))
        session.trust_env = False

        def fetch(offset: int) -> int:
            params: dict[str, Any] = {**asked, "per_page": PAGE_SIZE, "offset": offset}
            answer = session.get(f"{store.url}/wp-json/wc/v3/customers", params=params, auth=store.auth)
            return answer.status_code

        watch = Watch()
        if set(pool.map(fetch, offsets)) != {200}:
            raise RuntimeError("the store did not answer every request")
        return watch.stop(rows=store.customers, requests=len(offsets))


def nobody_looks(_count: int) -> None:
    """Show no progress."""


def swept(store: Store) -> Run:
    """Read everybody as the daily sync does, with an empty state: each row is new and is kept."""
    source = WooCommerceSettings(
        name="WooCommerce",
        key="woocommerce",
        url=store.url,
        consumer_key=SecretStr(store.consumer_key),
        consumer_secret=SecretStr(store.consumer_secret),
        start_date=date(2026, 11, 1),
        default_region="AU",
        consent=WooCommerceConsent(meta_keys=("sms_marketing_consent",)),
        groups=WooCommerceGroups(meta_keys=("customer_tags",)),
        max_concurrency=store.concurrency,
    )
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "postgres") as postgres:
        database = Database(postgres.url)
        database.migrate()
        with connect(source) as client:
            watch = Watch()
            found = sweep(client, database, source, progress=nobody_looks)
            run = watch.stop(rows=len(found.changed), requests=client.requests_made)
        database.close()
        return run


def plain_loop(store: Store) -> Run:
    """What a script without further thought does: page after page, whole rows, a DataFrame at the end."""
    rows: list[dict[str, Any]] = []
    page = 0
    with requests.Session() as session:
        watch = Watch()
        while True:
            page += 1
            params: dict[str, Any] = {"role": "all", "per_page": PAGE_SIZE, "page": page}
            answer = session.get(f"{store.url}/wp-json/wc/v3/customers", params=params, auth=store.auth)
            answer.raise_for_status()
            rows += answer.json()
            if page >= int(answer.headers["X-WP-TotalPages"]):
                break
        frame = pd.DataFrame(rows)
        return watch.stop(rows=len(frame), requests=page)


def dlt_source(store: Store) -> Run:
    """dlt's declarative source, its extraction only: what it loads into is left out, in its favour."""
    rest_api = importlib.import_module("dlt.sources.rest_api")
    paginators = importlib.import_module("dlt.sources.helpers.rest_client.paginators")
    # It has no OAuth 1.0a of its own, but takes a session that has.
    session = requests.Session()
    session.auth = store.auth
    source = rest_api.rest_api_source(
        {
            "client": {
                "base_url": f"{store.url}/wp-json/wc/v3/",
                "session": session,
                "paginator": paginators.PageNumberPaginator(base_page=1, total_path=None),
            },
            "resources": [
                {
                    "name": "customers",
                    "endpoint": {"path": "customers", "params": {"role": "all", "per_page": PAGE_SIZE}},
                }
            ],
        }
    )
    watch = Watch()
    frame = pd.DataFrame(list(source.resources["customers"]))
    # One more than there are pages: it ends at the first page without rows.
    return watch.stop(rows=len(frame), requests=-(-len(frame) // PAGE_SIZE) + 1)


CONTENDERS: dict[str, Callable[[Store], Run]] = {
    "bare": bare,
    "sweep": swept,
    "requests": plain_loop,
    "dlt": dlt_source,
}


def measure(what: str) -> Measured:
    """Run one contender in this process; the store is named by the environment."""
    done = CONTENDERS[what](Store(**json.loads(os.environ["EXTRACTION_STORE"])))
    return Measured(what=what, **asdict(done), peak_mb=peak_memory_mb())


def run_apart(what: str, store: Store, pid: int) -> Measured:
    """Measure a contender in a fresh process."""
    environment = {**os.environ, "EXTRACTION_STORE": json.dumps(asdict(store))}
    before = cpu_seconds(pid)
    answer = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, __file__, "--measure", what],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ).stdout
    after = cpu_seconds(pid)
    found = Measured(**json.loads(answer.splitlines()[-1]))
    busy = None if before is None or after is None else (after - before) / found.seconds
    return Measured(**{**asdict(found), "store_busy": busy})


def main() -> None:
    """Measure every contender and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=4, help="requests at a time of bare and sweep")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of bare and sweep; the best counts")
    parser.add_argument("--only-pairs", action="store_true", help="leave requests and dlt out")
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(asdict(measure(options.measure))) + "\n")
        return
    show = console().print
    others = [] if options.only_pairs else ["requests", "dlt"]
    if "dlt" in others and importlib.util.find_spec("dlt") is None:
        show("dlt is not installed: skipped (pip install dlt)")
        others.remove("dlt")
    serving = serve_store(
        customers=options.customers, latency_ms=options.latency, concurrency=options.concurrency
    )
    with serving as (store, pid):
        pairs = [
            (run_apart("bare", store, pid), run_apart("sweep", store, pid)) for _ in range(options.rounds)
        ]
        rest = [run_apart(what, store, pid) for what in others]
    best = max(pairs, key=lambda pair: pair[1].rows_per_second / pair[0].rows_per_second)
    show(table_of([*best, *rest], allowed=best[0]))
    for before, after in pairs:
        show(
            f"pair: bare {before.rows_per_second:,.0f} rows/s, sweep {after.rows_per_second:,.0f} rows/s "
            f"= {after.rows_per_second / before.rows_per_second:.0%}, {after.peak_mb:,.0f} MB"
        )
    if options.json:
        measured = {"pairs": [[asdict(each) for each in pair] for pair in pairs]}
        options.json.write_text(
            json.dumps({**measured, "others": [asdict(each) for each in rest]}, indent=2) + "\n", "utf-8"
        )


def table_of(found: list[Measured], *, allowed: Measured) -> Table:
    """The measurements, each beside what the store allows."""
    table = Table(
        "read by", "rows", "requests", "seconds", "rows/s", "of bare", "CPU ms/page", "peak MB", "store busy"
    )
    for each in found:
        table.add_row(
            each.what,
            f"{each.rows:,}",
            f"{each.requests:,}",
            f"{each.seconds:.2f}",
            f"{each.rows_per_second:,.0f}",
            f"{each.rows_per_second / allowed.rows_per_second:.0%}",
            f"{1000 * each.cpu_seconds / each.requests:.1f}",
            f"{each.peak_mb:,.0f}",
            "" if each.store_busy is None else f"{each.store_busy:.0%}",
        )
    return table


if __name__ == "__main__":
    main()
