"""Two stores and an account that misbehave for an hour, and one process that goes on syncing.

    python -m soak.misbehaving [--minutes 60] [--seed 1]

Answers are slow, cut, lost, dropped, 500 (5%) and 429 (2%); every few minutes one of the three is in maintenance for a
while. People shop, register, change and leave all the time; some answer STOP to a message. Live syncs of both stores
take turns, every tenth sync is a daily one; those that meet an outage fail and say so.

At the end the servers behave and the shops are closed. One quiet daily sync of each store must make stores and account
equal: no contact missing, none twice, nothing pending, nobody subscribed who had said no. The memory of the syncing
process is shown all the while; it must not grow.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from soak.processes import Measured, measure
from soak.shoppers import Shoppers
from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.platform import ContactSnapshot, FaultKind
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.store.faults import Fault
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.instance import dagster_instance
from woo_sync_pipeline.orchestration.runner import SyncRunner
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory, phone_of_customer

LATENCY_SECONDS = 0.02
STORE_RATES: dict[Fault, float] = {
    "fatal": 0.05,
    "too_many_requests": 0.02,
    "drop": 0.01,
    "cut": 0.005,
    "exit": 0.005,
    "notice": 0.01,
    "bom": 0.01,
}
PLATFORM_RATES: dict[FaultKind, float] = {
    "500": 0.03,
    "500_after": 0.02,
    "429": 0.02,
    "drop": 0.01,
    "lost_answer": 0.01,
    "slow": 0.005,
}
MAINTENANCE_EVERY, MAINTENANCE_SECONDS = 240.0, 45.0
ACTS_PER_SECOND = 2.0
DAILY_EVERY = 10


def misbehave(world: DemoWorld) -> None:
    """Let both stores and the account fail by chance."""
    for store in world.stores.values():
        store.faults.latency = LATENCY_SECONDS
        store.faults.rates = dict(STORE_RATES)
    platform = world.platform.faults
    platform.clear()
    platform.latency = LATENCY_SECONDS
    for kind, share in PLATFORM_RATES.items():
        platform.rate(kind, share)


def behave(world: DemoWorld) -> None:
    """Take every fault back."""
    world.platform.faults.clear()
    for store in world.stores.values():
        store.faults.clear()


def live(world: DemoWorld, shops: list[Shoppers], random: Random, ends_at: float) -> set[str]:
    """Let people act and servers go into maintenance until then; returns the phones that answered STOP."""
    stopped: set[str] = set()
    next_maintenance = time.monotonic() + MAINTENANCE_EVERY / 2
    while time.monotonic() < ends_at:
        random.choice(shops).act()
        if random.random() < 0.01:
            stopped |= _answer_stop(world, random)
        if time.monotonic() > next_maintenance:
            threading.Thread(target=_maintain, args=(world, random.randrange(3)), daemon=True).start()
            next_maintenance += MAINTENANCE_EVERY
        time.sleep(random.expovariate(ACTS_PER_SECOND))
    return stopped


def _maintain(world: DemoWorld, which: int) -> None:
    if which == 2:
        world.platform.faults.rate("503_later", 1.0)
        time.sleep(MAINTENANCE_SECONDS)
        misbehave(world)
        return
    store = list(world.stores.values())[which]
    store.faults.down = "unavailable"
    time.sleep(MAINTENANCE_SECONDS)
    store.faults.down = ""


def _answer_stop(world: DemoWorld, random: Random) -> set[str]:
    """A subscribed contact of the first store's who never bought and will do nothing else."""
    shown = world.platform.directory.snapshot()
    for customer_id in random.sample(sorted(STOPPERS), len(STOPPERS)):
        phone = STOPPERS[customer_id]
        if phone in shown and shown[phone]["states"].get("SMS") == "SUBSCRIBED":
            world.platform.directory.unsubscribe(phone)
            return {phone}
    return set()


STOPPERS: dict[int, str] = {}


