"""The live sensor of a source, and runs that have not ended, or whose process is gone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import today
from woo_sync_pipeline.orchestration.decisions import LiveDecision, decide_live
from woo_sync_pipeline.orchestration.jobs import SourceJobs
from woo_sync_pipeline.orchestration.tags import KIND_TAG, SOURCE_TAG, range_tags
from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.sources.registry import kind_of
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import list_syncs, watermark
from woo_sync_pipeline.steps.resources import StateResource, source_claim

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


RETRY_PAUSE = timedelta(minutes=5)
"""How long after a sync that failed the next one is asked for: a fault that lasts shall not fill the history."""

_FAILED = ("failed", "crashed")


def live_sensor(
    settings: Settings, source: SourceSettings, jobs: SourceJobs, state: StateResource
) -> dg.SensorDefinition:
    """Asks for an incremental run when the source has changed, and for the first sync of a new one."""
    kind = kind_of(source)

    @dg.sensor(
        name=f"{source.key}_live",
        jobs=[jobs.incremental, jobs.daily],
        minimum_interval_seconds=source.live_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Every {source.live_interval_seconds} s: asks {source.name} {kind.live_looking}; if so it runs an "
        "incremental sync.",
    )
    def live(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        database = state.database()
        before = Memory.from_cursor(context.cursor)
        lost = lost_runs(context.instance, database, source.key)
        obstacle = _lost(context, before.lost, lost) or _obstacle(
            settings, source, context.instance, database
        )
        mark = watermark(database, source.key)
        look = Look(before.of_source)
        if mark is not None and obstacle is None:
            look = kind.look(source, database, mark, before.of_source)
        unsent = _unsent(database, source) if obstacle is None else 0
        decision = decide_live(is_known=mark is not None, look=look, obstacle=obstacle, unsent=unsent)
        cursor = Memory(tuple(run.run_id for run in lost), look.memory).to_cursor()
        if not decision.run:
            return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
        context.log.info(f"{source.key}: {decision.reason}")
        request = _request(settings, source, jobs, decision, look=look, now=database.now())
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return live


@dataclass(frozen=True)
class Memory:
    """What one tick tells the next: runs whose process seemed to be gone, and what the source wants to remember."""

    lost: tuple[str, ...] = ()
    of_source: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Memory:
        """What a cursor says. Older versions had only runs in it, parted by blanks; or all of it beside each other."""
        if not cursor or not cursor.startswith("{"):
            return cls(tuple((cursor or "").split()))
        values = json.loads(cursor)
        lost = values.pop("lost")
        return cls(tuple(lost), values.get("source", values))

    def to_cursor(self) -> str:
        """The cursor for the next tick."""
        return json.dumps({"lost": self.lost, "source": self.of_source})


def _request(
    settings: Settings,
    source: SourceSettings,
    jobs: SourceJobs,
    decision: LiveDecision,
    *,
    look: Look,
    now: datetime,
) -> dg.RunRequest:
    # No run key: Dagster would drop a second request for the same change after a run that failed.
    day = today(settings.timezone, now)
    if decision.is_first:
        # A first sync reads all there is, so it fills every day since the store was connected.
        tags = {KIND_TAG: "first", **range_tags(min(source.start_date, day), day)}
        return dg.RunRequest(job_name=jobs.daily.name, tags=tags)
    asked = {f"{source.key}__{name}": {"config": dict(each)} for name, each in look.options.items()}
    return dg.RunRequest(
        job_name=jobs.incremental.name,
        partition_key=day.isoformat(),
        tags={KIND_TAG: "live"},
        run_config={"ops": asked} if asked else {},
    )


def _lost(
    context: dg.SensorEvaluationContext, met: Sequence[str], lost: Sequence[dg.DagsterRun]
) -> str | None:
    """Why not to run because of these runs; those that the tick before `met` already are marked as failed."""
    reason = None
    for run in lost:
        name = run.run_id[:8]
        if run.run_id in met:
            fail_lost_run(context.instance, run)
            reason = f"the process of the run {name} was gone: the run was marked as failed"
        else:
            reason = reason or f"the process of the run {name} seems to be gone: the next tick looks again"
    return reason


def _obstacle(
    settings: Settings, source: SourceSettings, instance: dg.DagsterInstance, database: Database
) -> str | None:
    """What keeps the source from being synced now, whatever has changed."""
    now = database.now()
    day = today(settings.timezone, now)
    if source.start_date > day:
        return f"start_date {source.start_date} has not begun: it is {day} in {settings.timezone}"
    for record in unfinished_runs(instance, source.key):
        return f"the run {record.dagster_run.run_id[:8]} of this source has not ended yet"
    for last in list_syncs(database, source=source.key, limit=1):
        # What has ended in the future was written by a clock that was ahead.
        if (
            last.status in _FAILED
            and last.finished_at is not None
            and last.finished_at <= now + CLOCKS_MAY_DIFFER
            and now < last.finished_at + RETRY_PAUSE
        ):
            return (
                f"sync {last.sync_id} failed at {last.finished_at.astimezone(UTC):%H:%M:%S} UTC: the next try is "
                f"{RETRY_PAUSE.seconds // 60} minutes later"
            )
    return None


def _unsent(database: Database, source: SourceSettings) -> int:
    """How many contacts a sync that failed has left to be sent. What a dry run leaves waits for a sync of its own."""
    for last in list_syncs(database, source=source.key, limit=1):
        if last.status in _FAILED and not last.is_dry_run:
            return len(pending_phones(database, source_name=source.name, touched=[], include_rejected=False))
    return 0
