"""The nightly job that forgets what is old: history, ledger of consent, staged frames, and Dagster's own runs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import dagster as dg
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.orchestration.checks import failure_of
from woo_sync_pipeline.orchestration.tags import READING_TAG, SOURCE_TAG
from woo_sync_pipeline.state.consent_ledger import prune_ledger
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.retention import prune_history
from woo_sync_pipeline.state.syncs import mark_crashed, sources_at_work
from woo_sync_pipeline.steps.resources import StagingResource, StateResource, source_claim

RETENTION_TAG = "woo_sync/retention"
_PAGE = 500
_Item = TypeVar("_Item")
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

# What a run filled, checked and how it ended is not among them.
_PROGRESS = [
    kind.value
    for kind in (
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        dg.DagsterEventType.RESOURCE_INIT_STARTED,
        dg.DagsterEventType.RESOURCE_INIT_SUCCESS,
        dg.DagsterEventType.LOGS_CAPTURED,
        dg.DagsterEventType.ENGINE_EVENT,
        dg.DagsterEventType.STEP_WORKER_STARTING,
        dg.DagsterEventType.STEP_WORKER_STARTED,
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_OUTPUT,
        dg.DagsterEventType.STEP_SUCCESS,
    )
]


@dataclass(frozen=True)
class PrunedRuns:
    """How many of Dagster's runs went, and how many old ones stay because an asset has nothing newer."""

    deleted: int
    needed: int


def prune_runs(
    instance: dg.DagsterInstance, *, sources: Collection[str], live_before: datetime, before: datetime
) -> PrunedRuns:
    """Delete ended runs of these sources, and of the retention itself: live ones and others that began before.

    Runs of other projects on the same instance are left alone. So is every run that was the latest to fill some
    partition of an asset: without its event Dagster would show that partition as missing.
    """
    old = [
        run
        for run in _ended_runs(instance, created_before=max(live_before, before))
        if run.is_ours(sources) and run.created_at < (live_before if run.is_live else before)
    ]
    needed = _latest_runs(instance, {name for run in old for name in run.groups})
    doomed = [run.run_id for run in old if run.run_id not in needed]
    for batch in _batches(doomed):
        _forget_checks(instance, batch)
        for run_id in batch:
            instance.delete_run(run_id)
    return PrunedRuns(deleted=len(doomed), needed=len(old) - len(doomed))


