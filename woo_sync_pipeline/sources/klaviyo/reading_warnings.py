"""What a report says of a reading that saw less than it should."""

from __future__ import annotations

from woo_sync_pipeline.sources.klaviyo.memberships import MembershipsRead
from woo_sync_pipeline.sources.klaviyo.profiles import Profiles

WITHOUT_SUBSCRIPTIONS = (
    "{count:,} profiles came without their subscriptions: their consent is not known. Something on the way to Klaviyo "
    "changes its answers, or `revision` of this source does: leave it out"
)
CANNOT_RECEIVE = (
    "{count:,} profiles are subscribed, but by Klaviyo's word cannot receive SMS marketing from there (their country "
    "has no sending number, or they are suppressed). That is no opt-out: their consent counts"
)
UNREADABLE = (
    "{count:,} profiles bear an id that cannot be read: they are left out (see the lines with does_not_fit), and "
    "nobody is taken for gone until that is over"
)
UNCLEAR = (
    "of {count:,} profiles nobody can tell what they say of SMS marketing: they are left as they were known (see the "
    "lines with does_not_fit)"
)
NOT_ASKED_FOR = (
    "known profiles are missing, and Klaviyo does not let them be asked for by their ids, so that none is taken for "
    "gone"
)
LEFT_OPEN = (
    "who is in {names} cannot be concluded from what Klaviyo shows (a segment that it is still processing, a list that "
    "it does not list, rows that cannot be read): what is known of that stays until a later sync"
)
NO_SUCH_GROUP = "there is no {names} in the account (`lists` and `segments` of this source)"


def profile_warnings(found: Profiles) -> list[str]:
    """Sentences about the profiles that were read."""
    told = {
        WITHOUT_SUBSCRIPTIONS.format(count=found.without_subscriptions): found.without_subscriptions,
        CANNOT_RECEIVE.format(count=found.cannot_receive): found.cannot_receive,
        UNREADABLE.format(count=len(found.unreadable)): found.unreadable,
        UNCLEAR.format(count=len(found.unclear)): found.unclear,
        NOT_ASKED_FOR: not found.missing_were_asked_for,
    }
    return [warning for warning, is_so in told.items() if is_so]


def membership_warnings(found: MembershipsRead) -> list[str]:
    """Sentences about the lists and segments that were read."""
    called = {group.item_id: f"{group.kind} {group.name}" for group in found.groups}
    names = ", ".join(called.get(item_id, item_id.replace(":", " ")) for item_id in sorted(found.left_open))
    told = {
        LEFT_OPEN.format(names=names): names,
        NO_SUCH_GROUP.format(names=", ".join(found.missing)): found.missing,
    }
    return [warning for warning, is_so in told.items() if is_so]
