"""Which days Dagster is told of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from woo_sync_pipeline.orchestration.tags import MOST_DAYS_TOLD, range_tags

LAST = date(2026, 11, 30)
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.mark.parametrize("days", [1, 2, MOST_DAYS_TOLD])
def test_of_few_days_dagster_is_told_all(days: int) -> None:
    first = LAST - timedelta(days=days - 1)
    assert range_tags(first, LAST) == {START: first.isoformat(), END: "2026-11-30"}


@pytest.mark.parametrize("days", [MOST_DAYS_TOLD + 1, 3_200])
def test_of_many_days_it_is_told_the_last_one_and_the_run_knows_the_first(days: int) -> None:
    first = LAST - timedelta(days=days - 1)
    assert range_tags(first, LAST) == {
        START: "2026-11-30",
        END: "2026-11-30",
        "woo_sync/from_day": first.isoformat(),
    }
