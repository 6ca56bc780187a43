"""Sending the plan of one contact, and planning it anew as often as the contact turns out to be otherwise."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import Action, ContactPlan
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    ServerFault,
)
from woo_sync_pipeline.messagemedia.freshness import (
    ChangedMeanwhileError,
    ContactReading,
    is_to_be_read_again,
)
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.outcomes import MOST_FAULTS, PushOutcome, outage

_REPLANS = 8
"""How often one contact is looked up and planned again before it is given up for this sync: when every fifth creation
is not answered, one of 400,000 is."""

_TRIES_OF_A_STATE = 3
"""How often a subscription state is sent that the platform answers and does not apply."""


class Replan(Protocol):
    """Plans a contact anew."""

    def __call__(self, plan: ContactPlan, found: Contact | None, /, *, maybe_sent: bool) -> ContactPlan:
        """The plan for what the platform shows; `maybe_sent`: the old one may have been carried out unanswered."""


@dataclass(frozen=True)
class SharedByContacts:
    """What the sending of one contact must know of the others'.

    `faults` are the phones at which the platform broke since it last took one; `same_contact` is held by plans for
    one of several phones of the same contact.
    """

    client: PlatformClient
    faults: list[str] = field(default_factory=list)
    same_contact: threading.RLock = field(default_factory=threading.RLock)


class ContactSending:
    """Sends the plan of one contact. What is entered into `locks` is held until the contact is settled."""

    def __init__(self, shared: SharedByContacts, replan: Replan, locks: ExitStack) -> None:
        self._shared = shared
        self._client = shared.client
        self._replan = replan
        self._locks = locks
        self._changes: tuple[str, ...] = ()
        self._was_created = self._maybe_sent = False

    def send(self, plan: ContactPlan, read_at: float) -> PushOutcome:
        """Send a plan made of what was read at `read_at`, by `time.monotonic`.

        Raises PlatformError when it is not only this contact that cannot be sent.
        """
        if is_to_be_read_again(plan, read_at):
            plan = self._replan(plan, self._look_up(plan.phone), maybe_sent=False)
        return self._send_until_settled(plan)

    def send_anew(self, outcome: PushOutcome) -> PushOutcome:
        """Send what was refused a list because it is not there any more. Raises as `send` does."""
        found = self._look_up(outcome.plan.phone)
        if found is not None and found.id == outcome.contact_id:
            return outcome
        return self._send_until_settled(self._replan(outcome.plan, found, maybe_sent=False))

    def _send_until_settled(self, plan: ContactPlan) -> PushOutcome:
        self._changes = plan.changes
        self._was_created = plan.action is Action.create
        not_applied = 0
        for _ in range(_REPLANS):
            try:
                written = self._write(plan)
            except _NotAppliedError as surprise:
                not_applied += 1
                if not_applied >= _TRIES_OF_A_STATE:
                    return PushOutcome.failure(plan, surprise.got)
                self._maybe_sent = True
                # All else that was sent was taken.
                applied = [each for each in self._changes if each != surprise.wanted.lower()]
                plan = self._planned_anew(_as_arrived(plan), self._look_up(plan.phone), sent=applied)
            except (OutcomeUnknown, AlreadyExists, NotFound, ChangedMeanwhileError) as surprise:
                last = surprise
                plan = self._planned_after(surprise, plan)
            except ContactRejected as refused:
                return self._failed_but_unsubscribed(plan, "; ".join(refused.reasons) or refused.got)
            except ServerFault as fault:
                return self._failed_but_unsubscribed(plan, self._broken_at(plan, fault))
            else:
                return self._settled(plan, written)
        if isinstance(last, OutcomeUnknown):
            return PushOutcome.failure(plan, self._broken_at(plan, last))
        return self._failed_but_unsubscribed(plan, f"the platform contradicts itself: {last.got}")

    def _planned_after(
        self, surprise: PlatformError | ChangedMeanwhileError, plan: ContactPlan
    ) -> ContactPlan:
        found = self._look_up(plan.phone)
        # Its phone was taken already: somebody else made the contact, this sync only completes it.
        self._was_created = self._was_created and not isinstance(surprise, AlreadyExists)
        unanswered = isinstance(surprise, OutcomeUnknown) or (
            isinstance(surprise, ChangedMeanwhileError) and surprise.maybe_by_us
        )
        self._maybe_sent = self._maybe_sent or unanswered
        # What was sent without an answer has changed something, what was refused has not.
        return self._planned_anew(plan, found, sent=self._changes if unanswered else ())

    def _planned_anew(self, plan: ContactPlan, found: Contact | None, *, sent: Sequence[str]) -> ContactPlan:
        plan = self._replan(plan, found, maybe_sent=self._maybe_sent)
        self._was_created = self._was_created or plan.action is Action.create
        self._changes = tuple(dict.fromkeys((*sent, *plan.changes)))
        return plan

    def _settled(self, plan: ContactPlan, written: Contact | None) -> PushOutcome:
        if written is None:
            return PushOutcome(plan, plan.contact_id, self._was_created, self._changes)
        self._shared.faults.clear()
        modified_at = written.last_modified_at
        return PushOutcome(plan, written.id, self._was_created, self._changes, modified_at=modified_at)

    def _failed_but_unsubscribed(self, plan: ContactPlan, reason: str) -> PushOutcome:
        """The outcome of a plan that failed, once an unsubscription in it was sent without the rest.

        A name that the platform does not take must not keep a person from being unsubscribed.
        """
        if _unsubscribes_among_others(plan) and self._unsubscribe(plan):
            reason = f"{reason}; the person is unsubscribed all the same"
        return PushOutcome.failure(plan, reason)

    def _unsubscribe(self, plan: ContactPlan) -> bool:
        """Send nothing of a plan but its unsubscription; tells whether the phone is unsubscribed."""
        try:
            for _ in range(_REPLANS):
                # Much time may have passed since it was read, and a part of it may have been carried out.
                found = self._look_up(plan.phone)
                if found is None:
                    return False
                plan = self._replan(plan, found, maybe_sent=True)
                if plan.state is not SubscriptionState.UNSUBSCRIBED:
                    return found.sms_state(plan.phone) == SubscriptionState.UNSUBSCRIBED
                try:
                    updated = self._client.update_contact(
                        found.id, {"channels": plan.body["channels"]}, reading=self._reading(plan)
                    )
                    self._check_applied(plan, updated)
                except ChangedMeanwhileError:
                    continue
                self._shared.faults.clear()
                return True
        except (_NotAppliedError, ContactRejected, AlreadyExists, NotFound, ServerFault):
            pass
        return False

    def _broken_at(self, plan: ContactPlan, fault: PlatformError) -> str:
        """Why a contact failed at which the platform breaks. Raises when it is not only that contact."""
        faults = self._shared.faults
        faults.append(plan.phone)
        if len(faults) >= MOST_FAULTS:
            raise outage(fault, f"{len(faults)} contacts")
        # When so few are left to be sent, only something else can tell an outage. It raises in one.
        self._client.count_contacts()
        return f"the platform breaks at this contact: {fault.got}"

    def _look_up(self, phone: str) -> Contact | None:
        found = self._client.contacts_by_phone([phone]).get(phone)
        if found is None or len({each.channel_id for each in found.channels}) == 1:
            return found
        # Another phone of the same contact may have met the same surprise: each plans on what the other left.
        self._locks.enter_context(self._shared.same_contact)
        return self._client.contacts_by_phone([phone]).get(phone)

    def _write(self, plan: ContactPlan) -> Contact | None:
        """Create or update the contact; returns it as the platform then has it, None if nothing was to be written.

        Raises `_NotAppliedError` when it does not have the subscription state that was sent.
        """
        if plan.action is Action.none:
            return None
        if plan.action is Action.create:
            written = self._client.create_contact(plan.body)
        else:
            assert plan.contact_id is not None
            reading = self._reading(plan) if _replaces(plan) else None
            written = self._client.update_contact(plan.contact_id, plan.body, reading=reading)
            # Left out is gone where arrays replace what is there; where they are merged it takes an empty value.
            left = [{"id": each, "value": ""} for each in plan.cleared if written.custom_value(each)]
            if left:
                fields = [*plan.body["customFields"], *left]
                written = self._client.update_contact(plan.contact_id, {"customFields": fields})
        self._check_applied(plan, written)
        return written

    def _check_applied(self, plan: ContactPlan, written: Contact) -> None:
        """Raises `_NotAppliedError` when the platform took the request and has not the state that was in it."""
        if plan.state is None or written.sms_state(plan.phone) == plan.state:
            return
        # An answer may show the contact as it was; what a look shows is what counts.
        found = self._client.contacts_by_phone([plan.phone]).get(plan.phone)
        shown = found.sms_state(plan.phone) if found is not None else None
        if shown != plan.state:
            raise _NotAppliedError(wanted=plan.state, shown=shown)

    def _reading(self, plan: ContactPlan) -> ContactReading:
        return ContactReading(plan, lambda: self._look_up(plan.phone))


class _NotAppliedError(Exception):
    """The platform answered that a change was made, and shows another subscription state than it was sent."""

    def __init__(self, *, wanted: SubscriptionState, shown: str | None) -> None:
        super().__init__()
        self.wanted = wanted
        self.got = (
            f"MessageMedia answered that the contact is {wanted.lower()} now, and goes on showing it as "
            f"{(shown or 'without a state').lower()}: look at the contact there; the next sync tries again"
        )


def _as_arrived(plan: ContactPlan) -> ContactPlan:
    """The plan with nothing in it that could show that it never arrived: the platform has answered it."""
    base = plan.decision.base
    if base.subscription is None:
        return plan
    subscription = replace(base.subscription, modified_at=None)
    return replace(plan, decision=replace(plan.decision, base=replace(base, subscription=subscription)))


def _replaces(plan: ContactPlan) -> bool:
    return not plan.body.keys().isdisjoint(("channels", "customFields"))


def _unsubscribes_among_others(plan: ContactPlan) -> bool:
    return (
        plan.action is Action.update
        and plan.state is SubscriptionState.UNSUBSCRIBED
        and plan.body.keys() != {"channels"}
    )
