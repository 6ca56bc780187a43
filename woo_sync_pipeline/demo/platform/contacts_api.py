"""The operations on contacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import (
    Answer,
    InvalidField,
    Json,
    conflict,
    invalid,
    not_found,
    unknown_ids,
)
from woo_sync_pipeline.demo.platform.paging import Query, parse_query
from woo_sync_pipeline.demo.platform.shapes import array, fits_type, is_date, is_e164, is_uuid, record, text
from woo_sync_pipeline.demo.platform.store import (
    CHANNEL_TYPES,
    STATES,
    WRITABLE_TYPES,
    Channels,
    ContactRecord,
    Store,
)

_DETAILS = {
    "firstName": text(max_length=100),
    "lastName": text(max_length=100),
    "alias": text(max_length=100),
    "dateOfBirth": text(form=is_date),
    "country": text(max_length=100),
    "state": text(max_length=100),
    "location": text(max_length=255),
    "note": text(max_length=1000),
}
_CHANNEL = record(
    {
        "channelId": text(form=is_e164),
        "type": text(choices=WRITABLE_TYPES),
        "subscriptionState": text(choices=STATES),
    },
    required=("channelId", "type"),
)
_PROPERTIES = {
    **_DETAILS,
    "channels": array(_CHANNEL, not_empty=True),
    "lists": array(record({"id": text(form=is_uuid)}, required=("id",))),
    "customFields": array(record({"id": text(form=is_uuid), "value": text()}, required=("id", "value"))),
}
_CREATE = record(_PROPERTIES, required=("channels",))
_UPDATE = record(_PROPERTIES)

_FILTERS = {
    "listIds": text(form=is_uuid),
    "contactIds": text(form=is_uuid),
    "channelIds": text(not_blank=True),
    "channelTypes": text(choices=CHANNEL_TYPES),
    "channelSubscriptionState": text(choices=STATES),
}
_REPEATABLE = frozenset(("listIds", "contactIds", "channelIds", "channelTypes"))


def get_page(account: Account, call: Call) -> Answer:
    """Answer the contacts that match all filters, ordered by id."""
    query = parse_query(call.query, _FILTERS, _REPEATABLE)
    page, data = account.pager.page(_matching(account.store, query), query, "contacts")
    data["content"] = [_to_json(account, account.store.contacts[each]) for each in page]
    return Answer(200, data)


def create(account: Account, call: Call) -> Answer:
    """Create a contact. A channel without a subscription state is subscribed, unless an opt-out is remembered."""
    body: dict[str, Any] = call.checked_body(_CREATE)
    store = account.store
    _check_references(store, body)
    channels = _given_channels(body["channels"])
    _check_free(store, channels, owner=None)
    contact = store.add_contact(
        {name: body[name] for name in _DETAILS if name in body},
        account.directory.accepted_states(
            {key: state or "SUBSCRIBED" for key, state in channels.items()}, before={}
        ),
    )
    contact.custom_fields = {key: value for key, value in _given_values(body).items() if value}
    store.set_lists(contact, _ids(body, "lists"))
    return Answer(201, _to_json(account, contact))


def get(account: Account, call: Call) -> Answer:
    """Answer one contact."""
    return Answer(200, _to_json(account, _existing(account, call)))


def update(account: Account, call: Call) -> Answer:
    """Change what is given; how arrays and omitted states are taken depends on the account's readings.

    An empty value clears a custom field of any type.
    """
    body: dict[str, Any] = call.checked_body(_UPDATE)
    contact, store = _existing(account, call), account.store
    merge = account.readings.patch_arrays == "merge"
    _check_references(store, body, may_clear=True)
    if "channels" in body:
        given = _given_channels(body["channels"])
        _check_free(store, given, owner=contact)
        # Channels that cannot be written cannot be left out on purpose: they stay.
        kept = {
            key: state for key, state in contact.channels.items() if merge or key[0] not in WRITABLE_TYPES
        }
        keep_state = account.readings.omitted_state == "keep"
        known = contact.channels if keep_state else {}
        written = {key: state or known.get(key, "SUBSCRIBED") for key, state in given.items()}
        accepted = account.directory.accepted_states(written, before=contact.channels)
        store.set_channels(contact, {**kept, **accepted})
    if "customFields" in body:
        values = {**contact.custom_fields, **_given_values(body)} if merge else _given_values(body)
        contact.custom_fields = {key: value for key, value in values.items() if value}
    if "lists" in body:
        store.set_lists(contact, [*(contact.lists if merge else ()), *_ids(body, "lists")])
    contact.details.update({name: body[name] for name in _DETAILS if name in body})
    contact.touch()
    return Answer(200, _to_json(account, contact))


def delete(account: Account, call: Call) -> Answer:
    """Delete a contact; its opt-out is forgotten with it, unless the directory remembers opt-outs."""
    account.store.remove_contact(_existing(account, call))
    return Answer(204)


def _existing(account: Account, call: Call) -> ContactRecord:
    contact = account.store.contacts.get(call.ids[0])
    if contact is None:
        raise not_found("The contact")
    return contact


def _matching(store: Store, query: Query) -> Sequence[str]:
    """Return the ids of the contacts that match, ascending, by way of the index that narrows most."""
    candidates: set[str] | None = None
    if "channelIds" in query:
        holders = (store.holder(each) for each in query["channelIds"])
        candidates = {each.id for each in holders if each is not None}
    if "contactIds" in query:
        wanted = {each.lower() for each in query["contactIds"]} & store.contacts.keys()
        candidates = wanted if candidates is None else candidates & wanted
    if "listIds" in query:
        lists = (store.lists.get(each.lower()) for each in query["listIds"])
        members = {member for each in lists if each is not None for member in each.members}
        candidates = members if candidates is None else candidates & members
    types, states = query.get("channelTypes"), query.get("channelSubscriptionState")
    if types is None and states is None:
        return store.contact_ids if candidates is None else sorted(candidates)
    ordered = store.contact_ids if candidates is None else sorted(candidates)
    return [each for each in ordered if _has_channel(store.contacts[each], query, types, states)]


def _has_channel(
    contact: ContactRecord, query: Query, types: list[str] | None, states: list[str] | None
) -> bool:
    """Tell whether one and the same channel meets all filters on channels."""
    ids = query.get("channelIds")
    return any(
        (ids is None or channel_id in ids)
        and (types is None or type in types)
        and (not states or state in states)
        for (type, channel_id), state in contact.channels.items()
    )


def _check_references(store: Store, body: dict[str, Any], *, may_clear: bool = False) -> None:
    wrong: list[InvalidField] = []
    lists, fields = _ids(body, "lists"), _ids(body, "customFields")
    wrong += _repeated("lists", lists)
    wrong += _repeated("customFields", fields)
    if missing := [each for each in lists if each not in store.lists]:
        wrong.append(unknown_ids("lists", missing))
    if missing := [each for each in fields if each not in store.fields]:
        wrong.append(unknown_ids("customFields", missing))
    for position, (field_id, value) in enumerate(_given_values(body).items()):
        field, name = store.fields.get(field_id), f"customFields[{position}].value"
        if field is not None and len(value) > field.max_length:
            wrong.append(
                InvalidField(name, "invalid_length", f"must have at most {field.max_length} characters")
            )
        elif field is not None and not (may_clear and not value) and not fits_type(field.type, value):
            wrong.append(InvalidField(name, "invalid_format", f"is no {field.type}: {value}"))
    if wrong:
        raise invalid(wrong)


def _repeated(name: str, ids: Sequence[str]) -> Iterator[InvalidField]:
    if len(set(ids)) < len(ids):
        yield InvalidField(name, "duplicated_value", "names the same twice")


def _given_channels(given: list[dict[str, str]]) -> dict[tuple[str, str], str | None]:
    channels: dict[tuple[str, str], str | None] = {}
    for position, each in enumerate(given):
        key = (each["type"], each["channelId"])
        if key in channels:
            raise invalid(
                [InvalidField(f"channels[{position}].channelId", "duplicated_value", "is there twice")]
            )
        channels[key] = each.get("subscriptionState")
    return channels


def _check_free(
    store: Store, channels: dict[tuple[str, str], str | None], *, owner: ContactRecord | None
) -> None:
    for _, channel_id in channels:
        holder = store.holder(channel_id)
        if holder is not None and holder is not owner:
            raise conflict(f"A contact with {channel_id} already exists")


def _ids(body: dict[str, Any], name: str) -> list[str]:
    return [each["id"].lower() for each in body.get(name, ())]


def _given_values(body: dict[str, Any]) -> dict[str, str]:
    return {each["id"].lower(): each["value"] for each in body.get("customFields", ())}


def _to_json(account: Account, contact: ContactRecord) -> Json:
    store, details = account.store, contact.details
    first, last = details.get("firstName", ""), details.get("lastName", "")
    channels: Channels = contact.channels
    return {
        **account.common(contact),
        **{name: details.get(name, "") for name in _DETAILS if name != "dateOfBirth"},
        **({"dateOfBirth": details["dateOfBirth"]} if "dateOfBirth" in details else {}),
        "fullName": f"{first} {last}".strip(),
        "channels": [
            {"channelId": channel_id, "type": type, "subscriptionState": state}
            for (type, channel_id), state in channels.items()
        ],
        "customFields": [
            {
                "id": field_id,
                "mergeTag": store.fields[field_id].merge_tag,
                "type": store.fields[field_id].type,
                "value": value,
            }
            for field_id, value in contact.custom_fields.items()
        ],
        "lists": [{"id": each, "name": store.lists[each].name} for each in contact.lists],
    }
