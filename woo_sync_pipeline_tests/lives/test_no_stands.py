"""Nobody is subscribed whose last word was no, whatever happens in whatever order.

By hand, with more lives and other seeds, and a count of the opt-ins that are not applied:

    python -m woo_sync_pipeline_tests.lives.many --lives 100000 --first-seed 1
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.lives.living import LIVES_OF_A_WORLD, live

QUARTERS = 4
WORLDS = 5
"""In each quarter of all seeds, with a hundred lives each: two thousand lives."""


@pytest.mark.parametrize("quarter", range(QUARTERS))
def test_no_life_ends_in_a_subscription_against_a_no(database: Database, quarter: int) -> None:
    size = 2**32 // QUARTERS

    @settings(max_examples=WORLDS, derandomize=True)
    @given(seed=st.integers(quarter * size, (quarter + 1) * size - 1))
    def every_world(seed: int) -> None:
        lived = live(database, seed, people=LIVES_OF_A_WORLD)
        assert lived.violations == []

    every_world()
