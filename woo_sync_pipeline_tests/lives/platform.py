"""A platform in memory, for plans that are carried out without a network: thousands of lives have to fit a minute."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.models import Channel, Contact, CustomField, CustomFieldValue, ListRef

SOURCE_FIELD = CustomField(str(uuid.uuid4()), "Source", "source", "TEXT", 255)
EMAIL_FIELD = CustomField(str(uuid.uuid4()), "Email", "email", "EMAIL", 254)


@dataclass
class MemoryPlatform:
    """Contacts by phone. `clock` tells its time; `stop_moves_date`: whether a STOP moves a contact's date."""

    clock: Callable[[], datetime]
    stop_moves_date: bool
    contacts: dict[str, Contact] = field(default_factory=dict)
    list_ids: dict[str, str] = field(default_factory=dict)

    def state(self, phone: str) -> str | None:
        contact = self.contacts.get(phone)
        return contact.sms_state(phone) if contact else None

    def subscribed(self) -> list[str]:
        return [phone for phone in self.contacts if self.state(phone) == "SUBSCRIBED"]

    def answer(self, phone: str, state: SubscriptionState) -> None:
        """A person writes STOP or START."""
        contact = self.contacts[phone]
        moved = self.clock() if self.stop_moves_date else contact.last_modified_at
        self.contacts[phone] = replace(contact, channels=(_channel(phone, state),), last_modified_at=moved)

    def rename(self, phone: str) -> None:
        """Staff correct a name."""
        self.contacts[phone] = replace(
            self.contacts[phone], last_name="of staff", last_modified_at=self.clock()
        )

    def list_id(self, name: str) -> str:
        return self.list_ids.setdefault(name.casefold(), str(uuid.uuid4()))

    def carry_out(self, plan: ContactPlan) -> datetime | None:
        """Do what a plan asks for; returns the date of modification that the answer shows."""
        if plan.action is Action.none and not (plan.joins or plan.leaves):
            return None
        known = self.contacts.get(plan.phone)
        body = plan.body
        contact = known or Contact(str(uuid.uuid4()), "", "", (), (), (), self.clock())
        answered = None
        if plan.action is not Action.none:
            answered = self.clock()
            values = {each["id"]: each["value"] for each in body.get("customFields", ())}
            contact = replace(
                contact,
                first_name=body.get("firstName", contact.first_name),
                last_name=body.get("lastName", contact.last_name),
                channels=(_channel(plan.phone, plan.state),) if plan.state else contact.channels,
                custom_fields=tuple(CustomFieldValue(key, "", value) for key, value in values.items())
                if "customFields" in body
                else contact.custom_fields,
                lists=(*contact.lists, *map(self._ref, (each["id"] for each in body.get("lists", ())))),
                last_modified_at=answered,
            )
        if plan.joins or plan.leaves:
            lists = [ref for ref in contact.lists if ref.id not in plan.leaves]
            contact = replace(
                contact, lists=(*lists, *map(self._ref, plan.joins)), last_modified_at=self.clock()
            )
        self.contacts[plan.phone] = contact
        return answered

    def _ref(self, list_id: str) -> ListRef:
        return ListRef(list_id, next(name for name, known in self.list_ids.items() if known == list_id))


def _channel(phone: str, state: SubscriptionState) -> Channel:
    return Channel(phone, "SMS", state)
