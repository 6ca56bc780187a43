"""A small world for whole syncs: demo stores, a demo platform, a state, and the jobs that run on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV, Settings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.definitions import build_definitions
from woo_sync_pipeline.demo.klaviyo import KlaviyoData
from woo_sync_pipeline.demo.platform import DemoPlatform, Directory
from woo_sync_pipeline.demo.store import DemoStore, StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV
from woo_sync_pipeline.orchestration.runner import SyncOutcome, SyncRunner
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.state.database import SCHEMA, Database
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun, list_syncs, sync_contacts
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.databases import emptying
from woo_sync_pipeline_tests.orchestration.plain_sync import PlainRunner
from woo_sync_pipeline_tests.sources.woocommerce.configured import woocommerce

KEY = "woocommerce"

MakeWorld = Callable[..., "World"]


class World:
    """A running `DemoWorld` with its state, a Dagster instance in memory and a runner of syncs.

    syncs_are_runs: whether syncs are runs of the jobs; else the same steps are taken without Dagster.
    """

    _definitions: dg.Definitions | None = None

    def __init__(self, demo: DemoWorld, *, syncs_are_runs: bool) -> None:
        self.demo = demo
        self._syncs_are_runs = syncs_are_runs
        self._connect()

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.ephemeral()

    @property
    def platform(self) -> DemoPlatform:
        return self.demo.platform

    @property
    def directory(self) -> Directory:
        return self.demo.platform.directory

    @property
    def database(self) -> Database:
        return self.state.database()

    @property
    def server(self) -> DemoStore:
        return self.demo.stores[KEY]

    @property
    def store(self) -> StoreData:
        return self.server.data

    def source(self, key: str = KEY) -> WooCommerceSettings:
        return woocommerce(self.settings.source(key))

    def definitions(self) -> dg.Definitions:
        if self._definitions is None:
            self._definitions = build_definitions(self.settings, state=self.state)
        return self._definitions

    def try_sync(
        self,
        key: str = KEY,
        *,
        incremental: bool = False,
        whole_history: bool = False,
        dry_run: bool = False,
        accept_changes: bool = False,
        first: date | None = None,
        last: date | None = None,
    ) -> SyncOutcome:
        """Sync a source, yesterday and today unless told otherwise; the outcome may be a failure."""
        now = today(TIMEZONE, datetime.now(UTC))
        return self._runner.run(
            self.settings.source(key),
            DayRange(first or yesterday(), last or now),
            incremental=incremental,
            whole_history=whole_history,
            dry_run=dry_run,
            accept_changes=accept_changes,
        )

    def sync(
        self,
        key: str = KEY,
        *,
        incremental: bool = False,
        first: date | None = None,
        last: date | None = None,
    ) -> SyncRun:
        """Sync a source; it must succeed."""
        outcome = self.try_sync(key, incremental=incremental, first=first, last=last)
        assert outcome.error is None, outcome.error
        assert outcome.sync is not None
        assert outcome.sync.status == "succeeded"
        return outcome.sync

    def contacts_of(self, sync: SyncRun) -> list[SyncContact]:
        return sync_contacts(self.database, sync.sync_id)

    def history(self, key: str | None = None) -> list[SyncRun]:
        return list_syncs(self.database, source=key)

    def reconfigure(self, **source_options: Any) -> None:
        """Change the options of all sources."""
        values = yaml.safe_load(self.demo.config.read_text())
        for source in values["sources"]:
            source.update(source_options)
        self._configure(values)

    def reconfigure_source(self, key: str, **options: Any) -> None:
        """Change the options of one source."""
        values = yaml.safe_load(self.demo.config.read_text())
        for source in values["sources"]:
            if source["key"] == key:
                source.update(options)
        self._configure(values)

    def break_source(self, key: str) -> None:
        """Give a source a region that does not exist, so that its part of the configuration cannot be used."""
        self.reconfigure_source(key, default_region="Nowhere")

    def lose_the_state(self) -> None:
        """Delete everything that this project has ever stored."""
        with self.database.transaction() as connection:
            connection.exec_driver_sql(emptying(connection))
        self.state.close()
        self._connect()

    def let_pass(self, by: timedelta = timedelta(minutes=10)) -> None:
        """Move all that happened on the platform, and was seen there, into the past: what comes now is surely later."""
        with self.directory.lock:
            for contact in self.directory.store.contacts.values():
                contact.created -= by
                contact.modified -= by
        columns = ("unsubscribed_seen_at", "base_seen_at", "base_modified_at", "confirmed_at")
        moved = ", ".join(f"{column} = {column} - :time" for column in columns)
        with self.database.transaction() as connection:
            connection.execute(sa.text(f"UPDATE {SCHEMA}.contacts SET {moved}"), {"time": by})
            connection.execute(
                sa.text(f"UPDATE {SCHEMA}.sync_runs SET directory_read_at = directory_read_at - :time"),
                {"time": by},
            )

    def minutes_ago(self, minutes: float) -> None:
        """What now happens in the store bears a date of so long ago, which is surely earlier than what comes later."""
        self.store.date_header_follows_clock = False
        self.store.clock = lambda: datetime.now(UTC) - timedelta(minutes=minutes)

    def outwait_the_clocks(self) -> None:
        """Afterwards a date of the store is surely later than all that was read: a date has whole seconds."""
        time.sleep(4)

    def close(self) -> None:
        self.state.close()
        if "instance" in vars(self):
            self.instance.dispose()

    def _configure(self, values: Mapping[str, Any]) -> None:
        self.demo.config.write_text(yaml.safe_dump(values))
        self.state.close()
        self._connect()

    def _connect(self) -> None:
        self.settings: Settings = self.demo.settings()
        self.state = StateResource(self.settings)
        self._definitions = None
        self._runner: PlainRunner | SyncRunner = (
            SyncRunner(self.settings, state=self.state, instance=self.instance)
            if self._syncs_are_runs
            else PlainRunner(self.settings, state=self.state)
        )


def small_store(
    *, seed: int = 1, customers: int = 60, orders: int = 40, name: str = "WooCommerce", **options: Any
) -> StoreData:
    """A store whose people did everything before today."""
    return generate_store(
        seed=seed,
        customers=customers,
        orders=orders,
        now=before_today(),
        timezone=TIMEZONE,
        name=name,
        **options,
    )


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own Dagster or database takes part."""
    monkeypatch.delenv(DAGSTER_HOME_ENV, raising=False)
    monkeypatch.delenv(DATABASE_URL_ENV, raising=False)