def sync_on(config: Path, folder: Path) -> None:
    """In a process of its own: sync until a file `stop` appears, then once more each; a JSON line for each sync."""
    settings = load_settings(config)
    state = StateResource(settings)
    state.database().migrate()
    with dagster_instance(settings, state) as instance:
        runner = SyncRunner(settings, state=state, instance=instance)

        def sync(number: int, *, daily: bool) -> bool:
            source = settings.sources[number % len(settings.sources)]
            days = DayRange(yesterday(), today(settings.timezone, datetime.now(UTC)))
            began = time.monotonic()
            outcome = runner.run(source, days, incremental=not daily)
            succeeded = outcome.error is None
            gc.collect()
            line = {
                "number": number,
                "kind": "daily" if daily else "live",
                "seconds": round(time.monotonic() - began, 1),
                "error": outcome.error,
                "counts": dict(outcome.sync.counts) if outcome.sync and succeeded else {},
            }
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            return succeeded

        number = 0
        while not (folder / "stop").exists():
            sync(number, daily=number // len(settings.sources) % DAILY_EVERY == 0)
            number += 1
        quiet = [sync(each, daily=True) for each in range(len(settings.sources))]
        if not all(quiet):
            raise SystemExit("a quiet sync failed")
    state.close()


def lines_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What the syncing process says."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def differences(world: DemoWorld, stopped: set[str]) -> list[str]:
    """In what the account differs from what the stores make of it."""
    expected = expected_directory(*(store.data for store in world.stores.values()))
    shown = world.platform.directory.snapshot()
    found = [f"missing: {phone}" for phone in expected.keys() - shown.keys()]
    if len(world.platform.directory) != len(shown):
        found.append(f"{len(world.platform.directory)} contacts for {len(shown)} phones")
    for phone in stopped:
        if phone in expected:
            expected[phone]["states"] = {"SMS": "UNSUBSCRIBED"}
    found += [
        f"{phone}: {wanted} but {shown[phone]}"
        for phone, wanted in expected.items()
        if phone in shown and _comparable(shown[phone]) != _comparable(wanted)
    ]
    found += [
        f"gone from the stores and still held: {phone} {contact}"
        for phone, contact in shown.items()
        if phone not in expected and (contact["lists"] or contact["custom_fields"].get("source"))
    ]
    return found


def _comparable(contact: ContactSnapshot) -> dict[str, Any]:
    """A label says which stores hold a contact, in the order in which they came to."""
    fields = contact["custom_fields"]
    labels = {"source": sorted(fields["source"].split(", "))} if "source" in fields else {}
    return {**contact, "custom_fields": {**fields, **labels}}


def main() -> None:
    """Run it; the exit code is 1 if anything differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=1500)
    parser.add_argument("--sync", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sync:
        sync_on(*options.sync)
        return
    random = Random(options.seed)
    first, second = _stores(options.seed, options.customers)
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        folder = Path(name)
        with DemoWorld(folder, {"shop": first, "outlet": second}) as world:
            for store in world.stores.values():
                store.faults.retry_after = 1
            shops = [
                Shoppers(first, (first, second), random, guests_from=0, customers_from=10_000),
                Shoppers(second, (first, second), random, guests_from=100, customers_from=20_000_000),
            ]
            for customer_id in shops[0].without_orders()[::4]:
                shops[0].keep_away_from(customer_id)
                STOPPERS[customer_id] = phone_of_customer(first.customers[customer_id]) or ""
            found = _soak(world, shops, random, options.minutes * 60)
    for each in found:
        sys.stdout.write(each + "\n")
    raise SystemExit(1 if found else 0)


def _stores(seed: int, customers: int) -> tuple[StoreData, StoreData]:
    def store(name: str, seed: int, share_phones_with: StoreData | None = None) -> StoreData:
        return generate_store(
            seed=seed,
            customers=customers,
            orders=customers // 2,
            now=before_today(),
            timezone=TIMEZONE,
            name=name,
            share_phones_with=share_phones_with,
        )

    first = store("WooCommerce", seed)
    return first, store("Outlet", seed + 1, share_phones_with=first)


def _soak(world: DemoWorld, shops: list[Shoppers], random: Random, seconds: float) -> list[str]:
    misbehave(world)
    command = [sys.executable, "-m", __spec__.name, "--sync", str(world.config), str(world.folder)]
    ended: list[dict[str, Any]] = []
    memory: list[Measured] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:

        def listen() -> None:
            for line in lines_of(process):
                ended.append(line)
                memory.append(measure(process.pid))
                _tell(ended, memory)

        listener = threading.Thread(target=listen)
        listener.start()
        stopped = live(world, shops, random, time.monotonic() + seconds)
        _show(f"happened at the account: {dict(world.platform.faults.happened)}")
        for shop, (key, store) in zip(shops, world.stores.items(), strict=True):
            _show(f"happened at {key}: {dict(Counter(store.faults.met))}, acts: {dict(shop.acts)}")
        # An outage that is under way ends first.
        time.sleep(MAINTENANCE_SECONDS if seconds > MAINTENANCE_EVERY / 2 else 0)
        behave(world)
        (world.folder / "stop").touch()
        code = process.wait()
        listener.join()
    # Without the times that are in them.
    errors = Counter(str(line["error"]).partition(" The store asks")[0] for line in ended if line["error"])
    _show(f"{len(ended)} syncs, {sum(errors.values())} failed; {len(stopped)} people answered STOP")
    for error, times in errors.most_common(12):
        _show(f"  {times} times: {error}")
    quarter = memory[len(memory) // 4]
    _show(f"memory after a quarter of the syncs: {quarter}, at the end: {memory[-1]}")
    pending = _pending(world)
    found = differences(world, stopped)
    if code or pending:
        found.append(f"the syncing process ended with {code}; {pending} contacts are pending")
    _show(f"{len(world.platform.directory)} contacts on the account; {len(found)} differences")
    return found


def _pending(world: DemoWorld) -> int:
    settings = world.settings()
    state = StateResource(settings)
    try:
        return sum(
            len(pending_phones(state.database(), source_name=each.name, touched=[], include_rejected=True))
            for each in settings.sources
        )
    finally:
        state.close()


def _tell(ended: list[dict[str, Any]], memory: list[Measured]) -> None:
    if len(ended) % 20 == 0 or ended[-1]["error"]:
        last = ended[-1]
        _show(
            f"sync {len(ended)} ({last['kind']}, {last['seconds']} s): {last['error'] or 'ok'}; {memory[-1]}"
        )


def _show(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
