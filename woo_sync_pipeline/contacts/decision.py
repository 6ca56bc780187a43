"""The three-way decisions: what to write, given the base (last sent), the store (now) and the platform.

| base | platform | store's signal | subscription state afterwards |
|---|---|---|---|
| none | contact is not there | any | the store status |
| none | contact is there | opted out | unsubscribed |
| none | contact is there | opted in or unknown | as it is on the platform |
| there | any | none, or none newer than the last one taken into account | as it is on the platform |
| there | any | newer: opted out | unsubscribed |
| there | subscribed | newer: opted in | subscribed |
| there | unsubscribed by us | newer: opted in | subscribed |
| there | unsubscribed on the platform | newer, and later than that: opted in | subscribed |
| there | unsubscribed on the platform | newer, but perhaps earlier than that: opted in | unsubscribed |

A contact that we know and that somebody deleted on the platform counts as being there as we last saw it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from woo_sync_pipeline.contacts.consent import Consent


class SubscriptionState(StrEnum):
    """Whether the platform may send marketing messages to a phone."""

    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"


class SetBy(StrEnum):
    """Who brought a subscription state about."""

    sync = "sync"
    platform = "platform"


@dataclass(frozen=True)
class Signal:
    """A choice about marketing messages, and when it was made (UTC)."""

    consent: Consent
    at: datetime

    def is_newer_than(self, other: Signal | None) -> bool:
        """Whether this one was made later; at the same time, an opt-out counts as the later one."""
        return other is None or self._order() > other._order()

    def _order(self) -> tuple[datetime, bool]:
        return self.at, self.consent is Consent.opted_out


@dataclass(frozen=True)
class SubscriptionBase:
    """What is known of a phone's subscription state since the platform last confirmed it."""

    state: SubscriptionState
    set_by: SetBy
    applied: Signal | None = None
    """The newest signal that was ever taken into account."""
    unsubscribed_seen_at: datetime | None = None
    """When the platform was first seen to have unsubscribed it, unless we did."""


@dataclass(frozen=True)
class PlatformSubscription:
    """The state that the platform shows, and when the contact was last changed there in any way (UTC)."""

    state: SubscriptionState
    changed_at: datetime


def store_status(consent: Consent, *, is_explicit: bool) -> SubscriptionState:
    """What the newest signal of the stores makes of a contact.

    Explicit consent subscribes only who opted in; inferred consent everybody who did not opt out.
    """
    subscribed = consent is Consent.opted_in if is_explicit else consent is not Consent.opted_out
    return SubscriptionState.SUBSCRIBED if subscribed else SubscriptionState.UNSUBSCRIBED


def decide_state(
    *,
    signal: Signal | None,
    status: SubscriptionState,
    base: SubscriptionBase | None,
    platform: PlatformSubscription | None,
) -> SubscriptionState:
    """The subscription state that the platform shall have (the table above)."""
    if base is None:
        if platform is None:
            return status
        opted_out = signal is not None and signal.consent is Consent.opted_out
        return SubscriptionState.UNSUBSCRIBED if opted_out else platform.state
    current = platform.state if platform else base.state
    if signal is None or not signal.is_newer_than(base.applied):
        return current
    if signal.consent is Consent.opted_out:
        return SubscriptionState.UNSUBSCRIBED
    if current is SubscriptionState.SUBSCRIBED or _is_our_own_unsubscription(base):
        return SubscriptionState.SUBSCRIBED
    opted_out_by = _latest_time_of_opt_out(base, platform)
    if opted_out_by is not None and signal.at > opted_out_by:
        return SubscriptionState.SUBSCRIBED
    return SubscriptionState.UNSUBSCRIBED


def next_base(
    *,
    decided: SubscriptionState,
    signal: Signal | None,
    base: SubscriptionBase | None,
    platform: PlatformSubscription | None,
    now: datetime,
) -> SubscriptionBase:
    """What to remember once the platform has confirmed the decided state."""
    before = platform.state if platform else base.state if base else None
    if before is not decided:
        set_by, seen_at = SetBy.sync, None
    elif base is not None and base.state is decided:
        set_by, seen_at = base.set_by, base.unsubscribed_seen_at
    else:
        set_by = SetBy.platform
        seen_at = now if decided is SubscriptionState.UNSUBSCRIBED else None
    applied = base.applied if base else None
    if signal is not None and signal.is_newer_than(applied):
        applied = signal
    return SubscriptionBase(decided, set_by, applied, seen_at)


def decide_field(*, store: str, base: str | None, platform: str) -> str:
    """The value that a field shall have: the store's when it changed since the base, else the platform's.

    Without a base (the contact was on the platform before us) an empty field is filled, none is replaced.
    """
    if base is None:
        return platform or store
    return store if store != base else platform


@dataclass(frozen=True)
class MembershipChange:
    """Lists to join and to leave, by name."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def decide_membership(
    *, store: Collection[str], base: Collection[str] | None, platform: Collection[str]
) -> MembershipChange:
    """Lists that the contact joined or left in the store since the base, where the platform differs.

    What others added stays, and what a person removed on the platform is not added again. Names that differ
    in case only are the same list.
    """
    wanted, before, there = _by_fold(store), _by_fold(base or ()), _by_fold(platform)
    add = wanted.keys() - before.keys() - there.keys()
    remove = (before.keys() - wanted.keys()) & there.keys()
    return MembershipChange(
        tuple(sorted(wanted[name] for name in add)), tuple(sorted(before[name] for name in remove))
    )


def decide_label(*, store: Collection[str], base: Collection[str] | None, platform: str) -> str:
    """The `Source` label: names of all integrations that hold the contact, joined by a comma and a space.

    Other integrations' names stay where they are; ours come and go as the stores' records do.
    """
    shown = [name.strip() for name in platform.split(",") if name.strip()]
    if base is not None and set(base) == set(store):
        return platform
    left = {name.casefold() for name in base or ()} - {name.casefold() for name in store}
    kept = [name for name in shown if name.casefold() not in left]
    known = {name.casefold() for name in kept}
    return ", ".join([*kept, *(name for name in sorted(store) if name.casefold() not in known)])


def _is_our_own_unsubscription(base: SubscriptionBase) -> bool:
    return base.state is SubscriptionState.UNSUBSCRIBED and base.set_by is SetBy.sync


def _latest_time_of_opt_out(base: SubscriptionBase, platform: PlatformSubscription | None) -> datetime | None:
    known = [base.unsubscribed_seen_at, platform.changed_at if platform else None]
    return min((time for time in known if time is not None), default=None)


def _by_fold(names: Iterable[str]) -> dict[str, str]:
    return {name.casefold(): name for name in names}
