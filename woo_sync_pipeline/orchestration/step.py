"""What every asset of a sync shares: which sync it belongs to, its staged frames, and how failures show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic
from types import MappingProxyType
from typing import Any, cast

import dagster as dg
import pandas as pd
import pyarrow as pa

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.errors import StateError, WooSyncError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.orchestration.earlier_days import fill_days
from woo_sync_pipeline.orchestration.tags import (
    ASKED_BY_TAG,
    DRY_RUN_TAG,
)
from woo_sync_pipeline.sources.base import SourceKind, SourceStep
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.staging import StagedFrame, StagedName, StagedWriter
from woo_sync_pipeline.state.syncs import (
    Watermark,
    fail_sync,
    mark_accepted,
    mark_dry_run,
)
from woo_sync_pipeline.steps.resources import (
    MessageMediaResource,
    ProgressResource,
    StagingResource,
    StateResource,
)


@dataclass(frozen=True)
class StepResources:
    """What a step works with; `messagemedia` is there for those that look at the platform or send to it."""

    state: StateResource
    staging: StagingResource
    progress: ProgressResource
    messagemedia: MessageMediaResource | None = None


@dataclass(frozen=True)
class SyncStep:
    """One asset of one sync of one source."""

    context: dg.AssetExecutionContext
    settings: Settings
    source: SourceSettings
    resources: StepResources
    database: Database
    sync_id: int
    is_sweep: bool
    first_day: date
    told_from: date
    """The first day that Dagster is told of, and fills itself: later than `first_day` if there are many."""
    last_day: date
    range_start: datetime
    range_end: datetime
    watermark: Watermark | None
    started: float
    has_healed: bool

    @property
    def kind(self) -> SourceKind[Any]:
        """The kind of source that this is."""
        return kind_of(self.source)

    def connect_platform(self) -> PlatformClient:
        """A client of the account, to be used as a context manager."""
        assert self.resources.messagemedia is not None
        return self.resources.messagemedia.connect(now=self.database.now)

    @property
    def run_id(self) -> str:
        """The Dagster run that this sync is."""
        return self.context.run.run_id

    def of_source(self, defaults: Mapping[str, Any] = MappingProxyType({})) -> SourceStep[Any]:
        """This step as the source sees it; `defaults` are what it can be asked for, by name, unless it is."""
        return SourceStep(
            source=self.source,
            database=self.database,
            run_id=self.run_id,
            is_sweep=self.is_sweep,
            first_day=self.first_day,
            last_day=self.last_day,
            range_start=self.range_start,
            range_end=self.range_end,
            timezone=self.settings.timezone,
            watermark=self.watermark,
            options={**defaults, **(self.context.op_execution_context.op_config or {})},
            read=self.read,
            show_progress=self.show_progress,
        )

    def mark_dry_run(self) -> None:
        """Note in the history and among the run's tags that this sync sends nothing."""
        mark_dry_run(self.database, run_id=self.run_id)
        self.context.instance.add_run_tags(self.run_id, {DRY_RUN_TAG: "true"})

    def write(
        self,
        frame_name: str,
        rows: pd.DataFrame | pa.Table,
        *,
        schema: pa.Schema | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Stage a frame for the assets downstream."""
        with self.writing(frame_name, schema=schema) as staged:
            staged.add(rows)
            staged.notes = notes or {}

    @contextmanager
    def writing(self, frame_name: str, *, schema: pa.Schema | None = None) -> Iterator[StagedWriter]:
        """Stage a frame for the assets downstream, portion by portion, with the time that this step took."""
        with self.resources.staging.area().writing(self._name(frame_name), schema=schema) as staged:
            yield staged
            staged.notes = {**staged.notes, "seconds": round(monotonic() - self.started, 3)}

    def read(self, frame_name: str) -> StagedFrame:
        """The frame that an asset upstream staged. Raises `StagingError` when there is none."""
        return self.resources.staging.area().read(self._name(frame_name))

    @contextmanager
    def show_progress(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show how far this step has come."""
        title = f"{self.source.key}: {label}"
        with self.resources.progress.step(title, total=total, log=self.context.log.info) as advance:
            yield advance

    def is_configured(self, option: str) -> bool:
        """Whether an option is true in the run's configuration of any asset of this sync."""
        ops = cast("Mapping[str, Mapping[str, Any]]", self.context.run.run_config.get("ops") or {})
        return any((each.get("config") or {}).get(option) is True for each in ops.values())

    @property
    def accepts_changes(self) -> bool:
        """Whether changes beyond the limits are let through."""
        return self.is_configured("accept_changes")

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is sent."""
        return self.is_configured("dry_run")

    def mark_accepted(self) -> None:
        """Note in the history who asked that changes beyond the limits are let through."""
        tags = self.context.run.tags
        by = (
            tags.get(ASKED_BY_TAG)
            or tags.get("user")
            or f"somebody in the Dagster UI (run {self.run_id[:8]})"
        )
        mark_accepted(self.database, run_id=self.run_id, by=by)

    def result(
        self,
        rows: int,
        checks: Sequence[dg.AssetCheckResult] = (),
        failure: WooSyncError | None = None,
        /,
        **metadata: Any,
    ) -> dg.MaterializeResult:
        """The materialisation of this asset, of so many rows, and what its checks found.

        A blocking check that failed closes the sync as failed: Dagster ends the run when the step is over. `failure`
        says why, where that is no fault of this project.
        """
        self._note_failed(checks, failure)
        fill_days(self.context, self.first_day, self.told_from, sync_id=self.sync_id)
        shown = {"dagster/row_count": rows, "sync": self.sync_id, **metadata}
        return dg.MaterializeResult(metadata=shown, check_results=checks)

    def _note_failed(self, checks: Sequence[dg.AssetCheckResult], failure: WooSyncError | None) -> None:
        for check in checks:
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
                failure = failure or StateError(
                    source=self.source.key,
                    tried=f"check what the step {self.context.asset_key.path[-1]} made",
                    got=f"{check.check_name} failed",
                    next_step="This is a fault of woo_sync_pipeline: nothing of it was sent. The check in the "
                    "Dagster UI has the numbers; the next sync tries again.",
                )
                fail_sync(self.database, run_id=self.run_id, error=str(failure))
                self.resources.state.release(self.source.key)

    def _name(self, frame_name: str) -> StagedName:
        run = self.context.run
        return StagedName(
            source=self.source.key,
            frame=frame_name,
            first_day=self.first_day.isoformat(),
            last_day=self.last_day.isoformat(),
            root_run_id=run.root_run_id or run.run_id,
        )
