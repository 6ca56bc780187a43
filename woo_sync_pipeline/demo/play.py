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

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV, Settings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.klaviyo.records import Profile
from woo_sync_pipeline.demo.klaviyo_scenario import (
    account_beside,
    introduce_somebody_in_both,
    play_day_of_account,
)
from woo_sync_pipeline.demo.scenario import Event, play_second_day
from woo_sync_pipeline.demo.store import generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, dagster_instance
from woo_sync_pipeline.orchestration.runner import SyncOutcome, SyncRunner
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.reports.terminal import TerminalProgress, print_outcome
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.syncs import SyncContact, sync_contacts
from woo_sync_pipeline.steps.resources import StateResource

STORE, ACCOUNT = "woocommerce", "klaviyo"
"""Keys of the two sources."""
_BOTH = "Klaviyo, WooCommerce"
_LISTS_OF_BOTH = {"Klaviyo", "Klaviyo - Newsletter", "WooCommerce"}
_MARKER = ".woo_sync_demo"
"""A file that marks a folder as a demo's own, which may be emptied."""


def play_demo(
    folder: Path, *, console: Console, customers: int, orders: int, profiles: int, seed: int
) -> int:
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
    account = account_beside(data, seed=seed, profiles=profiles)
    in_both = introduce_somebody_in_both(account, data)
    with DemoWorld(folder, {STORE: data}, accounts={ACCOUNT: account}) as world:
        settings = world.settings()
        state = StateResource(settings)
        _say(
            console,
            f"A WooCommerce store with {customers:,} customers and {orders:,} orders at {world.stores[STORE].url}",
            f"A Klaviyo account with {profiles:,} profiles, some of them the store's customers, at "
            f"{world.accounts[ACCOUNT].url}",
            f"A MessageMedia account without a contact at {settings.messagemedia.base_url}",
        )
        try:
            with dagster_instance(settings, state) as instance:
                progress = TerminalProgress(console)
                runner = SyncRunner(settings, state=state, instance=instance, progress=progress)
                return 0 if _Demo(console, world, settings, state, runner, in_both).play() else 1
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
    settings: Settings
    state: StateResource
    runner: SyncRunner
    in_both: Profile

    def play(self) -> bool:
        self._title("1. The first sync reads the whole store")
        if self._sync(STORE).error is not None or self._sync(ACCOUNT).error is not None:
            return False
        if not self._show_who_is_in_both():
            return False

        self._title("2. The same again: nothing has changed, so nothing is sent")
        before = self.world.platform.requests.writes
        again = [self._sync(STORE), self._sync(ACCOUNT)]
        writes = self.world.platform.requests.writes - before
        _say(self.console, f"Requests that write to MessageMedia: {writes}")
        if writes or any(outcome.error is not None for outcome in again):
            return False

        self._title("3. A second day")
        store, account = self.world.stores[STORE].data, self.world.accounts[ACCOUNT].data
        if not self._play_day(STORE, play_second_day(store), where="in the store"):
            return False
        events = play_day_of_account(account, store, leaving=self.in_both)
        if not (self._play_day(ACCOUNT, events, where="in Klaviyo") and self._show_who_left_one()):
            return False
        _say(self.console, "Exactly these changes were sent. Everything is stopped.")
        return True

    def _title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]\n")

    def _sync(self, key: str) -> SyncOutcome:
        source = self.settings.source(key)
        days = DayRange(yesterday(), today(TIMEZONE, datetime.now(UTC)))
        outcome = self.runner.run(source, days)
        database = self.state.database()
        print_outcome(
            self.console,
            database,
            outcome.sync,
            outcome.error,
            source_name=source.name,
            noun=kind_of(source).noun,
        )
        return outcome

    def _play_day(self, key: str, events: Sequence[Event], *, where: str) -> bool:
        """Sync what happened on the second day; whether just that was sent."""
        _say(self.console, *(f"- {event.what} ({mask_phone(event.phone)})" for event in events))
        done = self._sync(key)
        if done.error is not None or done.sync is None:
            return False
        contacts = sync_contacts(self.state.database(), done.sync.sync_id)
        return self._show_expectations(events, contacts, where=where)

    def _show_expectations(
        self, events: Sequence[Event], contacts: Sequence[SyncContact], *, where: str
    ) -> bool:
        sent = {contact.phone: contact for contact in contacts if contact.phone is not None}
        table = _table(where, "phone", "on MessageMedia", "", title="what happened, and what was sent")
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
        return succeeded and not sent

    def _show_who_is_in_both(self) -> bool:
        contacts = self.world.platform.directory.snapshot().values()
        count = sum(contact["custom_fields"].get("source") == _BOTH for contact in contacts)
        _say(self.console, f"{count:,} people are in the store and in Klaviyo. Each is one contact, such as")
        return self._show_somebody(label=_BOTH, lists=_LISTS_OF_BOTH)

    def _show_who_left_one(self) -> bool:
        _say(self.console, "Who left Klaviyo is still in the store:")
        return self._show_somebody(label="WooCommerce", lists={"WooCommerce"})

    def _show_somebody(self, *, label: str, lists: set[str]) -> bool:
        """Show the contact of who is in both at first; whether it has this label, and just these lists."""
        phone = self.in_both.phone_number or ""
        contact = self.world.platform.directory.snapshot()[phone]
        found, shown = contact["custom_fields"].get("source", ""), contact["lists"]
        is_right = found == label and lists == set(shown) & _LISTS_OF_BOTH
        table = _table("phone", "Source", "lists", "")
        table.add_row(mask_phone(phone), found, "\n".join(shown), "ok" if is_right else "WRONG")
        self.console.print(table)
        return is_right


def _table(*columns: str, title: str | None = None) -> Table:
    return Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)
