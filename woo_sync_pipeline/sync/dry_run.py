"""Planning what a push would send, without sending it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from woo_sync_pipeline.messagemedia.account import AccountLists, custom_fields_or_stand_ins
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.plan import Action, ContactPlan, Vocabulary, plan_contact
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.contacts import load_pending
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts
from woo_sync_pipeline.sync.pushing import BATCH, PushSummary


def plan_pending(
    database: Database,
    client: PlatformClient,
    phones: Sequence[str],
    *,
    run_id: str,
    max_concurrency: int,
    progress: Callable[[int], None],
) -> PushSummary:
    """Plan what `push_pending` would send; takes and returns the same, and writes to the history only.

    The outcomes are what they would be if nothing were refused. The contacts stay pending.
    """
    del max_concurrency  # reading is all there is to do
    summary = PushSummary()
    if not phones:
        return summary
    lists = AccountLists(client).ids
    fields = custom_fields_or_stand_ins(client)
    for start in range(0, len(phones), BATCH):
        batch = phones[start : start + BATCH]
        stores = load_pending(database, batch)
        missing = {name.casefold(): f"new {name}" for contact in stores for name in contact.groups}
        vocabulary = Vocabulary({**missing, **lists}, *fields)
        platform = client.contacts_by_phone([contact.phone for contact in stores])
        plans = [
            plan_contact(store, platform.get(store.phone), vocabulary, now=datetime.now(UTC))
            for store in stores
        ]
        _note(database, run_id, plans, summary)
        progress(len(batch))
    return summary


def _note(database: Database, run_id: str, plans: Sequence[ContactPlan], summary: PushSummary) -> None:
    contacts = [_sync_contact(plan) for plan in plans if not plan.sends_nothing]
    summary.counts["unchanged"] += sum(plan.sends_nothing for plan in plans)
    summary.counts.update(contact.outcome for contact in contacts)
    summary.unsubscribed_on_platform += sum(plan.was_unsubscribed_on_platform for plan in plans)
    summary.contacts.extend(contacts)
    with database.transaction() as connection:
        note_contacts(connection, run_id, contacts)


def _sync_contact(plan: ContactPlan) -> SyncContact:
    subscription = plan.base.subscription
    return SyncContact(
        outcome="new" if plan.action is Action.create else "updated",
        phone=plan.phone,
        phone_masked=mask_phone(plan.phone),
        state=subscription.state.value if subscription else None,
        changes=plan.changes,
    )
