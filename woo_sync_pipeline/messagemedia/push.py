"""Sending plans, and saying of each what became of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from types import TracebackType

from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.messagemedia.client import MAX_MEMBERS, PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    ServerFault,
)
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.plan import Action, ContactPlan
from woo_sync_pipeline.messagemedia.switching import quick_switching

Replan = Callable[[ContactPlan, Contact | None, bool], ContactPlan]
"""Plans a contact anew, given the old plan, what the platform shows, and whether the old plan may have been
carried out without an answer."""

FRESH_SECONDS = 1.0
"""How long after reading a contact its custom fields may be replaced as they were read."""

_REPLANS = 8
"""How often one contact is looked up and planned again before it is given up for this sync: when every fifth creation
is not answered, one of 400,000 is."""

_TRIES_OF_A_STATE = 3
"""How often a subscription state is sent that the platform answers and does not apply."""

_MOST_FAULTS = 10
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

    @property
    def failed(self) -> bool:
        """Whether the contact does not have what the plan wanted."""
        return self.reason is not None

    @property
    def changed_nothing(self) -> bool:
        """Whether the contact turned out to have all that the plan wanted."""
        return not self.failed and not self.was_created and not self.changes


@dataclass(frozen=True)
class PushResult:
    """The outcomes of all plans that came to an end, and what stopped the rest, if anything did."""

    outcomes: tuple[PushOutcome, ...]
    stopped_by: BaseException | None = None


@dataclass(frozen=True)
class Sending:
    """A batch that is under way; None comes of plans that a stop kept from being sent."""

    plans: Sequence[Future[PushOutcome | None]]
    replan: Replan


class Pusher:
    """Creates and updates contacts, then changes the members of lists. A context manager.

    Batches of plans are sent one after the other by the same threads, without a pause in between: while one is
    sent, its owner makes the next one ready. No two plans that are under way may concern the same contact.

    A contact that turns out to be otherwise than when it was planned (its creation was perhaps carried out but
    never answered, its phone is taken, it was deleted) is looked up by phone and planned anew with `replan`.
    One contact, or list, that the platform refuses or breaks at does not stop the others; a person who opted out is
    unsubscribed all the same. What concerns all of them (credentials, the platform being down, or breaking at one
    contact, or list, after the other) stops everything: what was done until then is in the outcomes, nothing else is.
    """

    def __init__(self, client: PlatformClient, *, max_concurrency: int) -> None:
        self._client = client
        self._max_concurrency = max_concurrency
        # More threads than requests may be under way: the next request is ready when an answer comes.
        threads = max_concurrency + max(1, max_concurrency // 4)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="push")
        self._stopped = threading.Event()
        self._shared_contact = threading.RLock()
        self._faults: list[str] = []
        """Phones at which the platform broke since it last took one."""
        self._broken_lists: set[str] = set()
        """Ids of lists at which it broke since it last took a change of one."""

    def __enter__(self) -> Pusher:
        quick_switching.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self.stop()
            self._threads.shutdown(cancel_futures=True)
        finally:
            quick_switching.__exit__(kind, error, trace)

    def stop(self) -> None:
        """Send nothing more. Requests that are under way are finished."""
        self._stopped.set()

    def begin(self, plans: Sequence[ContactPlan], *, replan: Replan, read_at: float) -> Sending:
        """Begin to send a batch, as soon as threads are free from the batches before.

        `read_at` is when the contacts were read, by `time.monotonic`.
        """
        return Sending([self._threads.submit(self._send, plan, replan, read_at) for plan in plans], replan)

    def finish(self, sending: Sending) -> PushResult:
        """Wait for the contacts, change the members of lists, and return the outcomes in the order of the plans."""
        done, stopped_by = self._waited_for(sending.plans)
        if self._stopped.is_set():
            return PushResult(_without_list_changes(done), stopped_by)
        result, gone = self._change_lists(done)
        if not gone or self._stopped.is_set():
            return result
        # Deleted since they were read, and nothing but their lists was to be changed: that is told only now.
        anew, stopped_by = self._waited_for(
            [self._threads.submit(self._send_anew, outcome, sending.replan) for outcome in gone]
        )
        if self._stopped.is_set():
            second = PushResult(_without_list_changes(anew), stopped_by)
        else:
            second, _ = self._change_lists(anew)
        final = {outcome.plan.phone: outcome for outcome in second.outcomes}
        known = {outcome.plan.phone for outcome in gone}
        outcomes = (final.get(each.plan.phone, each) for each in result.outcomes)
        kept = tuple(each for each in outcomes if each.plan.phone in final or each.plan.phone not in known)
        return PushResult(kept, second.stopped_by)

    def _waited_for(
        self, sends: Sequence[Future[PushOutcome | None]]
    ) -> tuple[list[PushOutcome], BaseException | None]:
        """What is final of these, and what stopped the others, if anything did."""
        wait(sends)
        failures = [failure for send in sends if (failure := send.exception()) is not None]
        done = [outcome for send in sends if send.exception() is None and (outcome := send.result())]
        if self._stopped.is_set():
            # No fault of theirs, as it seems: the next sync shall try them again, not put them aside.
            done = [outcome for outcome in done if outcome.plan.phone not in self._faults]
        # A fault of our own says more than what the platform refuses because of it.
        return done, min(failures, key=lambda each: isinstance(each, PlatformError), default=None)

    def _send(self, plan: ContactPlan, replan: Replan, read_at: float) -> PushOutcome | None:
        """Send one plan; None if the push was stopped before."""
        if self._stopped.is_set():
            return None
        try:
            with ExitStack() as locks:
                if _is_stale(plan, read_at):
                    plan = replan(plan, self._look_up(plan.phone, locks), False)
                return self._send_until_settled(plan, replan, locks)
        except BaseException:
            self._stopped.set()
            raise

    def _send_anew(self, outcome: PushOutcome, replan: Replan) -> PushOutcome | None:
        """Send what was refused a list because it is not there any more; None if the push was stopped before."""
        if self._stopped.is_set():
            return None
        try:
            with ExitStack() as locks:
                found = self._look_up(outcome.plan.phone, locks)
                if found is not None and found.id == outcome.contact_id:
                    return outcome
                return self._send_until_settled(replan(outcome.plan, found, False), replan, locks)
        except BaseException:
            self._stopped.set()
            raise

    def _send_until_settled(self, plan: ContactPlan, replan: Replan, locks: ExitStack) -> PushOutcome:
        changes = plan.changes
        was_created = plan.action is Action.create
        maybe_sent = False
        not_applied = 0
        for _ in range(_REPLANS):
            try:
                written = self._write(plan, locks)
            except _NotAppliedError as surprise:
                not_applied += 1
                if not_applied >= _TRIES_OF_A_STATE:
                    return _failed(plan, surprise.got)
                maybe_sent = True
                plan = replan(_as_arrived(plan), self._look_up(plan.phone, locks), True)
                was_created = was_created or plan.action is Action.create
                # All else that was sent was taken.
                applied = (each for each in changes if each != surprise.wanted.lower())
                changes = tuple(dict.fromkeys((*applied, *plan.changes)))
            except (OutcomeUnknown, AlreadyExists, NotFound, _ChangedMeanwhileError) as surprise:
                last = surprise
                found = self._look_up(plan.phone, locks)
                # Its phone was taken already: somebody else made the contact, this sync only completes it.
                was_created = was_created and not isinstance(surprise, AlreadyExists)
                unanswered = isinstance(surprise, OutcomeUnknown) or (
                    isinstance(surprise, _ChangedMeanwhileError) and surprise.maybe_by_us
                )
                maybe_sent = maybe_sent or unanswered
                plan = replan(plan, found, maybe_sent)
                was_created = was_created or plan.action is Action.create
                # What was sent without an answer has changed something, what was refused has not.
                sent = changes if unanswered else ()
                changes = tuple(dict.fromkeys((*sent, *plan.changes)))
            except ContactRejected as refused:
                failed = _failed(plan, "; ".join(refused.reasons) or refused.got)
                return self._unsubscribed_all_the_same(failed, replan, locks)
            except ServerFault as fault:
                return self._unsubscribed_all_the_same(self._broken_at(plan, fault), replan, locks)
            else:
                if written is None:
                    return PushOutcome(plan, plan.contact_id, was_created, changes)
                self._faults.clear()
                return PushOutcome(
                    plan, written.id, was_created, changes, modified_at=written.last_modified_at
                )
        if isinstance(last, OutcomeUnknown):
            return self._broken_at(plan, last)
        failed = _failed(plan, f"the platform contradicts itself: {last.got}")
        return self._unsubscribed_all_the_same(failed, replan, locks)

    def _unsubscribed_all_the_same(
        self, failed: PushOutcome, replan: Replan, locks: ExitStack
    ) -> PushOutcome:
        """The outcome of an update that failed, once the unsubscription in it was sent without the rest.

        A name that the platform does not take must not keep a person from being unsubscribed.
        """
        if not _unsubscribes_among_others(failed.plan) or not self._unsubscribe(failed.plan, replan, locks):
            return failed
        return replace(failed, reason=f"{failed.reason}; the person is unsubscribed all the same")

    def _unsubscribe(self, plan: ContactPlan, replan: Replan, locks: ExitStack) -> bool:
        """Send nothing of a plan but its unsubscription; tells whether the phone is unsubscribed."""
        try:
            for _ in range(_REPLANS):
                # Much time may have passed since it was read, and a part of it may have been carried out.
                found = self._look_up(plan.phone, locks)
                if found is None:
                    return False
                plan = replan(plan, found, True)
                if plan.state is not SubscriptionState.UNSUBSCRIBED:
                    return found.sms_state(plan.phone) == SubscriptionState.UNSUBSCRIBED
                try:
                    updated = self._client.update_contact(
                        found.id, {"channels": plan.body["channels"]}, reading=self._reading(plan, locks)
                    )
                    self._check_applied(plan, updated)
                except _ChangedMeanwhileError:
                    continue
                self._faults.clear()
                return True
        except (_NotAppliedError, ContactRejected, AlreadyExists, NotFound, ServerFault):
            pass
        return False

    def _broken_at(self, plan: ContactPlan, fault: PlatformError) -> PushOutcome:
        """The outcome of a contact at which the platform breaks. Raises when it is not only that contact."""
        self._faults.append(plan.phone)
        if len(self._faults) >= _MOST_FAULTS:
            raise _outage(fault, f"{len(self._faults)} contacts")
        # When so few are left to be sent, only something else can tell an outage. It raises in one.
        self._client.count_contacts()
        return _failed(plan, f"the platform breaks at this contact: {fault.got}")

    def _look_up(self, phone: str, locks: ExitStack) -> Contact | None:
        found = self._client.contacts_by_phone([phone]).get(phone)
        if found is None or len({each.channel_id for each in found.channels}) == 1:
            return found
        # Another phone of the same contact may have met the same surprise: each plans on what the other left.
        locks.enter_context(self._shared_contact)
        return self._client.contacts_by_phone([phone]).get(phone)

    def _write(self, plan: ContactPlan, locks: ExitStack) -> Contact | None:
        """Create or update the contact; returns it as the platform then has it, None if nothing was to be written.

        Raises `_NotAppliedError` when it does not have the subscription state that was sent.
        """
        if plan.action is Action.none:
            return None
        if plan.action is Action.create:
            written = self._client.create_contact(plan.body)
        else:
            assert plan.contact_id is not None
            reading = self._reading(plan, locks) if _replaces(plan) else None
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

    def _reading(self, plan: ContactPlan, locks: ExitStack) -> _Reading:
        return _Reading(plan, lambda: self._look_up(plan.phone, locks))

    def _change_lists(self, outcomes: Sequence[PushOutcome]) -> tuple[PushResult, list[PushOutcome]]:
        """Change the lists; returns with the result those of its outcomes whose contacts are perhaps gone."""
        joins: dict[str, list[str]] = defaultdict(list)
        leaves: dict[str, list[str]] = defaultdict(list)
        for outcome in outcomes:
            if _has_list_changes(outcome):
                assert outcome.contact_id is not None
                for list_id in outcome.plan.joins:
                    joins[list_id].append(outcome.contact_id)
                for list_id in outcome.plan.leaves:
                    leaves[list_id].append(outcome.contact_id)
        lists = sorted(joins.keys() | leaves.keys())
        if not lists:
            return PushResult(tuple(outcomes)), []
        # Threads of their own: those of the contacts have the next batch to send.
        with ThreadPoolExecutor(min(self._max_concurrency, len(lists))) as threads:
            changes = {
                threads.submit(
                    _change_list, self._client, list_id, joins.get(list_id, ()), leaves.get(list_id, ())
                ): list_id
                for list_id in lists
            }
            try:
                refused = self._refused_by_lists(changes)
            except PlatformError as stopped_by:
                self.stop()
                threads.shutdown(cancel_futures=True)
                return PushResult(_without_list_changes(outcomes), stopped_by), []
        if self._stopped.is_set():
            # As with contacts: it is not the lists at which the platform broke, as it seems.
            outcomes = [each for each in outcomes if not _is_refused_by_fault(each, refused)]
        final = [_with_refusal(outcome, refused) for outcome in outcomes]
        gone = [
            outcome
            for before, outcome in zip(outcomes, final, strict=True)
            if outcome is not before and refused[outcome.contact_id or ""].concerns_contact
        ]
        return PushResult(tuple(final)), gone

    def _refused_by_lists(self, changes: Mapping[Future[_ListChange], str]) -> Mapping[str, _Refusal]:
        """The contacts that lists refused. Raises when it is not only some lists at which the platform breaks."""
        refused: dict[str, _Refusal] = {}
        fault: ServerFault | None = None
        any_taken = False
        for change in as_completed(changes):
            result = change.result()
            refused |= result.refused
            if result.fault is None:
                any_taken = True
                self._broken_lists.clear()
                continue
            fault = result.fault
            self._broken_lists.add(changes[change])
            if not any_taken and len(self._broken_lists) >= _MOST_FAULTS:
                raise _outage(fault, f"{len(self._broken_lists)} lists")
        if fault is not None and not any_taken:
            if len(changes) > 1:
                raise _outage(fault, f"{len(changes)} lists")
            # Of a single list only something else can tell.
            self._client.count_contacts()
        return refused


@dataclass(frozen=True)
class _Refusal:
    """Why a contact is not on a list; `concerns_contact`: it may be gone, the list is not.

    `fault` is set when the platform did not refuse, but broke.
    """

    reason: str
    concerns_contact: bool
    fault: ServerFault | None = None


@dataclass(frozen=True)
class _ListChange:
    """What became of the change of a list: contacts that were refused; a fault if the platform took none of it."""

    refused: Mapping[str, _Refusal]
    fault: ServerFault | None


class _NotAppliedError(Exception):
    """The platform answered that a change was made, and shows another subscription state than it was sent."""

    def __init__(self, *, wanted: SubscriptionState, shown: str | None) -> None:
        super().__init__()
        self.wanted = wanted
        self.got = (
            f"MessageMedia answered that the contact is {wanted.lower()} now, and goes on showing it as "
            f"{(shown or 'without a state').lower()}: look at the contact there; the next sync tries again"
        )


class _ChangedMeanwhileError(Exception):
    """A contact is not as it was when it was planned; `maybe_by_us`: a try without an answer may be the cause."""

    def __init__(self, *, maybe_by_us: bool) -> None:
        super().__init__()
        self.maybe_by_us = maybe_by_us
        self.got = "somebody else changes the contact at the same time"


class _Reading:
    """A contact as it was read for a plan that replaces what is there."""

    def __init__(self, plan: ContactPlan, look_up: Callable[[], Contact | None]) -> None:
        self._read = plan.read
        self._look_up = look_up
        self._read_at = monotonic()

    def is_stale(self) -> bool:
        """Whether it was read too long ago."""
        return monotonic() - self._read_at > FRESH_SECONDS

    def renew(self, *, maybe_sent: bool) -> None:
        """Read the contact again. Raises `_ChangedMeanwhileError` when it is not the same any more."""
        found = self._look_up()
        if found is None or self._read is None or _arrays(found) != _arrays(self._read):
            raise _ChangedMeanwhileError(maybe_by_us=maybe_sent)
        self._read_at = monotonic()


def _arrays(contact: Contact) -> tuple[object, ...]:
    """What an update may replace, in no order, and when the contact was last changed."""
    return contact.id, contact.last_modified_at, set(contact.channels), set(contact.custom_fields)


def _as_arrived(plan: ContactPlan) -> ContactPlan:
    """The plan with nothing in it that could show that it never arrived: the platform has answered it."""
    base = plan.decision.base
    if base.subscription is None:
        return plan
    subscription = replace(base.subscription, modified_at=None)
    return replace(plan, decision=replace(plan.decision, base=replace(base, subscription=subscription)))


def _replaces(plan: ContactPlan) -> bool:
    return not plan.body.keys().isdisjoint(("channels", "customFields"))


def _outage(fault: PlatformError, concerned: str) -> PlatformUnavailable:
    return PlatformUnavailable(
        tried=fault.tried,
        got=f"{fault.got}, and so for {concerned} in a row",
        next_step="Run the sync again later; what was sent already is not sent twice.",
    )


def _unsubscribes_among_others(plan: ContactPlan) -> bool:
    return (
        plan.action is Action.update
        and plan.state is SubscriptionState.UNSUBSCRIBED
        and plan.body.keys() != {"channels"}
    )


def _failed(plan: ContactPlan, reason: str) -> PushOutcome:
    return PushOutcome(plan, plan.contact_id, False, (), reason)


def _is_stale(plan: ContactPlan, read_at: float) -> bool:
    """Tell whether to read a contact again right before it is written to.

    Arrays replace what is there. With the channels of a moment ago a STOP of this moment would be undone.
    """
    if plan.action is not Action.update:
        return False
    if "channels" in plan.body:
        return True
    return "customFields" in plan.body and monotonic() - read_at > FRESH_SECONDS


def _without_list_changes(outcomes: Sequence[PushOutcome]) -> tuple[PushOutcome, ...]:
    """The outcomes that are final although lists are not changed any more."""
    return tuple(outcome for outcome in outcomes if not _has_list_changes(outcome))


def _has_list_changes(outcome: PushOutcome) -> bool:
    return not outcome.failed and bool(outcome.plan.joins or outcome.plan.leaves)


def _change_list(
    client: PlatformClient, list_id: str, joining: Sequence[str], leaving: Sequence[str]
) -> _ListChange:
    """Change one list in as few requests as possible."""
    refused: dict[str, _Refusal] = {}
    for start in range(0, max(len(joining), len(leaving)), MAX_MEMBERS):
        chunk = slice(start, start + MAX_MEMBERS)
        refused |= _change_members(client, list_id, joining[chunk], leaving[chunk])
    faults = [each.fault for each in refused.values() if each.fault is not None]
    return _ListChange(refused, faults[0] if len(faults) == len({*joining, *leaving}) else None)


def _change_members(
    client: PlatformClient, list_id: str, joining: Sequence[str], leaving: Sequence[str]
) -> Mapping[str, _Refusal]:
    """Change members with one request if the platform takes it; returns those that were refused, with reasons."""
    try:
        client.change_members(list_id, joining, leaving)
    except (AlreadyExists, ServerFault) as refusal:
        # It says nothing of contacts. With fewer of them, each request may break as often and as slowly.
        fault = refusal if isinstance(refusal, ServerFault) else None
        broken = _Refusal(f"list membership: {refusal.got}", concerns_contact=False, fault=fault)
        return dict.fromkeys((*joining, *leaving), broken)
    except (ContactRejected, NotFound) as refusal:
        unknown = set(refusal.invalid_ids) if isinstance(refusal, ContactRejected) else set()
        # When the list itself is gone no part of the change can succeed. The next sync makes a new one.
        concerns_list = list_id in unknown or isinstance(refusal, NotFound)
        reason = _Refusal(f"list membership: {refusal.got}", not concerns_list)
        if concerns_list or len(joining) + len(leaving) == 1:
            return dict.fromkeys((*joining, *leaving), reason)
        if unknown & {*joining, *leaving}:
            refused = dict.fromkeys(unknown & {*joining, *leaving}, reason)
            return refused | dict(
                _change_members(client, list_id, _without(joining, unknown), _without(leaving, unknown))
            )
        # The platform does not say which contact it means: halves narrow it down.
        halves = [
            (joining[: len(joining) // 2], leaving[: len(leaving) // 2]),
            (joining[len(joining) // 2 :], leaving[len(leaving) // 2 :]),
        ]
        if not any(halves[0]):
            halves = [(joining, []), ([], leaving)]
        return {
            contact_id: half_reason
            for half_joining, half_leaving in halves
            for contact_id, half_reason in _change_members(
                client, list_id, half_joining, half_leaving
            ).items()
        }
    return {}


def _without(ids: Sequence[str], dropped: Collection[str]) -> list[str]:
    return [contact_id for contact_id in ids if contact_id not in dropped]


def _is_refused_by_fault(outcome: PushOutcome, refused: Mapping[str, _Refusal]) -> bool:
    refusal = refused.get(outcome.contact_id or "")
    return refusal is not None and refusal.fault is not None


def _with_refusal(outcome: PushOutcome, refused: Mapping[str, _Refusal]) -> PushOutcome:
    refusal = refused.get(outcome.contact_id or "")
    return outcome if refusal is None or outcome.failed else replace(outcome, reason=refusal.reason)
