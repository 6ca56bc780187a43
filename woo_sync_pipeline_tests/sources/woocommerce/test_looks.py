"""What a tick of a live sensor tells the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.sources.woocommerce.live import ASK_AGAIN, Looks

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        Looks,
        active_until=_MOMENTS,
        was_activity=st.booleans(),
        no_activity_until=_MOMENTS,
        asked_for=st.frozensets(st.integers(1, 2**62), max_size=3),
    )
)
def test_what_is_remembered_tells_all_of_it(looks: Looks) -> None:
    assert Looks.from_memory(json.loads(json.dumps(looks.to_memory()))) == looks


def test_nothing_is_remembered_at_first() -> None:
    assert Looks.from_memory({}) == Looks()


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
