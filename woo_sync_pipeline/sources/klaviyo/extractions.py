"""Reading an account: profiles, then in which lists and segments they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

import pandas as pd

from woo_sync_pipeline.sources.base import CheckSpec, Extracted, Extraction, Finding, SourceStep
from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, connect
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoAnswerMalformedError, KlaviyoRequestRefusedError
from woo_sync_pipeline.sources.klaviyo.known import MEMBERSHIP
from woo_sync_pipeline.sources.klaviyo.memberships import (
    MEMBERSHIP_SCHEMA,
    MembershipsRead,
    all_memberships,
    new_memberships,
)
from woo_sync_pipeline.sources.klaviyo.profiles import (
    PROFILE,
    PROFILE_FIELDS,
    PROFILE_SCHEMA,
    Profiles,
    changed_within,
)
from woo_sync_pipeline.sources.klaviyo.reading_warnings import membership_warnings, profile_warnings
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.records import record_hashes
from woo_sync_pipeline.state.syncs import watermark_by

Step: TypeAlias = SourceStep[KlaviyoSettings]

OVERLAP = timedelta(minutes=5)
"""Windows overlap by this much: a change may be shown a while after it is dated."""

_IDS_AT_ONCE = 100
_GONE = "gone_profiles"

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
    began = step.database.now()
    with (
        connect(step.source, now=step.database.now) as client,
        step.show_progress("reading profiles") as advance,
    ):
        # Profiles bear the time of the service's clock, which its first answer tells.
        client.get("profiles", {"fields[profile]": "updated", "page[size]": 1})
        server_now = client.server_time or began
        since = None if step.is_sweep else _window_start(step, client, server_now)
        known = record_hashes(step.database, step.source.key, PROFILE)
        found = Profiles(step.source, known)
        if since is None:
            _read_all(client, found, step.database.now, advance)
            gone, were_asked_for = _gone(client, found, step.database.now)
        else:
            _read_changed(client, found, since, server_now, step.database.now, advance)
            gone, were_asked_for = [], True
        offset, statistics = client.clock_offset, client.statistics()
    return Extracted(
        frame=found.changed,
        beside={_GONE: pd.DataFrame({"record_id": sorted(gone)}, dtype=object)},
        read=found.read,
        requests=statistics.requests,
        unreadable=found.unreadable,
        warnings=profile_warnings(found, were_asked_for=were_asked_for),
        notes={
            "started_at": began.isoformat(),
            "read_until": server_now.isoformat(),
            "klaviyo_ahead_by": offset.to_json(),
        },
        metadata={
            "read": found.read,
            "gone": len(gone),
            "subscribed_but_cannot_receive": found.cannot_receive,
            **statistics.to_metadata(),
            "reading": "all profiles" if since is None else f"changed since {since:%Y-%m-%d %H:%M:%S} UTC",
        },
        findings={GONE_WERE_ASKED_FOR: _finding(len(gone), were_asked_for=were_asked_for)},
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


def _read_all(
    client: KlaviyoClient, found: Profiles, now: Callable[[], datetime], advance: Callable[[int], None]
) -> None:
    for rows in client.pages("profiles", {**PROFILE_FIELDS, "sort": "id"}):
        found.add(rows, now())
        advance(len(rows))
    if found.known and not found.read:
        raise client.failed(
            KlaviyoAnswerMalformedError,
            tried="read all profiles",
            got=f"an empty list where a list of objects was due: of this account {len(found.known):,} profiles are "
            "known",
        )


def _read_changed(
    client: KlaviyoClient,
    found: Profiles,
    since: datetime,
    server_now: datetime,
    now: Callable[[], datetime],
    advance: Callable[[int], None],
) -> None:
    # The second that is under way is read as well; the next window begins before it.
    within = changed_within(since, server_now + timedelta(seconds=1))
    for rows in client.pages("profiles", {**PROFILE_FIELDS, "filter": within, "sort": "updated"}):
        found.add(rows, now())
        advance(len(rows))


def _gone(client: KlaviyoClient, found: Profiles, now: Callable[[], datetime]) -> tuple[list[str], bool]:
    """The known profiles that are not there any more; none, and false, where Klaviyo does not let them be asked for."""
    missing = sorted(found.known.keys() - found.ids)
    # Perhaps it is those whose id cannot be read who seem to be gone.
    if found.unreadable:
        return [], True
    try:
        for at in range(0, len(missing), _IDS_AT_ONCE):
            found.add(_by_ids(client, missing[at : at + _IDS_AT_ONCE]), now())
    except KlaviyoRequestRefusedError:
        return [], not missing
    return [profile_id for profile_id in missing if profile_id not in found.ids], True


def _by_ids(client: KlaviyoClient, ids: list[str]) -> list[dict[str, object]]:
    """The profiles with these ids. Klaviyo's pages show texts in filters in either kind of quotes."""

    def ask(quote: str) -> Iterable[dict[str, object]]:
        listed = ",".join(f"{quote}{profile_id}{quote}" for profile_id in ids)
        pages = client.pages("profiles", {**PROFILE_FIELDS, "filter": f"any(id,[{listed}])"})
        return [row for rows in pages for row in rows]

    try:
        return list(ask('"'))
    except KlaviyoRequestRefusedError:
        return list(ask("'"))


def _memberships_read(step: Step, client: KlaviyoClient) -> MembershipsRead:
    database, source = step.database, step.source
    if step.is_sweep or step.watermark is None:
        return all_memberships(client, database, source)
    # Up to there the profiles of this reading were read, and the memberships of the one before.
    read_until = datetime.fromisoformat(step.read("profiles").notes["read_until"])
    since = min(step.watermark.read_until, read_until) - OVERLAP
    known = step.watermark.cursor.get("groups", ())
    return new_memberships(client, database, source, since=since, known_groups=known)


def _finding(gone: int, *, were_asked_for: bool) -> Finding:
    if were_asked_for:
        return Finding(True, "{gone:,} profiles are gone, each asked for by its id", {"gone": gone})
    return Finding(True, "Klaviyo does not let profiles be asked for by their ids: none is taken for gone")
