"""Running a source's job in this process: the same job that the schedule and the sensor run."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any, TextIO

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.definitions import build_definitions
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.jobs import source_jobs
from woo_sync_pipeline.orchestration.tags import ASKED_BY_TAG, KIND_TAG, range_tags
from woo_sync_pipeline.sources.base import WHOLE_HISTORY
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.failures import known_failure
from woo_sync_pipeline.state.syncs import SyncRun, fail_sync, find_sync
from woo_sync_pipeline.steps.resources import ProgressResource, StateResource

# The command line shows progress and failures itself.
_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}

_UNWRITTEN_EVENT = "Exception while writing logger call to event log"


@dataclass(frozen=True)
class SyncOutcome:
    """A sync that ended: what the history says of it, and what went wrong (None: nothing)."""

    source: SourceSettings
    sync: SyncRun | None
    error: str | None


class SyncRunner:
    """Runs syncs in this process, one after the other."""

    def __init__(
        self,
        settings: Settings,
        *,
        state: StateResource,
        instance: dg.DagsterInstance,
        progress: ProgressResource | None = None,
    ) -> None:
        self._state = state
        self._instance = instance
        self._definitions = build_definitions(settings, state=state, progress=progress)

    def run(
        self,
        source: SourceSettings,
        days: DayRange,
        *,
        incremental: bool = False,
        dry_run: bool = False,
        whole_history: bool = False,
        accept_changes: bool = False,
        asked_by: str | None = None,
        kind: str = "manual",
    ) -> SyncOutcome:
        """Sync a source for a range of days; never raises for what is wrong with the store or the platform.

        Raises `WooSyncError` when the database is lost in which Dagster keeps its runs, or a disk is full: of such a
        run nobody could note how it ended. A dry run plans everything and sends nothing. `whole_history` reads all
        orders, since `orders_from`.
        `accept_changes` lets through more changes than the limits do; `asked_by` is who wants that, for the history.
        """
        config = {"config": {"dry_run": dry_run, "accept_changes": accept_changes}}
        jobs = source_jobs(source, dg.in_process_executor)
        job = self._definitions.resolve_job_def((jobs.incremental if incremental else jobs.daily).name)
        with self._named_failures(source), redirect_stderr(_WithoutStatements(sys.stderr)):
            result = job.execute_in_process(
                instance=self._instance,
                tags={
                    KIND_TAG: "live" if incremental else kind,
                    **range_tags(days.first, days.last),
                    **({ASKED_BY_TAG: asked_by} if asked_by else {}),
                },
                run_config={
                    "loggers": _QUIET,
                    "ops": {
                        f"{source.key}__synced_contacts": config,
                        **_reading_all(source, whole_history),
                    },
                },
                raise_on_error=False,
            )
        self._state.release(source.key)
        database = self._state.database()
        noted = find_sync(database, run_id=result.run_id)
        if result.success:
            return SyncOutcome(source, noted, None)
        error = _failure_text(result, noted)
        # What ends a run outside of its steps is not in the history yet.
        fail_sync(database, run_id=result.run_id, error=error)
        return SyncOutcome(source, find_sync(database, run_id=result.run_id), error)

    @contextmanager
    def _named_failures(self, source: SourceSettings) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._state.release(source.key)
            named = known_failure(error, tried=f"sync {source.key}")
            if named is None:
                raise
            # Not chained: what a library says of a statement may hold phones.
            raise named from None


def _reading_all(source: SourceSettings, whole_history: bool) -> dict[str, Any]:
    return {
        f"{source.key}__{each.name}": {"config": {WHOLE_HISTORY: whole_history}}
        for each in kind_of(source).extractions
        if WHOLE_HISTORY in (option.name for option in each.options)
    }


class _WithoutStatements(io.TextIOBase):
    """Standard error without the statements, values and all, that Dagster could not carry out in its database.

    The failure itself is told by whoever called.
    """

    def __init__(self, target: TextIO) -> None:
        self._target = target

    def write(self, text: str) -> int:
        """Write a text, unless it is such a statement."""
        return len(text) if text.startswith(_UNWRITTEN_EVENT) else self._target.write(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._target.flush()

    def isatty(self) -> bool:
        """Whether somebody is looking."""
        return self._target.isatty()

    def fileno(self) -> int:
        """The number of the file behind it."""
        return self._target.fileno()


def _failure_text(result: dg.ExecuteInProcessResult, noted: SyncRun | None) -> str:
    in_history = noted.error if noted else None
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None and data.user_failure_data.description:
                return data.user_failure_data.description
            return in_history or f"{event.step_key}: {data.error.message.strip() if data.error else 'failed'}"
    return in_history or "the run failed before its first step"