def forget_progress(instance: dg.DagsterInstance, *, sources: Collection[str], before: datetime) -> int:
    """Delete how live runs of these sources got on that succeeded and began before; returns how many events.

    Two thirds of what a run leaves behind, it says that steps began, yielded and ended. What was filled and
    checked, with all metadata, and how the run ended stays until the run itself goes.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    succeeded = _ended_runs(instance, created_before=before, statuses=[dg.DagsterRunStatus.SUCCESS])
    run_ids = [run.run_id for run in succeeded if run.is_live and run.is_ours(sources)]
    events, forgotten = SqlEventLogStorageTable, 0
    for batch in _batches(run_ids):
        with storage.index_connection() as connection:
            of_these = events.c.run_id.in_(batch) & events.c.dagster_event_type.in_(_PROGRESS)
            forgotten += connection.execute(events.delete().where(of_these)).rowcount
    return forgotten


@dataclass(frozen=True)
class _Run:
    run_id: str
    created_at: datetime
    is_live: bool
    has_our_tag: bool
    groups: frozenset[str]
    """The groups of its assets; they are named like the sources."""

    def is_ours(self, sources: Collection[str]) -> bool:
        # A run that somebody started from the page of an asset belongs to no job of ours and has no tag of ours.
        return self.has_our_tag or (bool(self.groups) and self.groups <= set(sources))


def _ended_runs(
    instance: dg.DagsterInstance,
    *,
    created_before: datetime,
    statuses: Iterable[dg.DagsterRunStatus] = _ENDED,
) -> Iterator[_Run]:
    filters = dg.RunsFilter(statuses=list(statuses), created_before=created_before)
    cursor: str | None = None
    while page := instance.get_run_records(filters, limit=_PAGE, cursor=cursor):
        for record in page:
            run = record.dagster_run
            source = run.tags.get(SOURCE_TAG)
            chosen = {key.path[0] for key in run.asset_selection or ()}
            yield _Run(
                run.run_id,
                record.create_timestamp,
                is_live=run.tags.get(READING_TAG) == "touched",
                has_our_tag=source is not None or RETENTION_TAG in run.tags,
                groups=frozenset(chosen | ({source} if source else set())),
            )
        cursor = page[-1].dagster_run.run_id


def _latest_runs(instance: dg.DagsterInstance, groups: Collection[str]) -> set[str]:
    """Ids of the runs that hold the latest materialisation of an asset of these groups, or of its partitions."""
    found: set[str] = set()
    for key in instance.get_asset_keys():
        if key.path[0] not in groups:
            continue
        latest = instance.get_latest_materialization_event(key)
        if latest is not None:
            found.add(latest.run_id)
        by_partition = instance.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        found |= _runs_of(instance, key, sorted(by_partition.values()))
    return found


def _runs_of(instance: dg.DagsterInstance, key: dg.AssetKey, storage_ids: Sequence[int]) -> set[str]:
    found: set[str] = set()
    for batch in _batches(storage_ids):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, storage_ids=batch), limit=len(batch)
        ).records
        found.update(record.run_id for record in records)
    return found


def _forget_checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    # Dagster keeps them in a table of their own and leaves them there when it deletes a run: eight rows of each live
    # sync, for ever. It has no method for this.
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            of_these = AssetCheckExecutionsTable.c.run_id.in_(run_ids)
            connection.execute(AssetCheckExecutionsTable.delete().where(of_these))


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + _PAGE] for start in range(0, len(items), _PAGE))


RETENTION = "retention"
_CRON = "30 4 * * *"
_PROGRESS_KEPT = timedelta(days=1)


def retention_job(settings: Settings, state: StateResource, staging: StagingResource) -> dg.JobDefinition:
    """The job that prunes everything this project writes down and nobody needs any more."""
    kept = settings.retention

    @dg.op(name="forget_what_is_old")
    def forget_what_is_old(context: dg.OpExecutionContext) -> dict[str, int]:
        """Delete old syncs, entries of the ledger of consent, staged frames and runs; returns how many of each."""
        now = datetime.now(UTC)
        history_from = now - timedelta(days=kept.history_days)
        try:
            _mark_crashed(state.database())
            syncs = prune_history(state.database(), before=history_from, timezone=settings.timezone)
            entries = prune_ledger(state.database(), before=now - timedelta(days=kept.consent_days))
            frames = staging.area().prune(now=now)
        except WooSyncError as error:
            raise failure_of(error) from None
        sources = [source.key for source in settings.sources]
        runs = prune_runs(
            context.instance,
            sources=sources,
            live_before=now - timedelta(days=kept.live_runs_days),
            before=history_from,
        )
        events = forget_progress(context.instance, sources=sources, before=now - _PROGRESS_KEPT)
        counts = {
            "syncs": syncs,
            "consent_entries": entries,
            "staged_frames": frames,
            "runs": runs.deleted,
            "old_runs_still_needed": runs.needed,
            "events_of_live_runs": events,
        }
        context.add_output_metadata(counts)
        return counts

    @dg.job(
        name=RETENTION,
        executor_def=dg.in_process_executor,
        # What the op returns is for whoever looks at it now: no file shall keep it.
        resource_defs={"io_manager": dg.mem_io_manager},
        tags={RETENTION_TAG: "true"},
        description=f"Forgets the history of syncs and Dagster's runs after {kept.history_days} days, runs of live "
        f"syncs after {kept.live_runs_days} (after one day what tells how they got on), staged frames after "
        f"{kept.staging_days}, and entries of the ledger of consent after {kept.consent_days}. A run stays while it "
        "is the latest that filled some partition of an asset.",
    )
    def retention() -> None:
        forget_what_is_old()

    return retention


def retention_schedule(settings: Settings, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Runs the job every night."""
    return dg.ScheduleDefinition(
        name=f"{RETENTION}_nightly",
        job=job,
        cron_schedule=_CRON,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every day at 04:30 ({settings.timezone}): forgets what is older than the configuration says.",
    )


def _mark_crashed(database: Database) -> None:
    # The next sync of a store does so too. Of one that is configured no more, or cannot be, there is none: its last
    # one would be running for ever, and what is running is never forgotten.
    for source in sources_at_work(database):
        claim = database.claim(source_claim(source))
        if claim is not None:
            mark_crashed(database, source=source, except_run_id="")
            claim.release()
