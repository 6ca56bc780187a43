"""All state of one demo account, and what people and forms do to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from woo_sync_pipeline.demo.klaviyo.records import SCOPES, ApiKey, ContactList, Json, Profile, Scope, Segment
from woo_sync_pipeline.demo.klaviyo.state import KlaviyoState, new_group_id, new_profile_id
from woo_sync_pipeline.demo.klaviyo.subscriptions import (
    NOBODY_ASKED,
    SUBSCRIBED,
    UNSUBSCRIBED,
    consent_at,
    sms_marketing,
    with_consent,
)

_CHANGEABLE = frozenset(Profile.__dataclass_fields__) - {"id", "created", "updated"}


class KlaviyoData(KlaviyoState):
    """An account's tables and the things that happen to them, behind one re-entrant lock.

    Methods raise KeyError for ids that do not exist, and ValueError for attributes that a profile does not have.
    """

    def add_key(self, scopes: Iterable[Scope] = SCOPES) -> ApiKey:
        """Make another private key of the account."""
        with self.lock:
            key = ApiKey(f"pk_{self.random.getrandbits(136):034x}", frozenset(scopes))
            self.keys.append(key)
            return key

    def add_profile(
        self, *, created: datetime | None = None, updated: datetime | None = None, **attributes: Any
    ) -> str:
        """Add a profile, created now unless told otherwise, and return its id.

        `attributes` are those of `Profile`: `email`, `phone_number`, `first_name`, `location`, `properties`, … What is
        written is kept as it is: phones need be no E.164, and two profiles may have the same.
        """
        with self.lock:
            profile = self.make_profile(created=created, updated=updated, **attributes)
            self.index_profile(profile)
            return profile.id

    def make_profile(
        self, *, created: datetime | None = None, updated: datetime | None = None, **attributes: Any
    ) -> Profile:
        """Make a profile that is not in the account yet; see `add_profile` and `load_profiles`."""
        with self.lock:
            _refuse_unknown(attributes)
            made = self.kept_form(created) if created else self.now()
            return Profile(
                id=new_profile_id(self.random, made),
                created=made,
                updated=self.kept_form(updated) if updated else made,
                **{"subscriptions": NOBODY_ASKED, **attributes},
            )

    def change_profile(self, profile_id: str, **attributes: Any) -> None:
        """Change attributes of a profile: moves its `updated`, whatever was changed."""
        with self.lock:
            _refuse_unknown(attributes)
            profile = self.profiles[profile_id]
            for name, value in attributes.items():
                setattr(profile, name, value)
            self.move_updated(profile, self.now())

    def subscribe_sms(
        self,
        profile_id: str,
        *,
        method: str = "FORM",
        method_detail: str = "",
        at: datetime | None = None,
        can_receive: bool = True,
    ) -> None:
        """Somebody agrees to SMS marketing, now or at another moment; the profile's `updated` moves to now."""
        moment = self.kept_form(at) if at else self.now()
        marketing = sms_marketing(
            SUBSCRIBED,
            can_receive=can_receive,
            consent_timestamp=moment,
            last_updated=moment,
            method=method,
            method_detail=method_detail,
        )
        self.set_consent(profile_id, "sms", "marketing", marketing)

    def unsubscribe_sms(
        self, profile_id: str, *, method: str = "TEXT_MESSAGE", at: datetime | None = None
    ) -> None:
        """Somebody takes that back. When the consent was given stays; `last_updated` is when it was taken back."""
        moment = self.kept_form(at) if at else self.now()
        with self.lock:
            before = consent_at(self.profiles[profile_id].subscriptions, "sms", "marketing")
            marketing = sms_marketing(UNSUBSCRIBED, last_updated=moment, method=method, method_detail="")
            marketing["consent_timestamp"] = before.get("consent_timestamp")
            self.set_consent(profile_id, "sms", "marketing", marketing)

    def set_consent(
        self,
        profile_id: str,
        channel: Literal["email", "sms", "mobile_push", "whatsapp"],
        purpose: str,
        consent: Json | None,
    ) -> None:
        """Put an object, or null, at one place of the subscriptions, such as `sms` and `marketing`."""
        with self.lock:
            before = self.profiles[profile_id].subscriptions
            self.set_subscriptions(profile_id, with_consent(before, channel, purpose, consent))

    def set_subscriptions(self, profile_id: str, subscriptions: Json | None) -> None:
        """Replace the whole object, in whatever shape: None, or `{"sms": None}`."""
        self.change_profile(profile_id, subscriptions=subscriptions)

    def delete_profile(self, profile_id: str) -> None:
        """Delete a profile through the privacy API: it vanishes, with its memberships, and nothing tells."""
        with self.lock:
            self.unindex_profile(profile_id)

    def merge_profiles(self, profile_id: str, *, into: str) -> None:
        """Merge a profile into another: it vanishes, the other takes over its memberships and what it lacks itself."""
        with self.lock:
            if profile_id == into:
                raise ValueError("a profile is not merged into itself")
            kept = self.profiles[into]
            joined = {group: self.members[group][profile_id] for group in self.groups_of[profile_id]}
            merged = self.unindex_profile(profile_id)
            lacking = ("email", "phone_number", "first_name", "last_name", "external_id", "location")
            taken = {name: getattr(merged, name) for name in lacking if getattr(kept, name) is None}
            self.change_profile(into, **taken, properties={**merged.properties, **kept.properties})
            for group, joined_at in joined.items():
                if into not in self.members[group]:
                    self.index_member(group, into, joined_at)

    def add_list(self, name: str, *, created: datetime | None = None) -> str:
        """Add a list and return its id. Another may have the same name."""
        with self.lock:
            now = self.kept_form(created) if created else self.now()
            added = ContactList(self._free_group_id(), name, now, now)
            self.lists[added.id] = added
            self._open(added.id)
            return added.id

    def rename_list(self, list_id: str, name: str) -> None:
        """Give a list another name: moves its `updated`, nobody's else."""
        with self.lock:
            self.lists[list_id].name = name
            self.lists[list_id].updated = self.now()

    def delete_list(self, list_id: str) -> None:
        """Delete a list. Who was on it stays."""
        with self.lock:
            del self.lists[list_id]
            self._close(list_id)

    def add_segment(
        self,
        name: str,
        *,
        is_active: bool = True,
        is_processing: bool = False,
        created: datetime | None = None,
    ) -> str:
        """Add a segment and return its id. Who is in it is for the caller to say, by `join` and `leave`."""
        with self.lock:
            now = self.kept_form(created) if created else self.now()
            added = Segment(
                self._free_group_id(), name, now, now, is_active=is_active, is_processing=is_processing
            )
            self.segments[added.id] = added
            self._open(added.id)
            return added.id

    def delete_segment(self, segment_id: str) -> None:
        """Delete a segment. Who was in it stays."""
        with self.lock:
            del self.segments[segment_id]
            self._close(segment_id)

    def set_processing(self, segment_id: str, is_processing: bool) -> None:
        """Say that a segment's membership is being worked out, or is complete again."""
        with self.lock:
            self.segments[segment_id].is_processing = is_processing

    def join(self, group_id: str, *profile_ids: str, at: datetime | None = None) -> None:
        """Put profiles on a list or into a segment, now or at another moment. Who is in it stays as they joined."""
        with self.lock:
            joined_at = self.kept_form(at) if at else self.now()
            for profile_id in profile_ids:
                profile = self.profiles[profile_id]
                if profile_id not in self.members[group_id]:
                    self.index_member(group_id, profile_id, joined_at)
                    self._membership_changed(profile)

    def leave(self, group_id: str, *profile_ids: str) -> None:
        """Take profiles off a list or out of a segment."""
        with self.lock:
            for profile_id in profile_ids:
                self.unindex_member(group_id, profile_id)
                self._membership_changed(self.profiles[profile_id])

    def _membership_changed(self, profile: Profile) -> None:
        if self.membership_moves_updated:
            self.move_updated(profile, self.now())

    def _free_group_id(self) -> str:
        while (free := new_group_id(self.random)) in self.members:
            pass
        return free

    def _open(self, group_id: str) -> None:
        self.members[group_id] = {}
        self.members_by_joining[group_id] = []

    def _close(self, group_id: str) -> None:
        for profile_id in self.members.pop(group_id):
            self.groups_of[profile_id].discard(group_id)
        del self.members_by_joining[group_id]


def _refuse_unknown(attributes: Iterable[str]) -> None:
    if unknown := set(attributes) - _CHANGEABLE:
        raise ValueError(f"a profile has no {', '.join(sorted(unknown))}")
