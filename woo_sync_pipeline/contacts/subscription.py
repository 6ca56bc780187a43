"""May the platform send to a phone? Decided from what people chose in the stores and from what the platform shows.

When a choice was made is an interval. An opt-in counts from its earliest possible time, an opt-out until its latest,
so that an opt-in only outweighs an opt-out that is surely older. What somebody did on the platform has no time but
those of our own looks: an unsubscription lies between the last look that saw the phone subscribed and the first one
that did not, and only the latter is safe to assume.

| base | platform | the stores' newest choice | subscription state afterwards |
|---|---|---|---|
| none | contact is not there | any | the store status |
| none | contact is there | opted out | unsubscribed |
| none | contact is there | opted in or unknown | as it is on the platform |
| there | any | none, or none newer than the last one taken into account | as it is on the platform |
| there | any | newer: opted out | unsubscribed |
| there | subscribed | newer: opted in | subscribed |
| there | unsubscribed by us | newer: opted in | subscribed |
| there | unsubscribed on the platform | newer: opted in, with a date after that was first seen | subscribed |
| there | unsubscribed on the platform | newer: opted in, any other | unsubscribed: opted in, not applied |
| subscribed | contact is gone | any | unsubscribed: perhaps its last word was a STOP |
| unsubscribed | contact is gone | any | as if it were still there |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from woo_sync_pipeline.contacts.consent import Consent


class SubscriptionState(StrEnum):
    """Whether the platform may send marketing messages to a phone."""

    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"


class SetBy(StrEnum):
    """Who brought a subscription state about."""

    sync = "sync"
    platform = "platform"


class NotApplied(StrEnum):
    """Why an opt-in in a store subscribes nobody."""

    unsubscribed_before = "unsubscribed_before"
    undated = "undated"
    perhaps_earlier = "perhaps_earlier"
    perhaps_before_deletion = "perhaps_before_deletion"

    @property
    def sentence(self) -> str:
        """What happened, and what a person can do."""
        return (
            f"opted in, not applied: {_WHY_NOT_APPLIED[self]}. If the person wants messages, set the contact to "
            "subscribed in MessageMedia."
        )


_WHY_NOT_APPLIED = {
    NotApplied.unsubscribed_before: "the contact was unsubscribed in MessageMedia before it was first synced",
    NotApplied.undated: "the person was unsubscribed in MessageMedia, and nobody knows when the choice in the store "
    "was made",
    NotApplied.perhaps_earlier: "the choice was perhaps made before the person was unsubscribed in MessageMedia",
    NotApplied.perhaps_before_deletion: "the contact was deleted in MessageMedia, perhaps after the person had "
    "answered STOP",
}


def outweighs(opt_in_from: Any, opt_out_until: Any) -> Any:
    """Whether an opt-in outweighs an opt-out: its earliest time is after the other's latest.

    On a tie the opt-out wins. Takes moments, numbers of one unit, and arrays of them.
    """
    return opt_in_from > opt_out_until


@dataclass(frozen=True)
class Signal:
    """What all choices that concern a phone come to, and when it was chosen (UTC, by our clock).

    at: of an opt-in the earliest time at which it can have been made, or have come back after an opt-out that took its
    place for a while; of an opt-out the latest. dated_at: the earliest of the newest opt-in that bears a date of its
    own (an order's, or one that the store keeps beside the choice); None without any, and for an opt-out.
    """

    consent: Consent
    at: datetime
    dated_at: datetime | None = None

    def is_newer_than(self, applied: Signal | None) -> bool:
        """Whether there is something in it that was not taken into account with `applied`."""
        if applied is None or self.at > applied.at:
            return True
        if self.consent is Consent.opted_out:
            # What outweighed it before does so no longer.
            return applied.consent is Consent.opted_in
        # A dated opt-in may come to light behind an undated one, which could not do as much.
        return self.dated_at is not None and (
            applied.consent is Consent.opted_in
            and (applied.dated_at is None or self.dated_at > applied.dated_at)
        )


@dataclass(frozen=True)
class SubscriptionBase:
    """What is known of a phone's subscription state since the platform last confirmed it.

    applied: the newest signal that was ever taken into account. unsubscribed_seen_at: when the platform was first seen
    to have unsubscribed it, unless we did. seen_at: when the state was last confirmed or read. modified_at: the date of
    the contact's last change, by the platform's clock, as it was then; None when we have changed its lists since.
    not_applied: why an opt-in changed nothing.
    """

    state: SubscriptionState
    set_by: SetBy
    applied: Signal | None = None
    unsubscribed_seen_at: datetime | None = None
    seen_at: datetime | None = None
    modified_at: datetime | None = None
    not_applied: NotApplied | None = None


@dataclass(frozen=True)
class ShownSubscription:
    """The state that the platform shows, and when the contact was last changed there in any way.

    changed_at is by the platform's clock, changed_until the latest time of our own that this can be.
    """

    state: SubscriptionState
    changed_at: datetime
    changed_until: datetime


@dataclass(frozen=True)
class Verdict:
    """The state that the platform shall have, and why an opt-in of the stores does not make it subscribed."""

    state: SubscriptionState
    not_applied: NotApplied | None = None


def store_status(consent: Consent, *, is_explicit: bool) -> SubscriptionState:
    """What the stores' choices make of a contact that is new to the platform.

    Explicit consent subscribes only who opted in; inferred consent everybody who did not opt out.
    """
    subscribed = consent is Consent.opted_in if is_explicit else consent is not Consent.opted_out
    return SubscriptionState.SUBSCRIBED if subscribed else SubscriptionState.UNSUBSCRIBED


def decide_subscription(
    *,
    signal: Signal | None,
    status: SubscriptionState,
    base: SubscriptionBase | None,
    shown: ShownSubscription | None,
    now: datetime,
) -> Verdict:
    """The subscription state that the platform shall have (the table above). `now` is the time of the look."""
    opted_in = signal is not None and signal.consent is Consent.opted_in
    opted_out = signal is not None and signal.consent is Consent.opted_out
    if base is None:
        if shown is None:
            return Verdict(status)
        if opted_out:
            return Verdict(SubscriptionState.UNSUBSCRIBED)
        return _kept(shown.state, NotApplied.unsubscribed_before if opted_in else None)
    if _is_gone(base, shown):
        # Between the last look and this one lie, perhaps, a STOP and then the deletion: nothing is later than both.
        return _kept(SubscriptionState.UNSUBSCRIBED, NotApplied.perhaps_before_deletion if opted_in else None)
    current = shown.state if shown else base.state
    if signal is None or not signal.is_newer_than(base.applied):
        return _kept(current, base.not_applied if opted_in else None)
    if opted_out:
        return Verdict(SubscriptionState.UNSUBSCRIBED)
    if current is SubscriptionState.SUBSCRIBED:
        return Verdict(current)
    not_applied = _why_not_applied(signal, base, shown, now)
    return Verdict(
        SubscriptionState.UNSUBSCRIBED if not_applied else SubscriptionState.SUBSCRIBED, not_applied
    )


def next_base(
    verdict: Verdict,
    *,
    signal: Signal | None,
    base: SubscriptionBase | None,
    shown: ShownSubscription | None,
    now: datetime,
) -> SubscriptionBase:
    """What to remember once the platform has confirmed the decided state."""
    decided = verdict.state
    before = shown.state if shown else base.state if base else None
    if base is not None and _is_gone(base, shown):
        set_by, seen_at = SetBy.platform, now
    elif before is not decided:
        set_by, seen_at = SetBy.sync, None
    elif base is not None and base.state is decided:
        set_by, seen_at = base.set_by, base.unsubscribed_seen_at
    else:
        set_by = SetBy.platform
        seen_at = now if decided is SubscriptionState.UNSUBSCRIBED else None
    applied = base.applied if base else None
    if signal is not None and signal.is_newer_than(applied):
        applied = signal
    return SubscriptionBase(
        decided,
        set_by,
        applied,
        unsubscribed_seen_at=seen_at,
        seen_at=now,
        modified_at=shown.changed_at if shown else None,
        not_applied=verdict.not_applied,
    )


def _kept(state: SubscriptionState, not_applied: NotApplied | None) -> Verdict:
    return Verdict(state, not_applied if state is SubscriptionState.UNSUBSCRIBED else None)


def _is_gone(base: SubscriptionBase, shown: ShownSubscription | None) -> bool:
    return shown is None and base.state is SubscriptionState.SUBSCRIBED


def _why_not_applied(
    signal: Signal, base: SubscriptionBase, shown: ShownSubscription | None, now: datetime
) -> NotApplied | None:
    """Why a new opt-in does not subscribe a phone that is unsubscribed; None if it does."""
    dated_at = signal.dated_at
    if base.state is SubscriptionState.SUBSCRIBED:
        unsubscribed_until: datetime | None = now
    elif base.set_by is SetBy.platform:
        unsubscribed_until = base.unsubscribed_seen_at or now
    else:
        unsubscribed_until = None
    if unsubscribed_until is not None and (dated_at is None or not outweighs(dated_at, unsubscribed_until)):
        return NotApplied.perhaps_earlier if dated_at == signal.at else NotApplied.undated
    if shown is not None and shown.changed_at != base.modified_at:
        # Somebody changed the contact since. Where a STOP moves that date, it may have been one: whom we unsubscribed
        # for a no was sent messages before.
        refused = base.applied is not None and base.applied.consent is Consent.opted_out
        if dated_at is None and refused and base.modified_at is not None:
            return NotApplied.undated
        if dated_at is not None and not outweighs(dated_at, shown.changed_until):
            return NotApplied.perhaps_earlier
    return None
