"""The jobs of a source: the same assets, read in two ways, or only planned."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.orchestration.tags import KIND_TAG, READING_TAG, SOURCE_TAG
from woo_sync_pipeline.sources.registry import kind_of


@dataclass(frozen=True)
class SourceJobs:
    """daily: reads all customers. incremental: reads what orders and registrations point at. preview: sends nothing."""

    daily: dg.UnresolvedAssetJobDefinition
    incremental: dg.UnresolvedAssetJobDefinition
    preview: dg.UnresolvedAssetJobDefinition


def source_jobs(source: SourceSettings, executor: dg.ExecutorDefinition) -> SourceJobs:
    """The jobs of one source."""
    selection = dg.AssetSelection.groups(source.key)
    return SourceJobs(
        daily=dg.define_asset_job(
            f"{source.key}_daily_sync",
            selection=selection,
            executor_def=executor,
            description=f"Brings the platform in step with {source.name}: {kind_of(source).daily_reading}. Running it "
            "again is always safe.",
            tags={SOURCE_TAG: source.key, READING_TAG: "sweep"},
        ),
        incremental=dg.define_asset_job(
            f"{source.key}_incremental_sync",
            selection=selection,
            executor_def=executor,
            description=f"Brings over what changed in {source.name} since the last sync, in a handful of requests.",
            tags={SOURCE_TAG: source.key, READING_TAG: "touched", KIND_TAG: "live"},
        ),
        preview=dg.define_asset_job(
            f"{source.key}_preview",
            selection=selection,
            executor_def=executor,
            config={"ops": {f"{source.key}__synced_contacts": {"config": {"dry_run": True}}}},
            description=f"Shows what the daily sync of {source.name} would change and send. Sends nothing.",
            tags={SOURCE_TAG: source.key, READING_TAG: "sweep"},
        ),
    )
