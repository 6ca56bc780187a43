"""May the platform send to a phone? The table of decisions row by row, and what holds in every situation.

The promise: a sync subscribes a phone only if an opt-in is surely newer than every opt-out that can be known. What can
not be known is an opt-out that changed nothing on the platform: of somebody who was recorded as unsubscribed already.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    SetBy,
    ShownSubscription,
    Signal,
    SubscriptionBase,
    SubscriptionState,
    Verdict,
    decide_subscription,
    next_base,
    outweighs,
    store_status,
)
from woo_sync_pipeline_tests.contacts.situations import (
    BOTH,
    NOW,
    SIGNALS,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Situation,
    at,
    by_platform,
    by_us,
    dated,
    every_situation,
    opted_out,
    shown,
    undated,
)

YES, NO = Verdict(SUBSCRIBED), Verdict(UNSUBSCRIBED)
EVERY_BASE = [
    base
    for state in BOTH
    for base in (by_us(state, dated(3)), by_platform(state, dated(3), 5 if state is UNSUBSCRIBED else None))
]


def decide(
    signal: Signal | None,
    base: SubscriptionBase | None,
    platform: ShownSubscription | None,
    status: SubscriptionState = SUBSCRIBED,
) -> Verdict:
    return decide_subscription(signal=signal, status=status, base=base, shown=platform, now=NOW)


def refused(why: NotApplied) -> Verdict:
    return Verdict(UNSUBSCRIBED, why)


@pytest.mark.parametrize(
    ("consent", "explicit", "inferred"),
    [
        (Consent.opted_in, SUBSCRIBED, SUBSCRIBED),
        (Consent.unknown, UNSUBSCRIBED, SUBSCRIBED),
        (Consent.opted_out, UNSUBSCRIBED, UNSUBSCRIBED),
    ],
)
def test_the_store_status_follows_the_newest_signal_and_the_mode(
    consent: Consent, explicit: SubscriptionState, inferred: SubscriptionState
) -> None:
    assert store_status(consent, is_explicit=True) is explicit
    assert store_status(consent, is_explicit=False) is inferred


def test_of_a_yes_and_a_no_at_the_same_time_the_no_wins() -> None:
    assert outweighs(at(4), at(3))
    assert not outweighs(at(3), at(3))
    assert not outweighs(at(3), at(4))


# Row by row.


@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize("signal", [None, dated(1), undated(1), opted_out(1)])
def test_a_contact_new_to_the_platform_gets_the_store_status(
    signal: Signal | None, status: SubscriptionState
) -> None:
    assert decide(signal, None, None, status) == Verdict(status)


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("status", BOTH)
def test_a_contact_there_before_us_is_unsubscribed_by_a_known_opt_out(
    platform: SubscriptionState, status: SubscriptionState
) -> None:
    assert decide(opted_out(1), None, shown(platform, 5), status) == NO


@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize("signal", [None, dated(9), undated(9)])
def test_a_contact_there_before_us_otherwise_stays_as_it_is(
    signal: Signal | None, status: SubscriptionState
) -> None:
    assert decide(signal, None, shown(SUBSCRIBED, 5), status) == YES
    why = NotApplied.unsubscribed_before if signal else None
    assert decide(signal, None, shown(UNSUBSCRIBED, 5), status) == Verdict(UNSUBSCRIBED, why)


@pytest.mark.parametrize("platform", BOTH)
@pytest.mark.parametrize("base_state", BOTH)
@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize(
    ("signal", "applied"),
    [
        (None, None),
        (None, dated(3)),
        (dated(3), dated(3)),
        (undated(3), dated(3)),
        (undated(3), undated(3)),
        (opted_out(3), opted_out(3)),
        (dated(3), opted_out(3)),
        (dated(2), dated(3)),
        (dated(2), opted_out(3)),
        (opted_out(2), opted_out(3)),
    ],
)
def test_without_a_newer_choice_the_platform_decides(
    signal: Signal | None,
    applied: Signal | None,
    platform: SubscriptionState,
    base_state: SubscriptionState,
    status: SubscriptionState,
) -> None:
    for base in (by_us(base_state, applied), by_platform(base_state, applied, 1)):
        assert decide(signal, base, shown(platform, 5), status) == Verdict(platform)


@pytest.mark.parametrize("why", NotApplied)
def test_why_an_opt_in_was_not_applied_is_said_for_as_long_as_it_is_not(why: NotApplied) -> None:
    base = by_platform(UNSUBSCRIBED, dated(3), 5, not_applied=why)
    assert decide(dated(3), base, shown(UNSUBSCRIBED)) == refused(why)
    # Not any more once the person subscribed there, or opted out in the store as well.
    assert decide(dated(3), base, shown(SUBSCRIBED)) == YES
    assert decide(opted_out(2), base, shown(UNSUBSCRIBED)) == NO
    assert decide(None, base, shown(UNSUBSCRIBED)) == NO


@pytest.mark.parametrize("platform", [shown(SUBSCRIBED, 9), shown(UNSUBSCRIBED, 9), None])
@pytest.mark.parametrize("base_state", BOTH)
@pytest.mark.parametrize("applied", [None, dated(3), undated(4), opted_out(3), dated(4), dated(9)])
def test_a_newer_opt_out_unsubscribes(
    applied: Signal | None, platform: ShownSubscription | None, base_state: SubscriptionState
) -> None:
    # At the very same time as an opt-in the opt-out counts as the newer one, and so it does where the opt-in that
    # outweighed it is there no more.
    for base in (by_us(base_state, applied), by_platform(base_state, applied, 2)):
        assert decide(opted_out(4), base, platform) == NO


@pytest.mark.parametrize("signal", [dated(4), undated(4)])
@pytest.mark.parametrize("base", EVERY_BASE)
def test_a_newer_opt_in_leaves_somebody_subscribed_on_the_platform_subscribed(
    signal: Signal, base: SubscriptionBase
) -> None:
    assert decide(signal, base, shown(SUBSCRIBED, 9)) == YES


@pytest.mark.parametrize("signal", [dated(4), undated(4)])
def test_a_newer_opt_in_takes_back_our_own_unsubscription(signal: Signal) -> None:
    assert decide(signal, by_us(UNSUBSCRIBED, opted_out(1), modified=2), shown(UNSUBSCRIBED, 2)) == YES


def test_an_opt_in_dated_after_the_unsubscription_was_first_seen_subscribes() -> None:
    base = by_platform(UNSUBSCRIBED, dated(1), seen=3)
    assert decide(dated(4), base, shown(UNSUBSCRIBED)) == YES
    # Even if an undated one is the newest of all.
    assert decide(undated(9, dated_at=4), base, shown(UNSUBSCRIBED)) == YES


@pytest.mark.parametrize("minute", [2, 3])
def test_an_opt_in_dated_before_that_or_at_that_time_does_not(minute: int) -> None:
    base = by_platform(UNSUBSCRIBED, dated(1), seen=3)
    assert decide(dated(minute), base, shown(UNSUBSCRIBED)) == refused(NotApplied.perhaps_earlier)


@pytest.mark.parametrize("signal", [undated(9), undated(9, dated_at=2), undated(9, dated_at=3)])
def test_an_undated_opt_in_never_undoes_what_was_done_on_the_platform(signal: Signal) -> None:
    base = by_platform(UNSUBSCRIBED, dated(1), seen=3)
    assert decide(signal, base, shown(UNSUBSCRIBED)) == refused(NotApplied.undated)


@pytest.mark.parametrize("base", [by_us(SUBSCRIBED, dated(1)), by_platform(SUBSCRIBED, dated(1))])
@pytest.mark.parametrize("changed", [0, 3])
def test_no_opt_in_is_surely_later_than_an_unsubscription_that_is_first_seen_now(
    base: SubscriptionBase, changed: int
) -> None:
    """Whatever the contact's date says: a STOP need not move it."""
    for minute in (4, 30):
        verdict = decide(dated(minute), base, shown(UNSUBSCRIBED, changed))
        assert verdict == refused(NotApplied.perhaps_earlier)
        assert decide(undated(minute), base, shown(UNSUBSCRIBED, changed)) == refused(NotApplied.undated)


