"""The parameters of a request, read by what its operation allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from woo_sync_pipeline.demo.klaviyo.answers import invalid
from woo_sync_pipeline.demo.klaviyo.fieldsets import FIELDS
from woo_sync_pipeline.demo.klaviyo.filters import Condition, FilterRule, parse_filter

ADDITIONAL_FIELDS = frozenset({"subscriptions", "predictive_analytics"})

Query = dict[str, str]


@dataclass(frozen=True)
class Allowed:
    """What an operation takes: types of `fields[…]`, filters, sort fields, relationships, the largest page."""

    fields: tuple[str, ...] = ()
    joined_group_at: bool = False
    additional: bool = False
    filters: Mapping[str, FilterRule] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    most: int = 0
    usual: int = 0

    @property
    def names(self) -> frozenset[str]:
        """The names of all query parameters."""
        names = {f"fields[{kind}]" for kind in self.fields}
        names |= {"additional-fields[profile]"} if self.additional else set()
        names |= {"filter"} if self.filters else set()
        names |= {"sort"} if self.sorts else set()
        names |= {"include"} if self.include else set()
        names |= {"page[cursor]", "page[size]"} if self.most else set()
        return frozenset(names)

    def values(self, name: str) -> frozenset[str]:
        """What a parameter that is a list of names may hold."""
        if name == "include":
            return frozenset(self.include)
        if name == "additional-fields[profile]":
            return ADDITIONAL_FIELDS
        kind = name.removeprefix("fields[").removesuffix("]")
        joined = {"joined_group_at"} if self.joined_group_at and kind == "profile" else set()
        return FIELDS[kind] | joined


@dataclass(frozen=True)
class Params:
    """The parameters of one request. `walk` names the query that a cursor belongs to."""

    fields: Mapping[str, frozenset[str]]
    additional: frozenset[str]
    include: frozenset[str]
    conditions: tuple[Condition, ...]
    sort: str
    descending: bool
    size: int
    cursor: str
    walk: str


def parse_query(raw: str) -> Query:
    """Read a raw query; of a parameter that is there twice the last."""
    return dict(parse_qsl(raw, keep_blank_values=True))


def refuse_repeated(raw: str) -> None:
    """Raise `ApiError` (400) for a raw query with a parameter that is there twice."""
    names = Counter(name for name, _ in parse_qsl(raw, keep_blank_values=True))
    for name, times in names.items():
        if times > 1:
            raise invalid(name, f"'{name[:60]}' is there more than once.")


def read_params(query: Query, allowed: Allowed) -> Params:
    """Read the parameters of a request. Raises `ApiError` (400) for what its operation does not take."""
    for name in query:
        if name not in allowed.names:
            raise invalid(name, f"'{name[:60]}' is not a parameter of this request.")
    sort = query.get("sort", "")
    field_of_sort = sort.removeprefix("-")
    if "sort" in query and field_of_sort not in allowed.sorts:
        raise invalid("sort", f"Sort by one of {', '.join(allowed.sorts)}.")
    if not sort and allowed.sorts:
        # Which order is usual is not published. In this one a walk misses whatever changes meanwhile.
        field_of_sort, sort = allowed.sorts[0], f"-{allowed.sorts[0]}"
    conditions = parse_filter(query["filter"], allowed.filters) if "filter" in query else ()
    return Params(
        fields={
            kind: _names(query, f"fields[{kind}]", allowed)
            for kind in allowed.fields
            if f"fields[{kind}]" in query
        },
        additional=_names(query, "additional-fields[profile]", allowed),
        include=_names(query, "include", allowed),
        conditions=conditions,
        sort=field_of_sort,
        descending=sort.startswith("-"),
        size=_size(query, allowed),
        cursor=query.get("page[cursor]", ""),
        walk=f"{sort}?{query.get('filter', '')}",
    )


def _names(query: Query, name: str, allowed: Allowed) -> frozenset[str]:
    if name not in query:
        return frozenset()
    names = frozenset(query[name].split(","))
    if unknown := names - allowed.values(name):
        raise invalid(name, f"'{min(unknown)[:60]}' is not a value of '{name}'.")
    return names


def _size(query: Query, allowed: Allowed) -> int:
    text = query.get("page[size]", str(allowed.usual))
    if "page[size]" in query and not (text.isascii() and text.isdecimal() and 1 <= int(text) <= allowed.most):
        raise invalid("page[size]", f"Page size must be an integer between 1 and {allowed.most}.")
    return int(text)
