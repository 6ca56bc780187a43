"""The sensors that tell people when a run failed or ended with errors, and again what could not be delivered."""

from collections.abc import Iterable, Iterator

import dagster as dg

from woo_sync_pipeline.alerts.alert import Alert, FailedCheck, Failure, error_alerts, failure_alert
from woo_sync_pipeline.alerts.notify import Patience, notify, retry_undelivered
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.orchestration.tags import sources_of
from woo_sync_pipeline.state.syncs import SyncRun, find_sync
from woo_sync_pipeline.steps.resources import StateResource

_INTERVAL_SECONDS = 30
_AGAIN_SECONDS = 60


def alert_sensors(settings: Settings, state: StateResource) -> list[dg.SensorDefinition]:
    """All of them; none when nobody is configured who could be told."""
    if not settings.alerts.has_receiver:
        return []
    patience = Patience()

    def tell_all(context: dg.RunStatusSensorContext, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            notify(
                alert,
                settings.alerts,
                database=state.database,
                log=context.log.warning,
                patience=patience,
            )

    @dg.run_failure_sensor(
        name="alert_on_failure",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the receivers of alerts when a run failed: which source, why, and what to do.",
    )
    def alert_on_failure(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        alert = failure_alert(
            source=", ".join(sources_of(run)) or run.job_name,
            run_id=run.run_id,
            sync=_sync(state, run, context),
            failure=_failure(context),
            kind=_kind(context),
        )
        tell_all(context, [alert])

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_errors",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the receivers of alerts when a sync succeeded, but contacts failed or a check did not "
        "pass, such as too many records without a usable phone.",
    )
    def alert_on_errors(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        sync = _sync(state, run, context)
        if sync is not None:
            checks = _failed_checks(context.instance, run.run_id)
            tell_all(context, error_alerts(source=sync.source, sync=sync, checks=checks))

    # Dagster calls the others once for each run, whatever becomes of it: what is to be tried again needs a third one.
    @dg.sensor(
        name="alert_again",
        minimum_interval_seconds=_AGAIN_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the receivers of alerts what could not be delivered to them before.",
    )
    def alert_again(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        told = retry_undelivered(settings.alerts, database=state.database(), log=context.log.warning)
        return dg.SkipReason(f"Alerts delivered that could not be delivered before: {told}")

    return [alert_on_failure, alert_on_errors, alert_again]


def _sync(state: StateResource, run: dg.DagsterRun, context: dg.RunStatusSensorContext) -> SyncRun | None:
    try:
        return find_sync(state.database(), run_id=run.run_id)
    except StateError as error:
        context.log.warning(f"the history cannot be read: {error}")
        return None


def _failure(context: dg.RunFailureSensorContext) -> Failure | None:
    """The failure of the first step that says why and what to do."""
    for event in context.get_step_failure_events():
        told = event.step_failure_data.user_failure_data
        if told is None or not told.description:
            continue
        facts = {name: str(value.value) for name, value in told.metadata.items()}
        if "what to do" in facts:
            return Failure(f"{facts['source']}: {facts['tried']}: {facts['came back']}", facts["what to do"])
        return Failure(told.description)
    return None


def _kind(context: dg.RunFailureSensorContext) -> str:
    """What kind of failure it is: the name of an exception, or of the checks that ended the run."""
    checks = _failed_checks(context.instance, context.dagster_run.run_id)
    ended_by = sorted({each.name for each in checks if each.ended_the_run})
    for event in context.get_step_failure_events():
        told = event.step_failure_data.user_failure_data
        if told is not None and "error" in told.metadata:
            return str(told.metadata["error"].value)
        error = event.step_failure_data.error
        if error is not None:
            return ", ".join(ended_by) or str((error.cause or error).cls_name)
    return "the process ended"


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[FailedCheck]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        evaluation = entry.get_dagster_event().asset_check_evaluation_data
        if not evaluation.passed:
            yield FailedCheck(
                evaluation.check_name,
                evaluation.description or "its metadata has the numbers",
                ended_the_run=evaluation.severity is dg.AssetCheckSeverity.ERROR,
            )