def test_an_unsubscription_of_which_no_look_is_known_was_seen_only_now() -> None:
    base = by_platform(UNSUBSCRIBED, dated(1), seen=None)
    assert decide(dated(29), base, shown(UNSUBSCRIBED)) == refused(NotApplied.perhaps_earlier)


def test_the_opt_in_that_counted_already_says_no_more_after_a_stop() -> None:
    assert decide(dated(1), by_us(SUBSCRIBED, dated(1)), shown(UNSUBSCRIBED)) == NO


@pytest.mark.parametrize("base", [by_us(UNSUBSCRIBED, opted_out(1)), by_platform(UNSUBSCRIBED, None, 3)])
@pytest.mark.parametrize("signal", [dated(10), undated(20, dated_at=10)])
def test_an_opt_in_perhaps_earlier_than_somebody_s_change_of_the_contact_is_not_applied(
    base: SubscriptionBase, signal: Signal
) -> None:
    """Where a STOP moves the contact's date, that change may have been one."""
    assert decide(signal, base, shown(UNSUBSCRIBED, 8, until=9)) == YES
    for until in (10, 11):
        verdict = decide(signal, base, shown(UNSUBSCRIBED, 9, until=until))
        assert verdict == refused(NotApplied.perhaps_earlier)
    # The last change that we know of is no such change, however inexact the platform's clock.
    assert decide(signal, base, shown(UNSUBSCRIBED, 0, until=29)) == YES


