"""One contact as a store has it and as the platform shows it, with values to be replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from woo_sync_pipeline.contacts.contact import ContactBase, ShownContact, StoreContact
from woo_sync_pipeline.contacts.subscription import ShownSubscription, SubscriptionBase
from woo_sync_pipeline_tests.contacts.situations import SUBSCRIBED, UNSUBSCRIBED, by_us, dated, shown

PHONE = "+61491570006"


def store(**changes: Any) -> StoreContact:
    contact = StoreContact(
        phone=PHONE,
        first_name="Ann",
        last_name="Lee",
        email="ann@example.com",
        sources=("WooCommerce",),
        groups=("WooCommerce",),
        signal=dated(1),
        status=SUBSCRIBED,
    )
    return replace(contact, **changes)


def gone_from_stores(**changes: Any) -> StoreContact:
    nothing: dict[str, Any] = {"first_name": "", "last_name": "", "email": "", "sources": (), "groups": ()}
    return store(**{**nothing, "signal": None, "status": UNSUBSCRIBED, **changes})


def base_of(
    contact: StoreContact, subscription: SubscriptionBase | None = None, **changes: Any
) -> ContactBase:
    """The base of a contact that the platform has confirmed as it is: subscribed, unless something else is said."""
    confirmed = ContactBase(
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=contact.email,
        sources=contact.sources,
        groups=contact.groups,
        signal=contact.signal,
        subscription=subscription or by_us(SUBSCRIBED, contact.signal),
    )
    return replace(confirmed, **changes)


def there(subscription: ShownSubscription | None = None, **changes: Any) -> ShownContact:
    """What the platform shows of `store()`, subscribed unless something else is said."""
    contact = ShownContact(
        first_name="Ann",
        last_name="Lee",
        email="ann@example.com",
        label="WooCommerce",
        lists=("WooCommerce",),
        subscription=subscription or shown(SUBSCRIBED),
    )
    return replace(contact, **changes)
