"""The operations on contact lists and their members."""

from __future__ import annotations

from typing import Any

from woo_sync_pipeline.demo.platform.account import Account, Call
from woo_sync_pipeline.demo.platform.answers import Answer, Json, conflict, invalid, not_found, unknown_ids
from woo_sync_pipeline.demo.platform.paging import parse_query
from woo_sync_pipeline.demo.platform.shapes import array, is_uuid, record, text
from woo_sync_pipeline.demo.platform.store import ContactRecord, ListRecord

MAX_MEMBERS = 1000

_WRITE = record(
    {"name": text(max_length=100, not_blank=True), "alias": text(max_length=100)}, required=("name",)
)
_MEMBERS = record(
    {
        "contactsToAddIds": array(text(form=is_uuid), max_items=MAX_MEMBERS),
        "contactsToRemoveIds": array(text(form=is_uuid), max_items=MAX_MEMBERS),
    }
)
_FILTERS = {"listIds": text(form=is_uuid), "alias": text(), "name": text()}


def get_page(account: Account, call: Call) -> Answer:
    """Answer the lists that match, ordered by id. Names and aliases match in part, in any letter case."""
    query = parse_query(call.query, _FILTERS, frozenset(("listIds",)))
    ids = {each.lower() for each in query["listIds"]} if "listIds" in query else None
    name, alias = query.get("name", [""])[0].casefold(), query.get("alias", [""])[0].casefold()
    matching = sorted(
        each.id
        for each in account.store.lists.values()
        if (ids is None or each.id in ids) and name in each.name.casefold() and alias in each.alias.casefold()
    )
    page, data = account.pager.page(matching, query, "lists")
    data["content"] = [_to_json(account, account.store.lists[each]) for each in page]
    return Answer(200, data)


def create(account: Account, call: Call) -> Answer:
    """Create a list."""
    body: dict[str, Any] = call.checked_body(_WRITE)
    _check_free(account, body["name"], owner=None)
    return Answer(201, _to_json(account, account.store.add_list(body["name"], body.get("alias", ""))))


def get(account: Account, call: Call) -> Answer:
    """Answer one list."""
    return Answer(200, _to_json(account, _existing(account, call)))


def update(account: Account, call: Call) -> Answer:
    """Rename a list."""
    body: dict[str, Any] = call.checked_body(_WRITE)
    existing = _existing(account, call)
    _check_free(account, body["name"], owner=existing)
    account.store.rename_list(existing, body["name"])
    existing.alias = body.get("alias", existing.alias)
    return Answer(200, _to_json(account, existing))


def delete(account: Account, call: Call) -> Answer:
    """Delete a list; its members stay contacts."""
    account.store.remove_list(_existing(account, call))
    return Answer(204)


def change_members(account: Account, call: Call) -> Answer:
    """Add and remove members. One unknown contact among those to add, and nothing is changed."""
    body: dict[str, Any] = call.checked_body(_MEMBERS)
    store, changed = account.store, _referred(account, call)
    to_add = [each.lower() for each in body.get("contactsToAddIds", ())]
    to_remove = [each.lower() for each in body.get("contactsToRemoveIds", ())]
    if missing := [each for each in to_add if each not in store.contacts]:
        raise invalid([unknown_ids("contactsToAddIds", missing)])
    for each in to_add:
        store.add_member(changed, store.contacts[each])
    for each in to_remove:
        if each in changed.members:
            store.remove_member(changed, store.contacts[each])
    changed.touch()
    return Answer(200, _to_json(account, changed))


def add_member(account: Account, call: Call) -> Answer:
    """Add one contact."""
    changed = _referred(account, call)
    account.store.add_member(changed, _contact(account, call))
    changed.touch()
    return Answer(200, _to_json(account, changed))


def remove_member(account: Account, call: Call) -> Answer:
    """Remove one contact; it need not be on the list."""
    changed = _referred(account, call)
    account.store.remove_member(changed, _contact(account, call))
    changed.touch()
    return Answer(204)


def _existing(account: Account, call: Call) -> ListRecord:
    existing = account.store.lists.get(call.ids[0])
    if existing is None:
        raise not_found("The list")
    return existing


def _referred(account: Account, call: Call) -> ListRecord:
    """Return the list; for the operations on members no 404 is described, so an unknown one is a 400."""
    existing = account.store.lists.get(call.ids[0])
    if existing is None:
        raise invalid([unknown_ids("listId", [call.ids[0]])])
    return existing


def _contact(account: Account, call: Call) -> ContactRecord:
    contact = account.store.contacts.get(call.ids[1])
    if contact is None:
        raise invalid([unknown_ids("contactId", [call.ids[1]])])
    return contact


def _check_free(account: Account, name: str, *, owner: ListRecord | None) -> None:
    holder = account.store.list_named(name)
    if account.readings.list_names == "unique" and holder is not None and holder is not owner:
        raise conflict("A list with this name already exists")


def _to_json(account: Account, each: ListRecord) -> Json:
    return {**account.common(each), "name": each.name, "alias": each.alias}