@pytest.mark.parametrize("signal", [undated(10), undated(20)])
def test_nor_is_an_undated_one_where_we_unsubscribed_for_an_opt_out_and_somebody_has_changed_the_contact(
    signal: Signal,
) -> None:
    changed = shown(UNSUBSCRIBED, 8)
    assert decide(signal, by_us(UNSUBSCRIBED, opted_out(1)), changed) == refused(NotApplied.undated)
    # Whoever never opted out was sent no messages to be answered with a STOP.
    for applied in (None, undated(3)):
        assert decide(signal, by_us(UNSUBSCRIBED, applied), changed) == YES
    # Nor is anything known of a change where the date was not known before.
    assert decide(signal, by_us(UNSUBSCRIBED, opted_out(1), modified=None), changed) == YES


@pytest.mark.parametrize("status", BOTH)
@pytest.mark.parametrize("signal", [None, opted_out(1), opted_out(9)])
def test_a_contact_deleted_while_subscribed_comes_back_unsubscribed(
    signal: Signal | None, status: SubscriptionState
) -> None:
    for base in (by_us(SUBSCRIBED, dated(3)), by_platform(SUBSCRIBED, dated(3))):
        assert decide(signal, base, None, status) == NO


@pytest.mark.parametrize("signal", [dated(3), dated(4), undated(4), dated(30)])
def test_nor_does_any_opt_in_subscribe_whoever_was_deleted_while_subscribed(signal: Signal) -> None:
    """It may have been made before a STOP, and the STOP before the deletion."""
    for base in (by_us(SUBSCRIBED, dated(3)), by_platform(SUBSCRIBED, dated(3))):
        assert decide(signal, base, None) == refused(NotApplied.perhaps_before_deletion)


@pytest.mark.parametrize("signal", [None, dated(2), dated(4), dated(9), undated(9), opted_out(9)])
def test_a_contact_deleted_while_unsubscribed_counts_as_if_it_were_still_there(signal: Signal | None) -> None:
    for base in (by_us(UNSUBSCRIBED, opted_out(1)), by_platform(UNSUBSCRIBED, dated(1), seen=4)):
        for status in BOTH:
            assert decide(signal, base, None, status) == decide(signal, base, shown(UNSUBSCRIBED))


def test_an_opt_out_of_somebody_we_had_unsubscribed_can_not_be_seen() -> None:
    # Opted out in the store at 1, a STOP at 5 that changes nothing there, and an opt-in of 3 that arrives late.
    assert decide(dated(3), by_us(UNSUBSCRIBED, opted_out(1)), shown(UNSUBSCRIBED)) == YES


@pytest.mark.parametrize("why", NotApplied)
def test_what_is_not_applied_is_said_with_the_way_out(why: NotApplied) -> None:
    assert why.sentence.startswith("opted in, not applied: ")
    assert why.sentence.endswith("set the contact to subscribed in MessageMedia.")


# Which choice is newer.


@pytest.mark.parametrize(
    ("signal", "applied", "is_newer"),
    [
        (dated(1), None, True),
        (opted_out(1), None, True),
        (dated(4), dated(3), True),
        (undated(4), dated(3), True),
        (dated(3), dated(3), False),
        (undated(3), undated(3), False),
        (dated(2), undated(3), True),
        (dated(2), opted_out(3), False),
        (dated(3), opted_out(3), False),
        (opted_out(3), dated(3), True),
        (opted_out(2), dated(3), True),
        (opted_out(2), undated(3), True),
        (opted_out(2), opted_out(3), False),
        (undated(5, dated_at=4), undated(5), True),
        (undated(5, dated_at=4), undated(5, dated_at=3), True),
        (undated(5, dated_at=3), undated(5, dated_at=4), False),
        (undated(5), undated(5, dated_at=4), False),
    ],
)
def test_a_choice_is_newer_if_it_says_something_that_was_not_taken_into_account(
    signal: Signal, applied: Signal | None, is_newer: bool
) -> None:
    assert signal.is_newer_than(applied) is is_newer


