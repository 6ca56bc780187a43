"""What the choices of a phone come to: an opt-in counts from its earliest time, an opt-out until its latest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from woo_sync_pipeline.contacts.merge import deciding_signals
from woo_sync_pipeline_tests.contacts.test_merge import (
    ANN,
    BOB,
    PHONES,
    SIGNAL_COLUMNS,
    SOURCES,
    THREE_STORES,
    Row,
    any_signal,
    at,
    customer,
    known_from,
    many,
    merge,
    merge_one,
    randoms,
    signal,
)

LONG_AGO = pd.Timestamp(0, tz="UTC")
"""When an opt-in was made at the earliest of which nothing is known."""


def opted_in(minute: int | None, *, until: int | None = None, **more: Any) -> Row:
    return signal("opted_in", minute, until=until, **more)


def dated(minute: int, **more: Any) -> Row:
    return signal("opted_in", minute, dated=True, **more)


def opted_out(minute: int | None, *, until: int | None = None, **more: Any) -> Row:
    return signal("opted_out", minute, until=until, **more)


def stop(minute: int) -> Row:
    return signal("opted_out", minute, is_stop=True, origin="unsubscribed under an earlier phone")


def weighed(*signals: Row) -> tuple[str, object, object]:
    """The consent and its two times, in whatever order the choices stand."""
    found = set()
    for order in permutations(signals):
        merged = merge_one(customer(), signals=order)
        found.add((merged["consent"], *(_time(merged[name]) for name in ("consent_at", "consent_dated_at"))))
    (only,) = found
    return only


def _time(value: Any) -> object:
    return None if pd.isna(value) else value


def test_without_a_choice_nothing_is_known() -> None:
    assert weighed() == ("unknown", None, None)
    assert weighed(signal("unknown", 9)) == ("unknown", None, None)
    assert merge_one(customer(), signals=[signal("unknown", 9)])["consent_origin"] == ""


def test_a_record_without_a_choice_changes_nothing() -> None:
    assert weighed(signal("unknown", 9), opted_out(3)) == ("opted_out", at(3), None)
    assert weighed(signal("unknown", 9), opted_in(3)) == ("opted_in", at(3), None)


def test_the_newest_choice_of_all_stores_decides() -> None:
    merged = merge_one(
        customer(),
        signals=[opted_out(5), opted_in(9, source="outlet", origin="newsletter"), opted_in(3)],
    )
    assert (merged["consent"], merged["consent_at"]) == ("opted_in", at(9))
    assert merged["consent_origin"] == "newsletter"
    assert merged["status"] == "SUBSCRIBED"


@pytest.mark.parametrize("sources", [("shop", "outlet"), ("outlet", "shop")])
def test_at_the_same_time_the_opt_out_wins(sources: tuple[str, str]) -> None:
    no, yes = opted_out(5, source=sources[0]), opted_in(5, source=sources[1])
    assert weighed(no, yes) == ("opted_out", at(5), None)
    assert weighed(no, {**yes, "choice_is_dated": True}) == ("opted_out", at(5), None)


def test_an_opt_in_counts_from_its_earliest_time_and_an_opt_out_until_its_latest() -> None:
    assert weighed(opted_in(4, until=20), opted_out(1, until=3)) == ("opted_in", at(4), None)
    for latest in (4, 5, 30):
        assert weighed(opted_in(4, until=20), opted_out(1, until=latest)) == ("opted_out", at(latest), None)


def test_an_opt_in_that_can_be_as_old_as_anything_outweighs_no_opt_out() -> None:
    assert weighed(opted_in(None, until=20)) == ("opted_in", LONG_AGO, None)
    assert weighed(opted_in(None, until=20), opted_out(None, until=0)) == ("opted_out", at(0), None)


def test_a_later_opt_out_outweighs_every_opt_in() -> None:
    assert weighed(opted_in(4), dated(5), opted_out(6)) == ("opted_out", at(6), None)


def test_the_newest_dated_opt_in_is_told_beside_the_newest_of_all() -> None:
    assert weighed(dated(5), dated(3)) == ("opted_in", at(5), at(5))
    assert weighed(dated(5), opted_in(9)) == ("opted_in", at(9), at(5))
    assert weighed(dated(5), opted_in(9), opted_out(3)) == ("opted_in", at(9), at(5))


def test_a_dated_opt_in_that_an_opt_out_outweighs_is_not_told() -> None:
    assert weighed(dated(5), opted_in(9), opted_out(7)) == ("opted_in", at(9), None)
    assert weighed(dated(5), opted_in(9), opted_out(5)) == ("opted_in", at(9), None)
    assert weighed(dated(5), opted_out(7)) == ("opted_out", at(7), None)


# STOPs that came along from an earlier phone.


def test_an_undated_opt_in_is_no_answer_to_a_stop_that_came_along() -> None:
    assert weighed(opted_in(9), stop(5)) == ("opted_out", at(5), None)
    assert weighed(opted_in(9), opted_out(5)) == ("opted_in", at(9), None)


def test_a_dated_one_is_if_it_is_later() -> None:
    assert weighed(dated(6), stop(5)) == ("opted_in", at(6), at(6))
    for minute in (4, 5):
        assert weighed(dated(minute), stop(5)) == ("opted_out", at(5), None)
        assert weighed(dated(minute), opted_in(9), stop(5)) == ("opted_out", at(5), None)


def test_once_a_dated_opt_in_has_answered_the_stop_undated_ones_count_as_ever() -> None:
    assert weighed(dated(6), opted_in(9), stop(5)) == ("opted_in", at(9), at(6))
    assert weighed(dated(6), opted_out(7), stop(5)) == ("opted_out", at(7), None)
    assert weighed(dated(6), opted_out(7), opted_in(9), stop(5)) == ("opted_in", at(9), None)


def test_every_stop_has_to_be_answered() -> None:
    assert weighed(dated(6), opted_in(9), stop(5), stop(7)) == ("opted_out", at(7), None)


# Opt-ins that came back.


def test_an_opt_in_that_came_back_is_news_and_weighs_as_much_as_before() -> None:
    assert weighed(opted_in(4, returned=8)) == ("opted_in", at(8), None)
    assert weighed(opted_in(4, returned=8), opted_out(3)) == ("opted_in", at(8), None)
    for minute in (4, 5, 9):
        assert weighed(opted_in(4, returned=8), opted_out(minute)) == ("opted_out", at(minute), None)
    came_back = signal("opted_in", 4, dated=True, returned=8)
    assert weighed(came_back) == ("opted_in", at(8), at(4))
    assert weighed(came_back, stop(6)) == ("opted_out", at(6), None)


# Which one decided.


def test_the_signal_that_decided_is_known_with_all_that_is_told_of_it() -> None:
    signals = [
        opted_in(30, source="outlet"),
        signal("unknown", 50),
        opted_out(30),
        opted_out(60, source="closed"),
        signal("opted_in", 10, BOB, dated=True, returned=20),
    ]
    decided = deciding_signals(known_from([], signals), phones=[BOB, ANN], sources=SOURCES)
    assert decided["phone"].tolist() == [ANN, BOB]
    assert decided["consent"].tolist() == ["opted_out", "opted_in"]
    assert list(decided.columns) == SIGNAL_COLUMNS
    assert deciding_signals(known_from([]), phones=[ANN], sources=SOURCES).empty


def test_of_signals_that_say_the_same_one_decides_whatever_their_order() -> None:
    same = [opted_in(9, origin=origin, source=source) for origin in "ab" for source in ("shop", "outlet")]
    for order in permutations(same):
        decided = deciding_signals(known_from([], order), phones=[ANN], sources=SOURCES)
        assert decided[["source", "consent_origin"]].to_numpy().tolist() == [["shop", "b"]]
        assert merge_one(customer(), signals=order)["consent_origin"] == "b"


# In every mixture.


def reference(signals: Sequence[Row]) -> tuple[str, object, object]:
    """The same one after the other, as the rule is told."""
    yes = [each for each in signals if each["consent"] == "opted_in"]
    no = [each for each in signals if each["consent"] == "opted_out"]

    def from_of(each: Row) -> pd.Timestamp:
        return LONG_AGO if each["choice_from"] is None else each["choice_from"]

    def later_than(each: Row, others: Sequence[Row]) -> bool:
        return all(from_of(each) > other["choice_until"] for other in others)

    stops = [each for each in no if each["is_stop"]]
    dated_yes = [each for each in yes if each["choice_is_dated"]]
    answered = not stops or any(later_than(each, stops) for each in dated_yes)
    winning = [each for each in yes if later_than(each, no) and (answered or each["choice_is_dated"])]
    if winning:
        news = max(max(from_of(each), each["choice_returned_at"] or LONG_AGO) for each in yes)
        own = [each["choice_from"] for each in winning if each["choice_is_dated"]]
        return "opted_in", news, max(own, default=None)
    if no:
        return "opted_out", max(each["choice_until"] for each in no), None
    return "unknown", None, None


@many
@given(randoms)
def test_choices_are_weighed_as_the_rule_is_told(random: Random) -> None:
    signals = [
        any_signal(random, phone, random.choice([*THREE_STORES, "closed"]))
        for phone in PHONES
        for _ in range(random.randint(0, 5))
    ]
    known = known_from([], random.sample(signals, len(signals)))
    merged = merge(signals=random.sample(signals, len(signals)), phones=PHONES, sources=THREE_STORES)
    deciding = deciding_signals(known, phones=PHONES, sources=THREE_STORES).set_index("phone")
    assert deciding.index.is_unique
    for row in merged.to_dict("records"):
        own = [each for each in signals if each["phone"] == row["phone"] and each["source"] in THREE_STORES]
        told = (row["consent"], _time(row["consent_at"]), _time(row["consent_dated_at"]))
        assert told == reference(own)
        assert (row["phone"] in deciding.index) == (row["consent"] != "unknown")
        if row["consent"] != "unknown":
            decided = deciding.loc[row["phone"]]
            assert decided["consent"] == row["consent"]
            assert decided["consent_origin"] == row["consent_origin"]
            if row["consent"] == "opted_out":
                assert decided["choice_until"] == row["consent_at"]
