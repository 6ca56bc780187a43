"""The jobs of a source: the same assets, read in two ways, or only planned; and its daily schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.orchestration.decisions import days_to_sync
from woo_sync_pipeline.orchestration.tags import KIND_TAG, READING_TAG, SOURCE_TAG, range_tags
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.retention import covered_days
from woo_sync_pipeline.state.syncs import completed_sweeps
from woo_sync_pipeline.steps.resources import StateResource


@dataclass(frozen=True)
class SourceJobs:
    """daily: reads all customers. incremental: reads what orders and registrations point at. preview: sends nothing."""

    daily: dg.UnresolvedAssetJobDefinition
    incremental: dg.UnresolvedAssetJobDefinition
    preview: dg.UnresolvedAssetJobDefinition


def source_jobs(source: SourceSettings, executor: dg.ExecutorDefinition) -> SourceJobs:
    """The jobs of one source."""
    selection = dg.AssetSelection.groups(source.key)
    job = partial(dg.define_asset_job, selection=selection, executor_def=executor)
    return SourceJobs(
        daily=job(
            f"{source.key}_daily_sync",
            description=f"Brings the platform in step with {source.name}: {kind_of(source).daily_reading}. Running it "
            "again is always safe.",
            tags={SOURCE_TAG: source.key, READING_TAG: "sweep"},
        ),
        incremental=job(
            f"{source.key}_incremental_sync",
            description=f"Brings over what changed in {source.name} since the last sync, in a handful of requests.",
            tags={SOURCE_TAG: source.key, READING_TAG: "touched", KIND_TAG: "live"},
        ),
        preview=job(
            f"{source.key}_preview",
            config={"ops": {f"{source.key}__synced_contacts": {"config": {"dry_run": True}}}},
            description=f"Shows what the daily sync of {source.name} would change and send. Sends nothing.",
            tags={SOURCE_TAG: source.key, READING_TAG: "sweep"},
        ),
    )


def daily_schedule(
    settings: Settings, source: SourceSettings, jobs: SourceJobs, state: StateResource
) -> dg.ScheduleDefinition:
    """Asks once a day for one run over the days from the oldest missing one to yesterday."""

    @dg.schedule(
        name=f"{source.key}_daily",
        job=jobs.daily,
        cron_schedule=f"{source.daily_at.minute} {source.daily_at.hour} * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every day at {source.daily_at:%H:%M} ({settings.timezone}): one run over all days of "
        f"{source.name} that no daily sync has covered yet, so that an outage heals by itself.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        days = days_to_sync(
            start_date=source.start_date,
            today=today(settings.timezone, context.scheduled_execution_time),
            sweeps=completed_sweeps(state.database(), source.key),
            timezone=settings.timezone,
            covered_before=covered_days(state.database(), source.key),
        )
        if days is None:
            return dg.SkipReason("every day up to yesterday has been synced")
        return dg.RunRequest(tags={KIND_TAG: "daily", **range_tags(days.first, days.last)})

    return daily
