"""Sending plans, and saying of each what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

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


@dataclass(frozen=True)
class PushResult:
    """The outcomes of all plans that came to an end, and what stopped the rest, if anything did."""

    outcomes: tuple[PushOutcome, ...]
    stopped_by: PlatformError | None = None


def push_plans(
    client: PlatformClient,
    plans: Sequence[ContactPlan],
    *,
    replan: Replan,
    max_concurrency: int,
) -> PushResult:
    """Create and update contacts, then change the members of lists.

    A contact that turns out to be otherwise than when it was planned (its creation was perhaps carried out but
    never answered, its phone is taken, it was deleted) is looked up by phone and planned anew with `replan`.
    One contact that the platform refuses does not stop the others. What concerns all of them (credentials, the
    platform being down) stops the push: what is already done is in the outcomes, nothing else is.
    """
    done: list[PushOutcome] = []
    stopped_by: PlatformError | None = None
    with ThreadPoolExecutor(max_concurrency, thread_name_prefix="push") as threads:
        sends: list[Future[PushOutcome]] = [threads.submit(_send, client, plan, replan) for plan in plans]
        wait(sends, return_when=FIRST_EXCEPTION)
        for send in sends:
            send.cancel()
        wait([send for send in sends if not send.cancelled()])
    for send in sends:
        if send.cancelled():
            continue
        failure = send.exception()
        if isinstance(failure, PlatformError):
            stopped_by = failure
        elif failure is not None:
            raise failure
        else:
            done.append(send.result())
    if stopped_by is not None:
        # Contacts whose lists are still to be changed are not finished.
        finished = [outcome for outcome in done if not _has_list_changes(outcome)]
        return PushResult(tuple(finished), stopped_by)
    return _change_lists(client, done)


def _send(
    client: PlatformClient,
    plan: ContactPlan,
    replan: Replan,
) -> PushOutcome:
    changes = plan.changes
    was_created = plan.action is Action.create
    maybe_sent = False
    for _ in range(_REPLANS):
        try:
            contact_id = _write(client, plan)
        except (OutcomeUnknown, AlreadyExists, NotFound) as surprise:
            found = client.contacts_by_phone([plan.phone]).get(plan.phone)
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
            return PushOutcome(plan, plan.contact_id, False, (), "; ".join(refused.reasons) or refused.got)
        else:
            return PushOutcome(plan, contact_id, was_created, changes)
    return PushOutcome(plan, plan.contact_id, False, (), f"the platform contradicts itself: {reason}")


def _write(client: PlatformClient, plan: ContactPlan) -> str | None:
    if plan.action is Action.create:
        return client.create_contact(plan.body).id
    if plan.action is Action.update:
        assert plan.contact_id is not None
        client.update_contact(plan.contact_id, plan.body)
    return plan.contact_id


def _has_list_changes(outcome: PushOutcome) -> bool:
    return not outcome.failed and bool(outcome.plan.joins or outcome.plan.leaves)


def _change_lists(client: PlatformClient, outcomes: Sequence[PushOutcome]) -> PushResult:
    joins: dict[str, list[str]] = defaultdict(list)
    leaves: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        if _has_list_changes(outcome):
            assert outcome.contact_id is not None
            for list_id in outcome.plan.joins:
                joins[list_id].append(outcome.contact_id)
            for list_id in outcome.plan.leaves:
                leaves[list_id].append(outcome.contact_id)
    refused: dict[str, str] = {}
    try:
        for list_id in sorted(joins.keys() | leaves.keys()):
            refused |= _change_list(client, list_id, joins.get(list_id, []), leaves.get(list_id, []))
    except PlatformError as stopped_by:
        return PushResult(tuple(o for o in outcomes if not _has_list_changes(o)), stopped_by)
    return PushResult(tuple(_with_refusal(outcome, refused) for outcome in outcomes))


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
