"""What can be walked through: profiles, members of a group, lists, segments; their order and their values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from woo_sync_pipeline.demo.klaviyo.data import KlaviyoData
from woo_sync_pipeline.demo.klaviyo.filters import Condition
from woo_sync_pipeline.demo.klaviyo.params import Params
from woo_sync_pipeline.demo.klaviyo.records import Group, Json, Profile
from woo_sync_pipeline.demo.klaviyo.resources import group_resource, profile_resource
from woo_sync_pipeline.demo.klaviyo.state import SortKey
from woo_sync_pipeline.demo.klaviyo.subscriptions import consent_at

_UNKNOWN_TO_ALL = frozenset({"_kx", "push_token"})
_SUPPRESSIONS = "subscriptions.email.marketing."
_LAST_ID = "\U0010ffff"


class Table(ABC):
    """Records by id, in the order of any of their sort fields."""

    @abstractmethod
    def index(self, sort: str) -> Sequence[SortKey]:
        """All keys by one field, ascending."""

    @abstractmethod
    def values(self, record_id: str, field: str) -> list[Any]:
        """The values that a filter by a field compares: none, one, or several."""

    @abstractmethod
    def shown(self, record_id: str, params: Params, *, home: str) -> Json:
        """A record as JSON:API."""

    def matching(self, params: Params) -> Sequence[SortKey]:
        """The part of the index that can match at all: bounds on the sort field cut it, without looking at rows."""
        index = self.index(params.sort)
        start, end = 0, len(index)
        for condition in params.conditions:
            if condition.field == params.sort and isinstance(condition.value, datetime):
                first, last = _places(index, condition)
                start, end = max(start, first), min(end, last)
        return index if (start, end) == (0, len(index)) else index[start:end]

    def matches(self, record_id: str, conditions: Collection[Condition]) -> bool:
        """Whether a record is as all conditions ask."""
        return all(condition.holds(self.values(record_id, condition.field)) for condition in conditions)


def _places(index: Sequence[SortKey], condition: Condition) -> tuple[int, int]:
    before = bisect_left(index, (condition.value, ""))
    behind = bisect_right(index, (condition.value, _LAST_ID))
    return {
        "greater-than": (behind, len(index)),
        "greater-or-equal": (before, len(index)),
        "less-than": (0, before),
        "less-or-equal": (0, behind),
    }[condition.operator]


class Profiles(Table):
    """All profiles of the account."""

    def __init__(self, data: KlaviyoData) -> None:
        self._data = data

    def index(self, sort: str) -> Sequence[SortKey]:
        """By id, created and updated as they are kept; by anything else sorted now, who has no value first."""
        if (kept := self._data.profiles_by.get(sort)) is not None:
            return kept
        return sorted(
            (min((str(value) for value in self.values(profile_id, sort) if value), default=""), profile_id)
            for profile_id in self._data.profiles
        )

    def values(self, record_id: str, field: str) -> list[Any]:
        """The attribute, or what stands in the suppressions."""
        return profile_values(self._data.profiles[record_id], field)

    def shown(self, record_id: str, params: Params, *, home: str) -> Json:
        """The profile, without a group."""
        profile = self._data.profiles[record_id]
        wanted = params.fields.get("profile")
        return profile_resource(profile, home=home, wanted=wanted, additional=params.additional)


class Members(Table):
    """The profiles in one group, by when they joined."""

    def __init__(self, data: KlaviyoData, group_id: str) -> None:
        self._data = data
        self._joined = data.members[group_id]
        self._index = data.members_by_joining[group_id]

    def index(self, sort: str) -> Sequence[SortKey]:
        """By when they joined: members have no other order."""
        return self._index

    def values(self, record_id: str, field: str) -> list[Any]:
        """When they joined, or an attribute of the profile."""
        if field == "joined_group_at":
            return [self._joined[record_id]]
        return profile_values(self._data.profiles[record_id], "id" if field == "profile_id" else field)

    def shown(self, record_id: str, params: Params, *, home: str) -> Json:
        """The profile, with when it joined."""
        return profile_resource(
            self._data.profiles[record_id],
            home=home,
            wanted=params.fields.get("profile"),
            additional=params.additional,
            joined_group_at=self._joined[record_id],
        )


class Groups(Table):
    """Lists, or segments."""

    def __init__(self, groups: Mapping[str, Group], kind: str) -> None:
        self._groups = groups
        self._kind = kind

    def index(self, sort: str) -> Sequence[SortKey]:
        """Sorted now: there are few."""
        return sorted((getattr(group, sort), group.id) for group in self._groups.values())

    def values(self, record_id: str, field: str) -> list[Any]:
        """The attribute."""
        return [getattr(self._groups[record_id], field)]

    def shown(self, record_id: str, params: Params, *, home: str) -> Json:
        """The list or segment."""
        return group_resource(self._groups[record_id], home=home, wanted=params.fields.get(self._kind))


def profile_values(profile: Profile, field: str) -> list[Any]:
    """The values of a profile that a filter compares."""
    if field in _UNKNOWN_TO_ALL:
        return []
    if not field.startswith(_SUPPRESSIONS):
        return [getattr(profile, field)]
    name, _, part = field.removeprefix(_SUPPRESSIONS).partition(".")
    entries = consent_at(profile.subscriptions, "email", "marketing").get(name) or []
    found = [entry.get(part) for entry in entries]
    return [datetime.fromisoformat(value) for value in found if value] if part == "timestamp" else found
