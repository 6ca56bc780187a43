"""`woo-sync sync` and `woo-sync preview`: sources one after the other, each with its report."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from woo_sync_pipeline.cli.common import DAY, chosen_sources, console, open_state, show_refused
from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.errors import ConfigurationError, WooSyncError

if TYPE_CHECKING:
    from woo_sync_pipeline.orchestration.decisions import DayRange
    from woo_sync_pipeline.state.database import Database
    from woo_sync_pipeline.steps.resources import StateResource


Verdict: TypeAlias = Literal["clean", "warned", "failed"]


@click.command()
@click.option("--source", "keys", multiple=True, metavar="KEY", help="Only this source; may be repeated.")
@click.option("--from", "first", type=DAY, help="First day, such as 2026-11-01.")
@click.option("--to", "last", type=DAY, help="Last day. Default: today.")
@click.option(
    "--incremental", is_flag=True, help="Only what orders and registrations point at: a few requests."
)
@click.option(
    "--full",
    "whole_history",
    is_flag=True,
    help="Read all orders (with orders_from: all modified since then), not only those of the days.",
)
@click.option("--dry-run", is_flag=True, help="Plan and report everything, send nothing.")
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Let through, this time, more changes at once than `limits` let through unasked.",
)
@click.option("--strict", is_flag=True, help="Exit code 3 if there is any warning.")
@click.pass_obj
def sync(
    config: Path, /, keys: tuple[str, ...], first: date | None, last: date | None, strict: bool, **how: bool
) -> None:
    """Run the daily job here and now, from the oldest day that was not synced to today.

    Running it again is always safe: only what differs is sent. Exit code 1 if a source fails; the others are
    synced all the same. With --strict exit code 3 if all succeed, but there is a warning.
    """
    settings = load_settings(config)
    chosen = chosen_sources(settings, keys)
    if last is not None and first is None:
        raise click.UsageError("--to needs --from.")
    if first is not None and last is not None and last < first:
        raise click.UsageError("--to lies before --from.")
    if how["whole_history"] and how["incremental"]:
        raise click.UsageError("--full reads everything, --incremental as little as possible: choose one.")
    with open_state(settings) as state:
        verdicts = _sync_sources(settings, chosen, state, first, last, how)
    if show_refused(settings, keys) or "failed" in verdicts:
        sys.exit(1)
    sys.exit(3 if strict and "warned" in verdicts else 0)


@click.command()
@click.option("--source", "keys", multiple=True, metavar="KEY", help="Only this source; may be repeated.")
@click.pass_context
def preview(context: click.Context, keys: tuple[str, ...]) -> None:
    """Show what the daily job would change and send, and send nothing: `sync --dry-run` by a shorter name."""
    context.invoke(sync, keys=keys, dry_run=True)


def _sync_sources(
    settings: Settings,
    sources: Sequence[SourceSettings],
    state: StateResource,
    first: date | None,
    last: date | None,
    how: Mapping[str, Any],
) -> set[Verdict]:
    """Sync each source, as `SyncRunner.run` has it, and show its report; one that fails does not stop the others."""
    from woo_sync_pipeline.orchestration.instance import dagster_instance
    from woo_sync_pipeline.orchestration.runner import SyncRunner
    from woo_sync_pipeline.reports.report import SyncCounts
    from woo_sync_pipeline.reports.tables import days_text
    from woo_sync_pipeline.reports.terminal import TerminalProgress, print_failure, print_outcome
    from woo_sync_pipeline.sources.registry import kind_of

    terminal, verdicts = console(), set[Verdict]()
    with dagster_instance(settings, state) as instance:
        runner = SyncRunner(settings, state=state, instance=instance, progress=TerminalProgress(terminal))
        for source in sources:
            try:
                days = _days(settings, source, state.database(), first, last, incremental=how["incremental"])
                shown = days_text(days.first, days.last)
                reading = "what changed since the last sync" if how["incremental"] else shown
                terminal.print(f"{source.name}: {reading}", markup=False, highlight=False)
                done = runner.run(source, days, asked_by=f"{_user()} on the command line", **how)
                print_outcome(
                    terminal,
                    state.database(),
                    done.sync,
                    done.error,
                    source_name=source.name,
                    noun=kind_of(source).noun,
                )
            except WooSyncError as error:
                print_failure(terminal, str(error))
                verdicts.add("failed")
                continue
            has_warnings = done.sync and SyncCounts.from_json(done.sync.counts).all_warnings
            verdicts.add("failed" if done.error is not None else "warned" if has_warnings else "clean")
    return verdicts


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # In a container a process may run under a number that no user has.
        return "somebody"


def _days(
    settings: Settings,
    source: SourceSettings,
    database: Database,
    first: date | None,
    last: date | None,
    *,
    incremental: bool,
) -> DayRange:
    """The days that are asked for, as far as they are there; without any, from the oldest that was not synced."""
    from woo_sync_pipeline.orchestration.decisions import DayRange, days_to_sync
    from woo_sync_pipeline.state.retention import covered_days
    from woo_sync_pipeline.state.syncs import completed_sweeps

    now = today(settings.timezone, database.now())
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
    if incremental:
        return DayRange(now, now)
    missing = days_to_sync(
        start_date=source.start_date,
        today=now,
        sweeps=completed_sweeps(database, source.key),
        timezone=settings.timezone,
        covered_before=covered_days(database, source.key),
    )
    return DayRange(missing.first if missing else now, now)
