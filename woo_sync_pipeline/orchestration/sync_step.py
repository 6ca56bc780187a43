"""Beginning a step of a sync, and what becomes of one that fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from time import monotonic

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.days import midnight
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.orchestration.checks import failure_of
from woo_sync_pipeline.orchestration.step import StepResources, SyncStep
from woo_sync_pipeline.orchestration.tags import (
    FROM_DAY_TAG,
    KIND_TAG,
    READING_TAG,
    SOURCE_TAG,
)
from woo_sync_pipeline.privacy import places_of, redact
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.failures import known_failure
from woo_sync_pipeline.state.syncs import (
    begin_sync,
    fail_sync,
    mark_crashed,
    watermark,
)
from woo_sync_pipeline.state.wrong_times import heal_wrong_times

TIMES_HEALED = (
    "a machine whose clock was ahead has written times into the state that were not yet due: they are corrected, and "
    "opt-ins of these times count as having no date"
)


@contextmanager
def sync_step(
    context: dg.AssetExecutionContext, settings: Settings, source: SourceSettings, resources: StepResources
) -> Iterator[SyncStep]:
    """Run one asset of a sync; what goes wrong is noted in the history and shown as a `Failure` with metadata."""
    started = monotonic()
    state = resources.state
    database: Database | None = None
    try:
        database = state.database()
        if state.steps_share_a_process:
            # The queue keeps runs of one source apart; those of a command line or of an asset's page it does not know.
            state.wait_for(
                source.key,
                context.run.run_id,
                on_wait=lambda: context.log.info(
                    f"{source.key}: waits for another sync of this source to end"
                ),
            )
        if state.claim(source.key, context.run.run_id):
            mark_crashed(database, source=source.key, except_run_id=context.run.run_id)
        has_healed = heal_wrong_times(database)
        if has_healed:
            context.log.warning(f"{source.key}: {TIMES_HEALED}")
        yield _begin(context, settings, source, resources, database, started, has_healed=has_healed)
    except Exception as error:  # noqa: BLE001 - converted, so that no personal data of its text is shown
        state.release(source.key)
        named = known_failure(error, tried=f"run the step {context.asset_key.path[-1]} of {source.key}")
        if named is not None:
            _note_failure(database, context.run.run_id, str(named))
            # Not chained: what a library says of a request may hold phones.
            raise failure_of(named) from None
        message = f"{type(error).__name__}: {redact(str(error))}"
        _note_failure(database, context.run.run_id, message)
        raise dg.Failure(
            description=f"unexpected {message}. This is a fault of woo_sync_pipeline: nothing is lost, the next "
            "sync goes on where this one ended.",
            metadata={
                "where": dg.MetadataValue.md(f"```\n{places_of(error)}\n```"),
                "error": type(error).__name__,
            },
            allow_retries=False,
        ) from None
    finally:
        if not state.steps_share_a_process:
            state.release(source.key)


def _begin(
    context: dg.AssetExecutionContext,
    settings: Settings,
    source: SourceSettings,
    resources: StepResources,
    database: Database,
    started: float,
    *,
    has_healed: bool,
) -> SyncStep:
    window = context.partition_time_window
    keys = context.partition_key_range
    tags = context.run.tags
    told_from = date.fromisoformat(keys.start)
    first_day = min(told_from, date.fromisoformat(tags.get(FROM_DAY_TAG, keys.start)))
    mark = watermark(database, source.key)
    is_sweep = mark is None or tags.get(READING_TAG) != "touched"
    default_kind = "backfill" if "dagster/backfill" in tags else "manual"
    sync = begin_sync(
        database,
        run_id=context.run.run_id,
        source=source.key,
        kind="first" if mark is None else tags.get(KIND_TAG, default_kind),
        reading="sweep" if is_sweep else "touched",
        first_day=first_day,
        last_day=date.fromisoformat(keys.end),
    )
    # Runs that a person starts in the UI have only the tags of their job.
    told = {SOURCE_TAG: source.key, KIND_TAG: sync.kind}
    if told.items() - tags.items():
        context.instance.add_run_tags(context.run.run_id, told)
    return SyncStep(
        context=context,
        settings=settings,
        source=source,
        resources=resources,
        database=database,
        sync_id=sync.sync_id,
        is_sweep=sync.reading == "sweep",
        first_day=sync.first_day,
        told_from=told_from,
        last_day=sync.last_day,
        range_start=window.start if first_day == told_from else midnight(first_day, settings.timezone),
        range_end=window.end,
        watermark=mark,
        started=started,
        has_healed=has_healed,
    )


def _note_failure(database: Database | None, run_id: str, message: str) -> None:
    if database is None:
        return
    try:
        fail_sync(database, run_id=run_id, error=message)
    except WooSyncError:
        # The state is what failed; the failure itself is raised by the caller.
        return
