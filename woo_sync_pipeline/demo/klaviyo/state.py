"""The tables of a demo account, the sorted indexes over them, and the lock around both."""

from __future__ import annotations

import random
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from woo_sync_pipeline.demo.klaviyo.records import (
    AccountDetails,
    ApiKey,
    ContactList,
    Group,
    Profile,
    Segment,
)

NEWEST_REVISION = "2026-07-15"
_SUPPORTED_FOR = timedelta(days=2 * 365)

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS_OF_TIME, _RANDOM_DIGITS = 10, 16

SortKey = tuple[Any, str]
"""A value and the id of what has it: no two are alike."""


def utc_now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)


class KlaviyoState:
    """Everything that the account remembers. Every reader and writer holds `lock`.

    `clock` is the service's own. `membership_moves_updated`: whether joining or leaving a group moves the profile's
    `updated`, which the service does not promise. `cursor_lifetime`: how long a cursor may be used; None: for ever.
    `keeps_fractions`: whether moments have a fraction of a second; without, many profiles share one.
    `null_links`: whether a page says `"next": null` where there is none, instead of leaving it out.
    """

    def __init__(self, *, seed: int = 0, account: AccountDetails | None = None) -> None:
        self.lock = threading.RLock()
        self.account = account or AccountDetails()
        self.clock: Callable[[], datetime] = utc_now
        self.date_header_follows_clock = True
        self.membership_moves_updated = False
        self.cursor_lifetime: timedelta | None = None
        self.keeps_fractions = False
        self.null_links = False
        self.newest_revision = NEWEST_REVISION
        self.keys: list[ApiKey] = []
        self.profiles: dict[str, Profile] = {}
        self.lists: dict[str, ContactList] = {}
        self.segments: dict[str, Segment] = {}
        self.members: dict[str, dict[str, datetime]] = {}
        self.groups_of: dict[str, set[str]] = {}
        self.profiles_by: dict[str, list[SortKey]] = {"id": [], "created": [], "updated": []}
        self.members_by_joining: dict[str, list[SortKey]] = {}
        self.random = random.Random(f"klaviyo {seed}")

    @property
    def oldest_revision(self) -> str:
        """The first revision that is still answered: each is for two years."""
        newest = datetime.fromisoformat(self.newest_revision)
        return (newest - _SUPPORTED_FOR).date().isoformat()

    def now(self) -> datetime:
        """The service's clock, UTC."""
        return self.kept_form(self.clock())

    def kept_form(self, moment: datetime) -> datetime:
        """A moment as it is kept: UTC, without a fraction of a second unless the account keeps them."""
        moment = moment.astimezone(UTC)
        return moment if self.keeps_fractions else moment.replace(microsecond=0)

    def group(self, group_id: str) -> Group:
        """A list or a segment; KeyError when there is none."""
        return self.lists[group_id] if group_id in self.lists else self.segments[group_id]

    def index_profile(self, profile: Profile) -> None:
        """Enter a profile into the table and every index."""
        self.profiles[profile.id] = profile
        self.groups_of.setdefault(profile.id, set())
        for name, index in self.profiles_by.items():
            insort(index, (getattr(profile, name), profile.id))

    def load_profiles(self, profiles: Iterable[Profile]) -> None:
        """Enter many profiles at once: each index is sorted one time. A profile may be entered only once."""
        for profile in profiles:
            self.profiles[profile.id] = profile
            self.groups_of[profile.id] = set()
        for name in self.profiles_by:
            self.profiles_by[name] = sorted((getattr(each, name), each.id) for each in self.profiles.values())

    def load_members(self, group_id: str, joined: Mapping[str, datetime]) -> None:
        """Enter many profiles at once as members of a group that nobody is in yet."""
        self.members[group_id] = dict(joined)
        self.members_by_joining[group_id] = sorted((moment, each) for each, moment in joined.items())
        for profile_id in joined:
            self.groups_of[profile_id].add(group_id)

    def unindex_profile(self, profile_id: str) -> Profile:
        """Take a profile out, with its memberships; KeyError when there is none."""
        profile = self.profiles.pop(profile_id)
        for name, index in self.profiles_by.items():
            _remove(index, (getattr(profile, name), profile.id))
        for group_id in self.groups_of.pop(profile_id):
            self._unindex_member(group_id, profile_id)
        return profile

    def move_updated(self, profile: Profile, moment: datetime) -> None:
        """Give a profile another `updated`."""
        _remove(self.profiles_by["updated"], (profile.updated, profile.id))
        profile.updated = moment
        insort(self.profiles_by["updated"], (moment, profile.id))

    def index_member(self, group_id: str, profile_id: str, joined_at: datetime) -> None:
        """Enter a profile as a member of a group that it is not in."""
        self.members[group_id][profile_id] = joined_at
        insort(self.members_by_joining[group_id], (joined_at, profile_id))
        self.groups_of[profile_id].add(group_id)

    def unindex_member(self, group_id: str, profile_id: str) -> None:
        """Take a profile out of a group; KeyError when it is not in it."""
        self._unindex_member(group_id, profile_id)
        self.groups_of[profile_id].discard(group_id)

    def _unindex_member(self, group_id: str, profile_id: str) -> None:
        joined_at = self.members[group_id].pop(profile_id)
        _remove(self.members_by_joining[group_id], (joined_at, profile_id))


def _remove(index: list[SortKey], key: SortKey) -> None:
    del index[bisect_left(index, key)]


def new_profile_id(rng: random.Random, created: datetime) -> str:
    """A ULID of 26 characters: the milliseconds of `created`, then chance."""
    milliseconds = int(created.timestamp() * 1000)
    return _in_crockford(milliseconds, _DIGITS_OF_TIME) + _in_crockford(rng.getrandbits(80), _RANDOM_DIGITS)


def new_group_id(rng: random.Random) -> str:
    """Six letters and digits, as lists and segments have."""
    return "".join(rng.choices(_LETTERS_AND_DIGITS, k=6))


def _in_crockford(number: int, digits: int) -> str:
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
