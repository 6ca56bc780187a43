"""What a tick of a live sensor tells the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.orchestration.looks import ASK_AGAIN, Looks

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        Looks,
        lost=st.lists(st.text("0123456789abcdef-", min_size=1), max_size=3).map(tuple),
        active_until=_MOMENTS,
        was_activity=st.booleans(),
        no_activity_until=_MOMENTS,
        asked_for=st.frozensets(st.integers(1, 2**62), max_size=3),
    )
)
def test_a_cursor_tells_all_of_it(looks: Looks) -> None:
    assert Looks.from_cursor(looks.to_cursor()) == looks


@pytest.mark.parametrize(
    ("cursor", "lost"), [(None, ()), ("", ()), ("1b2c-3d", ("1b2c-3d",)), ("1b2c 3d4e", ("1b2c", "3d4e"))]
)
def test_a_cursor_of_an_older_version_names_runs(cursor: str | None, lost: tuple[str, ...]) -> None:
    assert Looks.from_cursor(cursor) == Looks(lost=lost)


def test_registrations_and_activity_are_asked_for_by_turns() -> None:
    looks, turns = Looks(), []
    for _ in range(4):
        turns.append(looks.asks_for_activity(NOW))
        changed: frozenset[int] = frozenset()
        looks = looks.after_activity(until=NOW, changed=changed) if turns[-1] else looks.after_registrations()
    assert turns == [False, True, False, True]


def test_a_store_that_does_not_tell_is_asked_again_after_an_hour() -> None:
    looks = Looks().without_activity(NOW).after_registrations()
    assert not looks.asks_for_activity(NOW + ASK_AGAIN - timedelta(seconds=1))
    assert looks.asks_for_activity(NOW + ASK_AGAIN)


def test_where_an_account_had_changed_the_same_time_is_looked_at_once_more() -> None:
    looks = Looks(active_until=NOW)
    later = NOW + timedelta(minutes=1)
    changed = looks.after_activity(until=later, changed=frozenset({7}))
    assert (changed.active_until, changed.asked_for) == (NOW, frozenset({7}))
    settled = changed.after_activity(until=later, changed=frozenset())
    assert (settled.active_until, settled.asked_for) == (later, frozenset())
