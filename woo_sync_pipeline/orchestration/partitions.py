"""A partition is one day of store changes."""

from __future__ import annotations

from datetime import date

import dagster as dg

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.orchestration.tags import FROM_DAY_TAG


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
