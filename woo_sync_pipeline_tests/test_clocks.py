from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET, ClockOffset, OffsetMeter, date_of_answer, http_date

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NONE = timedelta()
LONGEST_ANSWER = timedelta(seconds=90)


def seconds(lowest: float, highest: float) -> ClockOffset:
    return ClockOffset(timedelta(seconds=lowest), timedelta(seconds=highest))


def whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


@dataclass(frozen=True)
class Answered:
    """An answer that was under way from `sent_at` for `took`, and whose header was written at `made_at`."""

    sent_at: datetime
    took: timedelta
    made_at: datetime

    def note(self, meter: OffsetMeter, offset: timedelta) -> None:
        date = whole_second(self.made_at + offset)
        meter.note(date, sent_at=self.sent_at, received_at=self.sent_at + self.took)


def measured(answers: Iterable[Answered], offset: timedelta) -> OffsetMeter:
    meter = OffsetMeter()
    for answer in answers:
        answer.note(meter, offset)
    return meter


@st.composite
def an_answer(draw: st.DrawFn) -> Answered:
    sent_at = NOON + draw(st.timedeltas(NONE, timedelta(hours=3)))
    took = draw(st.timedeltas(NONE, LONGEST_ANSWER))
    return Answered(sent_at, took, sent_at + draw(st.timedeltas(NONE, took)))


offsets = st.timedeltas(timedelta(days=-400), timedelta(days=400))
answers = st.lists(an_answer(), min_size=1, max_size=12)


def contains(known: ClockOffset, offset: timedelta) -> bool:
    return known.lowest <= offset <= known.highest


@given(offset=offsets, answers=answers)
def test_the_truth_lies_in_the_interval(offset: timedelta, answers: list[Answered]) -> None:
    known = measured(answers, offset).offset
    assert contains(known, offset)
    assert known.highest - known.lowest <= SECOND + min(answer.took for answer in answers)


@given(offset=offsets, answers=answers)
def test_no_further_answer_of_the_same_clock_makes_the_interval_wider(
    offset: timedelta, answers: list[Answered]
) -> None:
    meter = OffsetMeter()
    steps = []
    for answer in answers:
        answer.note(meter, offset)
        steps.append(meter.offset)
    for before, after in pairwise(steps):
        assert before.united(after) == before


@given(
    offset=offsets,
    apart=st.lists(st.sampled_from([-2, -1, 0, 1, 2]), min_size=12, max_size=12),
    answers=answers,
)
def test_of_several_clocks_none_is_ever_left_out(
    offset: timedelta, apart: list[int], answers: list[Answered]
) -> None:
    """Several servers, or one whose clock is set again and again, further than an answer takes."""
    meter = OffsetMeter()
    met = []
    for steps, answer in zip(apart, answers, strict=False):
        met.append(offset + steps * 2 * (LONGEST_ANSWER + SECOND))
        answer.note(meter, met[-1])
        assert all(contains(meter.offset, each) for each in met)


@given(offset=offsets, answers=answers, moment=st.timedeltas(timedelta(hours=-9), timedelta(hours=9)))
def test_a_time_of_theirs_was_between_the_earliest_and_the_latest_of_ours(
    offset: timedelta, answers: list[Answered], moment: timedelta
) -> None:
    known = measured(answers, offset).offset
    ours = NOON + moment
    theirs = whole_second(ours + offset)
    assert known.earliest(theirs) <= ours <= known.latest(theirs)


def test_a_time_of_theirs_in_numbers() -> None:
    ahead = seconds(59.5, 61)
    assert ahead.earliest(NOON) == NOON - timedelta(seconds=61)
    assert ahead.latest(NOON) == NOON - timedelta(seconds=58.5)


def test_answers_narrow_what_is_known() -> None:
    meter = OffsetMeter()
    meter.note(NOON, sent_at=NOON, received_at=NOON + timedelta(seconds=30))
    assert meter.offset == seconds(-30, 1)
    meter.note(NOON, sent_at=NOON + 0.5 * SECOND, received_at=NOON + 0.75 * SECOND)
    assert meter.offset == seconds(-0.75, 0.5)
    meter.note(NOON + 2 * SECOND, sent_at=NOON + 2 * SECOND, received_at=NOON + 2.25 * SECOND)
    assert meter.offset == seconds(-0.25, 0.5)


def test_a_clock_that_was_set_leaves_both_of_its_offsets_possible() -> None:
    meter = OffsetMeter()
    meter.note(NOON, sent_at=NOON, received_at=NOON + 0.25 * SECOND)
    meter.note(NOON + MINUTE, sent_at=NOON, received_at=NOON + 0.25 * SECOND)
    assert meter.offset == seconds(-0.25, 61)
    # What fits one of them says nothing against the other.
    meter.note(NOON + MINUTE, sent_at=NOON + 0.5 * SECOND, received_at=NOON + 0.5 * SECOND)
    assert meter.offset == seconds(-0.25, 60.5)
    # What lies between them, or fits both, makes nothing wider and nothing narrower.
    meter.note(NOON + 0.5 * MINUTE, sent_at=NOON, received_at=NOON)
    meter.note(NOON + 0.5 * MINUTE, sent_at=NOON - MINUTE, received_at=NOON + MINUTE)
    assert meter.offset == seconds(-0.25, 60.5)
    meter.note(NOON - MINUTE, sent_at=NOON, received_at=NOON)
    assert meter.offset == seconds(-60, 60.5)


