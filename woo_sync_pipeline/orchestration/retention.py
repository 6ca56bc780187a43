"""The nightly job that forgets what is old: history, ledger of consent, staged frames, and Dagster's own runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.orchestration.failure import failure_of
from woo_sync_pipeline.orchestration.pruning import RETENTION_TAG, forget_progress, prune_runs
from woo_sync_pipeline.state.consent_ledger import prune_ledger
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.retention import prune_history
from woo_sync_pipeline.state.syncs import mark_crashed, sources_at_work
from woo_sync_pipeline.steps.resources import StagingResource, StateResource, source_claim

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
