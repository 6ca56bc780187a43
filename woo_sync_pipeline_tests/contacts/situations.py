"""Choices, bases and what the platform shows, at minutes of one day: what the tests of decisions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

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
)

SUBSCRIBED, UNSUBSCRIBED = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED
BOTH = [SUBSCRIBED, UNSUBSCRIBED]
LAST_MINUTE = 30
"""When the platform is looked at, unless something else is said."""


def at(minutes: int) -> datetime:
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)


NOW = at(LAST_MINUTE)


def dated(minutes: int) -> Signal:
    """An opt-in with a date of its own."""
    return Signal(Consent.opted_in, at(minutes), at(minutes))


def undated(minutes: int, dated_at: int | None = None) -> Signal:
    """An opt-in of which only the reading is known; behind it, perhaps, an older one with a date."""
    return Signal(Consent.opted_in, at(minutes), None if dated_at is None else at(dated_at))


def opted_out(minutes: int) -> Signal:
    return Signal(Consent.opted_out, at(minutes))


def shown(state: SubscriptionState, changed: int = 0, *, until: int | None = None) -> ShownSubscription:
    return ShownSubscription(state, at(changed), at(changed if until is None else until))


def by_us(
    state: SubscriptionState,
    applied: Signal | None = None,
    *,
    modified: int | None = 0,
    not_applied: NotApplied | None = None,
) -> SubscriptionBase:
    return SubscriptionBase(
        state,
        SetBy.sync,
        applied,
        modified_at=None if modified is None else at(modified),
        not_applied=not_applied,
    )


def by_platform(
    state: SubscriptionState,
    applied: Signal | None = None,
    seen: int | None = None,
    *,
    modified: int | None = 0,
    not_applied: NotApplied | None = None,
) -> SubscriptionBase:
    return SubscriptionBase(
        state,
        SetBy.platform,
        applied,
        unsubscribed_seen_at=None if seen is None else at(seen),
        modified_at=None if modified is None else at(modified),
        not_applied=not_applied,
    )


@dataclass(frozen=True)
class Situation:
    """What the stores, the base and the platform say when a decision is made."""

    signal: Signal | None
    base: SubscriptionBase | None
    shown: ShownSubscription | None
    status: SubscriptionState

    def decide(self) -> Verdict:
        return decide_subscription(
            signal=self.signal, status=self.status, base=self.base, shown=self.shown, now=NOW
        )

    def remember(self, verdict: Verdict) -> SubscriptionBase:
        return next_base(verdict, signal=self.signal, base=self.base, shown=self.shown, now=NOW)

    @property
    def opts_in(self) -> bool:
        return self.signal is not None and self.signal.consent is Consent.opted_in

    @property
    def is_unsubscribed_there(self) -> bool:
        """Whether, as far as is known, a person or the platform has unsubscribed the phone."""
        unsubscribed = self.shown is None or self.shown.state is UNSUBSCRIBED
        if self.base is None:
            return unsubscribed and self.shown is not None
        return unsubscribed and (self.base.state is SUBSCRIBED or self.base.set_by is SetBy.platform)


# Four moments, in which whatever is compared comes in every order; the last is that of the look.
_MINUTES = (1, 2, 3, LAST_MINUTE)
SIGNALS = [
    *map(opted_out, _MINUTES),
    *map(dated, _MINUTES),
    *map(undated, _MINUTES),
    *(undated(later, earlier) for later in _MINUTES for earlier in _MINUTES if earlier < later),
]
BASES = [
    replace(made, seen_at=NOW)
    for applied in (None, *SIGNALS)
    for modified in (None, 2)
    for made in (
        by_us(SUBSCRIBED, applied, modified=modified),
        by_platform(SUBSCRIBED, applied, modified=modified),
        by_us(UNSUBSCRIBED, applied, modified=modified),
        *(by_platform(UNSUBSCRIBED, applied, seen, modified=modified) for seen in (None, *_MINUTES)),
        by_platform(UNSUBSCRIBED, applied, 2, modified=modified, not_applied=NotApplied.undated),
    )
]


def every_situation() -> Iterator[Situation]:
    for signal in (None, *SIGNALS):
        for base in (None, *BASES):
            for platform in (None, *(shown(state, minute) for state in BOTH for minute in _MINUTES)):
                for status in BOTH if base is None else [SUBSCRIBED]:
                    yield Situation(signal, base, platform, status)
