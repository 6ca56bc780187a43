"""Sending batches of plans, many contacts at the same time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.contact_sending import ContactSending, Replan, SharedByContacts
from woo_sync_pipeline.messagemedia.encoding import ContactPlan
from woo_sync_pipeline.messagemedia.errors import PlatformError
from woo_sync_pipeline.messagemedia.list_changes import ListChanger
from woo_sync_pipeline.messagemedia.outcomes import PushOutcome, PushResult

SWITCH_SECONDS = 0.0002
"""How long a thread that is busy keeps the interpreter from one whose answer has come.

With Python's own 5 ms, a twentieth of the requests that may be under way are not while the next batch is planned.
"""


class QuickSwitching:
    """Quick switches for as long as anything in this process is within it. A context manager for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._usual = sys.getswitchinterval()

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(self._usual, SWITCH_SECONDS))
            self._users += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                sys.setswitchinterval(self._usual)


quick_switching = QuickSwitching()
"""The one of this process: the interval is the process's own."""


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
        # More threads than requests may be under way: the next request is ready when an answer comes.
        threads = max_concurrency + max(1, max_concurrency // 4)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="push")
        self._stopped = threading.Event()
        self._contacts = SharedByContacts(client)
        self._lists = ListChanger(client, at_once=max_concurrency, stopped=self._stopped)

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
        sends = [self._threads.submit(self._do, ContactSending.send, replan, plan, read_at) for plan in plans]
        return Sending(sends, replan)

    def finish(self, sending: Sending) -> PushResult:
        """Wait for the contacts, change the members of lists, and return the outcomes in the order of the plans."""
        done, stopped_by = self._waited_for(sending.plans)
        if self._stopped.is_set():
            return PushResult.without_list_changes(done, stopped_by)
        result, gone = self._lists.change(done)
        if not gone or self._stopped.is_set():
            return result
        # Deleted since they were read, and nothing but their lists was to be changed: that is told only now.
        anew, stopped_by = self._waited_for(
            [self._threads.submit(self._do, ContactSending.send_anew, sending.replan, each) for each in gone]
        )
        if self._stopped.is_set():
            second = PushResult.without_list_changes(anew, stopped_by)
        else:
            second, _ = self._lists.change(anew)
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
            done = [outcome for outcome in done if outcome.plan.phone not in self._contacts.faults]
        # A fault of our own says more than what the platform refuses because of it.
        return done, min(failures, key=lambda each: isinstance(each, PlatformError), default=None)

    def _do(self, work: Callable[..., PushOutcome], replan: Replan, *arguments: object) -> PushOutcome | None:
        """Do one contact's work; None if the push was stopped before."""
        if self._stopped.is_set():
            return None
        try:
            with ExitStack() as locks:
                return work(ContactSending(self._contacts, replan, locks), *arguments)
        except BaseException:
            self._stopped.set()
            raise
