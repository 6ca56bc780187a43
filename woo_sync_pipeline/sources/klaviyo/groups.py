"""Lists and segments of an account, and who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from woo_sync_pipeline.sources.klaviyo.client import GROUP_PAGE_SIZE, PAGE_SIZE, KlaviyoClient, Params, id_of
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoRecordMissingError
from woo_sync_pipeline.sources.klaviyo.profiles import written
from woo_sync_pipeline.sources.klaviyo.settings import Chosen, KlaviyoSettings

GroupKind = Literal["list", "segment"]

_FIELDS: dict[GroupKind, str] = {"list": "name", "segment": "name,is_active,is_processing"}


@dataclass(frozen=True)
class Group:
    """A list or a segment. is_processing: its members are being found out, and are incomplete until then."""

    kind: GroupKind
    group_id: str
    name: str
    is_active: bool = True
    is_processing: bool = False

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


def chosen_groups(client: KlaviyoClient, source: KlaviyoSettings) -> tuple[list[Group], list[str]]:
    """The lists and segments that the configuration chooses, and the names there that none has.

    Names are not unique: all with a chosen name are taken. Raises KlaviyoError.
    """
    found: list[Group] = []
    missing: list[str] = []
    for kind, chosen in _choices(source):
        if chosen == "none":
            continue
        groups = all_groups(client, kind)
        found += [group for group in groups if chosen == "all" or group.name in chosen]
        if chosen != "all":
            names = {group.name for group in groups}
            missing += [f"{kind} {name}" for name in chosen if name not in names]
    return found, missing


def _choices(source: KlaviyoSettings) -> Iterable[tuple[GroupKind, Chosen]]:
    return (("list", source.lists), ("segment", source.segments))


def members(
    client: KlaviyoClient, group: Group, *, joined_since: datetime | None = None
) -> Iterator[list[str]]:
    """Ids of the profiles in a group, page by page: of all, or of those who joined since then. Raises KlaviyoError."""
    params: dict[str, str | int] = {
        "page[size]": PAGE_SIZE,
        "fields[profile]": "joined_group_at",
        "sort": "joined_group_at",
    }
    if joined_since is not None:
        after = written(joined_since - timedelta(microseconds=1))
        params["filter"] = f"greater-than(joined_group_at,{after})"
    for rows in client.pages(_members_path(group), params):
        yield [row_id for row in rows if (row_id := id_of(row)) is not None]


def newest_members(client: KlaviyoClient, group: Group, *, since: datetime) -> list[str]:
    """Ids of those who joined a group since then, the latest hundred. One request. Raises KlaviyoError."""
    params: Params = {
        "page[size]": PAGE_SIZE,
        "fields[profile]": "joined_group_at",
        "sort": "-joined_group_at",
        "filter": f"greater-than(joined_group_at,{written(since)})",
    }
    rows = client.get(_members_path(group), params)
    return [row_id for row in rows if (row_id := id_of(row)) is not None]


def existing_members(
    client: KlaviyoClient, group: Group, *, joined_since: datetime | None = None
) -> list[str] | None:
    """Like `members`, all at once; None where the group was deleted meanwhile."""
    try:
        return [member for page in members(client, group, joined_since=joined_since) for member in page]
    except KlaviyoRecordMissingError:
        return None


def _members_path(group: Group) -> str:
    return f"{group.kind}s/{group.group_id}/profiles"


def _group(kind: GroupKind, row: dict[str, object]) -> Group | None:
    group_id, found = id_of(row), row.get("attributes")
    if (
        group_id is None
        or not isinstance(found, dict)
        or "/" in group_id
        or "?" in group_id
        or "#" in group_id
    ):
        return None
    name = found.get("name")
    return Group(
        kind,
        group_id,
        name.strip() if isinstance(name, str) else "",
        is_active=found.get("is_active") is not False,
        is_processing=found.get("is_processing") is True,
    )
