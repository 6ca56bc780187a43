"""Dagster as people run it, code server, webserver and daemon, on demo stores and a Klaviyo that were just synced."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from woo_sync_pipeline.config.settings import CONFIG_ENV, DATABASE_URL_ENV
from woo_sync_pipeline.demo.klaviyo_scenario import account_beside
from woo_sync_pipeline.demo.store import DemoStore, StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, prepare_dagster_home
from woo_sync_pipeline.orchestration.runner import SyncOutcome, SyncRunner
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncRun
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.scale.machines import Machine, code_server, daemon

SHOP, OUTLET, KLAVIYO = "woocommerce", "outlet", "klaviyo"
COLUMNS = (
    ("orders",),
    ("customers", "guest_orders", "tags"),
    ("contacts",),
    ("merged_contacts",),
    ("synced_contacts",),
    ("sync_report",),
)
"""The assets of a store as they stand in the graph, from left to right."""
KLAVIYO_COLUMNS = (("profiles",), ("memberships",), *COLUMNS[2:])
"""The same of a Klaviyo account."""
DAYS_MISSED = 3
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class ServedUi:
    """The UI's address and what is behind it; `today` is the day of the stores."""

    url: str
    world: DemoWorld
    instance: dg.DagsterInstance
    state: StateResource
    today: date

    @property
    def database(self) -> Database:
        return self.state.database()

    def store(self, key: str) -> StoreData:
        return self.world.stores[key].data

    def days_ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def sync(self, key: str) -> SyncRun:
        """Sync a source for today in this process, with the job that the schedule runs; it must succeed."""
        outcome = self._run(key)
        assert outcome.error is None, outcome.error
        assert outcome.sync is not None
        return outcome.sync

    def stopped_sync(self, key: str) -> str:
        """The same, but it must fail; what it says."""
        outcome = self._run(key)
        assert outcome.error is not None
        return outcome.error

    def _run(self, key: str) -> SyncOutcome:
        settings = self.world.settings()
        runner = SyncRunner(settings, state=self.state, instance=self.instance)
        # In this thread the browser's event loop runs, and Dagster would start one of its own.
        with ThreadPoolExecutor(1) as thread:
            days = DayRange(self.today, self.today)
            return thread.submit(runner.run, settings.source(key), days).result()


@contextmanager
def serve_ui(folder: Path, database_url: str) -> Iterator[ServedUi]:
    """Serve the UI on stores of which today is synced and the days before are missing, as after an outage."""
    now = datetime.now(ZoneInfo(TIMEZONE))
    calm = {
        "start_date": now.date() - timedelta(days=DAYS_MISSED),
        # Nothing shall run but what a test asks for: sensors look once, and the hour of the schedules is far.
        "live_interval_seconds": 86_400,
        "daily_at": f"{(now.hour + 12) % 24:02}:00",
    }
    stores = {
        SHOP: _store("WooCommerce", customers=120, orders=90),
        OUTLET: _store("Outlet", customers=40, orders=20),
    }
    account = account_beside(stores[SHOP], seed=1, profiles=60)
    demo = DemoWorld(
        folder,
        stores,
        accounts={KLAVIYO: account},
        source_options=calm,
        account_options=calm,
        options={"database_url": database_url},
    )
    with ExitStack() as running, pytest.MonkeyPatch.context() as patch:
        world = running.enter_context(demo)
        # Set first, so that what is put there meanwhile is taken away again.
        for name in (DATABASE_URL_ENV, DAGSTER_HOME_ENV, CONFIG_ENV):
            patch.setenv(name, "")
            patch.delenv(name)
        settings = world.settings()
        state = StateResource(settings)
        running.callback(state.close)
        home = prepare_dagster_home(settings, state)
        instance = running.enter_context(dg.DagsterInstance.from_config(str(home)))
        variables = {
            CONFIG_ENV: str(world.config),
            DAGSTER_HOME_ENV: str(home),
            DATABASE_URL_ENV: database_url,
        }

        def started(machine: Machine) -> Machine:
            running.callback(machine.lose_power)
            return machine

        workspace, port = folder / "workspace.yaml", _free_port()
        started(code_server(workspace, log=folder / "code_server.log", variables=variables))
        command = [sys.executable, "-m", "dagster_webserver", "-w", str(workspace)]
        address = ["-h", "127.0.0.1", "-p", str(port)]
        started(Machine([*command, *address], log=folder / "webserver.log", variables=variables))
        ui = ServedUi(f"http://127.0.0.1:{port}", world, instance, state, now.date())
        for key in (*stores, KLAVIYO):
            ui.sync(key)
        _wait_until(lambda: _answers(f"{ui.url}/server_info"), folder)

        for store in world.stores.values():
            store.requests.clear()
        world.accounts[KLAVIYO].requests.clear()
        started(daemon(workspace, log=folder / "daemon.log", variables=variables))
        # Once a sensor has seen that nothing changed, it does not look again at what the tests change.
        _wait_until(lambda: all(map(_sensor_has_looked, world.stores.values())), folder)
        _wait_until(lambda: bool(world.accounts[KLAVIYO].requests), folder)
        yield ui


def _store(name: str, *, customers: int, orders: int) -> StoreData:
    return generate_store(
        seed=1, customers=customers, orders=orders, now=before_today(), timezone=TIMEZONE, name=name
    )


def _sensor_has_looked(store: DemoStore) -> bool:
    # It asks for the newest customer last.
    return any(request.path.endswith("/customers") for request in store.requests)


def _wait_until(is_so: Callable[[], bool], logs: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            pytest.fail("\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in logs.glob("*.log")))
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
