"""The assets of a sync: thin around the folders of the domain."""

from __future__ import annotations

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.orchestration.assets.contact_assets import contacts, merged_contacts
from woo_sync_pipeline.orchestration.assets.platform_asset import synced_contacts
from woo_sync_pipeline.orchestration.assets.report_asset import sync_report
from woo_sync_pipeline.orchestration.sync_asset import asset_of, extraction_asset
from woo_sync_pipeline.sources.registry import kind_of


def source_assets(
    settings: Settings, source: SourceSettings, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """The chain of assets of one source, from its records to the report."""
    extracted = [
        extraction_asset(each, is_first=not at) for at, each in enumerate(kind_of(source).extractions)
    ]
    names = [each.name for each in extracted]
    chain = (*extracted, contacts, merged_contacts, synced_contacts, sync_report)
    return [asset_of(each, settings, source, partitions, extracted=names) for each in chain]
