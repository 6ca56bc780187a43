"""Runs of a source that have not ended, and those of them whose process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from woo_sync_pipeline.orchestration.tags import SOURCE_TAG
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps.resources import source_claim

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
CLAIM_PATIENCE_SECONDS = 120.0
"""A living run holds its source soon after its start."""


def unfinished_runs(instance: dg.DagsterInstance, source_key: str) -> Sequence[dg.RunRecord]:
    """Runs of a source that are waiting or under way, the newest first; at most ten."""
    return instance.get_run_records(
        dg.RunsFilter(statuses=UNFINISHED, tags={SOURCE_TAG: source_key}), limit=10
    )


def lost_runs(instance: dg.DagsterInstance, database: Database, source_key: str) -> list[dg.DagsterRun]:
    """Runs of a source that have started and whose process seems to be gone.

    One that has just done its last step holds the source no more and has not ended yet: look twice. A run whose process
    was killed stays "started" for ever, because a launcher that starts processes notices what ends only while it lives
    itself.
    """
    now = datetime.now(UTC).timestamp()
    old = [
        record.dagster_run
        for record in unfinished_runs(instance, source_key)
        if record.dagster_run.status is dg.DagsterRunStatus.STARTED
        and record.start_time is not None
        and now - record.start_time >= CLAIM_PATIENCE_SECONDS
    ]
    return old if old and not database.is_claimed(source_claim(source_key)) else []


def fail_lost_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Mark a run whose process is gone as failed: it leaves the queue, is told like any failure, and may be retried."""
    instance.report_run_failed(
        run, "The process of this run is gone: it was killed, or its machine went down. Nothing is lost."
    )
