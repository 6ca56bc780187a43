"""A partition is one day of store changes."""

from __future__ import annotations

from datetime import date

import dagster as dg

from woo_sync_pipeline.config import Settings, SourceSettings


def source_partitions(settings: Settings, source: SourceSettings) -> dg.DailyPartitionsDefinition:
    """Days of a source in the project's time zone, from the day it was connected; today's day exists."""
    return dg.DailyPartitionsDefinition(
        start_date=source.start_date.isoformat(), timezone=settings.timezone, end_offset=1
    )


def range_tags(first_day: date, last_day: date) -> dict[str, str]:
    """Tags that make a run materialise a range of days at once."""
    return {
        "dagster/asset_partition_range_start": first_day.isoformat(),
        "dagster/asset_partition_range_end": last_day.isoformat(),
    }
