"""The numbers of a sync, kept as JSON and read again, also by a later version."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.reports.report import SyncCounts, count_reasons, explain_reason
from woo_sync_pipeline.state.syncs import DOES_NOT_FIT
from woo_sync_pipeline_tests.reports.samples import COUNTS, INVALID, LEFT_OUT, sync

_NUMBERS = st.integers(min_value=0)
_NAMED = st.dictionaries(st.text(), _NUMBERS)


@given(
    st.builds(
        SyncCounts,
        new=_NUMBERS,
        updated=_NUMBERS,
        unchanged=_NUMBERS,
        failed=_NUMBERS,
        invalid=_NUMBERS,
        newly_invalid=_NUMBERS,
        invalid_reasons=_NAMED,
        subscribed=_NUMBERS,
        unsubscribed=_NUMBERS,
        unsubscribed_on_platform=_NUMBERS,
        not_applied=_NUMBERS,
        erased=_NUMBERS,
        saved_unseen=_NUMBERS,
        unread_consent=_NAMED,
        groups=_NUMBERS,
        groups_made=_NUMBERS,
        emails_dropped=_NUMBERS,
        read=_NAMED,
        requests=_NAMED,
        warnings=st.lists(st.text()).map(tuple),
    )
)
def test_counts_survive_the_way_through_json(counts: SyncCounts) -> None:
    assert SyncCounts.from_json(json.loads(json.dumps(counts.to_json()))) == counts


def test_what_an_older_version_did_not_count_is_zero() -> None:
    counts = SyncCounts.from_json({"new": 3})

    assert counts == SyncCounts(new=3)
    assert (counts.failed, counts.invalid_reasons, counts.requests, counts.warnings) == (0, {}, {}, ())
    assert (counts.not_applied, counts.saved_unseen, counts.unread_consent) == (0, 0, {})


def test_what_only_another_version_counts_is_left_out() -> None:
    assert SyncCounts.from_json({**COUNTS.to_json(), "something_else": 1}) == COUNTS


def test_a_sync_that_ended_without_counting_has_zeros() -> None:
    assert SyncCounts.from_json(sync(counts={}).counts) == SyncCounts()


def test_reasons_are_counted_the_most_frequent_first() -> None:
    counted = count_reasons([INVALID, *[replace(INVALID, reason="not_mobile")] * 3, INVALID])

    assert list(counted.items()) == [("not_mobile", 3), ("too_short", 2)]


def test_records_that_do_not_fit_are_one_reason_whatever_they_break() -> None:
    other = replace(LEFT_OUT, reason="does_not_fit (hash: text)")

    assert count_reasons([LEFT_OUT, INVALID, other]) == {DOES_NOT_FIT: 2, "too_short": 1}


def test_every_reason_is_explained_and_an_unknown_one_is_no_hindrance() -> None:
    assert all(explain_reason(reason) for reason in (*InvalidReason, DOES_NOT_FIT))
    assert explain_reason("of another version") == ""
