"""Bringing pending contacts to the platform, in batches that each survive a crash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.consent_event import ConsentEvent
from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.messagemedia.account import AccountLists, ensure_custom_fields
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.models import Contact, CustomField
from woo_sync_pipeline.messagemedia.outcomes import PushOutcome
from woo_sync_pipeline.messagemedia.parallel_sending import Pusher, Sending
from woo_sync_pipeline.privacy import mask_phone, redact
from woo_sync_pipeline.state.contacts import Confirmation, adopt_lists, load_pending, note_in_flight, settle
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps.batches import PlannedBatch, Planner, PushSummary, check_plans
from woo_sync_pipeline.steps.observe import remember_our_fields

TURN_SECONDS = 10.0
"""After this time another source's push that waits goes first: a live sync must not wait for a first one."""

_BATCHES_UNDER_WAY = 2
"""While one is sent, the one before is written down and the next is made ready. A crash leaves so many to look up."""


def push_pending(
    database: Database,
    client: PlatformClient,
    phones: Sequence[str],
    *,
    run_id: str,
    progress: Callable[[int], None],
    noted: Callable[[Sequence[SyncContact]], None],
    known_fields: Sequence[CustomField] | None = None,
) -> PushSummary:
    """Send what the platform lacks of these phones, and write down what it confirmed, batch by batch.

    `noted` is told what happened to contacts, as in `PushSummary`. `known_fields` are the account's custom fields, if
    they were read a moment ago. What was sent when a crash interrupts it is recognised by the next sync. Raises
    `PlatformError` when the platform is down or refuses the credentials: what was confirmed until then is kept.
    """
    summary = PushSummary(noted)
    if not phones:
        return summary
    fields = ensure_custom_fields(client, known_fields)
    remember_our_fields(database, fields)
    planner = Planner.of_pending(database, client, phones)
    waiting = deque(planner.in_order(phones))
    with Pusher(client, max_concurrency=client.settings.max_concurrency) as pusher:
        push = _Push(database, client, pusher, planner, fields, summary, run_id, progress)
        while waiting:
            with database.exclusive_push():
                push.take_turn(waiting)
    return summary


@dataclass(frozen=True)
class _Batch:
    """A batch that is being sent. `size` counts the contacts that are done with it, whether sent or not.

    `lacking` has, by phone, the lists that could not be made: what else there is of such a contact is sent.
    """

    plans: PlannedBatch
    sending: Sending
    size: int
    lacking: Mapping[str, str]

    @property
    def busy(self) -> set[str]:
        """Ids of the contacts on the platform that are being written to."""
        return {plan.contact_id for plan in self.plans.sending if plan.contact_id is not None}


