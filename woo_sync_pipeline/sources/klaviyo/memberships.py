"""In which lists and segments profiles are: what changed of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import pyarrow as pa

from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient
from woo_sync_pipeline.sources.klaviyo.groups import (
    Group,
    Listing,
    all_groups,
    exists,
    group_of,
    kind_is_read,
    list_groups,
    members,
)
from woo_sync_pipeline.sources.klaviyo.known import MEMBERSHIP, known_memberships
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import record_hashes

MEMBERSHIP_SCHEMA: pa.Schema = pa.schema(
    [
        ("record_id", pa.string()),
        ("groups", pa.list_(pa.string())),
        ("hash", pa.string()),
        ("read_at", pa.timestamp("us", tz="UTC")),
    ]
)
_AT_ONCE = 4
"""Groups that are read at a time: pages of one come one after another."""


@dataclass(frozen=True)
class MembershipsRead:
    """What was read of memberships.

    changed: profiles whose groups are not known in this form, with the columns of `MEMBERSHIP_SCHEMA`. groups: those
    that were chosen. concluded: item ids of those whose members are known now, up to when they were read. unlisted:
    item ids of known ones that the account does not list, and that are not known to be gone. read: how many memberships
    there were. missing: names of the configuration that no group has.
    """

    changed: pa.Table
    groups: Sequence[Group]
    concluded: frozenset[str]
    unlisted: frozenset[str]
    read: int
    missing: Sequence[str]

    @property
    def left_open(self) -> frozenset[str]:
        """Item ids of the groups of which what was known before stays."""
        return (frozenset(group.item_id for group in self.groups) - self.concluded) | self.unlisted


def all_memberships(
    client: KlaviyoClient,
    database: Database,
    source: KlaviyoSettings,
    *,
    known_groups: Collection[str] = (),
    gone: Collection[str] = (),
) -> MembershipsRead:
    """Who is in each chosen group, compared with what is known: who joined, and who left.

    known_groups: item ids of those whose members were known at the last reading. gone: profiles that are gone.
    A group of which not everything can be read, and a segment whose members are still being found out, tell nothing:
    what is known of them stays. Nor is anybody believed to have left who came once in two readings. Raises
    KlaviyoError.
    """
    listing = list_groups(client, source)
    unlisted = _unlisted(client, source, listing, known_groups)
    found = _members_of(client, [(group, None) for group in listing.chosen if not group.is_processing])
    concluded = frozenset(found) - _in_motion(client, listing)
    items: dict[str, list[str]] = defaultdict(list)
    gone = frozenset(gone)
    for item_id in concluded:
        before = known_memberships(database, source.key, within=[item_id]).keys() - gone
        for profile_id in _with_doubtful(client, group_of(item_id), found[item_id], before):
            items[profile_id].append(item_id)
    open_ = ({group.item_id for group in listing.chosen} - concluded) | unlisted
    if open_:
        for profile_id, known in known_memberships(database, source.key, within=open_).items():
            items[profile_id] += open_.intersection(known)
    hashes = record_hashes(database, source.key, MEMBERSHIP)
    for profile_id in hashes.keys() - items.keys():
        # Who left the last group is known to be in none.
        items[profile_id] = []
    changed = _table(items, hashes, database.now())
    read = sum(map(len, found.values()))
    return MembershipsRead(changed, listing.chosen, concluded, unlisted, read, listing.missing)


def new_memberships(
    client: KlaviyoClient,
    database: Database,
    source: KlaviyoSettings,
    *,
    since: datetime,
    known_groups: Collection[str],
    open_groups: Collection[str],
) -> MembershipsRead:
    """Who joined a chosen group since then, by the clock of the service; of a group that is not known, all members.

    known_groups: item ids of those whose members were known at the last reading; open_groups: of those that it left
    open. Who left is not seen. Raises KlaviyoError.
    """
    listing = list_groups(client, source)
    asked = [
        (group, since if group.item_id in known_groups else None)
        for group in listing.chosen
        if not group.is_processing
    ]
    found = _members_of(client, asked)
    concluded = frozenset(found) - _in_motion(client, listing)
    joined: dict[str, set[str]] = defaultdict(set)
    for item_id in concluded:
        for profile_id in found[item_id]:
            joined[profile_id].add(item_id)
    known = known_memberships(database, source.key, of=joined)
    items = {profile_id: [*{*added, *known.get(profile_id, ())}] for profile_id, added in joined.items()}
    hashes = record_hashes(database, source.key, MEMBERSHIP, joined)
    unlisted = frozenset(
        item_id for item_id in (*known_groups, *open_groups) if _is_missed(source, listing, item_id)
    )
    read = sum(map(len, found.values()))
    changed = _table(items, hashes, database.now())
    return MembershipsRead(changed, listing.chosen, concluded, unlisted, read, listing.missing)


def membership_hash(groups: Iterable[str]) -> str:
    """A hash of the groups (item ids) that a profile is in."""
    return blake2b(json.dumps(sorted(groups)).encode(), digest_size=16).hexdigest()


def _members_of(client: KlaviyoClient, asked: Sequence[tuple[Group, datetime | None]]) -> dict[str, set[str]]:
    """The members of groups by item id; without the groups that are not there, or of which not everything is read."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        each = pool.map(lambda one: members(client, one[0], joined_since=one[1]), asked)
        return {
            group.item_id: found.ids
            for (group, _), found in zip(asked, each, strict=True)
            if found is not None and found.are_readable
        }


def _with_doubtful(client: KlaviyoClient, group: Group, found: set[str], before: Collection[str]) -> set[str]:
    """The members, with those who were in before and come when the group is read once more.

    Pages may have shifted while somebody left, and an answer may have been empty by accident.
    """
    if found.issuperset(before):
        return found
    again = members(client, group)
    return found if again is None else found | again.ids.intersection(before)


def _unlisted(
    client: KlaviyoClient, source: KlaviyoSettings, listing: Listing, known_groups: Collection[str]
) -> frozenset[str]:
    """The known groups that the account does not list, though they are there when they are asked for."""
    return frozenset(
        item_id
        for item_id in known_groups
        if _is_missed(source, listing, item_id) and exists(client, group_of(item_id))
    )


def _is_missed(source: KlaviyoSettings, listing: Listing, item_id: str) -> bool:
    return item_id not in listing.listed and kind_is_read(source, item_id)


def _in_motion(client: KlaviyoClient, listing: Listing) -> set[str]:
    """Item ids of the segments whose members were being found out when they were read, or are now."""
    before = {group.item_id: group for group in listing.chosen if group.kind == "segment"}
    if not before:
        return set()
    now = all_groups(client, "segment")
    return {
        group.item_id
        for group in now
        if group.item_id in before and (group.is_processing or group.updated != before[group.item_id].updated)
    }


def _table(items: Mapping[str, Collection[str]], known: Mapping[str, str], read_at: datetime) -> pa.Table:
    rows = [
        {"record_id": profile_id, "groups": sorted(groups), "hash": digest, "read_at": read_at}
        for profile_id, groups in items.items()
        if known.get(profile_id) != (digest := membership_hash(groups))
    ]
    return pa.Table.from_pylist(rows, schema=MEMBERSHIP_SCHEMA)
