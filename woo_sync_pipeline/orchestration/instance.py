"""A Dagster instance for one machine: its runs and events live in the same PostgreSQL as the state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV, Settings
from woo_sync_pipeline.state.failures import known_failure
from woo_sync_pipeline.steps.resources import StateResource

DAGSTER_HOME_ENV = "DAGSTER_HOME"
_RECONNECT_SECONDS = 1
"""Age at which a connection to Dagster's storage is made anew: one that was cut meanwhile is not used again."""

# The name of the driver is spelled out: without it SQLAlchemy may choose one that is not installed.
DAGSTER_YAML = f"""\
# Written by woo_sync_pipeline for a try on one machine; a file that is there already is left alone.
storage:
  postgres:
    postgres_url:
      env: {DATABASE_URL_ENV}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
    dequeue_use_threads: true
    # Syncs of one source run one after the other.
    tag_concurrency_limits:
      - key: woo_sync/source
        value: {{applyLimitPerUniqueValue: true}}
        limit: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  max_runtime_seconds: 86400
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
# Events say all there is to say. Files of what each run prints would be kept for ever.
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
retention:
  schedule: {{purge_after_days: 90}}
  sensor: {{purge_after_days: {{skipped: 7, failure: 30, success: 30}}}}
sensors:
  use_threads: true
  num_workers: 4
telemetry:
  enabled: false
nux:
  enabled: false
"""


def prepare_dagster_home(settings: Settings, state: StateResource) -> Path:
    """A folder for `DAGSTER_HOME` beside the configuration, its storage in the state's database.

    Puts the database's URL into the environment, for this process and those that it starts.
    """
    home = settings.data_directory / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    file = home / "dagster.yaml"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ[DATABASE_URL_ENV] = state.url()
    return home


@contextmanager
def dagster_instance(settings: Settings, state: StateResource) -> Iterator[dg.DagsterInstance]:
    """The instance of `DAGSTER_HOME`, else one of our own beside the configuration.

    Raises `StateError`, also when Dagster's own database cannot be used, and `DiskFullError`.
    """
    # Asked first: Dagster would try several times, and then show a traceback instead of what to do.
    state.database().migrate()
    with ExitStack() as stack:
        try:
            if os.environ.get(DAGSTER_HOME_ENV):
                opened = dg.DagsterInstance.get()
            else:
                opened = dg.DagsterInstance.from_config(str(prepare_dagster_home(settings, state)))
            instance = stack.enter_context(opened)
            _keep_connected(instance)
        except Exception as error:
            named = known_failure(error, tried="open Dagster's storage")
            if named is None:
                raise
            raise named from None
        yield instance


def _keep_connected(instance: dg.DagsterInstance) -> None:
    # Without this Dagster connects anew for every event that it stores, more than half of the time of a small sync.
    instance.optimize_for_webserver(statement_timeout=0, pool_recycle=_RECONNECT_SECONDS, max_overflow=20)
