"""Nobody is subscribed whose last word was no, whatever happens in whatever order.

By hand, with more lives and other seeds, and a count of the opt-ins that are not applied:

    python -m woo_sync_pipeline_tests.lives.many --lives 100000 --first-seed 1
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.lives.living import LIVES_OF_A_WORLD, live

WORLDS = 20
"""With a hundred lives each."""


def test_no_life_ends_in_a_subscription_against_a_no(database: Database) -> None:
    @settings(max_examples=WORLDS, derandomize=True)
    @given(seed=st.integers(0, 2**32 - 1))
    def every_world(seed: int) -> None:
        lived = live(database, seed, people=LIVES_OF_A_WORLD)
        assert lived.violations == []

    every_world()
