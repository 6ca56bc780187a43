"""The operations on the contact directory that a sync needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from typing import TypeVar
from urllib.parse import urlencode

from woo_sync_pipeline.clocks import utc_now
from woo_sync_pipeline.http.requester import Query, ServerClient
from woo_sync_pipeline.messagemedia.errors import PlatformProtocolError, RequestRejected
from woo_sync_pipeline.messagemedia.models import (
    Contact,
    ContactList,
    CustomField,
    Page,
    holders_of,
    parse_contact,
    parse_custom_field,
    parse_list,
    parse_page,
)
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.messagemedia.transport import Reading, Transport

PAGE_SIZE = 1000
MAX_MEMBERS = 1000
"""The most contacts that one change of a list's members may add, and remove."""

QUERY_LIMIT = 3800
"""Characters of a query: with method and path the request line stays below 4 kB, which every proxy takes."""

_WALKS = 3
"""How often a walk whose page token is refused on the way is begun."""

_CONTACTS = "/api/v1/contacts/contacts"
_LISTS = "/api/v1/contacts/lists"
_CUSTOM_FIELDS = "/api/v1/contacts/custom-fields"

T = TypeVar("T")


class PlatformClient(ServerClient):
    """A MessageMedia account's contact directory. Thread-safe; a context manager.

    At most `max_concurrency` requests are under way at any time, whatever the number of threads that use
    the client. Every method raises PlatformError subclasses: PlatformAuthError, RequestRejected (for writes
    ContactRejected), NotFound, AlreadyExists, OutcomeUnknown (a create whose answer was lost),
    PlatformUnavailable, PlatformProtocolError, PlatformTlsError.
    """

    def __init__(self, settings: PlatformSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self._transport = Transport(settings, now=now)
        super().__init__(self._transport.requester)

    def close(self) -> None:
        """Close the connections. Threads that wait for a next try give up."""
        self._transport.close()

    def contacts_by_phone(self, phones: Collection[str]) -> dict[str, Contact]:
        """Return the contact that holds each E.164 phone; phones that nobody holds are left out.

        A contact that holds the phone as an SMS channel wins over one that holds it as another channel.
        """
        batches = list(_batches_by_length(sorted(set(phones))))
        if len(batches) <= 1:
            # Not worth a thread: single phones are looked up from the threads of a push.
            return holders_of(phones, (each for batch in batches for each in self._contacts_with(batch)))
        with ThreadPoolExecutor(min(self.settings.max_concurrency, len(batches))) as threads:
            answers = list(threads.map(self._contacts_with, batches))
        return holders_of(phones, chain.from_iterable(answers))

    def contact_pages(self) -> Iterator[Page[Contact]]:
        """Walk through the whole directory, in pages of up to 1000 contacts."""
        yield from self._pages(_CONTACTS, (), parse_contact)

    def count_contacts(self) -> int:
        """Return the number of contacts in the directory."""
        answer = self._transport.send("GET", _CONTACTS, query=[("pageSize", "1")])
        return parse_page(answer, parse_contact).total

    def create_contact(self, body: Mapping[str, object]) -> Contact:
        """Create a contact from a CreateContactRequest. Raises AlreadyExists if its phone is taken."""
        return parse_contact(self._transport.send("POST", _CONTACTS, body=body))

    def update_contact(
        self, contact_id: str, body: Mapping[str, object], *, reading: Reading | None = None
    ) -> Contact:
        """Set the given fields of a contact (an UpdateContactRequest). Raises NotFound if it is gone.

        `reading` is what the body was made from, to be renewed when sending has to wait.
        """
        path = f"{_CONTACTS}/{contact_id}"
        return parse_contact(self._transport.send("PATCH", path, body=body, reading=reading))

    def delete_contact(self, contact_id: str) -> None:
        """Delete a contact, with all its channels. Raises NotFound if it is gone."""
        self._transport.send("DELETE", f"{_CONTACTS}/{contact_id}")

    def lists(self) -> list[ContactList]:
        """Return all contact lists of the account."""
        return [each for page in self._pages(_LISTS, (), parse_list) for each in page.content]

    def find_list(self, name: str) -> ContactList | None:
        """Return the list with exactly this name, None if there is none."""
        # How the platform compares names is not published, so its filter only narrows the choice.
        for page in self._pages(_LISTS, [("name", name)], parse_list):
            for each in page.content:
                if each.name == name:
                    return each
        return None

    def create_list(self, name: str) -> ContactList:
        """Create a contact list. Raises AlreadyExists if the name is taken."""
        return parse_list(self._transport.send("POST", _LISTS, body={"name": name}))

    def change_members(self, list_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Add contacts to a list and remove others, by contact id, at most 1000 each.

        Raises ValueError for more than 1000, and ContactRejected, with the ids that the platform does not
        know in `invalid_ids`, when nothing was changed because of them.
        """
        if len(add) > MAX_MEMBERS or len(remove) > MAX_MEMBERS:
            raise ValueError(f"at most {MAX_MEMBERS} members can be added and removed in one change")
        body: dict[str, object] = {}
        if add:
            body["contactsToAddIds"] = list(add)
        if remove:
            body["contactsToRemoveIds"] = list(remove)
        if body:
            self._transport.send("PATCH", f"{_LISTS}/{list_id}/contacts", body=body)

    def custom_fields(self) -> list[CustomField]:
        """Return all custom fields of the account."""
        pages = self._pages(_CUSTOM_FIELDS, (), parse_custom_field)
        return [each for page in pages for each in page.content]

    def create_custom_field(
        self, label: str, merge_tag: str, type: str, max_length: int | None
    ) -> CustomField:
        """Create a custom field; `type` is TEXT, EMAIL …, `max_length` in characters.

        Raises AlreadyExists if the label or the merge tag is taken.
        """
        body = {"label": label, "mergeTag": merge_tag, "type": type, "maxLength": max_length}
        return parse_custom_field(self._transport.send("POST", _CUSTOM_FIELDS, body=body))

    def _contacts_with(self, phones: Sequence[str]) -> list[Contact]:
        query = [("channelIds", phone) for phone in phones]
        return [each for page in self._pages(_CONTACTS, query, parse_contact) for each in page.content]

    def _pages(self, path: str, filters: Query, parse_item: Callable[[object], T]) -> Iterator[Page[T]]:
        """Follow nextPageToken to the last page. The filters go along: a token may not contain them.

        Whether a token outlives a change of what is walked through is not published. When one is refused the walk
        begins anew: pages may come again.
        """
        token: str | None = None
        seen: set[str] = set()
        walks = 1
        while True:
            query = [("pageSize", str(PAGE_SIZE)), *filters]
            if token is not None:
                query.append(("nextPageToken", token))
            try:
                answer = self._transport.send("GET", path, query=query)
            except RequestRejected:
                if token is None or walks == _WALKS:
                    raise
                token, walks = None, walks + 1
                seen.clear()
                continue
            page = parse_page(answer, parse_item)
            yield page
            token = page.next_page_token
            if token is None:
                return
            if token in seen:
                raise PlatformProtocolError(
                    tried=f"GET {path}",
                    got="the same page token twice",
                    next_step="Run the sync again; a walk through the directory cannot end this way.",
                )
            seen.add(token)


def requests_by_phone(phones: Iterable[str]) -> int:
    """Return about how many requests `contacts_by_phone` takes for these phones."""
    return -(-sum(map(_query_length, phones)) // QUERY_LIMIT)


def _query_length(phone: str) -> int:
    return len(urlencode({"channelIds": phone})) + 1


def _batches_by_length(phones: Iterable[str]) -> Iterator[list[str]]:
    """Cut into batches whose query, encoded, stays within QUERY_LIMIT."""
    batch: list[str] = []
    length = 0
    for phone in phones:
        cost = _query_length(phone)
        if batch and length + cost > QUERY_LIMIT:
            yield batch
            batch, length = [], 0
        batch.append(phone)
        length += cost
    if batch:
        yield batch
