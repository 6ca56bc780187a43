"""The daily schedule of a source."""

from __future__ import annotations

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.orchestration.decisions import days_to_sync
from woo_sync_pipeline.orchestration.jobs import SourceJobs
from woo_sync_pipeline.orchestration.partitions import range_tags
from woo_sync_pipeline.orchestration.tags import KIND_TAG
from woo_sync_pipeline.state.retention import covered_days
from woo_sync_pipeline.state.syncs import completed_sweeps
from woo_sync_pipeline.steps.resources import StateResource


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
