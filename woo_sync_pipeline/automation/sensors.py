"""The live sensor of a source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from woo_sync_pipeline.assets.step import KIND_TAG, SOURCE_TAG
from woo_sync_pipeline.automation.decisions import LiveDecision, decide_live
from woo_sync_pipeline.automation.jobs import SourceJobs
from woo_sync_pipeline.automation.partitions import range_tags
from woo_sync_pipeline.config import Settings, SourceSettings
from woo_sync_pipeline.resources import StateResource, StoresResource, source_claim
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import watermark
from woo_sync_pipeline.sync.window import today
from woo_sync_pipeline.woocommerce.probe import NewestChange, newest_change

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_CLAIM_PATIENCE_SECONDS = 120.0


def live_sensor(
    settings: Settings,
    source: SourceSettings,
    jobs: SourceJobs,
    *,
    state: StateResource,
    stores: StoresResource,
) -> dg.SensorDefinition:
    """Asks for an incremental run when the store has changed, and for the first sync of a new source."""

    @dg.sensor(
        name=f"{source.key}_live",
        jobs=[jobs.incremental, jobs.daily],
        minimum_interval_seconds=source.live_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Every {source.live_interval_seconds} s: asks {source.name} whether an order changed or a "
        "customer registered, and if so runs an incremental sync.",
    )
    def live(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        database = state.database()
        mark = watermark(database, source.key)
        running = _unfinished_run(context.instance, database, source)
        newest: NewestChange | None = None
        if mark is not None and running is None:
            with stores.connect(source) as client:
                # The store's bound is exclusive, and the second of the watermark was perhaps not over.
                newest = newest_change(client, since=mark.read_until - timedelta(seconds=1))
        decision = decide_live(watermark=mark, newest=newest, running=running)
        if not decision.run:
            return dg.SensorResult(skip_reason=decision.reason)
        context.log.info(f"{source.key}: {decision.reason}")
        return dg.SensorResult(run_requests=[_request(settings, source, jobs, decision)])

    return live


def _request(
    settings: Settings, source: SourceSettings, jobs: SourceJobs, decision: LiveDecision
) -> dg.RunRequest:
    # No run key: Dagster would drop a second request for the same change after a run that failed.
    day = today(settings.timezone, datetime.now(UTC))
    if decision.is_first:
        # A first sync reads all there is, so it fills every day since the store was connected.
        tags = {KIND_TAG: "first", **range_tags(min(source.start_date, day), day)}
        return dg.RunRequest(job_name=jobs.daily.name, tags=tags)
    return dg.RunRequest(
        job_name=jobs.incremental.name, partition_key=day.isoformat(), tags={KIND_TAG: "live"}
    )


def _unfinished_run(instance: dg.DagsterInstance, database: Database, source: SourceSettings) -> str | None:
    filters = dg.RunsFilter(statuses=_UNFINISHED, tags={SOURCE_TAG: source.key})
    for record in instance.get_run_records(filters, limit=10):
        if _may_be_alive(record, database, source):
            return record.dagster_run.run_id[:8]
    return None


def _may_be_alive(record: dg.RunRecord, database: Database, source: SourceSettings) -> bool:
    if record.dagster_run.status is not dg.DagsterRunStatus.STARTED or record.start_time is None:
        return True
    # A run whose process was killed stays "started" for ever; a living one holds its source soon after its start.
    age = datetime.now(UTC).timestamp() - record.start_time
    return age < _CLAIM_PATIENCE_SECONDS or database.is_claimed(source_claim(source.key))
