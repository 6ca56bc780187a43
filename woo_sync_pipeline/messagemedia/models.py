"""The entities of the contact directory, as typed records, and how they are read from JSON.

Reading tolerates what is optional and absent or null, and is strict about ids, channels and dates: a
contact that cannot be identified must never be written to. Personal data is kept out of every `repr`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.errors import PlatformProtocolError

SMS = "SMS"
_STATES = {state.value: state for state in SubscriptionState}

T = TypeVar("T")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a contact. `type` may be one that cannot be written, such as EMAIL or GBM."""

    channel_id: str = field(repr=False)
    type: str
    subscription_state: SubscriptionState | None


@dataclass(frozen=True, slots=True)
class CustomFieldValue:
    """The value that a contact has in one custom field."""

    id: str
    merge_tag: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListRef:
    """A list that a contact is a member of."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of the directory. `last_modified_at` is UTC."""

    id: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    channels: tuple[Channel, ...]
    custom_fields: tuple[CustomFieldValue, ...]
    lists: tuple[ListRef, ...]
    last_modified_at: datetime

    def sms_channel(self, phone: str) -> Channel | None:
        """Return the SMS channel with this E.164 phone, None if the contact has no such channel."""
        return next((c for c in self.channels if c.type == SMS and c.channel_id == phone), None)

    def sms_state(self, phone: str) -> SubscriptionState | None:
        """Return the state of the SMS channel with this phone, None if there is none or it has no state."""
        channel = self.sms_channel(phone)
        return channel.subscription_state if channel else None

    def custom_value(self, field_id: str) -> str | None:
        """Return the value in the custom field with this id, None if the contact has none."""
        return next((f.value for f in self.custom_fields if f.id == field_id), None)


@dataclass(frozen=True, slots=True)
class ContactList:
    """A contact list. `created_at` is UTC, None if the platform does not say."""

    id: str
    name: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomField:
    """The definition of a custom field. `max_length` is in characters, None if the platform names none."""

    id: str
    label: str
    merge_tag: str
    type: str
    max_length: int | None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of entities. `total` counts what the filter matches, over all pages."""

    content: list[T]
    next_page_token: str | None
    total: int


def holders_of(phones: Collection[str], contacts: Iterable[Contact]) -> dict[str, Contact]:
    """Return for each phone the contact that holds it, rather as an SMS channel than as another one."""
    wanted = set(phones)
    by_sms: dict[str, Contact] = {}
    otherwise: dict[str, Contact] = {}
    for contact in contacts:
        for channel in contact.channels:
            if channel.channel_id in wanted:
                found = by_sms if channel.type == SMS else otherwise
                found.setdefault(channel.channel_id, contact)
    return otherwise | by_sms


def parse_contact(data: object) -> Contact:
    """Read a contact. Raises PlatformProtocolError if it is none."""
    item = _mapping(data, "contact")
    return Contact(
        id=_id(item, "contact"),
        first_name=_text(item, "firstName"),
        last_name=_text(item, "lastName"),
        channels=tuple(_parse_channel(c) for c in _array(item, "channels")),
        custom_fields=tuple(_parse_value(v) for v in _array(item, "customFields")),
        lists=tuple(
            ListRef(id=_id(each, "list"), name=_text(each, "name"))
            for each in (_mapping(ref, "list") for ref in _array(item, "lists"))
        ),
        last_modified_at=_instant(item, "lastModifiedDate"),
    )


def parse_list(data: object) -> ContactList:
    """Read a contact list. Raises PlatformProtocolError if it is none."""
    item = _mapping(data, "list")
    created_at = _instant(item, "createdDate") if item.get("createdDate") else None
    return ContactList(_id(item, "list"), _required_text(item, "name"), created_at)


def parse_custom_field(data: object) -> CustomField:
    """Read a custom field's definition. Raises PlatformProtocolError if it is none."""
    item = _mapping(data, "custom field")
    length = item.get("maxLength")
    return CustomField(
        id=_id(item, "custom field"),
        label=_text(item, "label"),
        merge_tag=_required_text(item, "mergeTag"),
        type=_text(item, "type"),
        max_length=length if isinstance(length, int) and not isinstance(length, bool) else None,
    )


def parse_page(data: object, parse_item: Callable[[object], T]) -> Page[T]:
    """Read a page, each entity of it with `parse_item`. Raises PlatformProtocolError if it is none."""
    item = _mapping(data, "page")
    total = item.get("totalElements")
    if not isinstance(item.get("content"), list):
        # A page without content must not pass for an empty directory.
        raise _not_understood("a page without content")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise _not_understood("a page without totalElements")
    return Page(
        content=[parse_item(each) for each in _array(item, "content")],
        next_page_token=_text(item, "nextPageToken") or None,
        total=total,
    )


def _parse_channel(data: object) -> Channel:
    item = _mapping(data, "channel")
    state = item.get("subscriptionState")
    return Channel(
        channel_id=_required_text(item, "channelId"),
        type=_required_text(item, "type"),
        subscription_state=_STATES.get(state) if isinstance(state, str) else None,
    )


def _parse_value(data: object) -> CustomFieldValue:
    item = _mapping(data, "custom field value")
    return CustomFieldValue(
        id=_id(item, "custom field"), merge_tag=_text(item, "mergeTag"), value=_text(item, "value")
    )


def _mapping(data: object, what: str) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise _not_understood(f"a {what} that is no JSON object")
    return data


def _array(item: Mapping[str, object], key: str) -> list[object]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _not_understood(f"{key} that is no array")
    return value


def _text(item: Mapping[str, object], key: str) -> str:
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _not_understood(f"{key} that is no text")
    return value


def _required_text(item: Mapping[str, object], key: str) -> str:
    value = _text(item, key)
    if not value:
        raise _not_understood(f"no {key}")
    return value


def _id(item: Mapping[str, object], what: str) -> str:
    value = item.get("id")
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _not_understood(f"a {what} without an id in UUID form")
    return value


def _instant(item: Mapping[str, object], key: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(_required_text(item, key))
    except ValueError:
        raise _not_understood(f"{key} that is no date and time") from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _not_understood(got: str) -> PlatformProtocolError:
    return PlatformProtocolError(
        tried="reading an answer of the Contacts API",
        got=got,
        next_step="Check that messagemedia.base_url is a MessageMedia API; if it is, the API has changed.",
    )
