"""What to send for one contact: a pure decision, given the store's form, the base and the platform's contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from woo_sync_pipeline.contacts.contact import ContactBase, StoreContact
from woo_sync_pipeline.contacts.decision import (
    MembershipChange,
    PlatformSubscription,
    SubscriptionState,
    decide_field,
    decide_label,
    decide_membership,
    decide_state,
    next_base,
)
from woo_sync_pipeline.messagemedia.models import SMS, Contact, CustomField
from woo_sync_pipeline.messagemedia.recovery import base_after_interruption

WRITABLE_CHANNELS = frozenset({"SMS", "WHATSAPP"})


class Action(StrEnum):
    """What a plan does to the contact itself; list members are changed apart from it."""

    create = "create"
    update = "update"
    none = "none"


@dataclass(frozen=True)
class Vocabulary:
    """Ids on the platform of what contacts refer to. `list_ids` has case-folded list names as keys."""

    list_ids: Mapping[str, str]
    source_field: CustomField
    email_field: CustomField

    def list_id(self, name: str) -> str:
        """The id of a list by name, whatever its case. Raises `KeyError` when there is no such list."""
        return self.list_ids[name.casefold()]


@dataclass(frozen=True)
class ContactPlan:
    """What to do for one phone.

    `read` is the platform's contact that it was made from. `body` is the request to create or update; `cleared` are
    ids of custom fields that shall be empty after it, and are left out of it. `joins` and `leaves` are ids of lists to
    change for a contact that exists. `changes` names what differs. `base` is what to remember once all of it is
    confirmed.
    """

    phone: str = field(repr=False)
    action: Action
    contact_id: str | None
    base: ContactBase
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cleared: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    was_unsubscribed_on_platform: bool = False
    read: Contact | None = field(default=None, repr=False)

    @property
    def sends_nothing(self) -> bool:
        """Whether the platform already has all that the store wants."""
        return self.action is Action.none and not self.joins and not self.leaves

    @property
    def state(self) -> SubscriptionState | None:
        """The subscription state that is written for the phone, None if it is left alone."""
        for channel in self.body.get("channels", ()):
            if channel["type"] == SMS and channel["channelId"] == self.phone:
                return SubscriptionState(channel["subscriptionState"])
        return None


def plan_contact(
    store: StoreContact, platform: Contact | None, vocabulary: Vocabulary, *, now: datetime
) -> ContactPlan:
    """Decide what to send for one contact.

    Arrays in an update may replace what is there, so one that is sent carries everything that shall remain:
    other people's custom fields and channels included. Membership of an existing contact goes through list
    changes only. A contact that no store holds is not created. All lists of `store.groups` must be in the
    vocabulary (`KeyError` otherwise).
    """
    if platform is None:
        return _plan_creation(store, store.base, vocabulary, now)
    platform = _without_namesakes(platform, vocabulary)
    base = store.base
    if store.in_flight is not None:
        base = base_after_interruption(
            base,
            store.in_flight,
            platform,
            phone=store.phone,
            source_field=vocabulary.source_field,
            email_field=vocabulary.email_field,
        )
    subscription = _subscription(store, platform)
    decided = decide_state(
        signal=store.signal,
        status=store.status,
        base=base.subscription if base else None,
        platform=subscription,
    )
    body: dict[str, Any] = {}
    changes: list[str] = []
    for name, key, value, shown in (
        ("first_name", "firstName", store.first_name, platform.first_name),
        ("last_name", "lastName", store.last_name, platform.last_name),
    ):
        wanted = _field(store, value, getattr(base, name) if base else None, shown)
        if wanted != shown:
            body[key] = wanted
            changes.append(name)
    custom, changed_fields = _custom_fields(store, base, platform, vocabulary)
    if changed_fields:
        body["customFields"] = [{"id": key, "value": value} for key, value in custom.items() if value]
        changes.extend(changed_fields)
    if decided != platform.sms_state(store.phone):
        body["channels"] = _channels(store.phone, platform, decided)
        changes.append(decided.value.lower())
    membership = _membership(store, base, platform)
    if membership.add or membership.remove:
        changes.append("groups")
    current = {ref.name.casefold(): ref.id for ref in platform.lists}
    last_seen = base.subscription.state if base and base.subscription else None
    return ContactPlan(
        phone=store.phone,
        action=Action.update if body else Action.none,
        contact_id=platform.id,
        base=_confirmed(store, base, decided, subscription, now),
        body=body,
        cleared=tuple(key for key, value in custom.items() if not value) if changed_fields else (),
        joins=tuple(vocabulary.list_id(name) for name in membership.add),
        leaves=tuple(current[name.casefold()] for name in membership.remove),
        changes=tuple(changes),
        was_unsubscribed_on_platform=last_seen is SubscriptionState.SUBSCRIBED
        and subscription is not None
        and subscription.state is SubscriptionState.UNSUBSCRIBED,
        read=platform,
    )


def _without_namesakes(platform: Contact, vocabulary: Vocabulary) -> Contact:
    """The contact without those of its lists that only have the name of one of ours."""
    known = vocabulary.list_ids
    kept = tuple(ref for ref in platform.lists if known.get(ref.name.casefold(), ref.id) == ref.id)
    return platform if len(kept) == len(platform.lists) else replace(platform, lists=kept)


def _plan_creation(
    store: StoreContact, base: ContactBase | None, vocabulary: Vocabulary, now: datetime
) -> ContactPlan:
    known = base.subscription if base else None
    if not store.sources:
        remembered = replace(_confirmed_fields(store), subscription=known)
        return ContactPlan(store.phone, Action.none, None, remembered)
    state = decide_state(signal=store.signal, status=store.status, base=known, platform=None)
    values = {
        vocabulary.source_field.id: _fitting_label(
            decide_label(store=store.sources, base=None, platform=""), vocabulary.source_field
        ),
        vocabulary.email_field.id: _fitting(store.email, vocabulary.email_field),
    }
    body: dict[str, Any] = {
        "channels": [{"channelId": store.phone, "type": SMS, "subscriptionState": state.value}],
        "customFields": [{"id": key, "value": value} for key, value in values.items() if value],
        "lists": [{"id": vocabulary.list_id(name)} for name in store.groups],
    }
    if store.first_name:
        body["firstName"] = store.first_name
    if store.last_name:
        body["lastName"] = store.last_name
    return ContactPlan(
        phone=store.phone,
        action=Action.create,
        contact_id=None,
        base=_confirmed(store, base, state, None, now),
        body=body,
        changes=("created",),
    )


def state_before(store: StoreContact, platform: Contact | None) -> SubscriptionState | None:
    """The state in which the platform holds the phone; if it holds none, the one in which it was last seen."""
    known = _subscription(store, platform) if platform else None
    if known is None and store.base:
        return store.base.subscription.state if store.base.subscription else None
    return known.state if known else None


def _subscription(store: StoreContact, platform: Contact) -> PlatformSubscription | None:
    state = platform.sms_state(store.phone)
    if state is None:
        # The contact holds the phone, but not for SMS: if it is unsubscribed elsewhere, that counts.
        others = {channel.subscription_state for channel in platform.channels}
        if SubscriptionState.UNSUBSCRIBED.value not in others:
            return None
        state = "UNSUBSCRIBED"
    return PlatformSubscription(SubscriptionState(state), platform.last_modified_at)


def _membership(store: StoreContact, base: ContactBase | None, platform: Contact | None) -> MembershipChange:
    if platform is None:
        return MembershipChange(add=store.groups if store.sources else ())
    return decide_membership(
        store=store.groups,
        base=base.groups if base else None,
        platform=[ref.name for ref in platform.lists],
    )


def _custom_fields(
    store: StoreContact, base: ContactBase | None, platform: Contact, vocabulary: Vocabulary
) -> tuple[dict[str, str], list[str]]:
    """The values that the contact's custom fields shall have, by id, and the names of those that change."""
    values = {custom.id: custom.value for custom in platform.custom_fields}
    label = values.get(vocabulary.source_field.id, "")
    email = values.get(vocabulary.email_field.id, "")
    wanted_label = decide_label(store=store.sources, base=base.sources if base else None, platform=label)
    wanted_email = _field(store, store.email, base.email if base else None, email)
    changed = []
    for name, custom_field, shown, wanted, fitting in (
        ("source", vocabulary.source_field, label, wanted_label, _fitting_label),
        ("email", vocabulary.email_field, email, wanted_email, _fitting),
    ):
        # What stays as it is need not fit: it is not ours to shorten, nor to make room for us by shortening it.
        written = fitting(wanted, custom_field)
        cut_short = wanted.startswith(shown) and not written.startswith(shown)
        if wanted != shown and written != shown and not (name == "source" and cut_short):
            changed.append(name)
            values[custom_field.id] = written
    return values, changed


