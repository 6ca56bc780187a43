"""What a sync that was interrupted had sent already, as far as the platform shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from woo_sync_pipeline.contacts.contact import ContactBase
from woo_sync_pipeline.contacts.decision import SetBy, SubscriptionBase, SubscriptionState
from woo_sync_pipeline.messagemedia.models import Contact, CustomField


def base_after_interruption(
    base: ContactBase | None,
    in_flight: ContactBase,
    platform: Contact,
    *,
    phone: str,
    source_field: CustomField,
    email_field: CustomField,
) -> ContactBase:
    """The base, completed by what was in flight: what the platform shows of it was sent by us."""
    known = base or ContactBase()
    sent = in_flight
    label = platform.custom_value(source_field.id) or ""
    email = platform.custom_value(email_field.id) or ""
    return replace(
        known,
        first_name=sent.first_name if platform.first_name == sent.first_name else known.first_name,
        last_name=sent.last_name if platform.last_name == sent.last_name else known.last_name,
        email=sent.email if email == sent.email else known.email,
        sources=_names(known.sources, sent.sources, [name.strip() for name in label.split(",")]),
        groups=_names(known.groups, sent.groups, [ref.name for ref in platform.lists]),
        subscription=_subscription(known.subscription, sent.subscription, platform.sms_state(phone)),
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
    base: SubscriptionBase | None, sent: SubscriptionBase | None, shown: str | None
) -> SubscriptionBase | None:
    if sent is None or sent.state.value == shown:
        return sent or base
    if base is None or sent.state is SubscriptionState.UNSUBSCRIBED:
        return base
    # Either our subscribing never arrived, or it did and was answered with an opt-out. Only the time at which
    # the contact was last changed on the platform can tell.
    return replace(base, set_by=SetBy.platform, unsubscribed_seen_at=None)
