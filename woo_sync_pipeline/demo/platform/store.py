"""What a MessageMedia account holds, with the indexes that make a large one quick."""

from __future__ import annotations

import bisect
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from woo_sync_pipeline.demo.platform.opt_outs import OPTED_IN, OPTED_OUT, OptOuts

WRITABLE_TYPES = ("SMS", "WHATSAPP")
CHANNEL_TYPES = (*WRITABLE_TYPES, "GBM", "INSTAGRAM", "FACEBOOK", "EMAIL")
FIELD_TYPES = ("DATE", "NUMBER", "PHONE", "TEXT", "URL", "ZIP_CODE", "NAME", "EMAIL")
STATES = (OPTED_IN, OPTED_OUT)

Channels = dict[tuple[str, str], str]
"""(type, channel id) → subscription state."""


def _new_id() -> str:
    return str(uuid.uuid4())


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class Entity:
    """What contacts, lists and custom fields have in common. Dates are UTC, in whole milliseconds."""

    id: str = field(default_factory=_new_id, kw_only=True)
    created: datetime = field(default_factory=_now, kw_only=True)
    modified: datetime = field(default_factory=_now, kw_only=True)

    def touch(self) -> None:
        """Move the date of modification, even when the clock has not moved."""
        self.modified = max(_now(), self.modified + timedelta(milliseconds=1))


@dataclass
class ContactRecord(Entity):
    """A contact. `details` are its plain texts by their names in the API."""

    details: dict[str, str]
    channels: Channels
    custom_fields: dict[str, str] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)


@dataclass
class ListRecord(Entity):
    """A contact list."""

    name: str
    alias: str = ""
    members: set[str] = field(default_factory=set)


@dataclass
class FieldRecord(Entity):
    """The definition of a custom field."""

    label: str
    merge_tag: str
    type: str
    max_length: int


class Store:
    """Contacts, lists and custom fields by id. Keeps no lock: its owner does."""

    def __init__(self) -> None:
        self.contacts: dict[str, ContactRecord] = {}
        self.lists: dict[str, ListRecord] = {}
        self.fields: dict[str, FieldRecord] = {}
        self.contact_ids: list[str] = []
        """Ordered by id: the order of pages, which is not the order in which contacts came."""
        self.opt_outs = OptOuts()
        self._holders: dict[str, str] = {}
        self._list_names: dict[str, str] = {}

    def holder(self, channel_id: str) -> ContactRecord | None:
        """Return the contact that has this phone (or other channel id), as whatever type of channel."""
        contact_id = self._holders.get(channel_id)
        return None if contact_id is None else self.contacts[contact_id]

    def list_named(self, name: str) -> ListRecord | None:
        """Return the list with this name, in whatever letter case; the first one if there are several."""
        list_id = self._list_names.get(name.casefold())
        return None if list_id is None else self.lists[list_id]

    def field_with(self, *, label: str | None = None, merge_tag: str | None = None) -> FieldRecord | None:
        """Return the custom field with this label or this merge tag, in whatever letter case."""
        for each in self.fields.values():
            if label is not None and each.label.casefold() == label.casefold():
                return each
            if merge_tag is not None and each.merge_tag.casefold() == merge_tag.casefold():
                return each
        return None

    def add_contact(self, details: Mapping[str, str], channels: Channels) -> ContactRecord:
        """Add a contact; its channel ids must be free."""
        contact = ContactRecord(details=dict(details), channels={})
        self.contacts[contact.id] = contact
        bisect.insort(self.contact_ids, contact.id)
        self.set_channels(contact, channels)
        return contact

    def remove_contact(self, contact: ContactRecord) -> None:
        """Forget a contact; what is remembered of its opt-out counts only if the account is told to."""
        self.set_channels(contact, {})
        for list_id in contact.lists:
            self.lists[list_id].members.discard(contact.id)
        del self.contacts[contact.id]
        del self.contact_ids[bisect.bisect_left(self.contact_ids, contact.id)]

    def set_channels(self, contact: ContactRecord, channels: Channels) -> None:
        """Give a contact exactly these channels; their ids must be free or its own."""
        self.opt_outs.note(contact.channels, channels)
        for _, channel_id in contact.channels:
            self._holders.pop(channel_id, None)
        for _, channel_id in channels:
            self._holders[channel_id] = contact.id
        contact.channels = dict(channels)

    def set_lists(self, contact: ContactRecord, list_ids: Iterable[str]) -> None:
        """Make a contact a member of exactly these lists."""
        wanted = set(list_ids)
        for list_id in contact.lists - wanted:
            self.lists[list_id].members.discard(contact.id)
        for list_id in wanted - contact.lists:
            self.lists[list_id].members.add(contact.id)
        contact.lists = wanted

    def add_member(self, members_of: ListRecord, contact: ContactRecord) -> None:
        """Add a contact to a list; it may be on it."""
        members_of.members.add(contact.id)
        contact.lists.add(members_of.id)
        contact.touch()

    def remove_member(self, members_of: ListRecord, contact: ContactRecord) -> None:
        """Take a contact off a list; it need not be on it."""
        members_of.members.discard(contact.id)
        contact.lists.discard(members_of.id)
        contact.touch()

    def add_list(self, name: str, alias: str = "") -> ListRecord:
        """Add a list."""
        added = ListRecord(name=name, alias=alias)
        self.lists[added.id] = added
        self._list_names.setdefault(name.casefold(), added.id)
        return added

    def rename_list(self, renamed: ListRecord, name: str) -> None:
        """Give a list another name."""
        renamed.name = name
        renamed.touch()
        self._index_lists()

    def remove_list(self, removed: ListRecord) -> None:
        """Remove a list; its members stay contacts."""
        for contact_id in removed.members:
            self.contacts[contact_id].lists.discard(removed.id)
            self.contacts[contact_id].touch()
        del self.lists[removed.id]
        self._index_lists()

    def _index_lists(self) -> None:
        newest_first = reversed(self.lists.values())
        self._list_names = {each.name.casefold(): each.id for each in newest_first}

    def add_field(self, label: str, merge_tag: str, type: str, max_length: int) -> FieldRecord:
        """Add a custom field; its label and merge tag must be free."""
        added = FieldRecord(label=label, merge_tag=merge_tag, type=type, max_length=max_length)
        self.fields[added.id] = added
        return added

    def remove_field(self, removed: FieldRecord) -> None:
        """Remove a custom field and every contact's value in it."""
        del self.fields[removed.id]
        for contact in self.contacts.values():
            if contact.custom_fields.pop(removed.id, None) is not None:
                contact.touch()
