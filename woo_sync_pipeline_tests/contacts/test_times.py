from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from woo_sync_pipeline.contacts.columns import EPOCH, NEVER, microseconds, moments

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 1, 12, 0, 0, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([NOON, None, LONG_AGO], dtype=object),
        pd.Series([NOON, pd.NaT, LONG_AGO], dtype=pd.DatetimeTZDtype("us", "UTC")),
        pd.Series([NOON, pd.NaT, LONG_AGO], dtype=pd.DatetimeTZDtype("ns", "UTC")),
        pd.Series([NOON.astimezone(), None, LONG_AGO], dtype=object),
    ],
)
def test_moments_are_numbers_that_are_moments_again(column: pd.Series[Any]) -> None:
    numbers = microseconds(column)
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [(NOON - LONG_AGO) // timedelta(microseconds=1), NEVER, EPOCH]
    again = moments(numbers)
    assert str(again.dtype) == "datetime64[us, UTC]"
    assert again[0] == NOON
    assert again.isna().tolist() == [False, True, False]


def test_no_time_is_before_every_time_and_can_be_negated() -> None:
    assert NEVER < microseconds(pd.Series([datetime(1, 1, 1, tzinfo=UTC)]))[0] < EPOCH
    assert microseconds(pd.Series([datetime(9999, 12, 31, tzinfo=UTC)]))[0] < -NEVER


def test_nothing_is_nothing() -> None:
    assert microseconds(pd.Series([], dtype=object)).tolist() == []
    assert microseconds(pd.Series([None, None], dtype=object)).tolist() == [NEVER, NEVER]
    assert moments(np.array([], dtype=np.int64)).empty
