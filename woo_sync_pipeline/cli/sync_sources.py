"""`woo-sync sync`: sources one after the other, each with its report."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from woo_sync_pipeline.cli.progress import TerminalProgress
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.errors import ConfigurationError, WooSyncError
from woo_sync_pipeline.orchestration.decisions import DayRange, days_to_sync
from woo_sync_pipeline.orchestration.instance import dagster_instance
from woo_sync_pipeline.orchestration.runner import SyncOutcome, SyncRunner
from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.reports.tables import report_tables, report_title
from woo_sync_pipeline.state.retention import covered_days
from woo_sync_pipeline.state.syncs import completed_sweeps, sync_contacts
from woo_sync_pipeline.steps.resources import StateResource


@dataclass(frozen=True)
class SyncOptions:
    """What to sync, and how: days (None: those that were not synced), and the options of `SyncRunner.run`."""

    first: date | None = None
    last: date | None = None
    incremental: bool = False
    dry_run: bool = False
    whole_history: bool = False
    accept_changes: bool = False


@dataclass(frozen=True)
class Synced:
    """Whether all sources were synced, and whether any of them ended with a warning."""

    succeeded: bool = True
    warned: bool = False


def sync_sources(
    settings: Settings,
    sources: Sequence[SourceSettings],
    *,
    state: StateResource,
    console: Console,
    options: SyncOptions,
) -> Synced:
    """Sync each source and show its report; one that fails does not stop the others."""
    succeeded, warned = True, False
    with dagster_instance(settings, state) as instance:
        runner = SyncRunner(settings, state=state, instance=instance, progress=TerminalProgress(console))
        for source in sources:
            try:
                days = _days(settings, source, state, options)
                console.print(
                    f"{source.name}: {_reading(days, options.incremental)}", markup=False, highlight=False
                )
                outcome = runner.run(
                    source,
                    days,
                    incremental=options.incremental,
                    dry_run=options.dry_run,
                    whole_history=options.whole_history,
                    accept_changes=options.accept_changes,
                    asked_by=f"{_user()} on the command line",
                )
                show_outcome(outcome, state=state, console=console)
            except WooSyncError as error:
                _show_failure(str(error), console)
                succeeded = False
                continue
            succeeded = succeeded and outcome.error is None
            warned = warned or bool(outcome.sync and SyncCounts.from_json(outcome.sync.counts).all_warnings)
    return Synced(succeeded, warned)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # In a container a process may run under a number that no user has.
        return "somebody"


def show_outcome(outcome: SyncOutcome, *, state: StateResource, console: Console) -> None:
    """Show the report of a sync, or why it failed."""
    if outcome.error is not None:
        _show_failure(outcome.error, console)
        return
    assert outcome.sync is not None
    contacts = sync_contacts(state.database(), outcome.sync.sync_id)
    title = report_title(outcome.sync, source_name=outcome.source.name)
    console.print(title, markup=False, highlight=False, style="bold")
    for table in report_tables(outcome.sync, contacts):
        console.print(table)


def _show_failure(error: str, console: Console) -> None:
    console.print(f"FAILED {error}", style="red", markup=False, highlight=False)


def _days(settings: Settings, source: SourceSettings, state: StateResource, options: SyncOptions) -> DayRange:
    first, last = options.first, options.last
    now = today(settings.timezone, state.database().now())
    if source.start_date > now:
        raise ConfigurationError(
            source=source.key,
            tried="choose the days to sync",
            got=f"start_date {source.start_date} has not begun: it is {now} in {settings.timezone}",
            next_step="Wait for that day, or write an earlier start_date; the time zone is `timezone` of the project.",
        )
    if first is not None:
        asked = DayRange(max(first, source.start_date), min(last or now, now))
        if asked.first > asked.last:
            raise ConfigurationError(
                source=source.key,
                tried=f"choose the days to sync, from {first} to {last or now}",
                got=f"none of them lies between start_date ({source.start_date}) and today ({now})",
                next_step="Ask for other days; what changed before start_date is read with --full.",
            )
        return asked
    if options.incremental:
        return DayRange(now, now)
    missing = days_to_sync(
        start_date=source.start_date,
        today=now,
        sweeps=completed_sweeps(state.database(), source.key),
        timezone=settings.timezone,
        covered_before=covered_days(state.database(), source.key),
    )
    return DayRange(missing.first if missing else now, now)


def _reading(days: DayRange, incremental: bool) -> str:
    if incremental:
        return "what changed since the last sync"
    return f"{days.first}" if days.first == days.last else f"{days.first} to {days.last}"
