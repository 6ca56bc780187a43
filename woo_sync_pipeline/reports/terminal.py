"""Syncs on a terminal: how far one has come, what it did, or why it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.reports.tables import report_tables, report_title
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, SyncRun, sync_contacts


class TerminalProgress:
    """Bars on a terminal; one plain line per finished step anywhere else."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(
        self, label: str, *, total: int | None, log: Callable[[str], None]
    ) -> Iterator[Callable[[int], None]]:
        """Show one step; `log` gets nothing, for a person is looking."""
        if not self._console.is_terminal:
            with self._plain(label) as advance:
                yield advance
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(label, total=total)
            yield lambda count: bars.advance(task, count)
            done = bars.tasks[0].completed
            bars.update(task, total=done or 1, completed=done or 1)

    @contextmanager
    def _plain(self, label: str) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count

        yield advance
        self._console.print(f"  {label}: {done:,}", highlight=False)


def print_outcome(
    console: Console,
    database: Database,
    sync: SyncRun | None,
    error: str | None,
    *,
    source_name: str,
    noun: str = STORE,
) -> None:
    """Print the report of a sync that ended, or why it failed. `noun`: what the source is, in a word."""
    if error is not None:
        print_failure(console, error)
        return
    assert sync is not None
    print_report(console, sync, sync_contacts(database, sync.sync_id), source_name=source_name, noun=noun)


def print_report(
    console: Console, sync: SyncRun, contacts: Sequence[SyncContact], *, source_name: str, noun: str = STORE
) -> None:
    """Print the report of a sync. `noun`: what the source is, in a word."""
    console.print(report_title(sync, source_name=source_name), markup=False, highlight=False, style="bold")
    for table in report_tables(sync, contacts, noun=noun):
        console.print(table)


def print_failure(console: Console, error: str) -> None:
    """Print why a sync failed."""
    console.print(f"FAILED {error}", style="red", markup=False, highlight=False)
