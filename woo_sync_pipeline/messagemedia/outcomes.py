"""What became of the plans that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.errors import PlatformError, PlatformUnavailable

MOST_FAULTS = 10
"""So many contacts, or lists, in a row at which the platform breaks are no fault of theirs any more."""


@dataclass(frozen=True)
class PushOutcome:
    """What became of one plan. `reason` is set when it failed; then nothing may be taken for confirmed.

    `modified_at` is the contact's date of modification in the platform's answer, None if nothing was written to it.
    """

    plan: ContactPlan
    contact_id: str | None
    was_created: bool
    changes: tuple[str, ...]
    reason: str | None = None
    modified_at: datetime | None = None

    @classmethod
    def as_planned(cls, plan: ContactPlan) -> PushOutcome:
        """The outcome of a plan that needs nothing, or if nothing of it were refused."""
        return cls(plan, plan.contact_id, plan.action is Action.create, plan.changes)

    @classmethod
    def failure(cls, plan: ContactPlan, reason: str) -> PushOutcome:
        """The outcome of a plan that failed."""
        return cls(plan, plan.contact_id, False, (), reason)

    @property
    def failed(self) -> bool:
        """Whether the contact does not have what the plan wanted."""
        return self.reason is not None

    @property
    def changed_nothing(self) -> bool:
        """Whether the contact turned out to have all that the plan wanted."""
        return not self.failed and not self.was_created and not self.changes

    @property
    def has_list_changes(self) -> bool:
        """Whether it is final only once the contact has joined lists and left others."""
        return not self.failed and bool(self.plan.joins or self.plan.leaves)


@dataclass(frozen=True)
class PushResult:
    """The outcomes of all plans that came to an end, and what stopped the rest, if anything did."""

    outcomes: tuple[PushOutcome, ...]
    stopped_by: BaseException | None = None

    @classmethod
    def without_list_changes(
        cls, outcomes: Sequence[PushOutcome], stopped_by: BaseException | None
    ) -> PushResult:
        """With those outcomes that are final although lists are not changed any more."""
        return cls(tuple(each for each in outcomes if not each.has_list_changes), stopped_by)


def outage(fault: PlatformError, concerned: str) -> PlatformUnavailable:
    """The error for a platform that breaks at so much in a row that it is none of their faults."""
    return PlatformUnavailable(
        tried=fault.tried,
        got=f"{fault.got}, and so for {concerned} in a row",
        next_step="Run the sync again later; what was sent already is not sent twice.",
    )