@pytest.mark.parametrize("applied", SIGNALS)
def test_no_choice_is_newer_than_itself_and_no_yes_than_a_no_that_is_as_old(applied: Signal) -> None:
    assert not applied.is_newer_than(applied)
    for signal in SIGNALS:
        if applied.consent is Consent.opted_out:
            assert signal.is_newer_than(applied) is (signal.at > applied.at)


# What is remembered.


def remember(
    decided: Verdict, signal: Signal | None, base: SubscriptionBase | None, platform: ShownSubscription | None
) -> SubscriptionBase:
    return next_base(decided, signal=signal, base=base, shown=platform, now=at(9))


def test_a_state_that_we_brought_about_is_remembered_as_ours() -> None:
    base = remember(NO, opted_out(3), by_us(SUBSCRIBED), shown(SUBSCRIBED, 2))
    wanted = SubscriptionBase(UNSUBSCRIBED, SetBy.sync, opted_out(3), seen_at=at(9), modified_at=at(2))
    assert base == wanted
    base = remember(YES, dated(6), by_platform(UNSUBSCRIBED, dated(3), seen=4), shown(UNSUBSCRIBED, 2))
    assert base == SubscriptionBase(SUBSCRIBED, SetBy.sync, dated(6), seen_at=at(9), modified_at=at(2))


def test_a_new_contact_s_state_is_remembered_as_ours() -> None:
    for verdict in (YES, NO):
        base = remember(verdict, None, None, None)
        assert base == SubscriptionBase(verdict.state, SetBy.sync, seen_at=at(9))


def test_a_state_that_was_there_before_us_is_remembered_as_the_platform_s() -> None:
    base = remember(YES, dated(1), None, shown(SUBSCRIBED, 4))
    assert base == SubscriptionBase(SUBSCRIBED, SetBy.platform, dated(1), seen_at=at(9), modified_at=at(4))
    base = remember(refused(NotApplied.unsubscribed_before), dated(1), None, shown(UNSUBSCRIBED, 4))
    assert base == SubscriptionBase(
        UNSUBSCRIBED, SetBy.platform, dated(1), at(9), at(9), at(4), NotApplied.unsubscribed_before
    )


@pytest.mark.parametrize("verdict", [NO, refused(NotApplied.undated)])
def test_an_unsubscription_first_seen_on_the_platform_is_remembered_with_the_time_of_seeing(
    verdict: Verdict,
) -> None:
    base = remember(verdict, dated(1), by_us(SUBSCRIBED, dated(1)), shown(UNSUBSCRIBED, 4))
    assert base == SubscriptionBase(
        UNSUBSCRIBED, SetBy.platform, dated(1), at(9), at(9), at(4), verdict.not_applied
    )


def test_who_set_a_state_and_when_it_was_first_seen_stay_while_the_state_stays() -> None:
    seen = by_platform(UNSUBSCRIBED, dated(1), seen=3)
    again = remember(NO, dated(1), seen, shown(UNSUBSCRIBED, 8))
    assert again == replace(seen, seen_at=at(9), modified_at=at(8))
    ours = by_us(UNSUBSCRIBED, opted_out(1))
    assert remember(NO, None, ours, None) == replace(ours, seen_at=at(9), modified_at=None)
    assert remember(YES, None, by_us(SUBSCRIBED), shown(SUBSCRIBED)).set_by is SetBy.sync


def test_whoever_subscribed_there_again_is_remembered_so_and_the_old_look_is_forgotten() -> None:
    base = remember(YES, dated(1), by_platform(UNSUBSCRIBED, dated(1), seen=3), shown(SUBSCRIBED, 8))
    assert base == SubscriptionBase(SUBSCRIBED, SetBy.platform, dated(1), seen_at=at(9), modified_at=at(8))


def test_a_contact_that_is_gone_is_remembered_as_unsubscribed_there_until_now() -> None:
    verdict = refused(NotApplied.perhaps_before_deletion)
    base = remember(verdict, dated(4), by_us(SUBSCRIBED, dated(1)), None)
    assert base == SubscriptionBase(
        UNSUBSCRIBED, SetBy.platform, dated(4), at(9), at(9), None, NotApplied.perhaps_before_deletion
    )
    # So that an opt-in from after that subscribes again.
    assert decide(dated(10), base, shown(UNSUBSCRIBED, 9)) == YES


