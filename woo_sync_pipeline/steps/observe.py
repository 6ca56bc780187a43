"""Seeing what happened on the platform, to the account and to contacts that no store has touched.

Whether the account is the one that was written to before, and what it has lost of ours; who unsubscribed there, and who
is missing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from woo_sync_pipeline.contacts.limits import Change, Limit, Measured
from woo_sync_pipeline.messagemedia.account import EMAIL_FIELD, SOURCE_FIELD
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.directory import subscription_states
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.changes import MOST_EXAMPLES
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.known_account import (
    KnownAccount,
    begin_directory_read,
    forget_account,
    forget_lost,
    held_phones,
    known_account,
    note_states,
    remember_fields,
)

SELDOM_ENOUGH = timedelta(hours=12)
"""How long one look at the directory serves all sources: it shows everybody's contacts."""

_FEWEST_TO_BE_EMPTIED = 3
"""Of fewer contacts that are all missing, nobody can tell whether the account was emptied."""

_ASKED_AT_ONCE = 1_000
"""Phones that are asked for together, when a walk has not met them."""


@dataclass(frozen=True)
class DirectoryLook:
    """What a look at all contacts found: how many unsubscribed since the last one, and whose contacts are missing.

    missing: phones of our contacts that are not there; where they are more than allowed, only the first.
    known: of how many.
    """

    unsubscribed: int = 0
    missing: tuple[str, ...] = ()
    known: int = 0

    @property
    def measured(self) -> Measured:
        """How many are missing, to be held against the limit."""
        examples = tuple(mask_phone(phone) for phone in self.missing[:MOST_EXAMPLES])
        return Measured(Change.missing_on_platform, len(self.missing), self.known, self.known, examples)

    @property
    def is_emptied(self) -> bool:
        """Whether all of several contacts are missing."""
        return len(self.missing) == self.known >= _FEWEST_TO_BE_EMPTIED


def begin_look(database: Database, *, run_id: str) -> datetime | None:
    """When this sync begins to look at all contacts, by the clock of the database.

    None if it need not: the platform has never confirmed anything, or another sync has looked within `SELDOM_ENOUGH`.
    """
    return begin_directory_read(database, run_id=run_id, unless_within=SELDOM_ENOUGH)


def observe_directory(
    database: Database,
    client: PlatformClient,
    *,
    run_id: str,
    began: datetime,
    enough: Limit | None,
    progress: Callable[[int], None],
) -> DirectoryLook:
    """Read all contacts, remember whose subscription state changed there, and find those of ours that are missing.

    `began` is what `begin_look` returned. Nothing is sent; one request per thousand contacts. The states of contacts
    that are about to be pushed are left to the push, which reads them anew. A contact counts as missing only when it is
    not found by its phone either. Where the limit `enough` is exceeded, no more are asked for.
    """
    unsubscribed = 0
    met = array("q")
    is_complete = True
    for page in subscription_states(client):
        is_complete = is_complete and page.is_readable
        unsubscribed += note_states(database, page.states, run_id=run_id, read_at=began)
        met.extend(map(_as_number, page.phones))
        progress(len(page.states))
    if not is_complete:
        return DirectoryLook(unsubscribed)
    missing, known = _missing(database, client, met, enough=enough, began=began)
    return DirectoryLook(unsubscribed, missing, known)


def _missing(
    database: Database,
    client: PlatformClient,
    met: array[int],
    *,
    enough: Limit | None,
    began: datetime,
) -> tuple[tuple[str, ...], int]:
    """Phones of our contacts that are not on the platform, and how many contacts we have."""
    numbers: npt.NDArray[np.int64] = (
        np.unique(np.frombuffer(met, dtype=np.int64)) if met else np.empty(0, np.int64)
    )
    unmet: list[str] = []
    known = 0
    for phones in held_phones(database, confirmed_before=began):
        known += len(phones)
        there = np.isin(np.fromiter(map(_as_number, phones), np.int64, len(phones)), numbers)
        unmet += [phone for phone, is_there in zip(phones, there.tolist(), strict=True) if not is_there]
    missing: list[str] = []
    # A walk may miss what is moved meanwhile.
    for start in range(0, len(unmet), _ASKED_AT_ONCE):
        asked = unmet[start : start + _ASKED_AT_ONCE]
        found = client.contacts_by_phone(asked)
        missing += [phone for phone in asked if phone not in found]
        if enough is not None and len(missing) > enough.allowed(known):
            break
    return tuple(missing), known


