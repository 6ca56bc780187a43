"""What one tick of a live sensor tells the next, and which of its questions is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

ASK_AGAIN = timedelta(hours=1)
"""After this time a store that has told nobody's activity is asked for it once more."""


@dataclass(frozen=True)
class Looks:
    """What earlier ticks have seen.

    active_until: up to when, by the store's clock, everybody who was active
    has been looked at; None: nobody yet. was_activity: whether the last tick asked for activity, so that the next one
    asks for registrations. no_activity_until: until when the store is not asked for activity, which it did not tell.
    asked_for: customers whose account the last look found changed, and whom a sync was asked to read.
    """

    active_until: datetime | None = None
    was_activity: bool = True
    no_activity_until: datetime | None = None
    asked_for: frozenset[int] = frozenset()

    @classmethod
    def from_memory(cls, memory: Mapping[str, Any]) -> Looks:
        """What the tick before has kept; of an older version, or of nobody, that may be nothing."""
        if not memory:
            return cls()
        return cls(
            _read(memory["active_until"]),
            memory["was_activity"],
            _read(memory["no_activity_until"]),
            frozenset(memory["asked_for"]),
        )

    def to_memory(self) -> dict[str, Any]:
        """What the next tick is told, fit for JSON."""
        return {
            "active_until": _written(self.active_until),
            "was_activity": self.was_activity,
            "no_activity_until": _written(self.no_activity_until),
            "asked_for": sorted(self.asked_for),
        }

    def asks_for_activity(self, now: datetime) -> bool:
        """Whether this tick asks who was active; else it asks for registrations. `now` is by our clock."""
        return not self.was_activity and (self.no_activity_until is None or now >= self.no_activity_until)

    def after_registrations(self) -> Looks:
        """After a tick that asked for registrations."""
        return replace(self, was_activity=False)

    def after_activity(self, *, until: datetime, changed: frozenset[int]) -> Looks:
        """After a tick that looked at everybody who was active up to `until`, by the store's clock.

        Where accounts had changed, the same time is looked at once more after the sync that shall read them.
        """
        seen_until = self.active_until if changed else until
        return replace(self, was_activity=True, active_until=seen_until, asked_for=changed)

    def without_activity(self, now: datetime) -> Looks:
        """After a tick to which the store did not tell who was active; `now` is by our clock."""
        return replace(self, was_activity=True, no_activity_until=now + ASK_AGAIN)


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
