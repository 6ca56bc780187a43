"""The live sensor of a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from woo_sync_pipeline.config.settings import Settings, SourceSettings
from woo_sync_pipeline.orchestration.decisions import LiveDecision, decide_live
from woo_sync_pipeline.orchestration.jobs import SourceJobs
from woo_sync_pipeline.orchestration.looks import Looks
from woo_sync_pipeline.orchestration.partitions import range_tags
from woo_sync_pipeline.orchestration.step import KIND_TAG
from woo_sync_pipeline.orchestration.unfinished import fail_lost_run, lost_runs, unfinished_runs
from woo_sync_pipeline.sources.woocommerce.activity import active_customers
from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreError
from woo_sync_pipeline.sources.woocommerce.probe import NewestChange, newest_change
from woo_sync_pipeline.sources.woocommerce.reading import changed_accounts
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import CLOCKS_MAY_DIFFER, Database
from woo_sync_pipeline.state.syncs import Watermark, list_syncs, watermark, watermark_by
from woo_sync_pipeline.steps.days import today
from woo_sync_pipeline.steps.resources import StateResource, StoresResource

RETRY_PAUSE = timedelta(minutes=5)
"""How long after a sync that failed the next one is asked for: a fault that lasts shall not fill the history."""

_FAILED = ("failed", "crashed")


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
        description=f"Every {source.live_interval_seconds} s: asks {source.name} whether an order changed, and "
        "by turns whether a customer registered or the account of an active one changed; if so it runs an incremental "
        "sync.",
    )
    def live(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        database = state.database()
        lost = lost_runs(context.instance, database, source.key)
        looks = Looks.from_cursor(context.cursor)
        obstacle = _lost(context, looks, lost) or _obstacle(settings, source, context.instance, database)
        looks = replace(looks, lost=tuple(run.run_id for run in lost))
        mark = watermark(database, source.key)
        seen = _Seen(mark, looks)
        if mark is not None and obstacle is None:
            with stores.connect(source, now=database.now) as client:
                seen = _look(client, database, source, mark, looks)
        unsent = _unsent(database, source) if obstacle is None else 0
        decision = decide_live(
            watermark=seen.watermark,
            newest=seen.newest,
            obstacle=obstacle,
            unsent=unsent,
            changed_accounts=len(seen.accounts),
        )
        cursor = seen.looks.to_cursor()
        if not decision.run:
            return dg.SensorResult(skip_reason=decision.reason, cursor=cursor)
        context.log.info(f"{source.key}: {decision.reason}")
        request = _request(settings, source, jobs, decision, accounts=seen.accounts, now=database.now())
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return live


@dataclass(frozen=True)
class _Seen:
    """What a tick saw of a store; `accounts` are ids of active customers that are not known in their present form."""

    watermark: Watermark | None
    looks: Looks
    newest: NewestChange | None = None
    accounts: frozenset[int] = frozenset()


def _look(
    client: StoreClient, database: Database, source: SourceSettings, mark: Watermark, looks: Looks
) -> _Seen:
    """Look for orders that changed, and by turns for registrations and for accounts that changed.

    Two requests where nothing happened, and one for each hundred customers who were active.
    """
    now = database.now()
    accounts: frozenset[int] = frozenset()
    registrations = not looks.asks_for_activity(now)
    if registrations:
        looks = looks.after_registrations()
    else:
        looks, accounts = _look_at_active(client, database, source, mark, looks, now)
    # Told by an answer: the store's own clock dates its orders.
    told: list[datetime] = []

    def since(store_now: datetime) -> datetime:
        told.append(store_now)
        read = watermark_by(database, source.key, mark, store_now=store_now)
        # The store's bound is exclusive, and the second of the watermark was perhaps not over.
        return read.read_until - timedelta(seconds=1)

    newest = newest_change(client, since=since, registrations=registrations)
    known = watermark_by(database, source.key, mark, store_now=told[0])
    return _Seen(known, looks, newest, accounts)


def _look_at_active(
    client: StoreClient,
    database: Database,
    source: SourceSettings,
    mark: Watermark,
    looks: Looks,
    now: datetime,
) -> tuple[Looks, frozenset[int]]:
    """Which accounts changed of the customers who were active. A store need not tell who was."""
    try:
        active = active_customers(client, since=looks.active_until or mark.read_until)
    except StoreError:
        return looks.without_activity(now), frozenset()
    until = client.server_time or now
    changed = changed_accounts(client, database, source, active) if active else frozenset()
    # What a sync was asked to read and is still not known as it is does not fit, or the sync failed: the night has it.
    accounts = changed - looks.asked_for
    return looks.after_activity(until=until, changed=accounts), accounts


def _request(
    settings: Settings,
    source: SourceSettings,
    jobs: SourceJobs,
    decision: LiveDecision,
    *,
    accounts: frozenset[int],
    now: datetime,
) -> dg.RunRequest:
    # No run key: Dagster would drop a second request for the same change after a run that failed.
    day = today(settings.timezone, now)
    if decision.is_first:
        # A first sync reads all there is, so it fills every day since the store was connected.
        tags = {KIND_TAG: "first", **range_tags(min(source.start_date, day), day)}
        return dg.RunRequest(job_name=jobs.daily.name, tags=tags)
    named = {"ops": {f"{source.key}__customers": {"config": {"customer_ids": sorted(accounts)}}}}
    return dg.RunRequest(
        job_name=jobs.incremental.name,
        partition_key=day.isoformat(),
        tags={KIND_TAG: "live"},
        run_config=named if accounts else {},
    )


def _lost(context: dg.SensorEvaluationContext, looks: Looks, lost: Sequence[dg.DagsterRun]) -> str | None:
    """Why not to run because of these runs; those that the tick before met already are marked as failed."""
    reason = None
    for run in lost:
        name = run.run_id[:8]
        if run.run_id in looks.lost:
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