def _as_number(phone: str) -> int:
    """A phone in E.164 as a number, which takes eight bytes; 0 for what is no phone."""
    digits = phone.removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else 0


_SAMPLE = 100
"""Contacts that are looked for when nothing else of the account is known any more: one request."""


@dataclass(frozen=True)
class AccountLook:
    """What a look at the account's lists and custom fields found.

    lost_lists: names of our lists that are gone, lost_fields: merge tags of our fields. contacts: how many contacts the
    account holds where none of ours is there any more; None: it is the account that was written to before.
    """

    fields: Sequence[CustomField]
    known: KnownAccount
    lost_list_ids: tuple[str, ...] = ()
    lost_lists: tuple[str, ...] = ()
    lost_fields: tuple[str, ...] = ()
    contacts: int | None = None

    @property
    def is_another(self) -> bool:
        """Whether nothing of ours is there: another account, or one that was emptied."""
        return self.contacts is not None

    @property
    def losses(self) -> tuple[str, ...]:
        """What is gone and will be made again, in a sentence each."""
        lists = tuple(
            f"the list {name!r} was deleted on MessageMedia: it is made again" for name in self.lost_lists
        )
        fields = tuple(
            f"the custom field {tag!r} was deleted on MessageMedia: it is made again"
            for tag in self.lost_fields
        )
        return (*lists, *fields)


def look_at_account(database: Database, client: PlatformClient) -> AccountLook:
    """Compare the account's lists and custom fields with those that are known; two requests.

    When none of ours is left, up to a hundred contacts are looked for by phone.
    """
    known = known_account(database, sample=_SAMPLE)
    there = {each.id: each.name for each in client.lists()}
    fields = client.custom_fields()
    field_ids = {each.id for each in fields}
    lost = tuple(list_id for list_id in known.lists if list_id not in there)
    lost_fields = tuple(tag for tag, field_id in known.fields.items() if field_id not in field_ids)
    all_lost = len(lost) == len(known.lists) and len(lost_fields) == len(known.fields)
    is_another = all_lost and bool(known.sample) and not _is_any_there(client, known)
    return AccountLook(
        fields,
        known,
        lost_list_ids=lost,
        lost_lists=tuple(sorted(known.lists[list_id] for list_id in lost)),
        lost_fields=tuple(sorted(lost_fields)),
        contacts=client.count_contacts() if is_another else None,
    )


def heal(database: Database, look: AccountLook) -> int:
    """See to it that the next push makes again what is lost; how many contacts lack something.

    Of another account nothing is known: all contacts count as missing.
    """
    if look.is_another:
        forget_account(database)
        return len(look.known.sample)
    if not look.lost_list_ids and not look.lost_fields:
        return 0
    return forget_lost(database, lists=look.lost_list_ids, fields=look.lost_fields)


def remember_our_fields(database: Database, fields: Sequence[CustomField]) -> None:
    """Write down which custom fields of the account are ours; `fields` are the source's and the address's."""
    tags = (SOURCE_FIELD.merge_tag, EMAIL_FIELD.merge_tag)
    remember_fields(database, dict(zip(tags, (each.id for each in fields), strict=True)))


def _is_any_there(client: PlatformClient, known: KnownAccount) -> bool:
    found = client.contacts_by_phone(list(known.sample))
    return any(contact.id == known.sample[phone] for phone, contact in found.items())
