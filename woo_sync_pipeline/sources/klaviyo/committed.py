"""What a commit needs to know of a reading of an account but its records."""

from __future__ import annotations

from datetime import datetime

from woo_sync_pipeline.clocks import ClockOffset
from woo_sync_pipeline.contacts.names import clean_name
from woo_sync_pipeline.sources.base import SourceStep
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings
from woo_sync_pipeline.state.records import Reading


def reading_of(step: SourceStep[KlaviyoSettings]) -> Reading:
    """What the extractions of one sync found, but for the records themselves."""
    notes, groups = step.read("profiles").notes, step.read("groups").frame
    # A name that is not told is no other name.
    named = groups[groups["name"] != ""]
    tags = {item_id: clean_name(name) for item_id, name in zip(named["item_id"], named["name"], strict=True)}
    return Reading(
        records=(),
        started_at=datetime.fromisoformat(notes["started_at"]),
        read_until=datetime.fromisoformat(notes["read_until"]),
        gone={PROFILE: step.read("gone_profiles").frame["record_id"].tolist()},
        item_tags={item_id: [tag] if tag else [] for item_id, tag in tags.items()},
        cursor={
            "account": notes["account"],
            # Which reading it was: two may end in the same second of the service.
            "began": notes["started_at"],
            "groups": sorted(groups.loc[groups["is_concluded"], "item_id"]),
            "open_groups": step.read("memberships").notes["open_groups"],
        },
        source_clock=ClockOffset.from_json(notes["klaviyo_ahead_by"]),
        opt_outs_are_dated=True,
    )