@dataclass
class _Push:
    """One push: makes batches ready, has them sent, and writes down what became of them."""

    database: Database
    client: PlatformClient
    pusher: Pusher
    planner: Planner
    fields: tuple[CustomField, CustomField]
    summary: PushSummary
    run_id: str
    progress: Callable[[int], None]
    under_way: deque[_Batch] = field(default_factory=deque)

    def take_turn(self, waiting: deque[str]) -> None:
        """Push until nothing is waiting, or until the turn is over and somebody else waits for it.

        Leaves nothing under way.
        """
        lists, ends_at = AccountLists(self.client), monotonic() + TURN_SECONDS
        try:
            while waiting:
                if self.under_way and monotonic() > ends_at:
                    if self.database.is_push_awaited():
                        break
                    # Read anew now and then: others make lists, or delete some.
                    lists, ends_at = AccountLists(self.client), monotonic() + TURN_SECONDS
                self._begin(waiting, lists)
                if len(self.under_way) == _BATCHES_UNDER_WAY:
                    self._finish_oldest()
            while self.under_way:
                self._finish_oldest()
        except BaseException:
            self.pusher.stop()
            # What cannot be written down now is noted as in flight: the next sync recognises it.
            with suppress(WooSyncError):
                while self.under_way:
                    self._settle_oldest()
            raise

    def _begin(self, waiting: deque[str], lists: AccountLists) -> None:
        phones = [waiting.popleft() for _ in range(min(planning.BATCH, len(waiting)))]
        # Another sync may have pushed some of them while this one waited.
        stores = {contact.phone: contact for contact in load_pending(self.database, phones)}
        made_before = len(lists.made)
        needed = lists.ensure({name for contact in stores.values() for name in contact.groups})
        self.summary.groups_made += len(lists.made) - made_before
        adopt_lists(self.database, [(each.id, each.name) for each in needed])
        lacking = {
            phone: reason for phone, each in stores.items() if (reason := _lacking(each, lists.refused))
        }
        for phone in lacking:
            stores[phone] = _without_lists(stores[phone], lists.refused)
        vocabulary = Vocabulary(lists.ids, *self.fields, clock_offset=self.client.clock_offset)
        busy = {contact_id for batch in self.under_way for contact_id in batch.busy}
        read_at = monotonic()
        plans = self.planner.plan(stores.values(), vocabulary, busy=busy)
        waiting.extend(plans.put_off)
        note_in_flight(self.database, [(plan.phone, plan.base) for plan in plans.sending])
        sending = self.pusher.begin(
            plans.sending,
            replan=lambda plan, found, maybe_sent: _replan(
                stores[plan.phone],
                plan,
                found,
                vocabulary,
                now=self.database.now(),
                maybe_sent=maybe_sent,
            ),
            read_at=read_at,
        )
        self.under_way.append(_Batch(plans, sending, len(phones) - len(plans.put_off), lacking))

    def _finish_oldest(self) -> None:
        size = self.under_way[0].size
        stopped_by = self._settle_oldest()
        if stopped_by is not None:
            raise stopped_by
        self.progress(size)

    def _settle_oldest(self) -> BaseException | None:
        """Write down what became of the oldest batch under way; returns what stopped it, if anything did."""
        batch = self.under_way.popleft()
        result = self.pusher.finish(batch.sending)
        outcomes = [*map(PushOutcome.as_planned, batch.plans.quiet), *result.outcomes]
        done = [each for each in outcomes if not each.failed]
        # What a contact lacks is only a list: the rest of it is confirmed, and the contact stays pending.
        told = [replace(each, reason=each.reason or batch.lacking.get(each.plan.phone)) for each in outcomes]
        quiet = {each.plan.phone: each.plan for each in told if each.changed_nothing}
        sent = [each for each in told if not each.changed_nothing]
        contacts = [
            contact_line(outcome)
            for outcome in told
            if not outcome.changed_nothing or outcome.plan.refuses_anew
        ]
        settle(
            self.database,
            run_id=self.run_id,
            confirmations=[_confirmation(each, now=self.database.now()) for each in done],
            rejections=[(each.plan.phone, redact(each.reason)) for each in sent if each.reason is not None],
            contacts=contacts,
        )
        settled = [each.plan for each in done if each.plan.phone not in quiet]
        self.summary.add(quiet=quiet.values(), settled=settled, contacts=contacts)
        return result.stopped_by


def _replan(
    store: StoreContact,
    plan: ContactPlan,
    found: Contact | None,
    vocabulary: Vocabulary,
    *,
    now: datetime,
    maybe_sent: bool,
) -> ContactPlan:
    current = replace(store, in_flight=plan.base, is_under_way=True) if maybe_sent else store
    anew = plan_contact(current, found, vocabulary, now=now)
    # For a single contact the whole check takes longer than planning it, so only what could do harm is checked.
    if anew.state is SubscriptionState.SUBSCRIBED and store.consent is Consent.opted_out:
        check_plans([(current, anew)])
    return anew


def _lacking(store: StoreContact, refused: Mapping[str, str]) -> str:
    """Why the contact cannot join all of its lists; empty if it can."""
    return "; ".join(refused[name.casefold()] for name in store.groups if name.casefold() in refused)


def _without_lists(store: StoreContact, refused: Mapping[str, str]) -> StoreContact:
    return replace(store, groups=tuple(name for name in store.groups if name.casefold() not in refused))


def _confirmation(outcome: PushOutcome, *, now: datetime) -> Confirmation:
    """What the platform confirmed, with what is new for the ledger of consent."""
    plan = outcome.plan
    base = plan.base
    subscription, events = base.subscription, plan.decision.events
    if subscription is not None:
        by_sync = {"created", subscription.state.value.lower()} & set(outcome.changes)
        # That a new contact is made unsubscribed changes nothing for the person.
        if by_sync and (subscription.state is SubscriptionState.SUBSCRIBED or "created" not in by_sync):
            events = (*events, ConsentEvent.by_sync(subscription.state, at=now))
        if plan.joins or plan.leaves:
            base = replace(base, subscription=replace(subscription, modified_at=None))
        elif outcome.modified_at is not None:
            base = replace(base, subscription=replace(subscription, modified_at=outcome.modified_at))
    return Confirmation(plan.phone, outcome.contact_id, base, events)


def contact_line(outcome: PushOutcome) -> SyncContact:
    """What happened to a contact, as a report shows it."""
    plan = outcome.plan
    if outcome.failed:
        kind = "failed"
    elif outcome.changed_nothing:
        kind = "unchanged"
    else:
        kind = "new" if outcome.was_created else "updated"
    return SyncContact(
        outcome=kind,
        phone=plan.phone,
        phone_masked=mask_phone(plan.phone),
        state=plan.decision.state.value if plan.decision.state else None,
        changes=outcome.changes,
        reason=redact(outcome.reason) if outcome.reason else plan.not_applied_sentence,
    )
