"""`woo-sync demo`: three syncs that show what the pipeline does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.scenario import Event, play_second_day
from woo_sync_pipeline.demo.store import generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, dagster_instance
from woo_sync_pipeline.orchestration.runner import SyncOutcome, SyncRunner
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.reports.terminal import TerminalProgress, print_outcome
from woo_sync_pipeline.state.syncs import SyncContact, sync_contacts
from woo_sync_pipeline.steps.resources import StateResource

_MARKER = ".woo_sync_demo"
"""A file that marks a folder as a demo's own, which may be emptied."""


def play_demo(folder: Path, *, console: Console, customers: int, orders: int, seed: int) -> int:
    """Play the demo; returns the exit code: 0 when everything that it shows is as it must be."""
    begin_anew(folder)
    data = generate_store(
        seed=seed,
        customers=customers,
        orders=orders,
        now=before_today(),
        timezone=TIMEZONE,
        name="WooCommerce",
    )
    with DemoWorld(folder, {"woocommerce": data}) as world:
        settings = world.settings()
        state = StateResource(settings)
        source = settings.source("woocommerce")
        _say(
            console,
            f"A WooCommerce store with {customers:,} customers and {orders:,} orders at {world.stores[source.key].url}",
            f"A MessageMedia account without a contact at {settings.messagemedia.base_url}",
        )
        try:
            with dagster_instance(settings, state) as instance:
                progress = TerminalProgress(console)
                runner = SyncRunner(settings, state=state, instance=instance, progress=progress)
                return 0 if _Demo(console, world, source, state, runner).play() else 1
        finally:
            state.close()


def begin_anew(folder: Path) -> None:
    """Empty the folder, and forget any database and Dagster instance that the environment names.

    Raises `ConfigurationError` for a folder with something in it that no demo has put there.
    """
    for name in (DAGSTER_HOME_ENV, DATABASE_URL_ENV):
        os.environ.pop(name, None)
    marker = folder / _MARKER
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            source="demo",
            tried=f"empty the folder {folder}",
            got="something is in it that is not from a demo",
            next_step="Let --folder name a folder that is empty or does not exist.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()


@dataclass(frozen=True)
class _Demo:
    console: Console
    world: DemoWorld
    source: SourceSettings
    state: StateResource
    runner: SyncRunner

    def play(self) -> bool:
        self._title("1. The first sync reads the whole store")
        first = self._sync()
        if first.error is not None:
            return False

        self._title("2. The same again: nothing has changed, so nothing is sent")
        before = self.world.platform.requests.writes
        second = self._sync()
        writes = self.world.platform.requests.writes - before
        _say(self.console, f"Requests that write to MessageMedia: {writes}")
        if second.error is not None or writes:
            return False

        self._title("3. A second day")
        events = play_second_day(self.world.stores[self.source.key].data)
        _say(self.console, *(f"- {event.what} ({mask_phone(event.phone)})" for event in events))
        third = self._sync()
        if third.error is not None or third.sync is None:
            return False
        return self._show_expectations(events, sync_contacts(self.state.database(), third.sync.sync_id))

    def _title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]\n")

    def _sync(self) -> SyncOutcome:
        days = DayRange(yesterday(), today(TIMEZONE, datetime.now(UTC)))
        outcome = self.runner.run(self.source, days)
        database, name = self.state.database(), self.source.name
        print_outcome(self.console, database, outcome.sync, outcome.error, source_name=name)
        return outcome

    def _show_expectations(self, events: Sequence[Event], contacts: Sequence[SyncContact]) -> bool:
        sent = {contact.phone: contact for contact in contacts if contact.phone is not None}
        table = Table(title="what happened, and what was sent", title_justify="left", box=box.SIMPLE_HEAD)
        for column in ("in the store", "phone", "on MessageMedia", ""):
            table.add_column(column)
        succeeded = True
        for event in events:
            contact = sent.pop(event.phone, None)
            done = "" if contact is None else f"{contact.outcome}: {', '.join(contact.changes)}"
            is_right = contact is not None and event.is_met_by(contact)
            succeeded = succeeded and is_right
            table.add_row(event.what, mask_phone(event.phone), done, "ok" if is_right else "WRONG")
        self.console.print(table)
        for contact in sent.values():
            _say(self.console, f"WRONG: {contact.phone_masked} was sent although nothing happened to it")
        if succeeded and not sent:
            _say(self.console, "Exactly these changes were sent. Everything is stopped.")
        return succeeded and not sent


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)
