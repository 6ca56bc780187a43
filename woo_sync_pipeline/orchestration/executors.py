"""Where the steps of a sync run: in the process of the run, or on Celery workers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from woo_sync_pipeline.config.celery import CelerySettings
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.orchestration.tags import sources_of
from woo_sync_pipeline.state.syncs import mark_crashed
from woo_sync_pipeline.steps.resources import StateResource

if TYPE_CHECKING:
    from celery import Celery
    from dagster_celery.executor import CeleryExecutor

_RESTORE_SECONDS = 10
"""How often workers look for steps whose worker is lost."""


def step_executor(settings: Settings, state: StateResource) -> dg.ExecutorDefinition:
    """The executor of all jobs: the configured one. Steps share a process unless `celery` is configured.

    Raises `ConfigurationError` when the extra `celery` is not installed but configured.
    """
    celery = settings.celery
    if celery is None:
        return dg.in_process_executor
    executor = _sync_executor(celery, state)

    @dg.executor(name="celery", requirements=dg.multiple_process_executor_requirements())
    def celery_executor(_context: dg.InitExecutorContext) -> CeleryExecutor:
        return executor

    return celery_executor


def celery_app(settings: Settings) -> Celery:
    """The Celery application of workers, configured like the executor that hands them their steps.

    Raises `ConfigurationError` when Celery is not configured, or not installed.
    """
    if settings.celery is None:
        raise ConfigurationError(
            source="celery",
            tried="start a worker",
            got="the configuration has no section celery",
            next_step="Add it (woo_sync.example.yaml explains it), with database_url and staging_url.",
        )
    executor = _sync_executor(settings.celery, StateResource(settings))
    from dagster_celery.make_app import make_app
    from dagster_celery.tasks import create_task

    app = make_app(executor.app_args())
    create_task(app)
    return app


def _sync_executor(celery: CelerySettings, state: StateResource) -> CeleryExecutor:
    try:
        from dagster_celery.executor import CeleryExecutor
    except ImportError as missing:
        raise ConfigurationError(
            source="celery",
            tried="load the executor that the section celery asks for",
            got=str(missing),
            next_step="Install woo_sync_pipeline with its extra: woo_sync_pipeline[celery].",
        ) from None
    from dagster._core.execution.retries import RetryMode

    class SyncExecutor(CeleryExecutor):
        """Holds the source for as long as the run lives: no step does, since each runs in another process."""

        def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
            run: dg.DagsterRun = plan_context.dagster_run
            sources = sources_of(run)
            try:
                for source in sources:
                    waits = f"{source}: waits for another sync of this source to end"
                    state.wait_for(source, run.run_id, on_wait=partial(plan_context.log.info, waits))
                    if state.claim(source, run.run_id):
                        mark_crashed(state.database(), source=source, except_run_id=run.run_id)
                yield from super().execute(plan_context, execution_plan)
            finally:
                for source in sources:
                    state.release(source)

    url = celery.redis_url.get_secret_value()
    return SyncExecutor(
        retries=RetryMode.ENABLED, broker=url, backend=url, config_source=_celery_config(celery)
    )


def _celery_config(celery: CelerySettings) -> dict[str, Any]:
    return {
        # A step belongs to its worker until it is done. One that is lost with its worker is handed to another.
        "task_acks_late": True,
        "worker_deduplicate_successful_tasks": True,
        "broker_transport_options": {
            "visibility_timeout": celery.redeliver_after_seconds,
            "unacked_restore_interval": min(_RESTORE_SECONDS, celery.redeliver_after_seconds),
            "unacked_restore_throttle": 1,
        },
        "worker_prefetch_multiplier": 1,
        "broker_connection_retry_on_startup": True,
    }
