"""How far a sync has come, on a terminal and in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
