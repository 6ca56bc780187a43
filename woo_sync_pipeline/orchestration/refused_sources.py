"""A source whose configuration cannot be used: not synced, and not silent about it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import dagster as dg

from woo_sync_pipeline.alerts.alert import configuration_alert
from woo_sync_pipeline.alerts.notify import notify
from woo_sync_pipeline.config.refused import RefusedSource
from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.steps.resources import StateResource

_INTERVAL_SECONDS = 60
_log = logging.getLogger(__name__)


def refused_source_assets(settings: Settings) -> list[dg.AssetSpec]:
    """In the place of the assets of each refused source one that says why they are missing."""
    return [
        dg.AssetSpec(
            [label, "configuration"],
            group_name=label,
            kinds={"yaml"},
            owners=[settings.owner],
            description="This source is not synced.\n\n" + "\n\n".join(str(each.error) for each in refused),
        )
        for label, refused in _by_label(settings).items()
    ]


def refused_source_sensors(settings: Settings, state: StateResource) -> list[dg.SensorDefinition]:
    """A sensor for each refused source that fails at every tick with the reason, and tells it to the receivers."""
    return [_sensor(settings, state, label, refused) for label, refused in _by_label(settings).items()]


def log_refused_sources(settings: Settings) -> None:
    """Write down what is not synced, for whoever reads the log of the code location."""
    for refused in settings.refused:
        _log.error("%s", refused.error)


def _sensor(
    settings: Settings, state: StateResource, label: str, refused: Sequence[RefusedSource]
) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{label}_configuration",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Fails for as long as the configuration of {label} cannot be used: the source is not synced.",
    )
    def configuration(context: dg.SensorEvaluationContext) -> None:
        error = refused[0].error
        if settings.alerts.has_receiver:
            alert = configuration_alert(
                source=label, error=f"{error.tried}: {error.got}", next_step=error.next_step
            )
            notify(alert, settings.alerts, database=state.database, log=context.log.warning)
        raise error

    return configuration


def _by_label(settings: Settings) -> dict[str, list[RefusedSource]]:
    """The refused sources by a label that is no key of another source; those with the same key together."""
    taken = {source.key for source in settings.sources}
    found: dict[str, list[RefusedSource]] = {}
    for refused in settings.refused:
        label = refused.label
        while label in taken:
            label += "_"
        found.setdefault(label, []).append(refused)
    return found
