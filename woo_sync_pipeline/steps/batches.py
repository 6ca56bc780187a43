"""Planning a batch of contacts: what a push and a dry run have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from woo_sync_pipeline.clocks import utc_now
from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.contacts.schemas import count_rules, validate
from woo_sync_pipeline.errors import PlanError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.directory import phones_nobody_holds
from woo_sync_pipeline.messagemedia.encoding import ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.errors import SOURCE
from woo_sync_pipeline.messagemedia.plan_rules import PushPlan, push_plan
from woo_sync_pipeline.state.contacts import never_confirmed
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact

BATCH = 1000
"""Contacts that are read, planned, sent and confirmed together: as many as one change of a list takes."""


@dataclass
class PushSummary:
    """How many contacts of one sync had which outcome: new, updated, unchanged, failed.

    `noted` is told what happened to each contact that was not simply unchanged, batch by batch, as soon as it is
    written down: kept here it would take more memory than all the rest. `not_applied` counts the contacts whose opt-in
    in a store was found not to count, `groups_made` the lists that were made on the platform.
    """

    noted: Callable[[Sequence[SyncContact]], None]
    counts: Counter[str] = field(default_factory=Counter)
    unsubscribed_on_platform: int = 0
    not_applied: int = 0
    groups_made: int = 0

    def add(
        self,
        *,
        quiet: Collection[ContactPlan],
        settled: Collection[ContactPlan],
        contacts: Sequence[SyncContact],
    ) -> None:
        """Add a batch: plans that need nothing, plans that were carried out, and what happened to contacts."""
        self.counts["unchanged"] += len(quiet)
        self.counts.update(contact.outcome for contact in contacts if contact.outcome != "unchanged")
        self.not_applied += sum(plan.refuses_anew for plans in (quiet, settled) for plan in plans)
        self.unsubscribed_on_platform += sum(
            plan.was_unsubscribed_on_platform for plans in (quiet, settled) for plan in plans
        )
        self.noted(contacts)


@dataclass(frozen=True)
class PlannedBatch:
    """Plans that send something, plans that send nothing, and phones that have to wait.

    A phone waits whose contact on the platform is being written to because of another of its phones: its plan would
    take back what is just being sent.
    """

    sending: list[ContactPlan]
    quiet: list[ContactPlan]
    put_off: list[str]


@dataclass(frozen=True)
class Planner:
    """Reads contacts from the platform and plans them; `absent` are phones that need not be asked for."""

    client: PlatformClient
    absent: AbstractSet[str]
    now: Callable[[], datetime] = utc_now

    @classmethod
    def of_pending(cls, database: Database, client: PlatformClient, phones: Sequence[str]) -> Planner:
        """A planner for these pending phones that has looked through the directory if that saves requests.

        What was ever confirmed has to be read again before it is written to, so only the others can be saved.
        """
        absent = phones_nobody_holds(client, never_confirmed(database, phones))
        return cls(client, absent, database.now)

    def in_order(self, phones: Sequence[str]) -> list[str]:
        """The phones, those that have to be asked for first: so they fill whole requests."""
        return sorted(phones, key=self.absent.__contains__)

    def plan(
        self,
        stores: Collection[StoreContact],
        vocabulary: Vocabulary,
        *,
        busy: AbstractSet[str] = frozenset(),
    ) -> PlannedBatch:
        """Plan these contacts; `busy` are ids of contacts on the platform that are being written to.

        Raises `PlanError` as `check_plans` does.
        """
        planned = []
        platform = self.client.contacts_by_phone(
            [store.phone for store in stores if store.phone not in self.absent]
        )
        batch = PlannedBatch([], [], [])
        taken = set(busy)
        for store in stores:
            found = platform.get(store.phone)
            if found is not None and found.id in taken:
                batch.put_off.append(store.phone)
                continue
            plan = plan_contact(store, found, vocabulary, now=self.now())
            if plan.sends_nothing:
                batch.quiet.append(plan)
                continue
            batch.sending.append(plan)
            planned.append((store, plan))
            if found is not None:
                taken.add(found.id)
        check_plans(planned)
        return batch


def check_plans(planned: Collection[tuple[StoreContact, ContactPlan]]) -> None:
    """Raises `PlanError` if what is to be sent for these contacts does not fit `PushPlan`: then nothing may be sent."""
    if not planned:
        return
    _, failures = validate(PushPlan, push_plan(planned))
    if failures.empty:
        return
    broken = ", ".join(f"{rule} ({count:,})" for rule, count in count_rules(failures).items())
    raise PlanError(
        source=SOURCE,
        tried=f"check the plans of {len(planned):,} contacts before they are sent",
        got=f"rules are broken: {broken}",
        next_step="This is a fault of woo_sync_pipeline: nothing of these contacts was sent. They stay pending.",
    )
