"""Which opt-ins only repeat an older one: the quick answer over all rows, against a slow one for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.choice_times import Interval
from woo_sync_pipeline.contacts.columns import NEVER
from woo_sync_pipeline.contacts.repeats import PersonalChoices, repeats_of
from woo_sync_pipeline_tests.examples import examples


@dataclass(frozen=True)
class Said:
    """One choice. `at` puts it in order; None: nobody knows when. `asks`: whether it may repeat another one. `since`:
    the earliest time at which it can have been made, where that is not `at`.
    """

    yes: bool | None
    at: int | None
    phone: str | None = "P"
    customer: int = 0
    email: str = ""
    key: str = "sms"
    is_dated: bool = True
    asks: bool = True
    since: int | None = None

    def is_of_the_person_of(self, other: Said) -> bool:
        """By phone, by customer, or by address where neither gave a phone."""
        if self.phone is None and other.phone is None and self.email and self.email == other.email:
            return True
        same_customer = self.customer != 0 and self.customer == other.customer
        return same_customer or (self.phone is not None and self.phone == other.phone)

    @property
    def counts(self) -> bool:
        return self.yes is not None and self.key != "" and self.at is not None


def columns(said: Sequence[Said]) -> PersonalChoices:
    rows = pd.DataFrame(
        [(each.phone, str(each.customer or ""), each.email) for each in said],
        columns=["phone", "person_id", "email"],
        dtype=object,
    )
    words = {True: "opted_in", False: "opted_out", None: "unknown"}
    times = np.array([NEVER if each.at is None else each.at for each in said], dtype=np.int64)
    return PersonalChoices.of_rows(
        rows,
        key=np.array([each.key for each in said], dtype=object),
        choice=np.array([words[each.yes] for each in said], dtype=object),
        said=Interval(
            np.array([NEVER if each.at is None else each.since or each.at for each in said], dtype=np.int64),
            times,
            np.array([each.is_dated for each in said], dtype=bool),
        ),
        repeats=np.array([each.asks for each in said], dtype=bool),
    )


Found = list[tuple[bool, int, bool]]
"""Of each that asks, whether it repeats another, when that was, and whether it is dated."""


def found(asking: Sequence[Said], others: Sequence[Said] = ()) -> Found:
    choices = PersonalChoices.together(columns(asking), columns(others))
    candidates = np.array([each.asks for each in asking], dtype=bool)
    repeats = repeats_of(choices, candidates)
    assert len(repeats.are_some) == len(asking)
    return [
        (bool(is_one), int(ends), bool(is_dated))
        for is_one, ends, is_dated in zip(
            repeats.are_some, repeats.said.ends, repeats.said.is_dated, strict=True
        )
    ]


def reference(asking: Sequence[Said], others: Sequence[Said]) -> Found:
    everyone = [*asking, *others]

    def order(place: int) -> tuple[int, bool, int]:
        """By time; at the same time an opt-out comes first."""
        each = everyone[place]
        return each.at or 0, bool(each.yes), place

    def before(place: int) -> int | None:
        each = everyone[place]
        if not each.counts:
            return None
        earlier = [
            other
            for other, said in enumerate(everyone)
            if said.counts
            and order(other) < order(place)
            and said.key == each.key
            and said.is_of_the_person_of(each)
        ]
        return max(earlier, key=order, default=None)

    def head(place: int) -> int:
        repeated = before(place) if everyone[place].asks else None
        return head(repeated) if repeated is not None and everyone[repeated].yes else place

    answers = []
    for place in range(len(asking)):
        first = head(place)
        answered = before(first) if everyone[first].asks else None
        # After an opt-out without a date nobody knows.
        unsure = answered is not None and not everyone[answered].yes and not everyone[answered].is_dated
        said = everyone[first]
        at = NEVER if said.at is None else said.at
        answers.append((first != place, at, said.is_dated and not unsure))
    return answers


def test_nothing_repeats_nothing() -> None:
    assert found([]) == []
    assert found([Said(True, 5)]) == [(False, 5, True)]
    assert found([], [Said(True, 5)]) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Said(True, 1), Said(True, 5)),
        (Said(True, 1, customer=7), Said(True, 5, phone="Q", customer=7)),
        (Said(True, 1, phone=None, customer=7), Said(True, 5, customer=7)),
        (Said(True, 1, phone=None, email="a@b"), Said(True, 5, phone=None, email="a@b")),
    ],
)
def test_a_yes_of_the_same_person_is_repeated(first: Said, second: Said) -> None:
    assert found([second], [first]) == [(True, 1, True)]
    assert found([second, first]) == [(True, 1, True), (False, 1, True)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Said(True, 1, phone="Q"), Said(True, 5)),
        (Said(True, 1, phone=None), Said(True, 5, phone=None)),
        (Said(True, 1, key="news"), Said(True, 5)),
        (Said(True, 1, key=""), Said(True, 5, key="")),
        (Said(True, 1, email="a@b"), Said(True, 5, phone=None, email="a@b")),
        (Said(True, 1, phone=None, email="a@b"), Said(True, 5, email="a@b")),
        (Said(True, 1, phone="Q", customer=7), Said(True, 5, customer=8)),
        (Said(True, None), Said(True, 5)),
        (Said(None, 1), Said(True, 5)),
        (Said(True, 9), Said(True, 5)),
    ],
)
def test_nothing_else_is(first: Said, second: Said) -> None:
    assert found([second], [first]) == [(False, 5, True)]


def test_who_does_not_ask_repeats_nothing() -> None:
    assert found([Said(True, 5, asks=False)], [Said(True, 1)]) == [(False, 5, True)]


def test_a_no_in_between_makes_it_new() -> None:
    assert found([Said(True, 5)], [Said(True, 1), Said(False, 3)]) == [(False, 5, True)]
    # Of the same person, under the same key.
    for other in (Said(False, 3, phone="Q"), Said(False, 3, key="news")):
        assert found([Said(True, 5)], [Said(True, 1), other]) == [(True, 1, True)]


def test_a_no_in_between_that_was_perhaps_made_before_the_latest_yes_makes_nothing_new() -> None:
    for no, is_new in ((Said(False, 5, since=3), True), (Said(False, 5, since=2), False)):
        said = [Said(True, 1), Said(True, 3), no]
        assert found([Said(True, 7)], said) == [(False, 7, True) if is_new else (True, 1, True)]


def test_after_a_no_without_a_date_it_has_none_either() -> None:
    said = [Said(True, 1), Said(False, 3, is_dated=False)]
    assert found([Said(True, 5)], said) == [(False, 5, False)]
    assert found([Said(True, 7), Said(True, 5)], said) == [(True, 5, False), (False, 5, False)]


def test_at_the_same_time_a_no_comes_first_so_that_the_yes_is_what_is_repeated_later() -> None:
    """The no outweighs that yes all the same."""
    said = [Said(True, 1), Said(False, 5)]
    assert found([Said(True, 5), Said(True, 7)], said) == [(False, 5, True), (True, 5, True)]


def test_chains_are_followed_over_everything_that_tells_a_person() -> None:
    same = [
        Said(True, 4, phone=None, customer=7, email="a@b"),
        Said(True, 3, phone="Q", customer=7),
        Said(True, 2, phone="Q"),
    ]
    first = Said(True, 1, phone="Q", asks=False)
    assert found(same, [first]) == [(True, 1, True)] * 3
    assert found(same[:1], [first, *same[1:]]) == [(True, 1, True)]
    # What does not repeat is where it ends.
    ends = replace(same[1], asks=False)
    assert found(same[:1], [first, ends]) == [(True, 3, True)]


people = st.builds(
    Said,
    st.sampled_from([True, True, True, False, None]),
    st.none() | st.integers(0, 6),
    st.sampled_from(["P", "Q", None]),
    st.integers(0, 2),
    st.sampled_from(["", "a@b", "c@d"]),
    st.sampled_from(["sms", "sms", "news", ""]),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=examples(37))
@given(st.lists(people, max_size=8), st.lists(people, max_size=8))
@example([Said(True, 3), Said(True, 3)], [Said(True, 3), Said(False, 3)])
def test_the_quick_answer_is_the_slow_one(asking: list[Said], others: list[Said]) -> None:
    # Only opt-ins ask.
    asking = [replace(each, asks=each.asks and each.yes is True) for each in asking]
    others = [replace(each, asks=each.asks and each.yes is True) for each in others]
    assert found(asking, others) == reference(asking, others)