def _channels(phone: str, platform: Contact, state: SubscriptionState) -> list[dict[str, str]]:
    # Every state is spelled out: one that is left out may be taken for subscribed.
    kept = [
        {
            "channelId": channel.channel_id,
            "type": channel.type,
            "subscriptionState": channel.subscription_state or SubscriptionState.UNSUBSCRIBED.value,
        }
        for channel in platform.channels
        if channel.type in WRITABLE_CHANNELS and not (channel.type == SMS and channel.channel_id == phone)
    ]
    return [{"channelId": phone, "type": SMS, "subscriptionState": state.value}, *kept]


def _field(store: StoreContact, value: str, base: str | None, shown: str) -> str:
    # A contact that is gone from every store keeps its name and address: it only leaves our lists and label.
    return decide_field(store=value, base=base, platform=shown) if store.sources else shown


def _confirmed(
    store: StoreContact,
    base: ContactBase | None,
    decided: SubscriptionState,
    subscription: PlatformSubscription | None,
    now: datetime,
) -> ContactBase:
    remembered = next_base(
        decided=decided,
        signal=store.signal,
        base=base.subscription if base else None,
        platform=subscription,
        now=now,
    )
    return replace(_confirmed_fields(store), subscription=remembered)


def _confirmed_fields(store: StoreContact) -> ContactBase:
    return ContactBase(
        first_name=store.first_name,
        last_name=store.last_name,
        email=store.email,
        sources=store.sources,
        groups=store.groups,
        consent=store.consent,
        consent_at=store.consent_at,
    )


def _fitting(value: str, custom_field: CustomField) -> str:
    """The value, or nothing when it is too long: half an address would be a wrong one."""
    limit = custom_field.max_length
    return "" if limit is not None and len(value) > limit else value


def _fitting_label(label: str, custom_field: CustomField) -> str:
    """As many whole names as fit."""
    limit = custom_field.max_length
    if limit is None:
        return label
    kept = ""
    for longer in _beginnings(label.split(", ")):
        if len(longer) > limit:
            break
        kept = longer
    return kept


def _beginnings(names: Iterable[str]) -> Iterable[str]:
    joined: list[str] = []
    for name in names:
        joined.append(name)
        yield ", ".join(joined)
