"""Reading an account: profiles, then in which lists and segments they are."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import pandas as pd

from woo_sync_pipeline.sources.base import CheckSpec, Extracted, Extraction, Finding, SourceStep
from woo_sync_pipeline.sources.klaviyo.account import refuse_another_account
from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, connect
from woo_sync_pipeline.sources.klaviyo.known import MEMBERSHIP
from woo_sync_pipeline.sources.klaviyo.memberships import (
    MEMBERSHIP_SCHEMA,
    MembershipsRead,
    all_memberships,
    new_memberships,
)
from woo_sync_pipeline.sources.klaviyo.profile_reader import OVERLAP, ProfileReader
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE, PROFILE_SCHEMA, Profiles
from woo_sync_pipeline.sources.klaviyo.reading_warnings import membership_warnings, profile_warnings
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.records import record_hashes
from woo_sync_pipeline.state.syncs import watermark_by

Step: TypeAlias = SourceStep[KlaviyoSettings]

GONE_WERE_ASKED_FOR = CheckSpec(
    "gone_profiles_were_asked_for",
    "Each known profile that a complete reading lacked was asked for by its id, and is not there.",
)


def profiles(step: Step) -> Extracted:
    """Profiles that are new, changed or gone.

    The daily sync reads all of them in the order of their ids, in which each comes once whatever changes meanwhile, and
    compares their content. Known ones that are not among them are asked for by their ids before they are taken for
    gone. The live sync reads those that changed since the last reading.
    """
    began, database = step.database.now(), step.database
    known = record_hashes(database, step.source.key, PROFILE)
    with (
        connect(step.source, now=database.now) as client,
        step.show_progress("reading profiles") as advance,
    ):
        reader = ProfileReader(client, step.source, known, now=database.now, progress=advance)
        # Profiles bear the time of the service's clock, which its first answer tells.
        server_now = reader.server_now()
        before = step.watermark.cursor.get("account") if step.watermark else None
        account = refuse_another_account(client, reader, before=before)
        since = None if step.is_sweep else _window_start(step, client, server_now)
        found = reader.all() if since is None else reader.changed(since, server_now)
        offset, statistics = client.clock_offset, client.statistics()
    return Extracted(
        frame=found.changed,
        beside={"gone_profiles": pd.DataFrame({"record_id": sorted(found.gone)}, dtype=object)},
        read=found.read,
        requests=statistics.requests,
        unreadable=[*found.unreadable, *found.unclear],
        warnings=profile_warnings(found),
        notes={
            "started_at": began.isoformat(),
            "read_until": server_now.isoformat(),
            "account": account,
            "since": since.isoformat() if since else None,
            "klaviyo_ahead_by": offset.to_json(),
        },
        metadata={
            "read": found.read,
            "gone": len(found.gone),
            "subscribed_but_cannot_receive": found.cannot_receive,
            **statistics.to_metadata(),
            "reading": "all profiles" if since is None else f"changed since {since:%Y-%m-%d %H:%M:%S} UTC",
        },
        findings={GONE_WERE_ASKED_FOR: _finding(found)},
    )


def memberships(step: Step) -> Extracted:
    """Profiles whose lists or segments changed.

    The daily sync reads the members of all chosen lists and segments, the live sync those who joined. A segment whose
    members Klaviyo is still finding out tells nothing yet: what is known of it stays.
    """
    with (
        connect(step.source, now=step.database.now) as client,
        step.show_progress("reading memberships") as advance,
    ):
        found = _memberships_read(step, client)
        statistics = client.statistics()
        advance(found.read)
    return Extracted(
        frame=found.changed,
        beside={
            "groups": pd.DataFrame(
                [(group.item_id, group.name, group.item_id in found.concluded) for group in found.groups],
                columns=["item_id", "name", "is_concluded"],
            ).astype({"item_id": object, "name": object, "is_concluded": bool})
        },
        read=found.read,
        requests=statistics.requests,
        warnings=membership_warnings(found),
        notes={"open_groups": sorted(found.left_open)},
        metadata={
            "read": found.read,
            "lists": sum(group.kind == "list" for group in found.groups),
            "segments": sum(group.kind == "segment" for group in found.groups),
            **statistics.to_metadata(),
        },
    )


_ASKS = frozenset({"klaviyo", "parquet"})
EXTRACTIONS = (
    Extraction(
        profiles,
        columns=PROFILE_SCHEMA,
        described={
            "phone": "Phone of the profile, as it stands there.",
            "country": "Country of its location, as it was typed.",
            "consent": "SMS marketing consent in Klaviyo's word; absent where Klaviyo left the subscriptions out.",
            "consent_at": "When that was said, by Klaviyo's clock.",
            "can_receive": "Whether Klaviyo could send SMS marketing to it.",
        },
        record_type=PROFILE,
        kinds=_ASKS,
        checks=[GONE_WERE_ASKED_FOR],
    ),
    Extraction(
        memberships,
        columns=MEMBERSHIP_SCHEMA,
        described={"groups": "Lists and segments that the profile is in, by their ids."},
        after=["profiles"],
        record_type=MEMBERSHIP,
        kinds=_ASKS,
    ),
)


def _window_start(step: Step, client: KlaviyoClient, server_now: datetime) -> datetime | None:
    """From when on changes are to be read, by the clock of the service; None: nothing was ever read."""
    mark = step.watermark
    if mark is None:
        return None
    ahead = client.clock_offset.lowest
    mark = watermark_by(step.database, step.source.key, mark, store_now=server_now, store_ahead=ahead)
    return min(mark.read_until, server_now) - OVERLAP


def _memberships_read(step: Step, client: KlaviyoClient) -> MembershipsRead:
    database, source, since = step.database, step.source, step.read("profiles").notes["since"]
    cursor = step.watermark.cursor if step.watermark else {}
    known, left_open = cursor.get("groups", ()), cursor.get("open_groups", ())
    if since is None:
        gone = step.read("gone_profiles").columns("record_id")["record_id"]
        return all_memberships(client, database, source, known_groups=[*known, *left_open], gone=gone)
    since = datetime.fromisoformat(since)
    return new_memberships(client, database, source, since=since, known_groups=known, open_groups=left_open)


def _finding(found: Profiles) -> Finding:
    if found.missing_were_asked_for:
        return Finding(
            True, "{gone:,} profiles are gone, each asked for by its id", {"gone": len(found.gone)}
        )
    return Finding(True, "Klaviyo does not let profiles be asked for by their ids: none is taken for gone")
