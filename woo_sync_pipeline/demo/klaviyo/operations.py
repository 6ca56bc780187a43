"""The operations of the API: where each is, which scopes it needs, what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from woo_sync_pipeline.demo.klaviyo.filters import FilterRule
from woo_sync_pipeline.demo.klaviyo.limits import Tier
from woo_sync_pipeline.demo.klaviyo.params import Allowed, Query
from woo_sync_pipeline.demo.klaviyo.records import Scope

Name = Literal[
    "get_accounts",
    "get_profiles",
    "get_profile",
    "get_lists",
    "get_segments",
    "get_profiles_for_list",
    "get_profiles_for_segment",
    "get_list_ids_for_profile",
    "get_segment_ids_for_profile",
]

ID = "{id}"

_EQUALS, _BOTH = frozenset({"equals"}), frozenset({"any", "equals"})
_STRICT = frozenset({"greater-than", "less-than"})
_ANY_BOUND = _STRICT | {"greater-or-equal", "less-or-equal"}
_TEXT = FilterRule(_EQUALS, _BOTH)
_TEXT_IN_LIST = FilterRule(listed=_BOTH)
_ONE_TEXT = FilterRule(_EQUALS)
_WITHIN = FilterRule(_STRICT, kind="moment")
_SINCE = FilterRule(frozenset({"greater-than"}), kind="moment")
_BOUNDED = FilterRule(_ANY_BOUND, kind="moment")
_SUPPRESSION = "subscriptions.email.marketing.suppression"
_LIST_SUPPRESSIONS = "subscriptions.email.marketing.list_suppressions"

_PROFILE_FILTERS: Mapping[str, FilterRule] = {
    "id": _TEXT,
    "email": _TEXT,
    "phone_number": _TEXT,
    "external_id": _TEXT,
    "_kx": _ONE_TEXT,
    "created": _WITHIN,
    "updated": _WITHIN,
    f"{_LIST_SUPPRESSIONS}.reason": _ONE_TEXT,
    f"{_LIST_SUPPRESSIONS}.timestamp": _BOUNDED,
    f"{_LIST_SUPPRESSIONS}.list_id": _ONE_TEXT,
    f"{_SUPPRESSION}.reason": _ONE_TEXT,
    f"{_SUPPRESSION}.timestamp": _BOUNDED,
}
_MEMBER_FILTERS: Mapping[str, FilterRule] = {
    "email": _TEXT_IN_LIST,
    "phone_number": _TEXT_IN_LIST,
    "push_token": _TEXT_IN_LIST,
    "_kx": _ONE_TEXT,
    "joined_group_at": _BOUNDED,
}
_LIST_FILTERS: Mapping[str, FilterRule] = {
    "name": _TEXT_IN_LIST,
    "id": _TEXT,
    "created": _SINCE,
    "updated": _SINCE,
}
_SEGMENT_FILTERS: Mapping[str, FilterRule] = {
    **_LIST_FILTERS,
    "is_active": FilterRule(_EQUALS, _BOTH, kind="flag"),
    "is_starred": FilterRule(_EQUALS, kind="flag"),
}
_GROUP_SORTS = ("updated", "created", "id", "name")
_PROFILE_SORTS = (
    "updated",
    "created",
    "id",
    "email",
    f"{_SUPPRESSION}.timestamp",
    f"{_LIST_SUPPRESSIONS}.timestamp",
)


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked. `path` is below `/api/`."""

    name: Name
    path: tuple[str, ...]
    scopes: tuple[Scope, ...]
    allowed: Allowed
    usual_tier: Tier = "reads"

    def tier(self, query: Query) -> Tier:
        """The windows that a request counts in: what costs more has smaller ones."""
        if "predictive_analytics" in query.get("additional-fields[profile]", "").split(","):
            return "predictive_analytics"
        if self.name == "get_profile" and {"lists", "segments"} & set(query.get("include", "").split(",")):
            return "included_groups"
        return self.usual_tier


def _members(filters: Mapping[str, FilterRule]) -> Allowed:
    return Allowed(
        fields=("profile",),
        joined_group_at=True,
        additional=True,
        filters=filters,
        sorts=("joined_group_at",),
        most=100,
        usual=20,
    )


def _groups(kind: str, filters: Mapping[str, FilterRule]) -> Allowed:
    return Allowed(
        fields=("flow", kind, "tag"),
        filters=filters,
        sorts=_GROUP_SORTS,
        include=("flow-triggers", "tags"),
        most=10,
        usual=10,
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation("get_accounts", ("accounts",), ("accounts:read",), Allowed(fields=("account",)), "accounts"),
    Operation(
        "get_profiles",
        ("profiles",),
        ("profiles:read",),
        Allowed(
            fields=("conversation", "profile", "push-token"),
            additional=True,
            filters=_PROFILE_FILTERS,
            sorts=_PROFILE_SORTS,
            include=("conversations", "push-tokens"),
            most=100,
            usual=20,
        ),
    ),
    Operation(
        "get_profile",
        ("profiles", ID),
        ("profiles:read",),
        Allowed(
            fields=("conversation", "list", "profile", "push-token", "segment"),
            additional=True,
            include=("conversations", "lists", "push-tokens", "segments"),
        ),
    ),
    Operation("get_lists", ("lists",), ("lists:read",), _groups("list", _LIST_FILTERS)),
    Operation("get_segments", ("segments",), ("segments:read",), _groups("segment", _SEGMENT_FILTERS)),
    Operation(
        "get_profiles_for_list",
        ("lists", ID, "profiles"),
        ("lists:read", "profiles:read"),
        _members(_MEMBER_FILTERS),
    ),
    Operation(
        "get_profiles_for_segment",
        ("segments", ID, "profiles"),
        ("profiles:read", "segments:read"),
        _members({"profile_id": _TEXT_IN_LIST, **_MEMBER_FILTERS}),
    ),
    Operation(
        "get_list_ids_for_profile",
        ("profiles", ID, "relationships", "lists"),
        ("lists:read", "profiles:read"),
        Allowed(),
        "relationships",
    ),
    Operation(
        "get_segment_ids_for_profile",
        ("profiles", ID, "relationships", "segments"),
        ("profiles:read", "segments:read"),
        Allowed(),
        "relationships",
    ),
)


def find_operation(path: str) -> tuple[Operation, str] | None:
    """The operation at a path, and the id in it; None when there is none."""
    segments = path.removeprefix("/api/").removesuffix("/").split("/") if path.startswith("/api/") else []
    for operation in OPERATIONS:
        if len(segments) == len(operation.path) and all(
            expected in (ID, given) for expected, given in zip(operation.path, segments, strict=True)
        ):
            return operation, segments[operation.path.index(ID)] if ID in operation.path else ""
    return None
