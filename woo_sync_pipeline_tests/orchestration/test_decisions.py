from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.orchestration.decisions import DayRange, LiveDecision, days_to_sync, decide_live
from woo_sync_pipeline.orchestration.sensors import Memory
from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.state.syncs import SyncRun

SYDNEY = "Australia/Sydney"
START = date(2026, 11, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def local(when: date, hour: int = 2, minute: int = 0, timezone: str = SYDNEY) -> datetime:
    return datetime(when.year, when.month, when.day, hour, minute, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def sweep(first: date, last: date, started_at: datetime) -> SyncRun:
    return SyncRun(
        sync_id=1,
        run_id="run",
        source="shop",
        kind="daily",
        reading="sweep",
        is_dry_run=False,
        first_day=first,
        last_day=last,
        status="succeeded",
        started_at=started_at,
        finished_at=started_at + timedelta(minutes=5),
        committed_at=started_at + timedelta(minutes=4),
        read_until=started_at,
        cursor={"last_customer_id": 1},
        counts={},
        error=None,
    )


def nightly(number: int) -> SyncRun:
    """The sweep of a day, run at two in the morning of the next one."""
    return sweep(day(number), day(number), local(day(number + 1)))


def days(today: date, *sweeps: SyncRun, timezone: str = SYDNEY, start: date = START) -> DayRange | None:
    return days_to_sync(start_date=start, today=today, sweeps=sweeps, timezone=timezone)


def test_on_its_first_day_a_store_has_no_day_to_sync() -> None:
    assert days(START) is None
    assert days(START - timedelta(days=3)) is None


def test_the_first_night_asks_for_the_first_day() -> None:
    assert days(day(1)) == DayRange(START, START)


def test_every_night_asks_for_the_day_before() -> None:
    assert days(day(3), nightly(0), nightly(1)) == DayRange(day(2), day(2))


def test_when_every_day_is_covered_there_is_nothing_to_ask_for() -> None:
    assert days(day(3), nightly(0), nightly(1), nightly(2)) is None


def test_an_outage_heals_with_one_run_from_the_oldest_missing_day() -> None:
    assert days(day(9), nightly(0), nightly(1)) == DayRange(day(2), day(8))


def test_a_gap_is_filled_up_to_yesterday_whatever_came_after_it() -> None:
    assert days(day(6), nightly(0), nightly(2), nightly(3), nightly(4)) == DayRange(day(1), day(5))


def test_one_run_over_many_days_covers_them_all() -> None:
    assert days(day(9), sweep(START, day(8), local(day(9)))) is None


def test_a_backfill_by_hand_counts_like_the_schedule_s_own() -> None:
    backfill = sweep(day(1), day(2), local(day(7), 15))
    assert days(day(4), nightly(0), backfill, nightly(3)) is None


def test_days_before_the_store_was_connected_are_not_missing() -> None:
    assert days(day(3), nightly(1), nightly(2), start=day(1)) is None


def test_a_sweep_of_a_day_that_had_not_ended_does_not_cover_it() -> None:
    during = sweep(START, START, local(START, 23, 59))
    assert days(day(1), during) == DayRange(START, START)
    assert days(day(1), during, nightly(0)) is None


def test_a_sweep_covers_a_day_from_the_very_moment_it_has_ended() -> None:
    midnight = local(day(1), 0)
    assert days(day(1), sweep(START, START, midnight)) is None
    assert days(day(1), sweep(START, START, midnight - timedelta(seconds=2))) == DayRange(START, START)


def test_a_day_counts_by_when_the_store_was_read_and_not_by_when_the_sync_was_finished() -> None:
    read_on_the_day = sweep(START, START, local(START, 23, 50))
    pushed_on_the_next = replace(read_on_the_day, started_at=local(day(1), 1))
    assert days(day(1), pushed_on_the_next) == DayRange(START, START)


def test_a_sweep_up_to_today_covers_only_the_days_that_had_ended() -> None:
    first = sweep(START, day(2), local(day(2), 15))
    assert days(day(3), first) == DayRange(day(2), day(2))
    assert days(day(2), first) is None


def test_a_day_ends_at_midnight_of_the_project_s_time_zone() -> None:
    # 14:00 in London is one in the morning of the next day in Sydney.
    began = datetime(2026, 11, 1, 14, tzinfo=UTC)
    assert days(day(1), sweep(START, START, began), timezone=SYDNEY) is None
    assert days(day(1), sweep(START, START, began), timezone="Europe/London") == DayRange(START, START)


@pytest.mark.parametrize(
    ("changing", "hours"), [(date(2026, 10, 4), 23), (date(2027, 4, 4), 25)], ids=["23 hours", "25 hours"]
)
def test_days_of_23_and_25_hours_end_at_their_own_midnight(changing: date, hours: int) -> None:
    next_day = changing + timedelta(days=1)
    assert (local(next_day, 0) - local(changing, 0)) == timedelta(hours=hours)
    covered = sweep(changing, changing, local(next_day, 0))
    too_early = sweep(changing, changing, local(next_day, 0) - timedelta(seconds=2))
    assert days(next_day, covered, start=changing) is None
    assert days(next_day, too_early, start=changing) == DayRange(changing, changing)


@given(
    today=st.integers(0, 12),
    sweeps=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 16)), max_size=6),
)
def test_what_is_asked_for_covers_every_missing_day_and_afterwards_nothing_is_missing(
    today: int, sweeps: list[tuple[int, int, int]]
) -> None:
    runs = [sweep(day(first), day(first + more), local(day(began))) for first, more, began in sweeps]
    asked = days(day(today), *runs)
    missing = {
        number
        for number in range(today)
        if not any(first <= number <= first + more and began > number for first, more, began in sweeps)
    }
    if asked is None:
        assert not missing
    else:
        assert asked == DayRange(day(min(missing)), day(today - 1))
        assert days(day(today), *runs, sweep(asked.first, asked.last, local(day(today)))) is None


