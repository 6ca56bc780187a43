"""Whether a contact is still as it was when it was read: what is written replaces what was there."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.models import Contact

FRESH_SECONDS = 1.0
"""How long after reading a contact its custom fields may be replaced as they were read."""


class ChangedMeanwhileError(Exception):
    """A contact is not as it was when it was planned; `maybe_by_us`: a try without an answer may be the cause."""

    def __init__(self, *, maybe_by_us: bool) -> None:
        super().__init__()
        self.maybe_by_us = maybe_by_us
        self.got = "somebody else changes the contact at the same time"


class ContactReading:
    """A contact as it was read for a plan that replaces what is there."""

    def __init__(self, plan: ContactPlan, look_up: Callable[[], Contact | None]) -> None:
        self._read = plan.read
        self._look_up = look_up
        self._read_at = monotonic()

    def is_stale(self) -> bool:
        """Whether it was read too long ago."""
        return monotonic() - self._read_at > FRESH_SECONDS

    def renew(self, *, maybe_sent: bool) -> None:
        """Read the contact again. Raises `ChangedMeanwhileError` when it is not the same any more."""
        found = self._look_up()
        if found is None or self._read is None or _arrays(found) != _arrays(self._read):
            raise ChangedMeanwhileError(maybe_by_us=maybe_sent)
        self._read_at = monotonic()


def is_to_be_read_again(plan: ContactPlan, read_at: float) -> bool:
    """Tell whether to read a contact again right before it is written to; `read_at` is by `time.monotonic`.

    Arrays replace what is there. With the channels of a moment ago a STOP of this moment would be undone.
    """
    if plan.action is not Action.update:
        return False
    if "channels" in plan.body:
        return True
    return "customFields" in plan.body and monotonic() - read_at > FRESH_SECONDS


def _arrays(contact: Contact) -> tuple[object, ...]:
    """What an update may replace, in no order, and when the contact was last changed."""
    return contact.id, contact.last_modified_at, set(contact.channels), set(contact.custom_fields)
