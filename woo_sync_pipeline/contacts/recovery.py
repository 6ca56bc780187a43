"""What a sync that was interrupted had sent already, as far as the platform shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from woo_sync_pipeline.contacts.contact import ContactBase, ShownContact
from woo_sync_pipeline.contacts.subscription import (
    SetBy,
    ShownSubscription,
    SubscriptionBase,
    SubscriptionState,
)


def base_after_interruption(
    base: ContactBase | None, sent: ContactBase, shown: ShownContact | None, *, was_a_moment_ago: bool = False
) -> ContactBase | None:
    """The base, completed by what was being sent: what the platform shows of it was sent by us.

    But not an unsubscription, unless it `was_a_moment_ago`: since then the person may have sent a STOP, which looks the
    same, and lasts.
    """
    if shown is None:
        subscription = (
            _subscription(base.subscription, sent.subscription, None, was_a_moment_ago) if base else None
        )
        return replace(base, subscription=subscription) if base else None
    known = base or ContactBase()
    return replace(
        known,
        first_name=sent.first_name if shown.first_name == sent.first_name else known.first_name,
        last_name=sent.last_name if shown.last_name == sent.last_name else known.last_name,
        email=sent.email if shown.email == sent.email else known.email,
        sources=_names(known.sources, sent.sources, [name.strip() for name in shown.label.split(",")]),
        groups=_names(known.groups, sent.groups, shown.lists),
        subscription=_subscription(
            known.subscription, sent.subscription, shown.subscription, was_a_moment_ago
        ),
    )


def _names(
    base: tuple[str, ...] | None, sent: tuple[str, ...] | None, shown: Collection[str]
) -> tuple[str, ...] | None:
    """The names of the base, but for those being added or taken away: these count as the platform shows them."""
    before, after = set(base or ()), set(sent or ())
    shown_folded = {name.casefold() for name in shown}
    under_way = {name for name in before ^ after if name.casefold() in shown_folded}
    return None if base is None and not under_way else tuple(sorted((before & after) | under_way))


def _subscription(
    base: SubscriptionBase | None,
    sent: SubscriptionBase | None,
    shown: ShownSubscription | None,
    was_a_moment_ago: bool,
) -> SubscriptionBase | None:
    if sent is None or (shown is None and base is None):
        return base
    subscribing = base
    if base is not None and sent.state is SubscriptionState.SUBSCRIBED:
        subscribing = replace(sent, applied=base.applied)
    if shown is None:
        # If our subscribing did arrive, the person may have sent a STOP before the contact was deleted.
        return sent if sent.set_by is SetBy.platform else subscribing
    # Only of a state that we were bringing about.
    never_arrived = sent.set_by is SetBy.sync and sent.modified_at == shown.changed_at
    if sent.state is shown.state:
        # If it was another before, somebody else has changed it, or may have.
        unsubscribing = sent.set_by is SetBy.sync and sent.state is SubscriptionState.UNSUBSCRIBED
        others = never_arrived or (unsubscribing and base is not None and not was_a_moment_ago)
        return base if others and (base is None or base.state is not sent.state) else sent
    # Either our subscribing never arrived and somebody else has changed the contact, or it did arrive and was answered
    # with a STOP. It counts as arrived, and as not yet taken into account.
    return base if never_arrived else subscribing
