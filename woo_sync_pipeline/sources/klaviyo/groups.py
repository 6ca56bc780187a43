"""Lists and segments of an account, and who is in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

from woo_sync_pipeline.sources.klaviyo.client import (
    GROUP_PAGE_SIZE,
    PAGE_SIZE,
    KlaviyoClient,
    Params,
    Row,
    id_of,
)
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoRecordMissingError
from woo_sync_pipeline.sources.klaviyo.profiles import plain_text, written
from woo_sync_pipeline.sources.klaviyo.settings import Chosen, KlaviyoSettings

GroupKind = Literal["list", "segment"]

_FIELDS: dict[GroupKind, str] = {"list": "name", "segment": "name,is_active,is_processing,updated"}


_MEMBERS: Params = {"page[size]": PAGE_SIZE, "fields[profile]": "joined_group_at"}


@dataclass(frozen=True)
class Group:
    """A list or a segment; name: "" where it is not told.

    is_processing: its members are being found out, and are incomplete until then. updated: when it was changed last, as
    Klaviyo writes it.
    """

    kind: GroupKind
    group_id: str
    name: str
    is_active: bool = True
    is_processing: bool = False
    updated: str = ""

    @property
    def item_id(self) -> str:
        """What it is called among the groups of a source: ids of lists and of segments may be the same."""
        return f"{self.kind}:{self.group_id}"


def all_groups(client: KlaviyoClient, kind: GroupKind) -> list[Group]:
    """All lists, or all segments, of the account. Raises KlaviyoError."""
    params: Params = {"page[size]": GROUP_PAGE_SIZE, f"fields[{kind}]": _FIELDS[kind], "sort": "id"}
    return [
        group
        for rows in client.pages(f"{kind}s", params)
        for group in (_group(kind, row) for row in rows)
        if group
    ]


@dataclass(frozen=True)
class Listing:
    """chosen: the lists and segments that the configuration chooses. listed: item ids of all that there are.

    missing: the names in the configuration that none has.
    """

    chosen: Sequence[Group]
    listed: frozenset[str]
    missing: Sequence[str]


def list_groups(client: KlaviyoClient, source: KlaviyoSettings) -> Listing:
    """The lists and segments of the account. Names are not unique: all with a chosen name are taken.

    Raises KlaviyoError.
    """
    chosen: list[Group] = []
    listed: set[str] = set()
    missing: list[str] = []
    for kind, wanted in _choices(source):
        if wanted == "none":
            continue
        groups = all_groups(client, kind)
        listed.update(group.item_id for group in groups)
        chosen += [group for group in groups if wanted == "all" or group.name in wanted]
        if wanted != "all":
            names = {group.name for group in groups}
            missing += [f"{kind} {name}" for name in wanted if name not in names]
    return Listing(chosen, frozenset(listed), missing)


def kind_is_read(source: KlaviyoSettings, item_id: str) -> bool:
    """Whether the configuration chooses any group of the kind that an item id names."""
    return dict(_choices(source)).get(group_of(item_id).kind) != "none"


def group_of(item_id: str) -> Group:
    """The group with an item id, of which nothing else is known."""
    kind, _, group_id = item_id.partition(":")
    return Group("segment" if kind == "segment" else "list", group_id, "")


def _choices(source: KlaviyoSettings) -> Iterable[tuple[GroupKind, Chosen]]:
    return (("list", source.lists), ("segment", source.segments))


@dataclass
class Members:
    """Ids of the profiles in a group, and whether all that came could be read."""

    ids: set[str]
    are_readable: bool = True


def members(client: KlaviyoClient, group: Group, *, joined_since: datetime | None = None) -> Members | None:
    """Who is in a group: all, or those who joined since then. None where there is no such group.

    Raises KlaviyoError.
    """
    params: dict[str, str | int] = {**_MEMBERS, "sort": "joined_group_at"}
    if joined_since is not None:
        after = written(joined_since - timedelta(microseconds=1))
        params["filter"] = f"greater-than(joined_group_at,{after})"
    found = Members(set())
    try:
        for rows in client.pages(_members_path(group), params):
            ids = [row_id for row in rows if (row_id := id_of(row)) is not None]
            # The same people are in many groups.
            found.ids.update(map(sys.intern, ids))
            found.are_readable = found.are_readable and len(ids) == len(rows)
    except KlaviyoRecordMissingError:
        return None
    return found


def count_members(client: KlaviyoClient, group: Group, *, most: int | None) -> int:
    """How many profiles are in a group; of more than `most` at least that many are counted. Raises KlaviyoError."""
    count = 0
    for rows in client.pages(_members_path(group), {**_MEMBERS, "sort": "joined_group_at"}):
        count += len(rows)
        if most is not None and count >= most:
            break
    return count


def exists(client: KlaviyoClient, group: Group) -> bool:
    """Whether there is such a group, asked for by its id. Raises KlaviyoError."""
    try:
        client.get(_members_path(group), {**_MEMBERS, "page[size]": 1})
    except KlaviyoRecordMissingError:
        return False
    return True


def newest_members(client: KlaviyoClient, group: Group, *, since: datetime) -> list[str]:
    """Ids of those who joined a group since then, the latest hundred. One request. Raises KlaviyoError."""
    within = f"greater-than(joined_group_at,{written(since)})"
    rows = client.get(_members_path(group), {**_MEMBERS, "sort": "-joined_group_at", "filter": within})
    return [row_id for row in rows if (row_id := id_of(row)) is not None]


def _members_path(group: Group) -> str:
    return f"{group.kind}s/{quote(group.group_id, safe='')}/profiles"


def _group(kind: GroupKind, row: Row) -> Group | None:
    """None where the row cannot be read: then the group is not listed, and has to be asked for."""
    group_id, found = id_of(row), row.get("attributes")
    if group_id is None or group_id in (".", "..") or not isinstance(found, dict):
        return None
    return Group(
        kind,
        group_id,
        plain_text(found.get("name")).strip(),
        is_active=found.get("is_active") is not False,
        is_processing=found.get("is_processing") not in (False, None),
        updated=plain_text(found.get("updated")),
    )