def test_an_opt_in_that_was_not_applied_is_taken_into_account_once_and_for_all() -> None:
    before = by_platform(UNSUBSCRIBED, dated(1), seen=5)
    after = remember(refused(NotApplied.perhaps_earlier), dated(4), before, shown(UNSUBSCRIBED, 5))
    assert (after.applied, after.not_applied) == (dated(4), NotApplied.perhaps_earlier)


def test_an_older_choice_never_replaces_the_one_taken_into_account() -> None:
    after = remember(NO, dated(4), by_us(UNSUBSCRIBED, opted_out(4)), shown(UNSUBSCRIBED))
    assert after.applied == opted_out(4)


# What holds in every situation.

LATER_SHOWN = {state: shown(state, 29) for state in BOTH}


def test_an_undated_opt_in_never_subscribes_whoever_was_unsubscribed_on_the_platform() -> None:
    for each in every_situation():
        if each.is_unsubscribed_there and (each.signal is None or each.signal.dated_at is None):
            assert each.decide().state is UNSUBSCRIBED, each


def test_a_dated_one_does_so_only_if_it_is_later_than_the_look_that_first_saw_it() -> None:
    found = 0
    for each in every_situation():
        if each.is_unsubscribed_there and each.decide().state is SUBSCRIBED:
            found += 1
            assert each.opts_in, each
            assert each.signal is not None
            assert each.base is not None
            assert each.base.unsubscribed_seen_at is not None, each
            assert each.signal.is_newer_than(each.base.applied), each
            assert each.signal.dated_at is not None, each
            assert each.signal.dated_at > each.base.unsubscribed_seen_at, each
            unchanged = each.shown is None or each.shown.changed_at == each.base.modified_at
            assert unchanged or (each.shown and each.signal.dated_at > each.shown.changed_until), each
    assert found


def test_a_contact_that_is_gone_and_was_subscribed_comes_back_unsubscribed() -> None:
    for each in every_situation():
        if each.base is not None and each.base.state is SUBSCRIBED and each.shown is None:
            verdict = each.decide()
            assert verdict.state is UNSUBSCRIBED, each
            assert each.remember(verdict).unsubscribed_seen_at == NOW, each


def test_nothing_but_a_newer_choice_changes_a_state() -> None:
    for each in every_situation():
        verdict = each.decide()
        before = each.shown.state if each.shown else UNSUBSCRIBED
        if each.base is not None and verdict.state is not before:
            assert each.signal is not None, each
            assert each.signal.is_newer_than(each.base.applied), each
            assert verdict.state is (SUBSCRIBED if each.opts_in else UNSUBSCRIBED), each


def test_nobody_is_subscribed_without_an_opt_in_but_who_is_new_to_the_platform() -> None:
    for each in every_situation():
        if not each.opts_in and each.decide().state is SUBSCRIBED:
            there = each.shown is not None and each.shown.state is SUBSCRIBED
            assert there or (each.shown is None and each.base is None), each


def test_an_opt_in_is_not_applied_exactly_where_the_platform_keeps_it_from_subscribing() -> None:
    for each in every_situation():
        if each.base is None and each.shown is None:
            continue
        verdict = each.decide()
        if verdict.not_applied is not None:
            assert verdict.state is UNSUBSCRIBED, each
            assert each.opts_in, each
        elif each.opts_in and verdict.state is UNSUBSCRIBED:
            # It has counted before, and was not refused then: what unsubscribed the person came later.
            assert each.signal is not None
            assert each.base is not None
            assert not each.signal.is_newer_than(each.base.applied), each
            assert each.base.not_applied is None, each


def test_a_second_look_decides_the_same_and_finds_nothing_new() -> None:
    for each in every_situation():
        verdict = each.decide()
        after = each.remember(verdict)
        assert (after.state, after.not_applied) == (verdict.state, verdict.not_applied), each
        assert each.signal is None or not each.signal.is_newer_than(after.applied), each
        second = Situation(each.signal, after, LATER_SHOWN[verdict.state], each.status)
        assert second.decide() == verdict, each
        again = second.remember(verdict)
        assert again.modified_at == at(29), each
        assert (again.set_by, again.applied, again.unsubscribed_seen_at, again.not_applied) == (
            after.set_by,
            after.applied,
            after.unsubscribed_seen_at,
            after.not_applied,
        ), each


def test_what_is_remembered_says_who_did_it() -> None:
    for each in every_situation():
        verdict = each.decide()
        after = each.remember(verdict)
        if verdict.state is UNSUBSCRIBED and each.is_unsubscribed_there:
            assert after.set_by is SetBy.platform, each
        if verdict.state is SUBSCRIBED or after.set_by is SetBy.sync:
            assert after.unsubscribed_seen_at is None, each
