"""What a look at a store makes of what it saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.sources.woocommerce.live import NewestChange, change_seen
from woo_sync_pipeline.state.syncs import Watermark

READ_UNTIL = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
MARK = Watermark(READ_UNTIL, {"last_customer_id": 20})


def newest(seconds: int | None, customer_id: int | None) -> NewestChange:
    moment = None if seconds is None else READ_UNTIL + timedelta(seconds=seconds)
    return NewestChange(order_modified_at=moment, customer_id=customer_id)


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        (newest(1, 20), True),
        (newest(0, 20), True),
        (newest(-1, 20), False),
        (newest(None, 20), False),
        (newest(None, None), False),
        (newest(None, 21), True),
        (newest(None, 19), False),
        (newest(-1, 21), True),
    ],
)
def test_an_order_that_changed_or_a_customer_who_registered_is_a_change(
    change: NewestChange, runs: bool
) -> None:
    seen = change_seen(MARK, change)
    assert (seen is not None) is runs
    assert seen != ""


def test_an_account_that_changed_is_a_change_too() -> None:
    seen = change_seen(MARK, newest(None, None), changed_accounts=2)
    assert seen == "2 accounts of active customers changed"
