"""Sending plans, and saying of each what became of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from types import TracebackType

from woo_sync_pipeline.messagemedia.client import MAX_MEMBERS, PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    OutcomeUnknown,
    PlatformError,
)
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.plan import Action, ContactPlan

Replan = Callable[[ContactPlan, Contact | None, bool], ContactPlan]
"""Plans a contact anew, given the old plan, what the platform shows, and whether the old plan may have been
carried out without an answer."""

FRESH_SECONDS = 1.0
"""How long after reading a contact its custom fields may be replaced as they were read."""

_REPLANS = 4
"""How often one contact is looked up and planned again before it is given up for this sync."""


@dataclass(frozen=True)
class PushOutcome:
    """What became of one plan. `reason` is set when it failed; then nothing may be taken for confirmed."""

    plan: ContactPlan
    contact_id: str | None
    was_created: bool
    changes: tuple[str, ...]
    reason: str | None = None

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


Sending = Sequence[Future[PushOutcome | None]]
"""A batch that is under way; None comes of plans that a stop kept from being sent."""


class Pusher:
    """Creates and updates contacts, then changes the members of lists. A context manager.

    Batches of plans are sent one after the other by the same threads, without a pause in between: while one is
    sent, its owner makes the next one ready. No two plans that are under way may concern the same contact.

    A contact that turns out to be otherwise than when it was planned (its creation was perhaps carried out but
    never answered, its phone is taken, it was deleted) is looked up by phone and planned anew with `replan`.
    One contact that the platform refuses does not stop the others. What concerns all of them (credentials, the
    platform being down) stops everything: what was done until then is in the outcomes, nothing else is.
    """

    def __init__(self, client: PlatformClient, *, max_concurrency: int) -> None:
        self._client = client
        self._max_concurrency = max_concurrency
        # More threads than requests may be under way: the next request is ready when an answer comes.
        threads = max_concurrency + max(1, max_concurrency // 4)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="push")
        self._stopped = threading.Event()
        self._shared_contact = threading.RLock()

    def __enter__(self) -> Pusher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        self._threads.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """Send nothing more. Requests that are under way are finished."""
        self._stopped.set()

    def begin(self, plans: Sequence[ContactPlan], *, replan: Replan, read_at: float) -> Sending:
        """Begin to send a batch, as soon as threads are free from the batches before.

        `read_at` is when the contacts were read, by `time.monotonic`.
        """
        return [self._threads.submit(self._send, plan, replan, read_at) for plan in plans]

    def finish(self, sending: Sending) -> PushResult:
        """Wait for the contacts, change the members of lists, and return the outcomes in the order of the plans."""
        wait(sending)
        failures = [failure for send in sending if (failure := send.exception()) is not None]
        done = [outcome for send in sending if send.exception() is None and (outcome := send.result())]
        # A fault of our own says more than what the platform refuses because of it.
        stopped_by = min(failures, key=lambda each: isinstance(each, PlatformError), default=None)
        if self._stopped.is_set():
            return PushResult(_without_list_changes(done), stopped_by)
        return self._change_lists(done)

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

    def _send_until_settled(self, plan: ContactPlan, replan: Replan, locks: ExitStack) -> PushOutcome:
        changes = plan.changes
        was_created = plan.action is Action.create
        maybe_sent = False
        for _ in range(_REPLANS):
            try:
                contact_id = self._write(plan)
            except (OutcomeUnknown, AlreadyExists, NotFound) as surprise:
                found = self._look_up(plan.phone, locks)
                # Its phone was taken already: somebody else made the contact, this sync only completes it.
                was_created = was_created and not isinstance(surprise, AlreadyExists)
                maybe_sent = maybe_sent or isinstance(surprise, OutcomeUnknown)
                plan = replan(plan, found, maybe_sent)
                was_created = was_created or plan.action is Action.create
                # What was sent without an answer has changed something, what was refused has not.
                sent = changes if isinstance(surprise, OutcomeUnknown) else ()
                changes = tuple(dict.fromkeys((*sent, *plan.changes)))
                reason = surprise.got
            except ContactRejected as refused:
                return PushOutcome(
                    plan, plan.contact_id, False, (), "; ".join(refused.reasons) or refused.got
                )
            else:
                return PushOutcome(plan, contact_id, was_created, changes)
        return PushOutcome(plan, plan.contact_id, False, (), f"the platform contradicts itself: {reason}")

    def _look_up(self, phone: str, locks: ExitStack) -> Contact | None:
        found = self._client.contacts_by_phone([phone]).get(phone)
        if found is None or len({each.channel_id for each in found.channels}) == 1:
            return found
        # Another phone of the same contact may have met the same surprise: each plans on what the other left.
        locks.enter_context(self._shared_contact)
        return self._client.contacts_by_phone([phone]).get(phone)

    def _write(self, plan: ContactPlan) -> str | None:
        if plan.action is Action.create:
            return self._client.create_contact(plan.body).id
        if plan.action is Action.update:
            assert plan.contact_id is not None
            updated = self._client.update_contact(plan.contact_id, plan.body)
            # Left out is gone where arrays replace what is there; where they are merged it takes an empty value.
            left = [{"id": each, "value": ""} for each in plan.cleared if updated.custom_value(each)]
            if left:
                fields = [*plan.body["customFields"], *left]
                self._client.update_contact(plan.contact_id, {"customFields": fields})
        return plan.contact_id

    def _change_lists(self, outcomes: Sequence[PushOutcome]) -> PushResult:
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
            return PushResult(tuple(outcomes))
        refused: dict[str, str] = {}
        # Threads of their own: those of the contacts have the next batch to send.
        with ThreadPoolExecutor(min(self._max_concurrency, len(lists))) as threads:
            changes = [
                threads.submit(
                    _change_list, self._client, list_id, joins.get(list_id, ()), leaves.get(list_id, ())
                )
                for list_id in lists
            ]
            try:
                for change in changes:
                    refused |= change.result()
            except PlatformError as stopped_by:
                self.stop()
                threads.shutdown(cancel_futures=True)
                return PushResult(_without_list_changes(outcomes), stopped_by)
        return PushResult(tuple(_with_refusal(outcome, refused) for outcome in outcomes))


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
) -> Mapping[str, str]:
    """Change one list in as few requests as possible; returns the contacts that were refused, with reasons."""
    refused: dict[str, str] = {}
    for start in range(0, max(len(joining), len(leaving)), MAX_MEMBERS):
        chunk = slice(start, start + MAX_MEMBERS)
        refused |= _change_members(client, list_id, joining[chunk], leaving[chunk])
    return refused


def _change_members(
    client: PlatformClient, list_id: str, joining: Sequence[str], leaving: Sequence[str]
) -> Mapping[str, str]:
    try:
        client.change_members(list_id, joining, leaving)
    except (ContactRejected, NotFound) as refusal:
        if len(joining) + len(leaving) == 1:
            return dict.fromkeys((*joining, *leaving), f"list membership: {refusal.got}")
        unknown = set(refusal.invalid_ids) if isinstance(refusal, ContactRejected) else set()
        if list_id in unknown or isinstance(refusal, NotFound):
            # The list itself is gone: no part of the change can succeed. The next sync makes a new one.
            return dict.fromkeys((*joining, *leaving), f"list membership: {refusal.got}")
        if unknown & {*joining, *leaving}:
            refused = dict.fromkeys(unknown & {*joining, *leaving}, f"list membership: {refusal.got}")
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
            contact_id: reason
            for half_joining, half_leaving in halves
            for contact_id, reason in _change_members(client, list_id, half_joining, half_leaving).items()
        }
    return {}


def _without(ids: Sequence[str], dropped: Collection[str]) -> list[str]:
    return [contact_id for contact_id in ids if contact_id not in dropped]


def _with_refusal(outcome: PushOutcome, refused: Mapping[str, str]) -> PushOutcome:
    reason = refused.get(outcome.contact_id or "")
    if reason is None or outcome.failed:
        return outcome
    return PushOutcome(outcome.plan, outcome.contact_id, outcome.was_created, outcome.changes, reason)
