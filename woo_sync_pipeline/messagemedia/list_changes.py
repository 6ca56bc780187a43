"""Changing the members of lists, in as few requests as possible."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from woo_sync_pipeline.messagemedia.client import MAX_MEMBERS, PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    PlatformError,
    ServerFault,
)
from woo_sync_pipeline.messagemedia.outcomes import MOST_FAULTS, PushOutcome, PushResult, outage


class ListChanger:
    """Lets contacts join lists and leave others, `at_once` lists at a time, unless `stopped` is set.

    It sets `stopped` itself when the platform takes no change at all.
    """

    def __init__(self, client: PlatformClient, *, at_once: int, stopped: threading.Event) -> None:
        self._client = client
        self._at_once = at_once
        self._stopped = stopped
        self._broken_lists: set[str] = set()
        """Ids of lists at which the platform broke since it last took a change of one."""

    def change(self, outcomes: Sequence[PushOutcome]) -> tuple[PushResult, list[PushOutcome]]:
        """Change the lists; returns with the result those of its outcomes whose contacts are perhaps gone."""
        joins: dict[str, list[str]] = defaultdict(list)
        leaves: dict[str, list[str]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.has_list_changes:
                assert outcome.contact_id is not None
                for list_id in outcome.plan.joins:
                    joins[list_id].append(outcome.contact_id)
                for list_id in outcome.plan.leaves:
                    leaves[list_id].append(outcome.contact_id)
        lists = sorted(joins.keys() | leaves.keys())
        if not lists:
            return PushResult(tuple(outcomes)), []
        # Threads of their own: those of the contacts have the next batch to send.
        with ThreadPoolExecutor(min(self._at_once, len(lists))) as threads:
            changes = {
                threads.submit(
                    _change_list, self._client, list_id, joins.get(list_id, ()), leaves.get(list_id, ())
                ): list_id
                for list_id in lists
            }
            try:
                refused = self._refused_by_lists(changes)
            except PlatformError as stopped_by:
                self._stopped.set()
                threads.shutdown(cancel_futures=True)
                return PushResult.without_list_changes(outcomes, stopped_by), []
        is_stopped = self._stopped.is_set()
        final, gone = [], []
        for outcome in outcomes:
            refusal = refused.get(outcome.contact_id or "")
            if refusal is not None and refusal.fault is not None and is_stopped:
                # As with contacts: it is not the lists at which the platform broke, as it seems.
                continue
            if refusal is not None and not outcome.failed:
                outcome = replace(outcome, reason=refusal.reason)
                if refusal.concerns_contact:
                    gone.append(outcome)
            final.append(outcome)
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
            if not any_taken and len(self._broken_lists) >= MOST_FAULTS:
                raise outage(fault, f"{len(self._broken_lists)} lists")
        if fault is not None and not any_taken:
            if len(changes) > 1:
                raise outage(fault, f"{len(changes)} lists")
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
) -> dict[str, _Refusal]:
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
            rest = _without(joining, unknown), _without(leaving, unknown)
            refused = dict.fromkeys(unknown & {*joining, *leaving}, reason)
            return refused | _change_members(client, list_id, *rest)
        # The platform does not say which contact it means: halves narrow it down.
        halves = [(joining[: len(joining) // 2], leaving[: len(leaving) // 2])]
        halves.append((joining[len(halves[0][0]) :], leaving[len(halves[0][1]) :]))
        if not any(halves[0]):
            halves = [(joining, []), ([], leaving)]
        refused = {}
        for half in halves:
            refused |= _change_members(client, list_id, *half)
        return refused
    return {}


def _without(ids: Sequence[str], dropped: Collection[str]) -> list[str]:
    return [contact_id for contact_id in ids if contact_id not in dropped]
