"""What an interrupted sync had sent is recognised, and nobody is subscribed against a STOP because of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.decision import Decision, decide_contact
from woo_sync_pipeline.contacts.recovery import base_after_interruption
from woo_sync_pipeline.contacts.subscription import (
    NotApplied,
    ShownSubscription,
    Signal,
    SubscriptionBase,
    SubscriptionState,
)
from woo_sync_pipeline_tests.contacts.people import base_of, store, there
from woo_sync_pipeline_tests.contacts.situations import (
    BASES,
    BOTH,
    LAST_MINUTE,
    NOW,
    SUBSCRIBED,
    UNSUBSCRIBED,
    at,
    by_platform,
    by_us,
    dated,
    opted_out,
    shown,
    undated,
)

STOP_AT, LATER = LAST_MINUTE + 5, at(LAST_MINUTE + 10)


def subscription_after(
    base: SubscriptionBase | None, sent: SubscriptionBase, platform: ShownSubscription | None
) -> SubscriptionBase | None:
    found = base_after_interruption(
        base_of(store(), base) if base else None,
        base_of(store(), sent),
        there(platform) if platform else None,
    )
    return found.subscription if found else None


def test_what_is_shown_of_what_was_sent_was_sent_by_us() -> None:
    sent = base_of(store(first_name="Anna", last_name="Leigh", email="new@example.com"))
    found = base_after_interruption(base_of(store()), sent, there(first_name="Anna", email="new@example.com"))
    assert found is not None
    assert (found.first_name, found.last_name, found.email) == ("Anna", "Lee", "new@example.com")


def test_lists_and_names_of_the_label_that_were_under_way_count_as_the_platform_shows_them() -> None:
    before = base_of(store(sources=("Shop", "Left"), groups=("Shop", "Left", "Old")))
    sent = base_of(store(sources=("Shop", "New"), groups=("Shop", "New", "Newer")))
    found = base_after_interruption(
        before, sent, there(label="Klaviyo, new", lists=("new", "old", "Klaviyo"))
    )
    assert found is not None
    assert found.sources == ("New", "Shop")
    assert found.groups == ("New", "Old", "Shop")


def test_of_a_contact_that_was_never_confirmed_only_what_arrived_is_known() -> None:
    sent = base_of(store(groups=("Shop",)))
    found = base_after_interruption(None, sent, there(last_name="", label="", lists=()))
    assert found is not None
    assert (found.first_name, found.last_name, found.sources, found.groups) == ("Ann", None, None, None)
    assert base_after_interruption(None, sent, None) is None


@pytest.mark.parametrize("sent_state", BOTH)
@pytest.mark.parametrize("state", BOTH)
def test_a_creation_has_arrived_if_the_contact_is_in_the_state_that_was_sent(
    sent_state: SubscriptionState, state: SubscriptionState
) -> None:
    sent = by_us(sent_state, opted_out(1), modified=None)
    assert subscription_after(None, sent, shown(state)) == (sent if state is sent_state else None)


def test_a_subscription_that_is_shown_as_it_was_sent_is_ours() -> None:
    base, sent = by_us(UNSUBSCRIBED, dated(1)), by_us(SUBSCRIBED, opted_out(3), modified=2)
    assert subscription_after(base, sent, shown(SUBSCRIBED, 9)) == sent
    # Of which nobody knows how the contact was dated before.
    sent = replace(sent, modified_at=None)
    assert subscription_after(base, sent, shown(SUBSCRIBED, 2)) == sent


@pytest.mark.parametrize("modified", [2, None])
def test_an_unsubscription_that_is_shown_is_ours_only_if_it_was_sent_a_moment_ago(
    modified: int | None,
) -> None:
    base, sent = by_us(SUBSCRIBED, dated(1)), by_us(UNSUBSCRIBED, opted_out(3), modified=modified)
    before, under_way = base_of(store(), base), base_of(store(), sent)
    found = base_after_interruption(before, under_way, there(shown(UNSUBSCRIBED, 9)), was_a_moment_ago=True)
    assert found is not None
    assert found.subscription == sent
    # Since a crash the person may have sent a STOP, which looks the same.
    assert subscription_after(base, sent, shown(UNSUBSCRIBED, 9)) == base


@pytest.mark.parametrize(("before", "after"), [(SUBSCRIBED, UNSUBSCRIBED), (UNSUBSCRIBED, SUBSCRIBED)])
def test_a_state_that_changed_although_nothing_has_arrived_was_changed_by_somebody_else(
    before: SubscriptionState, after: SubscriptionState
) -> None:
    """Where a STOP does not move the contact's date, one may have come instead of our unsubscribing."""
    base, sent = by_us(before, dated(1)), by_us(after, opted_out(3), modified=2)
    assert subscription_after(base, sent, shown(after, 2)) == base
    assert subscription_after(None, sent, shown(after, 2)) is None


