"""The tags by which runs say what they are, and days as partitions: one is a day of store changes."""

from __future__ import annotations

from datetime import date

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings

SOURCE_TAG = "woo_sync/source"
KIND_TAG = "woo_sync/kind"
DRY_RUN_TAG = "woo_sync/dry_run"
READING_TAG = "woo_sync/reading"
ASKED_BY_TAG = "woo_sync/asked_by"
FROM_DAY_TAG = "woo_sync/from_day"
"""The first day of a run that covers more days than Dagster is told of."""


def source_partitions(settings: Settings, source: SourceSettings) -> dg.DailyPartitionsDefinition:
    """Days of a source in the project's time zone, from the day it was connected; today's day exists."""
    return dg.DailyPartitionsDefinition(
        start_date=source.start_date.isoformat(), timezone=settings.timezone, end_offset=1
    )


MOST_DAYS_TOLD = 7
"""Days of one run that Dagster itself is told of. Each costs it eight statements, one for each asset."""


def range_tags(first_day: date, last_day: date) -> dict[str, str]:
    """Tags that make a run materialise a range of days at once.

    Of many days Dagster is told the last one only: the assets read and fill the others all the same.
    """
    is_long = (last_day - first_day).days + 1 > MOST_DAYS_TOLD
    return {
        "dagster/asset_partition_range_start": (last_day if is_long else first_day).isoformat(),
        "dagster/asset_partition_range_end": last_day.isoformat(),
        **({FROM_DAY_TAG: first_day.isoformat()} if is_long else {}),
    }


def sources_of(run: dg.DagsterRun) -> list[str]:
    """Keys of the sources that a run syncs; one that was started from the page of an asset has no tag yet."""
    tagged = run.tags.get(SOURCE_TAG)
    return [tagged] if tagged else sorted({key.path[0] for key in run.asset_selection or ()})
