"""Nobody is subscribed whose last word was no, whatever happens in whatever order: two thousand lives.

By hand, with more lives and other seeds, and a count of the opt-ins that are not applied:

    python -m woo_sync_pipeline_tests.lives.many --lives 100000 --first-seed 1
"""

from __future__ import annotations

import pytest

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.lives.living import live

LIVES = 250
"""In each world. A sync costs much, and one more person in it next to nothing."""
SEEDS = {
    "explicit consent, a STOP moves the date, clock ahead": 3,
    "explicit consent, a STOP moves the date, clock behind": 9,
    "explicit consent, a STOP moves no date": 7,
    "explicit consent, a STOP moves no date, clock ahead": 11,
    "inferred consent, a STOP moves the date": 6,
    "inferred consent, a STOP moves the date, clock behind": 8,
    "inferred consent, a STOP moves no date, clock behind": 5,
    "inferred consent, a STOP moves no date, behind a CDN": 1,
}
"""Worlds by what their seeds make of them."""


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_no_life_ends_in_a_subscription_against_a_no(database: Database, seed: int) -> None:
    lived = live(database, seed, people=LIVES)
    assert lived.violations == []
    assert 0 < lived.opted_in < LIVES