def decide(
    look: Look, *, is_known: bool = True, obstacle: str | None = None, unsent: int = 0
) -> LiveDecision:
    return decide_live(is_known=is_known, look=look, obstacle=obstacle, unsent=unsent)


CHANGED = Look(change="an order changed")
QUIET = Look(nothing="nothing changed in the store since 2026-11-01 12:00:30 UTC")


def test_a_live_sync_runs_when_the_source_has_changed() -> None:
    assert decide(CHANGED) == LiveDecision(True, "an order changed")


def test_a_store_that_was_never_synced_gets_its_first_sync_without_being_asked() -> None:
    decision = decide(Look(), is_known=False)
    assert (decision.run, decision.is_first) == (True, True)


@pytest.mark.parametrize("is_known", [False, True])
def test_nothing_runs_in_spite_of_an_obstacle(is_known: bool) -> None:
    decision = decide(CHANGED, is_known=is_known, obstacle="a run has not ended", unsent=7)
    assert decision == LiveDecision(False, "a run has not ended")


def test_a_store_that_was_not_asked_has_not_changed() -> None:
    assert not decide(Look()).run


def test_what_a_failed_sync_has_left_is_sent_although_nothing_changed() -> None:
    decision = decide(QUIET, unsent=1234)
    assert decision.run
    assert decision.reason == "1,234 contacts were not sent by the last sync, which failed"


def test_the_reason_for_not_running_says_how_far_the_store_was_read() -> None:
    assert decide(QUIET) == LiveDecision(False, "nothing changed in the store since 2026-11-01 12:00:30 UTC")


@pytest.mark.parametrize(
    ("cursor", "lost"), [(None, ()), ("", ()), ("1b2c-3d", ("1b2c-3d",)), ("1b2c 3d4e", ("1b2c", "3d4e"))]
)
def test_a_cursor_of_an_older_version_names_runs(cursor: str | None, lost: tuple[str, ...]) -> None:
    assert Memory.from_cursor(cursor) == Memory(lost)


@pytest.mark.parametrize("memory", [Memory(), Memory(("a", "b"), {"was_activity": True})])
def test_a_cursor_tells_all_of_it(memory: Memory) -> None:
    assert Memory.from_cursor(memory.to_cursor()) == memory


def test_the_cursor_of_the_version_before_is_understood() -> None:
    assert Memory.from_cursor('{"lost": ["a"], "was_activity": false}') == Memory(
        ("a",), {"was_activity": False}
    )
