"""Has an account changed? What the live sensor asks, and what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from woo_sync_pipeline.sources.base import Look
from woo_sync_pipeline.sources.klaviyo.client import PAGE_SIZE, KlaviyoClient, Row, connect, id_of
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoRecordMissingError
from woo_sync_pipeline.sources.klaviyo.groups import Group, newest_members
from woo_sync_pipeline.sources.klaviyo.known import known_memberships
from woo_sync_pipeline.sources.klaviyo.profile_reader import OVERLAP
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE, PROFILE_FIELDS, Profiles, moment
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import record_hashes
from woo_sync_pipeline.state.syncs import Watermark, watermark_by

_GROUPS_A_TICK = 4
_OF_GROUPS = ("list:", "segment:")


def look_at_account(
    source: KlaviyoSettings, database: Database, mark: Watermark, memory: Mapping[str, Any]
) -> Look:
    """Look for profiles that changed, and by turns for those who joined a list or a segment.

    One request for profiles and at most four for groups. What a sync was asked to read, and is not known as it is after
    it, does not fit: it is not asked for again. Raises KlaviyoError.
    """
    # A tick that is asked to wait ends; the next one comes soon.
    with connect(source, now=database.now, attempts=1) as client:
        # The clock that dates profiles is told by the first answer.
        newest = client.get("profiles", {**PROFILE_FIELDS, "sort": "-updated"})
        known = watermark_by(database, source.key, mark, store_now=client.server_time or database.now())
        since = known.read_until - OVERLAP
        changed = _changed(database, source, newest, since)
        turn = int(memory.get("turn", 0))
        groups: list[Group] = []
        joined: list[str] = []
        for group in _groups(mark, turn):
            # A tick does not wait for the next minute of the account.
            if not client.has_room:
                break
            groups.append(group)
            joined += _joined(client, database, source, group, since)
    found, asked_for, asked_at = {*changed, *joined}, set(memory.get("asked_for", ())), memory.get("asked_at")
    reading = str(mark.cursor.get("began", mark.read_until.isoformat()))
    # A sync has been since, and has not made them known.
    settled = asked_for if asked_at not in (None, reading) else set()
    anew = found - settled
    looked_at = {group.item_id for group in groups}
    not_looked_at = {
        each for each in asked_for if each.startswith(_OF_GROUPS) and each.partition(" ")[0] not in looked_at
    }
    return Look(
        {
            "turn": turn + len(groups),
            "asked_for": sorted(found | not_looked_at),
            "asked_at": reading if anew else asked_at,
        },
        _change(len(anew.intersection(changed)), len(anew.intersection(joined))) if anew else None,
        nothing=f"nothing changed in the account since {known.read_until:%Y-%m-%d %H:%M:%S} UTC",
    )


def _change(changed: int, joined: int) -> str:
    if changed:
        return f"{changed:,} profiles changed" if changed > 1 else "a profile changed"
    return (
        f"{joined:,} profiles joined a list or segment"
        if joined > 1
        else "a profile joined a list or segment"
    )


def _changed(
    database: Database, source: KlaviyoSettings, newest: list[dict[str, Any]], since: datetime
) -> list[str]:
    """Ids, with their hashes, of the profiles on the newest page that are not known in their present form."""
    ids = [row_id for row in newest if (row_id := id_of(row)) is not None]
    found = Profiles(source, record_hashes(database, source.key, PROFILE, ids))
    found.add(newest, database.now())
    late = [
        f"{row['record_id']} {row['hash']}"
        for row in found.changed.to_pylist()
        if row["modified_at"] is None or row["modified_at"] >= since
    ]
    times = [_updated(row) for row in (newest[0], newest[-1])] if len(newest) >= PAGE_SIZE else []
    if times and times[-1] is not None and times[-1] >= since:
        # Behind a page of changes that concern nobody there may be one that does.
        return [*late, f"more than a page, up to {times[0]}"]
    return late


def _updated(row: Row) -> datetime | None:
    attributes = row.get("attributes")
    return moment(attributes.get("updated")) if isinstance(attributes, dict) else None


def _groups(mark: Watermark, turn: int) -> list[Group]:
    """The lists and segments whose turn it is."""
    items = list(mark.cursor.get("groups", ()))
    count = min(_GROUPS_A_TICK, len(items))
    chosen = (items[(turn + step) % len(items)].partition(":") for step in range(count))
    return [Group("segment" if kind == "segment" else "list", group_id, "") for kind, _, group_id in chosen]


def _joined(
    client: KlaviyoClient, database: Database, source: KlaviyoSettings, group: Group, since: datetime
) -> list[str]:
    """Who joined a group and is not known to be in it; nobody where the group is gone."""
    try:
        ids = newest_members(client, group, since=since)
    except KlaviyoRecordMissingError:
        return []
    known = known_memberships(database, source.key, of=ids) if ids else {}
    return [f"{group.item_id} {each}" for each in ids if group.item_id not in known.get(each, ())]
