"""What every operation works on, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from woo_sync_pipeline.demo.platform.answers import Answer, InvalidField, Json, invalid, not_readable
from woo_sync_pipeline.demo.platform.directory import Directory
from woo_sync_pipeline.demo.platform.paging import Pager
from woo_sync_pipeline.demo.platform.shapes import Check
from woo_sync_pipeline.demo.platform.store import Entity, Store


@dataclass(frozen=True)
class Readings:
    """How the platform reads what its description leaves open. The defaults are hardest on a client.

    `patch_arrays`: whether `channels`, `customFields` and `lists` in a PATCH replace what is there or are
    merged into it. `omitted_state`: whether a channel that a PATCH names without subscriptionState becomes
    SUBSCRIBED or keeps its state. `list_names`: whether several lists may have one name.
    """

    patch_arrays: Literal["replace", "merge"] = "replace"
    omitted_state: Literal["subscribed", "keep"] = "subscribed"
    list_names: Literal["unique", "free"] = "unique"


@dataclass
class Account:
    """The state of the account and the rules that apply to it."""

    directory: Directory
    readings: Readings = field(default_factory=Readings)
    pager: Pager = field(default_factory=Pager)
    account_id: str = "DemoAccount"
    vendor_id: str = "DemoVendor"

    @property
    def store(self) -> Store:
        """Contacts, lists and custom fields."""
        return self.directory.store

    def common(self, entity: Entity) -> Json:
        """Return the properties that every entity has."""
        return {
            "id": entity.id,
            "accountId": self.account_id,
            "vendorId": self.vendor_id,
            "createdDate": _timestamp(entity.created),
            "lastModifiedDate": _timestamp(entity.modified),
        }


@dataclass(frozen=True)
class Call:
    """One request to an operation: the ids in its path, its raw query, its parsed body."""

    ids: tuple[str, ...]
    query: str
    body: object

    def checked_body(self, shape: Check) -> Json:
        """Return the body. Raises RefusalError (400) if it has not this shape."""
        if not isinstance(self.body, dict):
            raise not_readable("The body is no JSON object")
        wrong: list[InvalidField] = []
        shape("", self.body, wrong)
        if wrong:
            raise invalid(wrong)
        return self.body


Operation = Callable[[Account, Call], Answer]


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
