"""How much may change at once."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.limits import Change, ChangeSummary, Limit, Measured, likely_causes, told

LIMITS = {change: Limit() for change in Change}
COUNTS = st.integers(0, 10_000)


def measured(change: Change = Change.leaving_lists, *, count: int, of: int) -> Measured:
    return Measured(change, count, of, of, ("+61•••••001",))


@pytest.mark.parametrize(
    ("of", "allowed"),
    [(0, 50), (10, 50), (500, 50), (509, 50), (510, 51), (1_000, 100), (1_000_000, 100_000)],
)
def test_up_to_fifty_pass_and_of_more_than_five_hundred_a_tenth(of: int, allowed: int) -> None:
    assert Limit().allowed(of) == allowed


@given(st.sampled_from(Change), COUNTS, COUNTS)
def test_what_is_beyond_its_limit_is_stopped_and_nothing_else(change: Change, count: int, of: int) -> None:
    summary = ChangeSummary((measured(change, count=count, of=of),))
    is_beyond = count > 50 and count > int(0.1 * of)
    assert bool(summary.beyond(LIMITS)) == is_beyond
    assert not (summary.beyond(LIMITS) and summary.nearly_beyond(LIMITS))


@given(st.lists(st.tuples(st.sampled_from(Change), COUNTS), max_size=5))
def test_nothing_of_a_first_sync_is_stopped(found: list[tuple[Change, int]]) -> None:
    summary = ChangeSummary(tuple(measured(change, count=n, of=0) for change, n in found), is_first=True)
    assert summary.beyond(LIMITS) == ()
    assert summary.nearly_beyond(LIMITS) == ()
    assert summary.circumstances == "This is a first sync: nothing was known that could change."


@pytest.mark.parametrize(("count", "is_near"), [(40, False), (41, True), (50, True), (51, False)])
def test_what_comes_near_to_its_limit_is_told(count: int, is_near: bool) -> None:
    summary = ChangeSummary((measured(count=count, of=465),))
    warning = f"{count} contacts leave lists, of 465: near the limit of 50 (limits.leaving_lists)"
    assert summary.nearly_beyond(LIMITS) == ((warning,) if is_near else ())


def test_what_would_change_is_told_from_what_to_what_with_the_limit_and_examples() -> None:
    gone = Measured(Change.customers_gone, 580, 600, 600, ("customer 7", "customer 8"))
    subscribed = Measured(Change.newly_subscribed, 317, 465, 79)
    assert told([gone, subscribed], LIMITS) == [
        "580 customers are gone from the store (600 → 20), more than the limit of 60 (such as customer 7, customer 8)",
        "317 contacts are newly subscribed (subscribed: 79 → 396), more than the limit of 50",
    ]
    assert likely_causes([gone, gone]).startswith("a plugin, a role or a firewall")


def test_settings_that_changed_are_told() -> None:
    told_of = ChangeSummary(changed_settings=("consent", "default_region")).circumstances
    assert told_of.startswith("Configured otherwise than at the last sync: consent, default_region.")


def test_each_change_has_a_sentence_and_a_cause_and_a_setting() -> None:
    from woo_sync_pipeline.config.source import LimitsSettings

    assert set(LimitsSettings().by_change) == set(Change)
    for change, noun in product(Change, ("store", "account")):
        assert change.likely_cause(noun)
        assert measured(change, count=3, of=10).sentence(noun).startswith("3 ")
