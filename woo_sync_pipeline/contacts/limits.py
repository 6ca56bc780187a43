"""How much may change at once: what a store, or the platform, loses by accident shall not become a mass change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

STORE = "store"
"""What a source is, in a word, of which nobody knows the kind."""
_NEARLY = 0.8
"""From this part of a limit on, what passes is told of."""


class Change(StrEnum):
    """What is limited."""

    customers_gone = "customers_gone"
    leaving_lists = "leaving_lists"
    newly_subscribed = "newly_subscribed"
    newly_unsubscribed = "newly_unsubscribed"
    newly_invalid = "newly_invalid"
    answers_lost = "answers_lost"
    missing_on_platform = "missing_on_platform"

    @property
    def sentence(self) -> str:
        """What happens, with places for the numbers `count`, `before` and `after`, the `noun` and its `people`."""
        return _SENTENCES[self]

    def likely_cause(self, noun: str) -> str:
        """What mostly brings so many of them about at once, in a store or in what else the source is."""
        return _CAUSES[self] if noun == STORE else _CAUSES_ELSEWHERE.get(self, _CAUSES[self])


_SENTENCES = {
    Change.customers_gone: "{count:,} {people} are gone from the {noun} ({before:,} → {after:,})",
    Change.leaving_lists: "{count:,} contacts leave lists, of {before:,}",
    Change.newly_subscribed: "{count:,} contacts are newly subscribed (subscribed: {before:,} → {after:,})",
    Change.newly_unsubscribed: "{count:,} contacts are newly unsubscribed (subscribed: {before:,} → {after:,})",
    Change.newly_invalid: "{count:,} records lose their phone (with one: {before:,} → {after:,})",
    Change.answers_lost: "{count:,} records lose their answer about consent (with one: {before:,} → {after:,})",
    Change.missing_on_platform: "{count:,} contacts are missing on MessageMedia ({before:,} → {after:,})",
}
_CAUSES = {
    Change.customers_gone: "a plugin, a role or a firewall that hides users from the REST API, or a backup that was "
    "restored",
    Change.leaving_lists: "customers, roles or tags that are hidden or were deleted, or phones that were",
    Change.newly_subscribed: "a plugin or an import that wrote a yes to everybody",
    Change.newly_unsubscribed: "a plugin or an import that wrote a no to everybody, or emptied the consent meta",
    Change.newly_invalid: "a plugin or an import that emptied or rewrote the phones, or another default_region",
    Change.answers_lost: "a plugin that was removed, or meta that the REST API hides since",
    Change.missing_on_platform: "contacts that were deleted on MessageMedia, or credentials of another account",
}
_CAUSES_ELSEWHERE = {
    Change.customers_gone: "people who were deleted, or are hidden from the key",
    Change.leaving_lists: "people, lists or segments that were deleted, or phones that were",
    Change.newly_subscribed: "an import that wrote a yes to everybody",
    Change.newly_unsubscribed: "an import that wrote a no to everybody",
    Change.newly_invalid: "an import that emptied or rewrote the phones, or another default_region",
    Change.answers_lost: "an import that emptied the consent",
}


@dataclass(frozen=True)
class Limit:
    """So many may change at once: `at_least`, and where that is more the `share` (0 to 1) of what there was."""

    share: float = 0.1
    at_least: int = 50

    def allowed(self, of: int) -> int:
        """How many of so many."""
        return max(self.at_least, int(self.share * of))


@dataclass(frozen=True)
class Measured:
    """How often one change happens at once.

    of: what its share is taken of. before: how many there were of what grows or shrinks; after: how many there would
    be. examples: masked phones, or store records.
    """

    change: Change
    count: int
    of: int
    before: int
    examples: tuple[str, ...] = ()

    @property
    def after(self) -> int:
        """How many there would be."""
        growth = self.count if self.change is Change.newly_subscribed else -self.count
        return self.before + growth

    def is_beyond(self, limits: Mapping[Change, Limit]) -> bool:
        """Whether it is more than its limit."""
        return self.count > limits[self.change].allowed(self.of)

    def sentence(self, noun: str = STORE) -> str:
        """What happens, in numbers, in a source that is a `noun`."""
        people = "customers" if noun == STORE else "people"
        return self.change.sentence.format(
            count=self.count, before=self.before, after=self.after, noun=noun, people=people
        )


@dataclass(frozen=True)
class ChangeSummary:
    """What one reading of a store would change.

    new: contacts that were not known. joining: contacts that join lists. leaving_because: how many leave lists, by
    reason. is_first: nothing of the store was known before. changed_settings: what was configured otherwise when
    something was last stored.
    """

    measured: tuple[Measured, ...] = ()
    new: int = 0
    joining: int = 0
    leaving_because: Mapping[str, int] = field(default_factory=dict)
    is_first: bool = False
    changed_settings: tuple[str, ...] = ()

    def beyond(self, limits: Mapping[Change, Limit]) -> tuple[Measured, ...]:
        """What is more than its limit; of a first reading nothing is."""
        if self.is_first:
            return ()
        return tuple(each for each in self.measured if each.is_beyond(limits))

    def nearly_beyond(self, limits: Mapping[Change, Limit], *, noun: str = STORE) -> tuple[str, ...]:
        """What comes near to its limit, in a sentence each."""
        if self.is_first:
            return ()
        return tuple(
            f"{each.sentence(noun)}: near the limit of {limits[each.change].allowed(each.of):,} (limits.{each.change})"
            for each in self.measured
            if not each.is_beyond(limits) and each.count > _NEARLY * limits[each.change].allowed(each.of)
        )

    @property
    def circumstances(self) -> str:
        """What explains much change, if anything does."""
        if self.is_first:
            return "This is a first sync: nothing was known that could change."
        if self.changed_settings:
            return (
                f"Configured otherwise than at the last sync: {', '.join(self.changed_settings)}. That alone may "
                "explain it."
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """A plain structure for JSON, without examples."""
        return {
            **{each.change.value: each.count for each in self.measured},
            "new": self.new,
            "joining_lists": self.joining,
            "leaving_because": dict(self.leaving_because),
            "circumstances": self.circumstances,
        }


def told(beyond: Iterable[Measured], limits: Mapping[Change, Limit], *, noun: str = STORE) -> list[str]:
    """What is beyond its limit, with the limit and examples, a sentence each."""
    return [
        f"{each.sentence(noun)}, more than the limit of {limits[each.change].allowed(each.of):,}"
        + (f" (such as {', '.join(each.examples)})" if each.examples else "")
        for each in beyond
    ]


def counted(count: int, thing: str, several: str = "") -> str:
    """So many of a thing: `1 contact`, `2 contacts`; `several` is the plural, where it has not just an s."""
    return f"{count:,} {thing if count == 1 else several or f'{thing}s'}"


def likely_causes(beyond: Iterable[Measured], *, noun: str = STORE) -> str:
    """What mostly brings these changes about."""
    return "; ".join(dict.fromkeys(each.change.likely_cause(noun) for each in beyond))
