"""The lists and custom fields of the account that contacts refer to, made on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    OutcomeUnknown,
    PlatformProtocolError,
)
from woo_sync_pipeline.messagemedia.models import ContactList, CustomField

SOURCE_FIELD = CustomField("new source", "Source", "source", "TEXT", 255)
EMAIL_FIELD = CustomField("new email", "Email", "email", "EMAIL", 254)
"""As they are made where they are missing. 254 characters has the longest address that mail servers take."""

_AT_ONCE = 8
"""Lists that are made at the same time."""

_ATTEMPTS = 8
"""How often something is made whose making is not answered, and which is not there when it is looked for."""

T = TypeVar("T")


class AccountLists:
    """The account's lists by name, whatever the case. Of several with one name it is always the oldest.

    `refused` has the names, case-folded, of lists that the platform does not let us make, and what it says.
    `made` has the names of lists that were not there before, in no order.
    """

    def __init__(self, client: PlatformClient) -> None:
        self._client = client
        self._by_name = _by_name(client.lists())
        self.refused: dict[str, str] = {}
        self.made: list[str] = []

    @property
    def ids(self) -> dict[str, str]:
        """Ids by case-folded name."""
        return {name: each.id for name, each in self._by_name.items()}

    def ensure(self, names: Iterable[str]) -> list[ContactList]:
        """Make the lists that are missing; returns the lists of these names, but for those that are refused."""
        wanted = {name.casefold(): name for name in sorted(set(names))}
        known = self._by_name.keys() | self.refused.keys()
        missing = [name for folded, name in wanted.items() if folded not in known]
        if missing:
            # A store may have hundreds of tags, and the first contact cannot be sent before its lists are there.
            with ThreadPoolExecutor(min(_AT_ONCE, len(missing))) as threads:
                made = list(threads.map(self._create, missing))
            self._by_name |= {name.casefold(): each for name, each in zip(missing, made, strict=True) if each}
        return [self._by_name[folded] for folded in wanted if folded in self._by_name]

    def _create(self, name: str) -> ContactList | None:
        made = _make(
            lambda: self._client.create_list(name),
            lambda: _by_name(self._client.lists()).get(name.casefold()),
        )
        if isinstance(made, str):
            self.refused[name.casefold()] = f"the list {name!r} cannot be made: {made}"
            return None
        if made.by_us:
            self.made.append(name)
        return made.entity


@dataclass(frozen=True)
class _Made(Generic[T]):
    """Something that is on the platform now, and whether it was us who brought it there."""

    entity: T
    by_us: bool


def _make(create: Callable[[], T], find: Callable[[], T | None]) -> _Made[T] | str:
    """Create something on the platform, or find it if it is there; a text says why neither is possible."""
    maybe_by_us = False
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _Made(create(), by_us=True)
        except (AlreadyExists, OutcomeUnknown) as surprise:
            # Somebody else made it meanwhile, or we did and the answer got lost, to this attempt or to one before.
            maybe_by_us = maybe_by_us or isinstance(surprise, OutcomeUnknown)
            known = find()
            if known is not None:
                return _Made(known, by_us=maybe_by_us)
            if isinstance(surprise, AlreadyExists):
                # Perhaps it is archived, or the platform takes another name for the same.
                return "the platform says that it exists, and does not show it"
            if attempt == _ATTEMPTS:
                raise
        except ContactRejected as refusal:
            return "; ".join(refusal.reasons) or refusal.got
    raise AssertionError("the last attempt returns or raises")


def _by_name(lists: Iterable[ContactList]) -> dict[str, ContactList]:
    latest = datetime.max.replace(tzinfo=UTC)
    newest_first = sorted(lists, key=lambda each: (each.created_at or latest, each.id), reverse=True)
    return {each.name.casefold(): each for each in newest_first}


def custom_fields_or_stand_ins(client: PlatformClient) -> tuple[CustomField, CustomField]:
    """The custom fields `Source` and `Email`, or what they would be once they are made: for planning only."""
    known = client.custom_fields()
    return _find_field(known, SOURCE_FIELD) or SOURCE_FIELD, _find_field(known, EMAIL_FIELD) or EMAIL_FIELD


def ensure_custom_fields(
    client: PlatformClient, known: Sequence[CustomField] | None = None
) -> tuple[CustomField, CustomField]:
    """The custom fields `Source` and `Email`, found by merge tag or else by label, made when missing.

    `known` are the account's fields, if they were read a moment ago.
    """
    known = client.custom_fields() if known is None else known
    return _ensure_field(client, known, SOURCE_FIELD), _ensure_field(client, known, EMAIL_FIELD)


def _ensure_field(client: PlatformClient, fields: Sequence[CustomField], wanted: CustomField) -> CustomField:
    known = _find_field(fields, wanted)
    if known is not None:
        return known
    made = _make(
        lambda: client.create_custom_field(wanted.label, wanted.merge_tag, wanted.type, wanted.max_length),
        lambda: _find_field(client.custom_fields(), wanted),
    )
    if isinstance(made, str):
        raise PlatformProtocolError(
            tried=f"create the custom field {wanted.label!r}",
            got=made,
            next_step=f"Look for a custom field with the merge tag {wanted.merge_tag!r} in MessageMedia, or make one.",
        )
    return made.entity


def _find_field(fields: Sequence[CustomField], wanted: CustomField) -> CustomField | None:
    by_tag = {each.merge_tag.casefold(): each for each in fields}
    by_label = {each.label.casefold(): each for each in fields}
    return by_tag.get(wanted.merge_tag.casefold()) or by_label.get(wanted.label.casefold())
