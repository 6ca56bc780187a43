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
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoRecordMissingError
from woo_sync_pipeline.sources.klaviyo.groups import Group, all_groups, chosen_groups, existing_members
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
    that were chosen. concluded: item ids of those whose members are known now, up to when they were read. read: how
    many memberships there were. missing: names of the configuration that no group has.
    """

    changed: pa.Table
    groups: Sequence[Group]
    concluded: frozenset[str]
    read: int
    missing: Sequence[str]


def all_memberships(client: KlaviyoClient, database: Database, source: KlaviyoSettings) -> MembershipsRead:
    """Who is in each chosen group, compared with what is known: who joined, and who left.

    A segment whose members are still being found out, before or after they are read, tells nothing: what is known of it
    stays. Raises KlaviyoError.
    """
    groups, missing = chosen_groups(client, source)
    found, deleted = _members_of(client, [(group, None) for group in groups if not group.is_processing])
    processing = {group.item_id for group in groups if group.is_processing} | _processing(client, groups)
    concluded = frozenset(group.item_id for group in groups) - processing - deleted
    items: dict[str, list[str]] = defaultdict(list)
    for item_id, ids in found.items():
        if item_id in concluded:
            for profile_id in ids:
                items[profile_id].append(item_id)
    if processing:
        for profile_id, known in known_memberships(database, source.key, within=processing).items():
            items[profile_id] += processing.intersection(known)
    hashes = record_hashes(database, source.key, MEMBERSHIP)
    for profile_id in hashes.keys() - items.keys():
        # Who left the last group is known to be in none.
        items[profile_id] = []
    read = sum(map(len, found.values()))
    return MembershipsRead(_table(items, hashes, database.now()), groups, concluded, read, missing)


def new_memberships(
    client: KlaviyoClient,
    database: Database,
    source: KlaviyoSettings,
    *,
    since: datetime,
    known_groups: Collection[str],
) -> MembershipsRead:
    """Who joined a chosen group since then, by the clock of the service; of a group that is not known, all members.

    known_groups: item ids of those whose members were known at the last reading. Who left is not seen. Raises
    KlaviyoError.
    """
    groups, missing = chosen_groups(client, source)
    asked = [
        (group, since if group.item_id in known_groups else None)
        for group in groups
        if not group.is_processing
    ]
    found, deleted = _members_of(client, asked)
    concluded = {group.item_id for group, _ in asked} - _processing(client, groups) - deleted
    joined: dict[str, set[str]] = defaultdict(set)
    for item_id in concluded:
        for profile_id in found[item_id]:
            joined[profile_id].add(item_id)
    known = known_memberships(database, source.key, of=joined)
    items = {profile_id: [*{*added, *known.get(profile_id, ())}] for profile_id, added in joined.items()}
    hashes = record_hashes(database, source.key, MEMBERSHIP, joined)
    read = sum(map(len, found.values()))
    return MembershipsRead(_table(items, hashes, database.now()), groups, frozenset(concluded), read, missing)


def membership_hash(groups: Iterable[str]) -> str:
    """A hash of the groups (item ids) that a profile is in."""
    return blake2b(json.dumps(sorted(groups)).encode(), digest_size=16).hexdigest()


def _members_of(
    client: KlaviyoClient, asked: Sequence[tuple[Group, datetime | None]]
) -> tuple[dict[str, list[str]], frozenset[str]]:
    """The members of groups by item id, and which groups were deleted meanwhile."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        each = pool.map(lambda one: existing_members(client, one[0], joined_since=one[1]), asked)
        found = {group.item_id: ids for (group, _), ids in zip(asked, each, strict=True)}
    lost = [group for group, _ in asked if found[group.item_id] is None]
    for kind in sorted({group.kind for group in lost}):
        still_there = {group.item_id for group in all_groups(client, kind)}
        for group in lost:
            if group.item_id in still_there:
                tried = f"GET {kind}s/{group.group_id}/profiles"
                got = f"status 404, though the {kind} is there"
                raise client.failed(KlaviyoRecordMissingError, tried=tried, got=got)
    return {item_id: ids or [] for item_id, ids in found.items()}, frozenset(group.item_id for group in lost)


def _processing(client: KlaviyoClient, groups: Sequence[Group]) -> set[str]:
    """Item ids of the segments whose members are being found out at present."""
    if not any(group.kind == "segment" for group in groups):
        return set()
    chosen = {group.item_id for group in groups}
    return {group.item_id for group in all_groups(client, "segment") if group.is_processing} & chosen


def _table(items: Mapping[str, Collection[str]], known: Mapping[str, str], read_at: datetime) -> pa.Table:
    rows = [
        {"record_id": profile_id, "groups": sorted(groups), "hash": digest, "read_at": read_at}
        for profile_id, groups in items.items()
        if known.get(profile_id) != (digest := membership_hash(groups))
    ]
    return pa.Table.from_pylist(rows, schema=MEMBERSHIP_SCHEMA)
