"""The application of Celery workers: `celery -A woo_sync_pipeline.celery_worker worker`.

Configured by the same `woo_sync.yaml` as everything else.
"""

from __future__ import annotations

# Imported before the workers fork, so that they share its memory and none waits for it.
import woo_sync_pipeline.definitions
import woo_sync_pipeline.reports.chart  # noqa: F401
from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.orchestration.executors import celery_app

app = celery_app(load_settings())
