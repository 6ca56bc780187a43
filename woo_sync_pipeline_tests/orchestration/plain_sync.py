"""Whole syncs without Dagster: the same steps in the same order, a third of the time.

For tests that ask what a sync does to people, not how a run of it looks. test_plain_sync.py holds it against the jobs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import midnight, today
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, yesterday
from woo_sync_pipeline.orchestration.assets.contact_assets import contacts, merged_contacts
from woo_sync_pipeline.orchestration.assets.platform_asset import synced_contacts
from woo_sync_pipeline.orchestration.assets.report_asset import sync_report
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.runner import SyncOutcome, _reading_all
from woo_sync_pipeline.orchestration.step import StepResources
from woo_sync_pipeline.orchestration.sync_asset import SyncAsset, extraction_asset
from woo_sync_pipeline.orchestration.sync_step import sync_step
from woo_sync_pipeline.orchestration.tags import KIND_TAG, READING_TAG, SOURCE_TAG
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.syncs import find_sync
from woo_sync_pipeline.steps.resources import (
    LoggedProgress,
    MessageMediaResource,
    StagingResource,
    StateResource,
)


class PlainRunner:
    """Does what `SyncRunner` does, and leaves no trace in Dagster."""

    def __init__(self, settings: Settings, *, state: StateResource) -> None:
        self._settings = settings
        self._state = state
        self._resources = StepResources(
            state, StagingResource(settings), LoggedProgress(), MessageMediaResource(settings)
        )

    def run(
        self,
        source: SourceSettings,
        days: DayRange,
        *,
        incremental: bool = False,
        dry_run: bool = False,
        whole_history: bool = False,
        accept_changes: bool = False,
    ) -> SyncOutcome:
        """Sync a source for a range of days."""
        run = dg.DagsterRun(
            job_name=f"{source.key}_{'incremental' if incremental else 'daily'}_sync",
            run_id=str(uuid.uuid4()),
            tags={
                SOURCE_TAG: source.key,
                READING_TAG: "touched" if incremental else "sweep",
                KIND_TAG: "live" if incremental else "manual",
            },
            run_config={
                "ops": {
                    f"{source.key}__synced_contacts": {
                        "config": {"dry_run": dry_run, "accept_changes": accept_changes}
                    },
                    **_reading_all(source, whole_history),
                }
            },
        )
        error = self._carry_out(run, source, days)
        self._state.release(source.key)
        return SyncOutcome(source, find_sync(self._state.database(), run_id=run.run_id), error)

    def _carry_out(self, run: dg.DagsterRun, source: SourceSettings, days: DayRange) -> str | None:
        """Run all assets but those that come after one that failed; returns what ended the first of these."""
        errors: dict[str, str] = {}
        lacking: set[str] = set()
        for asset, after in _chain(source):
            if lacking.intersection(after):
                lacking.add(asset.name)
                continue
            error = self._materialize(run, source, asset, days)
            if error is not None:
                errors[asset.name] = error
                lacking.add(asset.name)
        return next(iter(errors.values()), None)

    def _materialize(
        self, run: dg.DagsterRun, source: SourceSettings, asset: SyncAsset, days: DayRange
    ) -> str | None:
        context = _Context(run, dg.AssetKey([source.key, asset.name]), days, self._settings.timezone)
        try:
            with sync_step(
                cast("dg.AssetExecutionContext", context), self._settings, source, self._resources
            ) as step:
                result = asset.run(step)
        except dg.Failure as failure:
            return failure.description or asset.name
        if all(check.passed or check.severity is dg.AssetCheckSeverity.WARN for check in _checks(result)):
            return None
        noted = find_sync(self._state.database(), run_id=run.run_id)
        assert noted is not None
        assert noted.error is not None
        return noted.error


def sync_demo(demo: DemoWorld, key: str) -> None:
    """Sync a source of a demo world, yesterday and today, by its configuration; it must succeed."""
    settings = demo.settings()
    state = StateResource(settings)
    days = DayRange(yesterday(), today(TIMEZONE, datetime.now(UTC)))
    outcome = PlainRunner(settings, state=state).run(settings.source(key), days)
    state.close()
    assert outcome.error is None, outcome.error


def _chain(source: SourceSettings) -> Iterator[tuple[SyncAsset, list[str]]]:
    """The assets of a source, each after those that it reads."""
    extracted = [
        extraction_asset(each, is_first=not at) for at, each in enumerate(kind_of(source).extractions)
    ]
    for asset in (*extracted, contacts, merged_contacts, synced_contacts, sync_report):
        yield asset, [each.name for each in extracted] if asset.after is None else list(asset.after)


def _checks(result: dg.MaterializeResult[Any]) -> list[dg.AssetCheckResult]:
    return list(result.check_results or ())


@dataclass
class _Log:
    """Takes what an asset says for the log of its run."""

    lines: list[str] = field(default_factory=list)

    def info(self, line: str) -> None:
        self.lines.append(line)

    warning = info


class _Context:
    """As much of the context of an asset as a sync asks for."""

    def __init__(self, run: dg.DagsterRun, asset_key: dg.AssetKey, days: DayRange, timezone: str) -> None:
        self.run = run
        self.asset_key = asset_key
        self.partition_key_range = dg.PartitionKeyRange(days.first.isoformat(), days.last.isoformat())
        self.partition_time_window = dg.TimeWindow(
            midnight(days.first, timezone), midnight(_next(days.last), timezone)
        )
        self.op_execution_context = SimpleNamespace(op_config=self._config())
        self.log = _Log()
        self.instance = self

    def add_run_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        assert run_id == self.run.run_id
        self.run = self.run.with_tags({**self.run.tags, **tags})

    def _config(self) -> dict[str, Any]:
        ops: dict[str, Any] = cast("dict[str, Any]", self.run.run_config)["ops"]
        given: dict[str, Any] = ops.get("__".join(self.asset_key.path), {}).get("config", {})
        return given


def _next(day: date) -> date:
    return day + timedelta(days=1)