@pytest.fixture(autouse=True)
def _without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Daily syncs draw no chart, where nobody looks at it: it takes a tenth of a small sync's time."""
    if request.node.get_closest_marker("pictures") is None:
        monkeypatch.setattr(
            "woo_sync_pipeline.orchestration.assets.report_asset._pictures", lambda step, counts: {}
        )


@pytest.fixture
def make_world(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, impatient: None
) -> Iterator[MakeWorld]:
    """Starts worlds (stores by source key, options of their configuration) and stops them after the test.

    In tests that are marked with `dagster` their syncs are runs of its jobs, unless told otherwise.
    """
    is_marked = request.node.get_closest_marker("dagster") is not None
    with ExitStack() as running:

        def start(
            stores: Mapping[str, StoreData] | None = None,
            *,
            accounts: Mapping[str, KlaviyoData] | None = None,
            source_options: Mapping[str, Any] | None = None,
            options: Mapping[str, Any] | None = None,
            syncs_are_runs: bool = is_marked,
        ) -> World:
            demo = DemoWorld(
                tmp_path / "world",
                stores or {KEY: small_store()},
                accounts=accounts,
                source_options=source_options,
                options={"database_url": database_url, **(options or {})},
            )
            running.enter_context(demo)
            demo.platform.faults.retry_after = "0"
            for store in demo.stores.values():
                store.faults.retry_after = 0
            world = World(demo, syncs_are_runs=syncs_are_runs)
            running.callback(world.close)
            return world

        yield start


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A store of about 60 customers and 40 orders that was never synced."""
    return make_world()
