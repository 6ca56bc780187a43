"""The account as a person sees it in the MessageMedia web application, and as tests compare it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TypedDict

from woo_sync_pipeline.demo.platform.opt_outs import OPTED_IN, OPTED_OUT
from woo_sync_pipeline.demo.platform.store import STATES, Channels, ContactRecord, ListRecord, Store
from woo_sync_pipeline.privacy import mask_phone


class ContactSnapshot(TypedDict):
    """One phone's contact without ids and dates."""

    first_name: str
    last_name: str
    states: dict[str, str]
    custom_fields: dict[str, str]
    lists: list[str]


class Directory:
    """The account's state, changed here by hand while the server changes it over HTTP. Thread-safe.

    Phones are E.164. Methods that name a contact or a list which is not there raise KeyError. Three switches,
    to be turned at any time, choose among what is published nowhere:

    - `stop_moves_date`: whether a STOP (`unsubscribe`, `subscribe`) moves the contact's date of modification
    - `keeps_state_of`: phones whose state no PATCH changes; it is answered 200 and the rest of it is applied
    - `remembers_opt_outs`: whether an opt-out outlives its contact (a phone that was unsubscribed when it was
      last on a contact is unsubscribed when a request brings it back), and whether a STOP outweighs every
      SUBSCRIBED that a request asks for, until `subscribe`
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store = Store()
        self.stop_moves_date = True
        self.keeps_state_of: set[str] = set()
        self.remembers_opt_outs = False

    def __len__(self) -> int:
        with self.lock:
            return len(self.store.contacts)

    def __contains__(self, phone: object) -> bool:
        with self.lock:
            return isinstance(phone, str) and self.store.holder(phone) is not None

    def add_contact(
        self,
        phone: str,
        *,
        first_name: str = "",
        last_name: str = "",
        state: str = "SUBSCRIBED",
        channels: Iterable[tuple[str, str, str]] | None = None,
        custom_fields: Mapping[str, str] | None = None,
        lists: Iterable[str] = (),
    ) -> str:
        """Add a contact with `phone` as SMS channel and return its id.

        `channels` are further channels as (type, channel id, state); a channel named there for `phone` takes
        the place of the SMS one. `custom_fields` are by merge tag; they and the lists are made if missing.
        Raises ValueError if a channel id is taken.
        """
        extra: Channels = {(type, channel_id): each for type, channel_id, each in channels or ()}
        all_channels = extra if any(c == phone for _, c in extra) else {("SMS", phone): state, **extra}
        if not set(all_channels.values()) <= set(STATES):
            raise ValueError(f"a subscription state is one of {STATES}")
        with self.lock:
            for _, channel_id in all_channels:
                if self.store.holder(channel_id):
                    raise ValueError(f"{mask_phone(channel_id)} belongs to another contact")
            contact = self.store.add_contact({"firstName": first_name, "lastName": last_name}, all_channels)
            self._set_values(contact, custom_fields or {})
            self.store.set_lists(contact, [self._list(name).id for name in lists])
            return contact.id

    def unsubscribe(self, phone: str) -> None:
        """Opt a phone out on all its channels, as a STOP reply does."""
        with self.lock:
            self._set_state(phone, OPTED_OUT)
            self.store.opt_outs.stop(phone)

    def subscribe(self, phone: str) -> None:
        """Opt a phone in on all its channels, as a START reply does."""
        with self.lock:
            self._set_state(phone, OPTED_IN)
            self.store.opt_outs.start(phone)

    def edit(
        self,
        phone: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        custom_fields: Mapping[str, str] | None = None,
        lists: Iterable[str] | None = None,
    ) -> None:
        """Change what is given. An empty custom field value clears it; `lists` replaces the membership."""
        with self.lock:
            contact = self._holder(phone)
            if first_name is not None:
                contact.details["firstName"] = first_name
            if last_name is not None:
                contact.details["lastName"] = last_name
            self._set_values(contact, custom_fields or {})
            if lists is not None:
                self.store.set_lists(contact, [self._list(name).id for name in lists])
            contact.touch()

    def delete(self, phone: str) -> None:
        """Delete the contact."""
        with self.lock:
            self.store.remove_contact(self._holder(phone))

    def add_list(self, name: str) -> str:
        """Make sure that a list exists and return its id."""
        with self.lock:
            return self._list(name).id

    def add_to_list(self, phone: str, name: str) -> None:
        """Add a contact to a list, which is made if missing."""
        with self.lock:
            self.store.add_member(self._list(name), self._holder(phone))

    def remove_from_list(self, phone: str, name: str) -> None:
        """Take a contact off a list."""
        with self.lock:
            self.store.remove_member(self._existing_list(name), self._holder(phone))

    def delete_list(self, name: str) -> None:
        """Delete a list; its members stay."""
        with self.lock:
            self.store.remove_list(self._existing_list(name))

    def add_custom_field(
        self, merge_tag: str, *, label: str | None = None, type: str = "TEXT", max_length: int = 255
    ) -> str:
        """Make sure that a custom field exists and return its id."""
        with self.lock:
            existing = self.store.field_with(merge_tag=merge_tag)
            if existing is None:
                existing = self.store.add_field(label or merge_tag, merge_tag, type, max_length)
            return existing.id

    def list_names(self) -> list[str]:
        """Return the names of all lists, sorted."""
        with self.lock:
            return sorted(each.name for each in self.store.lists.values())

    def list_members(self, name: str) -> set[str]:
        """Return the phones on a list, those of every channel."""
        with self.lock:
            members = self._existing_list(name).members
            return {phone for each in members for _, phone in self.store.contacts[each].channels}

    def snapshot(self) -> dict[str, ContactSnapshot]:
        """Return the account by phone, without ids and dates, to be compared with `==`.

        A contact with several phones is there once for each, `states` being those of that phone by type.
        """
        with self.lock:
            return {
                phone: self._snapshot(contact, phone)
                for contact in self.store.contacts.values()
                for _, phone in contact.channels
            }

    def accepted_states(self, wanted: Channels, before: Channels) -> Channels:
        """Return the states that a request's channels get, `before` being those that its contact has so far."""
        known = {phone for _, phone in before}
        accepted: Channels = {}
        for channel, state in wanted.items():
            phone = channel[1]
            if phone in self.keeps_state_of and channel in before:
                accepted[channel] = before[channel]
            elif self.remembers_opt_outs and self.store.opt_outs.bind(phone, is_new=phone not in known):
                accepted[channel] = OPTED_OUT
            else:
                accepted[channel] = state
        return accepted

    def _snapshot(self, contact: ContactRecord, phone: str) -> ContactSnapshot:
        return {
            "first_name": contact.details.get("firstName", ""),
            "last_name": contact.details.get("lastName", ""),
            "states": {type: state for (type, each), state in contact.channels.items() if each == phone},
            "custom_fields": {
                self.store.fields[field_id].merge_tag: value
                for field_id, value in contact.custom_fields.items()
            },
            "lists": sorted(self.store.lists[each].name for each in contact.lists),
        }

    def _set_state(self, phone: str, state: str) -> None:
        contact = self._holder(phone)
        for channel in contact.channels:
            if channel[1] == phone:
                contact.channels[channel] = state
        if self.stop_moves_date:
            contact.touch()

    def _set_values(self, contact: ContactRecord, values: Mapping[str, str]) -> None:
        for merge_tag, value in values.items():
            field_id = self.add_custom_field(merge_tag)
            if value:
                contact.custom_fields[field_id] = value
            else:
                contact.custom_fields.pop(field_id, None)

    def _holder(self, phone: str) -> ContactRecord:
        contact = self.store.holder(phone)
        if contact is None:
            raise KeyError(mask_phone(phone))
        return contact

    def _list(self, name: str) -> ListRecord:
        return self.store.list_named(name) or self.store.add_list(name)

    def _existing_list(self, name: str) -> ListRecord:
        existing = self.store.list_named(name)
        if existing is None:
            raise KeyError(name)
        return existing
