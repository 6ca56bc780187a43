"""How a decision about one contact is sent: the requests that bring the platform to what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from woo_sync_pipeline.clocks import UNKNOWN_OFFSET, ClockOffset
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.contact import ContactBase, ShownContact, StoreContact
from woo_sync_pipeline.contacts.decision import Decision, decide_contact
from woo_sync_pipeline.contacts.subscription import ShownSubscription, SubscriptionState
from woo_sync_pipeline.messagemedia.models import SMS, Contact, CustomField

WRITABLE_CHANNELS = frozenset({"SMS", "WHATSAPP"})


class Action(StrEnum):
    """What a plan does to the contact itself; list members are changed apart from it."""

    create = "create"
    update = "update"
    none = "none"


@dataclass(frozen=True)
class Vocabulary:
    """Ids on the platform of what contacts refer to, and its clock. `list_ids` has case-folded list names as keys."""

    list_ids: Mapping[str, str]
    source_field: CustomField
    email_field: CustomField
    clock_offset: ClockOffset = UNKNOWN_OFFSET

    def list_id(self, name: str) -> str:
        """The id of a list by name, whatever its case. Raises `KeyError` when there is no such list."""
        return self.list_ids[name.casefold()]


@dataclass(frozen=True)
class ContactPlan:
    """What to do for one phone.

    `decision` is what it carries out, made from `read`, the platform's contact. `body` is the request to create or
    update; `cleared` are ids of custom fields that shall be empty after it, and are left out of it. `joins` and
    `leaves` are ids of lists to change for a contact that exists. `changes` names what differs.
    """

    phone: str = field(repr=False)
    action: Action
    contact_id: str | None
    decision: Decision
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cleared: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    read: Contact | None = field(default=None, repr=False)

    @property
    def base(self) -> ContactBase:
        """What to remember once all of it is confirmed."""
        return self.decision.base

    @property
    def was_unsubscribed_on_platform(self) -> bool:
        """Whether this look found the person unsubscribed there, who was subscribed before."""
        return any(event.kind is ConsentEventKind.stop for event in self.decision.events)

    @property
    def refuses_anew(self) -> bool:
        """Whether an opt-in of the stores is not applied that was not yet known to be so."""
        return any(event.kind is ConsentEventKind.not_applied for event in self.decision.events)

    @property
    def not_applied_sentence(self) -> str | None:
        """Why an opt-in of the stores is not applied, where that is new."""
        verdict = self.decision.verdict
        if verdict is None or verdict.not_applied is None or not self.refuses_anew:
            return None
        return verdict.not_applied.sentence

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
    """Decide about one contact and say what to send for it.

    Arrays in an update may replace what is there, so one that is sent carries everything that shall remain:
    other people's custom fields and channels included. Membership of an existing contact goes through list
    changes only. A contact that no store holds is not created. All lists of `store.groups` must be in the
    vocabulary (`KeyError` otherwise).
    """
    if platform is None:
        return _plan_creation(store, decide_contact(store, None, now=now), vocabulary)
    platform = _without_namesakes(platform, vocabulary)
    decision = decide_contact(store, _shown(store.phone, platform, vocabulary), now=now)
    body: dict[str, Any] = {}
    changes: list[str] = []
    for name, key, wanted, shown in (
        ("first_name", "firstName", decision.first_name, platform.first_name),
        ("last_name", "lastName", decision.last_name, platform.last_name),
    ):
        if wanted != shown:
            body[key] = wanted
            changes.append(name)
    custom, changed_fields = _custom_fields(decision, platform, vocabulary)
    if changed_fields:
        body["customFields"] = [{"id": key, "value": value} for key, value in custom.items() if value]
        changes.extend(changed_fields)
    assert decision.state is not None
    if decision.state != platform.sms_state(store.phone):
        body["channels"] = _channels(store.phone, platform, decision.state)
        changes.append(decision.state.value.lower())
    membership = decision.membership
    if membership.add or membership.remove:
        changes.append("groups")
    current = {ref.name.casefold(): ref.id for ref in platform.lists}
    return ContactPlan(
        phone=store.phone,
        action=Action.update if body else Action.none,
        contact_id=platform.id,
        decision=decision,
        body=body,
        cleared=tuple(key for key, value in custom.items() if not value) if changed_fields else (),
        joins=tuple(vocabulary.list_id(name) for name in membership.add),
        leaves=tuple(current[name.casefold()] for name in membership.remove),
        changes=tuple(changes),
        read=platform,
    )


def _without_namesakes(platform: Contact, vocabulary: Vocabulary) -> Contact:
    """The contact without those of its lists that only have the name of one of ours."""
    known = vocabulary.list_ids
    kept = tuple(ref for ref in platform.lists if known.get(ref.name.casefold(), ref.id) == ref.id)
    return platform if len(kept) == len(platform.lists) else replace(platform, lists=kept)


def _plan_creation(store: StoreContact, decision: Decision, vocabulary: Vocabulary) -> ContactPlan:
    if not decision.creates:
        return ContactPlan(store.phone, Action.none, None, decision)
    assert decision.state is not None
    values = {
        vocabulary.source_field.id: _fitting_label(decision.label, vocabulary.source_field),
        vocabulary.email_field.id: _fitting(decision.email, vocabulary.email_field),
    }
    body: dict[str, Any] = {
        "channels": [{"channelId": store.phone, "type": SMS, "subscriptionState": decision.state.value}],
        "customFields": [{"id": key, "value": value} for key, value in values.items() if value],
        "lists": [{"id": vocabulary.list_id(name)} for name in decision.membership.add],
    }
    if decision.first_name:
        body["firstName"] = decision.first_name
    if decision.last_name:
        body["lastName"] = decision.last_name
    return ContactPlan(store.phone, Action.create, None, decision, body=body, changes=("created",))


def _shown(phone: str, platform: Contact, vocabulary: Vocabulary) -> ShownContact:
    return ShownContact(
        first_name=platform.first_name,
        last_name=platform.last_name,
        email=platform.custom_value(vocabulary.email_field.id) or "",
        label=platform.custom_value(vocabulary.source_field.id) or "",
        lists=tuple(ref.name for ref in platform.lists),
        subscription=_subscription(phone, platform, vocabulary.clock_offset),
    )


def _subscription(phone: str, platform: Contact, clock_offset: ClockOffset) -> ShownSubscription | None:
    state = platform.sms_state(phone)
    if state is None:
        # The contact holds the phone, but not for SMS: if it is unsubscribed elsewhere, that counts.
        others = {channel.subscription_state for channel in platform.channels}
        if SubscriptionState.UNSUBSCRIBED not in others:
            return None
        state = SubscriptionState.UNSUBSCRIBED
    changed_at = platform.last_modified_at
    return ShownSubscription(state, changed_at, clock_offset.latest(changed_at))


def _custom_fields(
    decision: Decision, platform: Contact, vocabulary: Vocabulary
) -> tuple[dict[str, str], list[str]]:
    """The values that the contact's custom fields shall have, by id, and the names of those that change."""
    values = {custom.id: custom.value for custom in platform.custom_fields}
    changed = []
    for name, custom_field, wanted, fitting in (
        ("source", vocabulary.source_field, decision.label, _fitting_label),
        ("email", vocabulary.email_field, decision.email, _fitting),
    ):
        shown = values.get(custom_field.id, "")
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
            "subscriptionState": channel.subscription_state or SubscriptionState.UNSUBSCRIBED,
        }
        for channel in platform.channels
        if channel.type in WRITABLE_CHANNELS and not (channel.type == SMS and channel.channel_id == phone)
    ]
    return [{"channelId": phone, "type": SMS, "subscriptionState": state.value}, *kept]


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
