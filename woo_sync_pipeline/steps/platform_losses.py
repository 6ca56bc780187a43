"""Whether the account is the one that was written to before, and what it has lost of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from woo_sync_pipeline.messagemedia.account import EMAIL_FIELD, SOURCE_FIELD
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.known_account import (
    KnownAccount,
    forget_account,
    forget_lost,
    known_account,
    remember_fields,
)

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


def remember(database: Database, fields: Sequence[CustomField]) -> None:
    """Write down which custom fields of the account are ours; `fields` are the source's and the address's."""
    tags = (SOURCE_FIELD.merge_tag, EMAIL_FIELD.merge_tag)
    remember_fields(database, dict(zip(tags, (each.id for each in fields), strict=True)))


def _is_any_there(client: PlatformClient, known: KnownAccount) -> bool:
    found = client.contacts_by_phone(list(known.sample))
    return any(contact.id == known.sample[phone] for phone, contact in found.items())
