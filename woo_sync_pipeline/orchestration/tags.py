"""The tags by which runs say what they are."""

SOURCE_TAG = "woo_sync/source"
KIND_TAG = "woo_sync/kind"
DRY_RUN_TAG = "woo_sync/dry_run"
READING_TAG = "woo_sync/reading"
ASKED_BY_TAG = "woo_sync/asked_by"
FROM_DAY_TAG = "woo_sync/from_day"
"""The first day of a run that covers more days than Dagster is told of."""
