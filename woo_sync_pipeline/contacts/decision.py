"""What the platform shall hold of a contact: three-way, from the base (last sent), the stores and the platform."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from woo_sync_pipeline.contacts.consent_event import ConsentEvent, ConsentEventKind
from woo_sync_pipeline.contacts.contact import ContactBase, KeptFields, ShownContact, StoreContact
from woo_sync_pipeline.contacts.recovery import base_after_interruption
from woo_sync_pipeline.contacts.subscription import (
    ShownSubscription,
    SubscriptionBase,
    SubscriptionState,
    Verdict,
    decide_subscription,
    next_base,
)


@dataclass(frozen=True)
class MembershipChange:
    """Lists to join and to leave, by name."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the platform shall hold of one contact.

    creates: whether the contact has to be made. state: None for a contact that is not there and shall not be. base:
    what to remember once all of it is confirmed. verdict: the state with the reason why an opt-in was not applied.
    events: what was found out about the person's consent on the platform. state_before: the state that the platform
    holds or, without the phone there, was last seen to hold.
    """

    creates: bool
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    label: str
    membership: MembershipChange
    base: ContactBase
    verdict: Verdict | None
    state_before: SubscriptionState | None
    events: tuple[ConsentEvent, ...] = ()

    @property
    def state(self) -> SubscriptionState | None:
        """The subscription state of the phone; None where there is and shall be no contact."""
        return self.verdict.state if self.verdict else None


def decide_contact(store: StoreContact, shown: ShownContact | None, *, now: datetime) -> Decision:
    """Decide all of one contact, given what the platform shows of it (None: nothing); `now` is when it was looked at.

    What was being sent when a sync crashed (`store.in_flight`) is recognised first.
    """
    base = store.base
    if store.in_flight is not None:
        base = base_after_interruption(base, store.in_flight, shown, was_a_moment_ago=store.is_under_way)
    known = base.subscription if base else None
    if shown is None and not store.sources:
        remembered = replace(_confirmed_fields(store, base, None), subscription=known)
        return Decision(False, "", "", "", "", MembershipChange(), remembered, None, _state_of(None, known))
    subscription = shown.subscription if shown else None
    verdict = decide_subscription(
        signal=store.signal, status=store.status, base=known, shown=subscription, now=now
    )
    after = next_base(verdict, signal=store.signal, base=known, shown=subscription, now=now)
    confirmed = store.base.subscription if store.base else None
    if known is not None and known.state is not (confirmed.state if confirmed else None):
        # It was brought about before: by its date nobody could tell whether what is sent now arrives.
        after = replace(after, modified_at=None)
    remembered = replace(_confirmed_fields(store, base, shown), subscription=after)
    fields = base.fields if base else KeptFields()
    return Decision(
        creates=shown is None,
        first_name=_field(store, store.first_name, fields.first_name, shown.first_name if shown else None),
        last_name=_field(store, store.last_name, fields.last_name, shown.last_name if shown else None),
        email=_field(store, store.email, fields.email, shown.email if shown else None),
        label=decide_label(
            store=store.sources,
            base=base.sources if base and shown else None,
            platform=shown.label if shown else "",
        ),
        membership=_membership(store, base, shown),
        base=remembered,
        verdict=verdict,
        state_before=_state_of(subscription, known),
        events=tuple(_events(confirmed, known, subscription, verdict, now)),
    )


def decide_field(*, store: str, base: str | None, platform: str) -> str:
    """The value that a field shall have: the store's when it changed since the base, else the platform's.

    Without a base (the contact was on the platform before us) an empty field is filled, none is replaced.
    """
    if base is None:
        return platform or store
    return store if store != base else platform


def decide_membership(
    *,
    store: Collection[str],
    base: Collection[str] | None,
    platform: Collection[str],
    taken_off: Collection[str] = (),
) -> MembershipChange:
    """Lists that the contact joined or left in the store since the base, where the platform differs.

    What others added stays, and what a person removed on the platform (`taken_off`: was found removed before) is not
    added again, even if the contact has left the list in the store meanwhile. Names that differ in case only are the
    same list.
    """
    wanted, before, there = _by_fold(store), _by_fold(base or ()), _by_fold(platform)
    add = wanted.keys() - before.keys() - there.keys() - _by_fold(taken_off).keys()
    remove = (before.keys() - wanted.keys()) & there.keys()
    return MembershipChange(
        tuple(sorted(wanted[name] for name in add)), tuple(sorted(before[name] for name in remove))
    )


def decide_label(*, store: Collection[str], base: Collection[str] | None, platform: str) -> str:
    """The `Source` label: names of all integrations that hold the contact, joined by a comma and a space.

    Other integrations' names stay where they are; ours come and go as the stores' records do, and are in order
    whichever came first.
    """
    shown = [name.strip() for name in platform.split(",") if name.strip()]
    if base is not None and set(base) == set(store):
        return platform
    left = {name.casefold() for name in base or ()} - {name.casefold() for name in store}
    kept = [name for name in shown if name.casefold() not in left]
    spelled = {name.casefold(): name for name in kept}
    ours = [spelled.get(name.casefold(), name) for name in sorted(store)]
    in_order, theirs = iter(ours), {name.casefold() for name in store}
    # One of ours that stands there twice stands there once from now on.
    placed = [next(in_order, "") if name.casefold() in theirs else name for name in kept]
    return ", ".join(filter(None, [*placed, *in_order]))


def _field(store: StoreContact, value: str, base: str | None, shown: str | None) -> str:
    if shown is None:
        return value
    if store.is_erased:
        # What was written by us goes, what a person wrote on the platform is not ours.
        return "" if shown == base else shown
    # A contact that is gone from every store keeps its name and address: it only leaves our lists and label.
    return decide_field(store=value, base=base, platform=shown) if store.sources else shown


def _membership(
    store: StoreContact, base: ContactBase | None, shown: ShownContact | None
) -> MembershipChange:
    taken_off = base.taken_off if base else ()
    if shown is None:
        return MembershipChange(
            add=tuple(name for name in store.groups if name.casefold() not in _by_fold(taken_off))
        )
    return decide_membership(
        store=store.groups, base=base.groups if base else None, platform=shown.lists, taken_off=taken_off
    )


def _confirmed_fields(
    store: StoreContact, base: ContactBase | None, shown: ShownContact | None
) -> ContactBase:
    return ContactBase(
        first_name=store.first_name,
        last_name=store.last_name,
        email=store.email,
        sources=store.sources,
        groups=store.groups,
        signal=store.signal,
        before_leaving=_before_leaving(base) if base and not store.sources else None,
        taken_off=_taken_off(base, shown),
    )


def _before_leaving(base: ContactBase) -> KeptFields | None:
    return base.fields if base.sources else base.before_leaving


def _taken_off(base: ContactBase | None, shown: ShownContact | None) -> tuple[str, ...]:
    """Lists that the contact was put on, or found to be taken off before, and is not on now."""
    if base is None:
        return ()
    if shown is None:
        return base.taken_off
    lists = _by_fold((*base.taken_off, *(base.groups or ())))
    return tuple(sorted(lists[name] for name in lists.keys() - _by_fold(shown.lists).keys()))


def _state_of(shown: ShownSubscription | None, known: SubscriptionBase | None) -> SubscriptionState | None:
    return shown.state if shown else known.state if known else None


def _events(
    confirmed: SubscriptionBase | None,
    known: SubscriptionBase | None,
    shown: ShownSubscription | None,
    verdict: Verdict,
    now: datetime,
) -> Iterable[ConsentEvent]:
    """What this look found: `confirmed` is the base as written down, `known` the one that recovery has completed."""
    arrived = shown is not None and known is not None and shown.state is known.state
    if arrived and known is not None and known.state is not (confirmed.state if confirmed else None):
        yield ConsentEvent.by_sync(known.state, at=now)
    if known is not None and (shown is None or shown.state is not known.state):
        if shown is None:
            kind = ConsentEventKind.gone
        elif shown.state is SubscriptionState.SUBSCRIBED:
            kind = ConsentEventKind.resubscribed
        else:
            kind = ConsentEventKind.stop
        yield ConsentEvent(kind, earliest=known.seen_at, latest=now)
    if verdict.not_applied is not None and (known is None or known.not_applied is not verdict.not_applied):
        yield ConsentEvent(
            ConsentEventKind.not_applied, earliest=now, latest=now, became=verdict.not_applied.value
        )


def _by_fold(names: Iterable[str]) -> dict[str, str]:
    return {name.casefold(): name for name in names}