def test_what_tells_nothing_changes_nothing() -> None:
    meter = OffsetMeter()
    assert meter.offset == UNKNOWN_OFFSET == seconds(-300, 300)
    meter.note(None, sent_at=NOON, received_at=NOON)
    # Our own clock was set back while the answer was under way.
    meter.note(NOON, sent_at=NOON, received_at=NOON - MINUTE)
    assert meter.offset == UNKNOWN_OFFSET


@contextmanager
def restless_threads() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def test_answers_that_come_at_the_same_time_are_all_heeded() -> None:
    for _ in range(40):
        meter = OffsetMeter()
        gate = threading.Barrier(4)

        def work(share: int, meter: OffsetMeter = meter, gate: threading.Barrier = gate) -> None:
            gate.wait()
            for step in range(40):
                narrower = timedelta(milliseconds=4 * step + share)
                meter.note(NOON, sent_at=NOON + narrower, received_at=NOON + SECOND - narrower)

        threads = [threading.Thread(target=work, args=(share,)) for share in range(4)]
        with restless_threads():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert meter.offset == seconds(-0.841, 0.841)


@given(lowest=offsets, wide=st.timedeltas(NONE, timedelta(days=9)))
def test_an_offset_survives_as_json(lowest: timedelta, wide: timedelta) -> None:
    offset = ClockOffset(lowest, lowest + wide)
    assert ClockOffset.from_json(json.loads(json.dumps(offset.to_json()))) == offset


@pytest.mark.parametrize("value", [[], [1.0], [1.0, 2.0, 3.0], [2.0, 1.0], [float("nan"), 1.0]])
def test_what_is_no_offset_is_refused(value: list[float]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ClockOffset.from_json(value)


def test_the_union_is_the_smallest_interval_that_holds_both() -> None:
    assert seconds(-1, 2).united(seconds(5, 6)) == seconds(5, 6).united(seconds(-1, 2)) == seconds(-1, 6)
    assert seconds(-1, 2).united(seconds(0, 1)) == seconds(-1, 2)


def test_another_clock_that_is_seen_ahead_makes_the_offset_reach_further() -> None:
    assert seconds(-1, 2).ahead_by_more(timedelta(seconds=30)) == seconds(-1, 32)
    assert seconds(-1, 2).ahead_by_more(NONE) == seconds(-1, 2).ahead_by_more(-MINUTE) == seconds(-1, 2)


def test_a_server_that_lives_at_the_end_of_time_does_no_harm() -> None:
    meter = OffsetMeter()
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    meter.note(end, sent_at=NOON, received_at=NOON)
    assert meter.offset.earliest(end) <= NOON <= meter.offset.latest(end)
    assert meter.offset.earliest(NOON).year == 1
    meter.note(datetime(1, 1, 1, tzinfo=UTC), sent_at=NOON, received_at=NOON)
    assert meter.offset.latest(end).year == 9999


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"age": "0"},
        {"Age": "soon"},
        {"X-Cache": "MISS"},
        {"X-Cache": "MISS from white.example"},
        {"cf-cache-status": "DYNAMIC"},
    ],
)
def test_the_date_of_an_answer_is_its_header(headers: dict[str, str]) -> None:
    told = {"date": "Fri, 20 Nov 2026 12:00:00 GMT", **headers}
    assert date_of_answer(CaseInsensitiveDict(told)) == NOON


@pytest.mark.parametrize(
    "headers",
    [
        {"Age": "1"},
        {"age": " 040"},
        {"X-Cache": "HIT"},
        {"X-Cache": "Hit from cloudfront"},
        {"x-cache": "MISS, TCP_HIT"},
        {"CF-Cache-Status": "HIT"},
        {"x-litespeed-cache": "hit,private"},
        {"Date": ""},
        {"Date": "yesterday"},
    ],
)
def test_what_comes_out_of_a_cache_or_has_no_date_tells_no_time(headers: dict[str, str]) -> None:
    told = {"Date": "Fri, 20 Nov 2026 12:00:00 GMT", **headers}
    assert date_of_answer(CaseInsensitiveDict(told)) is None


def test_an_http_date_is_of_utc() -> None:
    assert http_date("Fri, 20 Nov 2026 12:00:00 -0000") == NOON
    assert http_date("Fri, 20 Nov 2026 14:00:00 +0200") == NOON
    assert http_date("Fri, 99 Nov 2026 14:00:00 GMT") is None
