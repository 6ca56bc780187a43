"""Dagster assets: thin decorators around the domain folders."""

from __future__ import annotations

import warnings

import dagster as dg

from woo_sync_pipeline.config.settings import Settings, SourceSettings
from woo_sync_pipeline.orchestration.assets.contacts import contact_assets
from woo_sync_pipeline.orchestration.assets.extraction import extraction_assets
from woo_sync_pipeline.orchestration.assets.platform import sync_assets


def source_assets(
    settings: Settings, source: SourceSettings, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """The chain of assets of one source, from the store to the report."""
    with warnings.catch_warnings():
        # Dagster calls `backfill_policy` beta. It is what makes a backfill of many days one walk through the store.
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        return [
            *extraction_assets(settings, source, partitions),
            *contact_assets(settings, source, partitions),
            *sync_assets(source, partitions),
        ]
