"""Has a reading met everybody?"""

from __future__ import annotations

import pytest

from woo_sync_pipeline.sources.woocommerce.reading_warnings import all_were_read


@pytest.mark.parametrize(
    ("read", "in_store", "passed"),
    [(500, 500, True), (500, 497, True), (499, 500, False), (0, 0, True), (0, 3, False)],
)
def test_a_sweep_must_have_read_what_the_store_then_counts(read: int, in_store: int, passed: bool) -> None:
    finding = all_were_read(read=read, in_store=in_store)
    assert finding.passed is passed
    assert finding.numbers == {"read": read, "in_store": in_store}


def test_a_store_that_fills_faster_than_it_can_be_counted_is_not_judged() -> None:
    finding = all_were_read(read=5, in_store=None)
    assert finding.passed
    assert finding.description.startswith("not judged")