def test_what_others_had_done_before_we_sent_anything_stays_theirs() -> None:
    base = by_us(SUBSCRIBED, dated(1))
    sent = by_platform(UNSUBSCRIBED, dated(1), seen=4, modified=2)
    assert subscription_after(base, sent, shown(UNSUBSCRIBED, 2)) == sent


def test_an_unsubscription_that_is_not_shown_is_sent_again() -> None:
    base, sent = by_us(SUBSCRIBED, dated(1)), by_us(UNSUBSCRIBED, opted_out(3), modified=2)
    assert subscription_after(base, sent, shown(SUBSCRIBED, 2)) == base
    assert subscription_after(base, sent, shown(SUBSCRIBED, 9)) == base


def test_a_subscription_that_never_arrived_is_sent_again() -> None:
    base, sent = by_us(UNSUBSCRIBED, opted_out(1)), by_us(SUBSCRIBED, undated(3), modified=2)
    assert subscription_after(base, sent, shown(UNSUBSCRIBED, 2)) == base


def test_a_subscription_that_is_not_shown_on_a_changed_contact_was_answered_with_a_stop() -> None:
    base, sent = by_us(UNSUBSCRIBED, opted_out(1)), by_us(SUBSCRIBED, undated(3), modified=2)
    assert subscription_after(base, sent, shown(UNSUBSCRIBED, 9)) == replace(sent, applied=opted_out(1))
    sent = replace(sent, modified_at=None)
    assert subscription_after(base, sent, shown(UNSUBSCRIBED, 2)) == replace(sent, applied=opted_out(1))


def test_a_contact_that_is_gone_had_perhaps_been_subscribed() -> None:
    base = by_us(UNSUBSCRIBED, opted_out(1))
    sent = by_us(SUBSCRIBED, undated(3), modified=2)
    assert subscription_after(base, sent, None) == replace(sent, applied=opted_out(1))
    assert subscription_after(by_us(SUBSCRIBED), by_us(UNSUBSCRIBED), None) == by_us(SUBSCRIBED)


def test_what_was_seen_of_a_contact_that_is_gone_is_not_forgotten() -> None:
    base, seen = by_us(UNSUBSCRIBED, opted_out(1)), by_platform(UNSUBSCRIBED, dated(3), seen=4)
    assert subscription_after(base, seen, None) == seen


# Whole interruptions, in every situation.


@dataclass(frozen=True)
class Interrupted:
    """A sync that was interrupted at minute 30, and what the platform shows when the next one looks."""

    base: SubscriptionBase | None
    seen: ShownSubscription | None
    sent: Decision
    arrived: bool
    shown: ShownSubscription | None

    def next(self, signal: Signal | None, in_flight: ContactBase | None = None) -> Decision:
        known = base_of(store(), self.base) if self.base else None
        wanted = store(signal=signal, base=known, in_flight=in_flight or self.sent.base)
        return decide_contact(wanted, there(self.shown) if self.shown else None, now=LATER)


FEW_BASES = [
    base for base in BASES if base.applied in (None, opted_out(2), dated(2)) and base.modified_at == at(2)
]
FEW_SIGNALS = [opted_out(2), opted_out(3), dated(2), dated(30), undated(3), undated(30), undated(30, 3)]


