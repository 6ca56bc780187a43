"""How long whole syncs take, beside what the two networks alone take.

    python benchmarks/chain.py [CUSTOMERS ...] [--no-latency] [--json FILE]

For each size a demo store (with three orders for ten customers) and an empty demo account run in processes of their
own. Two syncs follow each other, each in a fresh process: the first one, which brings everybody over, and a daily one
on which nothing has changed.

- store walk alone: the requests of a reading from as many threads, every answer thrown away;
- push alone: creations from as many threads, nothing remembered; a sample, scaled to the contacts of the sync;
- platform read alone: the pages of the directory that the daily sync reads.

With `--no-latency` neither server holds an answer back, and what counts is the processor time of the sync for each
record, and its memory: both shall stay the same from 10,000 to 1,000,000.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from extraction import bare
from measuring import Store, console, peak_memory_mb, serve_platform, serve_store, this_machine
from push import bare_pool
from rich.table import Table

from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

STORE_LATENCY_MS = 20.0
PLATFORM_LATENCY = 0.05
STORE_CONCURRENCY = 4
PLATFORM_CONCURRENCY = 16
PUSH_SAMPLE = 5_000
PAGE = 1000


@dataclass(frozen=True)
class Sync:
    """One sync in a process of its own: seconds by the clock and of the processor, peak memory in megabytes.

    `stages` are seconds by asset, `counts` what the report says.
    """

    what: str
    records: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    writes: int
    counts: dict[str, Any]

    @property
    def stages(self) -> dict[str, float]:
        """Seconds by asset."""
        stages: dict[str, float] = self.counts["seconds"]
        return stages


@dataclass(frozen=True)
class Networks:
    """Seconds that the requests of both syncs take when nothing is done with the answers."""

    store_walk: float
    push_of_one: float
    page: float

    def of_first(self, contacts: int) -> float:
        """Reading the store and creating so many contacts."""
        return self.store_walk + contacts * self.push_of_one

    def of_daily(self, platform_requests: int) -> float:
        """Reading the store, and as many pages of the platform as the sync read."""
        return self.store_walk + platform_requests * self.page


def write_config(folder: Path, store: Store, platform: PlatformSettings) -> Path:
    """A configuration for these servers, with an embedded PostgreSQL in the folder."""
    file = folder / "woo_sync.yaml"
    values = {
        "timezone": "UTC",
        "messagemedia": {
            "base_url": platform.base_url,
            "api_key": platform.api_key,
            "api_secret": platform.api_secret,
            "max_concurrency": platform.max_concurrency,
        },
        "sources": [
            {
                "name": "WooCommerce",
                "key": "woocommerce",
                "url": store.url,
                "consumer_key": store.consumer_key,
                "consumer_secret": store.consumer_secret,
                "start_date": datetime.now(UTC).date(),
                "default_region": "AU",
                "consent": {"mode": "explicit", "meta_keys": ["sms_marketing_consent"]},
                "groups": {"roles": True, "product_tags": True, "meta_keys": ["customer_tags"]},
                "max_concurrency": store.concurrency,
            }
        ],
    }
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(values), "utf-8")
    return file


def sync_here(config: Path, what: str) -> Sync:
    """Sync in this process."""
    from woo_sync_pipeline.orchestration.decisions import DayRange
    from woo_sync_pipeline.orchestration.instance import dagster_instance
    from woo_sync_pipeline.orchestration.runner import SyncRunner
    from woo_sync_pipeline.steps.resources import StateResource

    settings = load_settings(config)
    state = StateResource(settings)
    today = datetime.now(UTC).date()
    try:
        state.database().migrate()
        with dagster_instance(settings, state) as instance:
            runner = SyncRunner(settings, state=state, instance=instance)
            began, cpu = time.perf_counter(), time.process_time()
            outcome = runner.run(settings.sources[0], DayRange(today, today))
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        if outcome.error is not None or outcome.sync is None:
            raise SystemExit(f"the sync failed: {outcome.error}")
        counts = dict(outcome.sync.counts)
        read = sum(counts["read"].values())
        writes = counts["new"] + counts["updated"] + counts["failed"]
        return Sync(what, read, seconds, cpu_seconds, peak_memory_mb(), writes, counts)
    finally:
        state.close()


def sync_apart(config: Path, what: str) -> Sync:
    """Sync in a fresh process."""
    command = [sys.executable, __file__, "--measure", what, "--config", str(config)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - ourselves
    return Sync(**json.loads(answer.splitlines()[-1]))


def measure(size: int, *, store_latency_ms: float, platform_latency: float) -> tuple[Networks, list[Sync]]:
    """Both syncs of a store of so many customers, and the networks alone."""
    serving = serve_store(
        customers=size,
        orders=size * 3 // 10,
        latency_ms=store_latency_ms,
        concurrency=STORE_CONCURRENCY,
    )
    with tempfile.TemporaryDirectory() as folder, serving as (store, _):
        with serve_platform(latency=platform_latency, concurrency=PLATFORM_CONCURRENCY) as platform:
            sample, _ = bare_pool(platform, min(size, PUSH_SAMPLE))
        with serve_platform(latency=platform_latency, concurrency=PLATFORM_CONCURRENCY) as platform:
            walk = bare(store).seconds
            config = write_config(Path(folder), store, platform)
            syncs = [sync_apart(config, "first sync"), sync_apart(config, "daily sync, nothing changed")]
    return Networks(walk, sample / min(size, PUSH_SAMPLE), platform_latency), syncs


def table_of(size: int, networks: Networks, syncs: Sequence[Sync]) -> Table:
    """What one size took."""
    table = Table(
        "customers", "measured", "seconds", "networks alone", "times", "CPU µs/record", "peak MB", "writes"
    )
    first, daily = syncs
    for sync, alone in (
        (first, networks.of_first(first.counts["new"])),
        (daily, networks.of_daily(daily.counts["requests"]["platform"])),
    ):
        table.add_row(
            f"{size:,}",
            sync.what,
            f"{sync.seconds:.1f}",
            f"{alone:.1f}",
            f"{sync.seconds / alone:.2f}",
            f"{1e6 * sync.cpu_seconds / sync.records:.0f}",
            f"{sync.peak_mb:,.0f}",
            f"{sync.writes:,}",
        )
    return table


def main() -> None:
    """Measure every size and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--no-latency", action="store_true", help="hold no answer back")
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--config", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(asdict(sync_here(options.config, options.measure))) + "\n")
        return
    show = console().print
    show(this_machine())
    results = []
    for size in options.sizes:
        networks, syncs = measure(
            size,
            store_latency_ms=0 if options.no_latency else STORE_LATENCY_MS,
            platform_latency=0 if options.no_latency else PLATFORM_LATENCY,
        )
        show(table_of(size, networks, syncs))
        for sync in syncs:
            stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sync.stages.items())
            show(f"  {sync.what}, seconds: {stages}")
        results.append(
            {"size": size, "networks": asdict(networks), "syncs": [asdict(sync) for sync in syncs]}
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
