"""Looking through the directory: which phones it does not hold, and who is subscribed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.client import PAGE_SIZE, PlatformClient, requests_by_phone
from woo_sync_pipeline.messagemedia.errors import RequestRejected
from woo_sync_pipeline.messagemedia.models import SMS, Contact, Page

_log = logging.getLogger(__name__)

_WORTH_A_LOOK = 4
"""Requests by phone. Less than these cannot be saved by a first page that shows how large the directory is."""


def phones_nobody_holds(client: PlatformClient, phones: Collection[str]) -> frozenset[str]:
    """Return those of the phones that a walk through the whole directory does not meet.

    Empty when asking for the phones takes fewer requests than the walk: then nothing is known of any of them.
    The walk may miss contacts that are added or moved meanwhile, and what it returns may be minutes old when it is
    used: creating a contact for such a phone must cope with one that is there.
    """
    by_phone = requests_by_phone(phones)
    if by_phone < _WORTH_A_LOOK:
        return frozenset()
    unmet = set(phones)
    seen = 0
    for page in _pages(client):
        if page is None:
            return frozenset()
        unmet.difference_update(each.channel_id for contact in page.content for each in contact.channels)
        seen += len(page.content)
        met = len(phones) - len(unmet)
        if not is_walk_cheaper(by_phone, phones=len(phones), total=page.total, seen=seen, met=met):
            return frozenset()
    return frozenset(unmet)


@dataclass(frozen=True)
class PageOfStates:
    """A page of the directory: the state of each SMS channel by its phone, and the ids of channels of every type.

    is_readable: False at the end of a walk that the platform does not let be finished.
    """

    states: Mapping[str, SubscriptionState]
    phones: Sequence[str]
    is_readable: bool = True


def subscription_states(client: PlatformClient) -> Iterator[PageOfStates]:
    """Walk through the whole directory, page by page.

    Pages may come again, and some not at all when the directory changes too much meanwhile.
    """
    for page in _pages(client):
        if page is None:
            yield PageOfStates({}, (), is_readable=False)
            return
        channels = [channel for contact in page.content for channel in contact.channels]
        yield PageOfStates(
            {
                channel.channel_id: channel.subscription_state
                for channel in channels
                if channel.type == SMS and channel.subscription_state is not None
            },
            [channel.channel_id for channel in channels],
        )


def _pages(client: PlatformClient) -> Iterator[Page[Contact] | None]:
    """The pages of the directory; None at the end of a walk that cannot be finished.

    Nothing depends on having seen every contact, so that a directory which refuses its own tokens stops no sync.
    """
    try:
        yield from client.contact_pages()
    except RequestRejected as refused:
        _log.warning("the directory could not be read to its end: %s", refused.got)
        yield None


def is_walk_cheaper(by_phone: int, *, phones: int, total: int, seen: int, met: int) -> bool:
    """Tell whether to walk on through a directory of `total` contacts, rather than to ask for all phones.

    `by_phone` is how many requests it takes to ask for all of them, `phones` how many they are. `met` of them are
    among the `seen` contacts so far: phones that are met have to be asked for nevertheless before they are written
    to, and as many are expected among the contacts still to come.
    """
    unseen = max(total - seen, 0)
    pages = -(-unseen // PAGE_SIZE)
    expected = min(phones, met + unseen * met / seen) if seen else met
    return pages + by_phone * expected / phones <= by_phone
