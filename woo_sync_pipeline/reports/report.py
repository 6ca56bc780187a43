"""The report of one sync: what happened, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from woo_sync_pipeline.contacts.limits import STORE
from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.state.syncs import DOES_NOT_FIT, SyncContact

PageOf: TypeAlias = Callable[[str, str], str]
"""Where a record can be mended, by its type and its id; "" where there is no such page."""
_GONE = {"customer gone": "person gone"}
"""Why contacts leave lists, as it is told of what is no store."""


def no_page(_record_type: str, _record_id: str) -> str:
    """Of a source that is configured no more, nobody knows a page."""
    return ""


@dataclass(frozen=True)
class SyncCounts:
    """The numbers of one sync of one source.

    new, updated, unchanged, failed: contacts, by what happened to them on the platform.
    invalid: store records without a phone that can receive messages (of a daily sync: all in the store), and
    those that this sync left out because they do not fit their model, with their reasons in invalid_reasons;
    newly_invalid: those of them that this sync read.
    subscribed, unsubscribed: all contacts of the source, as the platform was last seen to hold them.
    unsubscribed_on_platform: contacts that this sync found unsubscribed there, by their own will.
    not_applied: contacts of which this sync found that an opt-in in a store does not subscribe them.
    erased: people who were erased in the store, as far as this sync dealt with them.
    saved_unseen: customers who were saved in the store since the last complete reading although nothing that it shows
    has changed: what it hides may have, such as a choice under a key that begins with an underscore.
    unread_consent: answers under a consent key that are understood neither as a yes nor as a no, as `key = value`, and
    in how many of the records that this sync read.
    groups: lists that contacts of the source belong to; groups_made: lists that this sync made on the platform.
    emails_dropped: texts in place of an address that are not one.
    changes: what the reading changes of what was known, as `ChangeSummary.to_json` gives it.
    read: rows read from the store, by kind. requests: requests made to the store and to the platform.
    seconds: how long each stage took.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    invalid: int = 0
    newly_invalid: int = 0
    invalid_reasons: Mapping[str, int] = field(default_factory=dict)
    subscribed: int = 0
    unsubscribed: int = 0
    unsubscribed_on_platform: int = 0
    not_applied: int = 0
    erased: int = 0
    saved_unseen: int = 0
    unread_consent: Mapping[str, int] = field(default_factory=dict)
    groups: int = 0
    groups_made: int = 0
    emails_dropped: int = 0
    read: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Everything that somebody should look at, in a sentence each."""
        told = list(self.warnings)
        if self.failed:
            told.append(f"{self.failed:,} contacts were not brought over: their lines say why")
        if self.unread_consent:
            answers = ", ".join(f"{answer} ({count:,})" for answer, count in self.unread_consent.items())
            told.append(f"answers about consent are understood neither as a yes nor as a no: {answers}")
        return tuple(told)

    def change_rows(self, noun: str = STORE) -> list[tuple[str, int]]:
        """What the reading changes of what was known of a `noun`; an indented label belongs to the one before."""
        leaving = self.changes.get("leaving_because", {})
        told = {} if noun == STORE else _GONE
        rows = [
            ("new contacts", self.changes.get("new", 0)),
            ("join lists", self.changes.get("joining_lists", 0)),
            ("leave lists", self.changes.get("leaving_lists", 0)),
            *((f"  {told.get(reason, reason)}", count) for reason, count in leaving.items()),
            ("newly subscribed", self.changes.get("newly_subscribed", 0)),
            ("newly unsubscribed", self.changes.get("newly_unsubscribed", 0)),
            ("customers gone" if noun == STORE else "people gone", self.changes.get("customers_gone", 0)),
            ("records that lose their phone", self.changes.get("newly_invalid", 0)),
            ("records that lose their answer about consent", self.changes.get("answers_lost", 0)),
        ]
        return [(label, count) for label, count in rows if count]

    def to_json(self) -> dict[str, Any]:
        """A plain structure for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SyncCounts:
        """Counts that `to_json` wrote; what an older version did not count is zero."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{**known, "warnings": tuple(known.get("warnings", ()))})


def explain_reason(reason: str) -> str:
    """What an invalid reason means; nothing for one that another version of this project has written."""
    if reason == DOES_NOT_FIT:
        return "The record holds what a record cannot hold and was left out; its line names the fields."
    return InvalidReason(reason).explanation if reason in set(InvalidReason) else ""


def count_reasons(invalid: Iterable[SyncContact]) -> dict[str, int]:
    """How many store records are invalid for each reason, whatever details follow it, the most frequent first."""
    return dict(Counter((contact.reason or "").partition(" ")[0] for contact in invalid).most_common())
