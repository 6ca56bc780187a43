"""The whole pipeline as a component of a Dagster project that is there already."""

import dagster as dg

from woo_sync_pipeline.config.settings import config_path, load_settings
from woo_sync_pipeline.definitions import build_definitions
from woo_sync_pipeline.orchestration.refused_sources import log_refused_sources


class WooSync(dg.Component, dg.Model, dg.Resolvable):
    """Brings in the sources of a `woo_sync.yaml`, which stays the one configuration.

    config: where that file is, from the folder of the component; without it what `WOO_SYNC_CONFIG` names.
    """

    config: str | None = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the configuration; connects to nothing. Raises `ConfigurationError`."""
        settings = load_settings(context.path / self.config if self.config else config_path())
        log_refused_sources(settings)
        return build_definitions(settings)
