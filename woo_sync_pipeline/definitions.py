"""The whole house: every source's assets, jobs, schedule and sensor, and what they work with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import dagster as dg

from woo_sync_pipeline.config.settings import Settings, config_path, load_settings
from woo_sync_pipeline.orchestration.alert_sensors import alert_sensors
from woo_sync_pipeline.orchestration.assets import source_assets
from woo_sync_pipeline.orchestration.executors import step_executor
from woo_sync_pipeline.orchestration.jobs import daily_schedule, source_jobs
from woo_sync_pipeline.orchestration.refused_sources import (
    log_refused_sources,
    refused_source_assets,
    refused_source_sensors,
)
from woo_sync_pipeline.orchestration.retention import retention_job, retention_schedule
from woo_sync_pipeline.orchestration.sensors import live_sensor
from woo_sync_pipeline.orchestration.tags import source_partitions
from woo_sync_pipeline.steps.resources import (
    LoggedProgress,
    MessageMediaResource,
    ProgressResource,
    StagingResource,
    StateResource,
)


def build_definitions(
    settings: Settings, *, state: StateResource | None = None, progress: ProgressResource | None = None
) -> dg.Definitions:
    """Definitions for a configuration; connects to nothing."""
    state = state or StateResource(settings)
    staging = StagingResource(settings)
    executor = step_executor(settings, state)
    sources, jobs = settings.sources, {each.key: source_jobs(each, executor) for each in settings.sources}
    retention = retention_job(settings, state, staging)
    return dg.Definitions(
        assets=[
            *refused_source_assets(settings),
            *(
                asset
                for each in sources
                for asset in source_assets(settings, each, source_partitions(settings, each))
            ),
        ],
        jobs=[
            retention,
            *(job for each in jobs.values() for job in (each.daily, each.incremental, each.preview)),
        ],
        schedules=[
            retention_schedule(settings, retention),
            *(daily_schedule(settings, each, jobs[each.key], state) for each in sources),
        ],
        sensors=[
            *alert_sensors(settings, state),
            *refused_source_sensors(settings, state),
            *(live_sensor(settings, each, jobs[each.key], state) for each in sources),
        ],
        resources={
            "state": state,
            "messagemedia": MessageMediaResource(settings),
            "staging": staging,
            "progress": progress or LoggedProgress(),
        },
        executor=executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """The definitions of the configuration in force."""
    path = config_path()
    return _definitions_of(path, _changed_at(path))


@lru_cache(maxsize=1)
def _definitions_of(path: Path, _changed_at: int) -> dg.Definitions:
    # Kept: a process that runs one job after another, such as a worker, is asked for them each time.
    settings = load_settings(path)
    log_refused_sources(settings)
    return build_definitions(settings)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