def interruptions() -> Iterator[Interrupted]:
    """Syncs that wrote something to a contact, which arrived or did not, so that it is there afterwards."""
    for base in (None, *FEW_BASES):
        known = base_of(store(), base) if base else None
        for seen in (None, shown(SUBSCRIBED, 2), shown(UNSUBSCRIBED, 2), shown(UNSUBSCRIBED, 3)):
            for signal in FEW_SIGNALS:
                wanted = store(signal=signal, base=known)
                sent = decide_contact(wanted, there(seen) if seen else None, now=NOW)
                assert sent.state is not None
                yield Interrupted(base, seen, sent, True, shown(sent.state, LAST_MINUTE + 1))
                if seen is not None:
                    yield Interrupted(base, seen, sent, False, seen)


def stopped(interrupted: Interrupted, *, moves_date: bool) -> Interrupted:
    before = interrupted.shown
    assert before is not None
    changed = STOP_AT if moves_date else int((before.changed_at - at(0)).total_seconds() // 60)
    return replace(interrupted, shown=shown(UNSUBSCRIBED, changed))


def is_unsubscribing(interrupted: Interrupted) -> bool:
    """Whether an unsubscription of ours was under way that did not arrive."""
    return (
        not interrupted.arrived
        and interrupted.seen is not None
        and interrupted.seen.state is SUBSCRIBED
        and interrupted.sent.state is UNSUBSCRIBED
    )


def can_be_told(interrupted: Interrupted, *, moves_date: bool) -> bool:
    """Whether a STOP can be told from what was under way.

    It can not if it comes instead of an unsubscription of ours, of somebody who was last confirmed as unsubscribed and
    has subscribed there since, and leaves the contact's date as it is.
    """
    was_subscribed = interrupted.base is None or interrupted.base.state is SUBSCRIBED
    return not is_unsubscribing(interrupted) or was_subscribed or moves_date


def is_subscribed(interrupted: Interrupted) -> bool:
    return interrupted.shown is not None and interrupted.shown.state is SUBSCRIBED


@pytest.mark.parametrize("moves_date", [True, False])
def test_after_an_interruption_nobody_is_subscribed_against_a_stop(moves_date: bool) -> None:
    found = 0
    for each in interruptions():
        if not is_subscribed(each) or not can_be_told(each, moves_date=moves_date):
            continue
        found += 1
        answered = stopped(each, moves_date=moves_date)
        for signal in FEW_SIGNALS:
            assert answered.next(signal).state is UNSUBSCRIBED, (answered, signal)
    assert found > 100


@pytest.mark.parametrize("moves_date", [True, False])
def test_nor_if_the_sync_after_it_is_interrupted_as_well(moves_date: bool) -> None:
    """Before anything of it arrives: what the first one has brought about must not be forgotten."""
    for each in interruptions():
        if not is_subscribed(each) or not can_be_told(each, moves_date=moves_date):
            continue
        again = each.next(undated(30))
        if again.state is UNSUBSCRIBED:
            continue
        answered = stopped(each, moves_date=moves_date)
        for signal in FEW_SIGNALS:
            assert answered.next(signal, in_flight=again.base).state is UNSUBSCRIBED, (answered, signal)


def test_nor_if_the_contact_is_deleted_after_the_stop() -> None:
    """But for a contact of which nothing was confirmed yet: most creations that are gone never were.

    Nor where our unsubscribing was under way: of that only the base and the opt-out are known.
    """
    for each in interruptions():
        if each.base is None or not is_subscribed(each) or is_unsubscribing(each):
            continue
        for signal in FEW_SIGNALS:
            verdict = replace(each, shown=None).next(signal).verdict
            assert verdict is not None
            assert verdict.state is UNSUBSCRIBED, (each, signal)
            assert verdict.not_applied in (None, NotApplied.perhaps_before_deletion), (each, signal)


def test_what_arrived_is_recognised_and_nothing_is_to_be_done_again() -> None:
    for each in interruptions():
        if each.arrived:
            again = each.next(each.sent.base.signal)
            assert again.state is each.sent.state, each


def test_what_never_arrived_is_decided_as_if_it_had_never_been_sent() -> None:
    for each in interruptions():
        if not each.arrived:
            again = each.next(each.sent.base.signal)
            assert again.state is each.sent.state, each
