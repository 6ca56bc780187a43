"""From the functions of a sync to the assets of one source."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from functools import wraps
from typing import TypeAlias

import dagster as dg
import pyarrow as pa

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.orchestration.checks import check_result, check_spec
from woo_sync_pipeline.orchestration.column_descriptions import COLUMN_DESCRIPTIONS
from woo_sync_pipeline.orchestration.step import StepResources, SyncStep
from woo_sync_pipeline.orchestration.sync_step import TIMES_HEALED, sync_step
from woo_sync_pipeline.sources.base import CheckSpec, Extraction, Option
from woo_sync_pipeline.steps.resources import (
    MessageMediaResource,
    ProgressResource,
    StagingResource,
    StateResource,
)

Columns: TypeAlias = Mapping[str, str] | pa.Schema
"""The columns of a staged frame, with their SQL types or as a schema."""
Run: TypeAlias = Callable[[SyncStep], dg.MaterializeResult]

_PERSONAL = ("phone", "first_name", "last_name", "email", "meta")


@dataclass(frozen=True)
class SyncAsset:
    """An asset that every source has one of, made of a function, whose name and docstring are its own.

    after: what it reads; None: all that the source extracts. columns: of the staged frame. sends: whether it looks at
    the platform, or sends to it. options: what a run may ask of it.
    """

    run: Run
    _: KW_ONLY
    columns: Columns
    described: Mapping[str, str] = field(default_factory=dict)
    kinds: Set[str]
    after: Sequence[str] | None
    checks: Sequence[CheckSpec] = ()
    options: Sequence[Option] = ()
    sends: bool = False

    @property
    def name(self) -> str:
        """The name of the asset."""
        return self.run.__name__


def extraction_asset(extraction: Extraction, *, is_first: bool) -> SyncAsset:
    """The asset of an extraction of a source."""

    @wraps(extraction.extract)
    def run(step: SyncStep) -> dg.MaterializeResult:
        defaults = {option.name: option.default for option in extraction.options}
        found = extraction.extract(step.of_source(defaults))
        warnings = [*_warnings_of_clocks(step, is_first=is_first), *found.warnings]
        for warning in warnings:
            step.context.log.warning(f"{step.source.key}: {warning}")
        notes = {
            **found.notes,
            "read": found.read,
            "requests": found.requests,
            "unreadable": found.unreadable,
            "warnings": warnings,
        }
        step.write(extraction.name, found.frame, notes=notes)
        for name, frame in found.beside.items():
            step.write(name, frame)
        checks = [check_result(check, finding) for check, finding in found.findings.items()]
        return step.result(len(found.frame), checks, **found.metadata)

    return SyncAsset(
        run,
        columns=extraction.columns,
        described=extraction.described,
        kinds=extraction.kinds,
        after=extraction.after,
        checks=extraction.checks,
        options=extraction.options,
    )


def _warnings_of_clocks(step: SyncStep, *, is_first: bool) -> Iterator[str]:
    if step.has_healed:
        yield TIMES_HEALED
    lead = step.database.clock_lead
    if is_first and lead:
        by = timedelta(seconds=round(abs(lead).total_seconds()))
        yield (
            f"the clock of this machine is {by} {'ahead of' if lead > timedelta() else 'behind'} PostgreSQL's, which "
            "is used instead: set it right"
        )


def asset_of(
    asset: SyncAsset,
    settings: Settings,
    source: SourceSettings,
    partitions: dg.PartitionsDefinition[str],
    *,
    extracted: Sequence[str],
) -> dg.AssetsDefinition:
    """An asset of one source; `extracted` names those that the source itself has."""

    def run(context: dg.AssetExecutionContext, resources: StepResources) -> dg.MaterializeResult:
        with sync_step(context, settings, source, resources) as step:
            return asset.run(step)

    # Each is given what it works with, and nothing else.
    def sending(
        context: dg.AssetExecutionContext,
        state: dg.ResourceParam[StateResource],
        staging: dg.ResourceParam[StagingResource],
        progress: dg.ResourceParam[ProgressResource],
        messagemedia: dg.ResourceParam[MessageMediaResource],
    ) -> dg.MaterializeResult:
        return run(context, StepResources(state, staging, progress, messagemedia))

    def reading(
        context: dg.AssetExecutionContext,
        state: dg.ResourceParam[StateResource],
        staging: dg.ResourceParam[StagingResource],
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        return run(context, StepResources(state, staging, progress))

    key = dg.AssetKey([source.key, asset.name])
    with warnings.catch_warnings():
        # Dagster calls `backfill_policy` beta. It is what makes a backfill of many days one walk through the source.
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        return dg.asset(
            key=key,
            description=inspect.getdoc(asset.run),
            group_name=source.key,
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
            kinds=set(asset.kinds),
            owners=[settings.owner],
            freshness_policy=_daily_freshness(),
            metadata={"dagster/column_schema": _table_schema(asset)},
            deps=[
                dg.AssetKey([source.key, name])
                for name in (extracted if asset.after is None else asset.after)
            ],
            check_specs=[check_spec(check, key) for check in asset.checks],
            config_schema={option.name: _field(option) for option in asset.options} or None,
        )(sending if asset.sends else reading)


def _field(option: Option) -> dg.Field:
    kind = bool if isinstance(option.default, bool) else [dg.Any]
    default = option.default if isinstance(option.default, bool) else list(option.default)
    return dg.Field(kind, default_value=default, is_required=False, description=option.description)


def _daily_freshness() -> dg.FreshnessPolicy:
    """Fresh within a day and a half; a warning after a day and two hours."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))


def _table_schema(asset: SyncAsset) -> dg.TableSchema:
    columns, described = asset.columns, {**COLUMN_DESCRIPTIONS, **asset.described}
    typed = {field.name: str(field.type) for field in columns} if isinstance(columns, pa.Schema) else columns
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, described.get(name), tags={"pii": ""} if _is_personal(name) else None)
            for name, kind in typed.items()
        ]
    )


def _is_personal(column: str) -> bool:
    return any(column == name or column.endswith(f"_{name}") for name in _PERSONAL)
