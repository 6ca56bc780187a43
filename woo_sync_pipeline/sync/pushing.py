"""Bringing pending contacts to the platform, in batches that each survive a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from woo_sync_pipeline.contacts.contact import StoreContact
from woo_sync_pipeline.messagemedia.account import AccountLists, ensure_custom_fields
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.models import Contact, CustomField
from woo_sync_pipeline.messagemedia.plan import ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.messagemedia.push import PushOutcome, push_plans
from woo_sync_pipeline.privacy import mask_phone, redact
from woo_sync_pipeline.state.contacts import (
    Confirmation,
    adopt_lists,
    load_pending,
    note_in_flight,
    settle,
)
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact

BATCH = 1000
"""Contacts that are read, planned, sent and confirmed together; a crash leaves at most one batch to look up."""


@dataclass
class PushSummary:
    """What happened to the contacts of one sync. `counts` has the outcomes new, updated, unchanged, failed."""

    counts: Counter[str] = field(default_factory=Counter)
    unsubscribed_on_platform: int = 0
    contacts: list[SyncContact] = field(default_factory=list)


def push_pending(
    database: Database,
    client: PlatformClient,
    phones: Sequence[str],
    *,
    run_id: str,
    max_concurrency: int,
    progress: Callable[[int], None],
) -> PushSummary:
    """Send what the platform lacks of these phones, and write down what it confirmed, batch by batch.

    What was sent when a crash interrupts it is recognised by the next sync. Raises `PlatformError` when the
    platform is down or refuses the credentials: what was confirmed until then is kept.
    """
    summary = PushSummary()
    if not phones:
        return summary
    lists = AccountLists(client)
    fields = ensure_custom_fields(client)
    for start in range(0, len(phones), BATCH):
        batch = phones[start : start + BATCH]
        with database.exclusive_push():
            _push_batch(database, client, batch, lists, fields, summary, run_id, max_concurrency)
        progress(len(batch))
    return summary


def _push_batch(
    database: Database,
    client: PlatformClient,
    phones: Sequence[str],
    lists: AccountLists,
    fields: tuple[CustomField, CustomField],
    summary: PushSummary,
    run_id: str,
    max_concurrency: int,
) -> None:
    # Another sync may have pushed some of them while this one waited.
    stores = {contact.phone: contact for contact in load_pending(database, phones)}
    needed = lists.ensure({name for contact in stores.values() for name in contact.groups})
    adopt_lists(database, [(each.id, each.name) for each in needed])
    vocabulary = Vocabulary(lists.ids, *fields)
    platform = client.contacts_by_phone(list(stores))
    plans = [
        plan_contact(store, platform.get(phone), vocabulary, now=datetime.now(UTC))
        for phone, store in stores.items()
    ]
    sending = [plan for plan in plans if not plan.sends_nothing]
    note_in_flight(database, [(plan.phone, plan.base) for plan in sending])
    result = push_plans(
        client,
        sending,
        replan=lambda plan, found, maybe_sent: _replan(
            stores[plan.phone], plan, found, vocabulary, maybe_sent=maybe_sent
        ),
        max_concurrency=max_concurrency,
    )
    quiet = [plan for plan in plans if plan.sends_nothing]
    _settle(database, run_id, quiet, result.outcomes, summary)
    if result.stopped_by is not None:
        raise result.stopped_by


def _replan(
    store: StoreContact,
    plan: ContactPlan,
    found: Contact | None,
    vocabulary: Vocabulary,
    *,
    maybe_sent: bool,
) -> ContactPlan:
    current = replace(store, in_flight=plan.base) if maybe_sent else store
    return plan_contact(current, found, vocabulary, now=datetime.now(UTC))


def _settle(
    database: Database,
    run_id: str,
    quiet: Iterable[ContactPlan],
    outcomes: Iterable[PushOutcome],
    summary: PushSummary,
) -> None:
    confirmations = [Confirmation(plan.phone, plan.contact_id, plan.base) for plan in quiet]
    rejections: list[tuple[str, str]] = []
    contacts: list[SyncContact] = []
    summary.counts["unchanged"] += len(confirmations)
    summary.unsubscribed_on_platform += sum(plan.was_unsubscribed_on_platform for plan in quiet)
    for outcome in outcomes:
        plan = outcome.plan
        if outcome.reason is None:
            confirmations.append(Confirmation(plan.phone, outcome.contact_id, plan.base))
            summary.unsubscribed_on_platform += plan.was_unsubscribed_on_platform
        else:
            rejections.append((plan.phone, redact(outcome.reason)))
        contacts.append(_sync_contact(outcome))
    summary.counts.update(contact.outcome for contact in contacts)
    summary.contacts.extend(contacts)
    settle(database, run_id=run_id, confirmations=confirmations, rejections=rejections, contacts=contacts)


def _sync_contact(outcome: PushOutcome) -> SyncContact:
    plan = outcome.plan
    kind = "failed" if outcome.failed else "new" if outcome.was_created else "updated"
    subscription = plan.base.subscription
    return SyncContact(
        outcome=kind,
        phone=plan.phone,
        phone_masked=mask_phone(plan.phone),
        state=subscription.state.value if subscription else None,
        changes=outcome.changes,
        reason=redact(outcome.reason) if outcome.reason else None,
    )
