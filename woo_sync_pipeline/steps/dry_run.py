"""Planning what a push would send, without sending it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from woo_sync_pipeline.messagemedia.account import AccountLists, custom_fields_or_stand_ins
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.encoding import Vocabulary
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.messagemedia.outcomes import PushOutcome
from woo_sync_pipeline.state.contacts import load_pending
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.syncs import SyncContact, note_contacts
from woo_sync_pipeline.steps import batches as planning
from woo_sync_pipeline.steps.batches import Planner, PushSummary
from woo_sync_pipeline.steps.push import contact_line


def plan_pending(
    database: Database,
    client: PlatformClient,
    phones: Sequence[str],
    *,
    run_id: str,
    progress: Callable[[int], None],
    noted: Callable[[Sequence[SyncContact]], None],
    known_fields: Sequence[CustomField] | None = None,
) -> PushSummary:
    """Plan what `push_pending` would send; takes and returns the same, and writes to the history only.

    The outcomes are what they would be if nothing were refused. The contacts stay pending.
    """
    del known_fields  # reading is all there is to do
    summary = PushSummary(noted)
    if not phones:
        return summary
    lists = AccountLists(client).ids
    fields = custom_fields_or_stand_ins(client)
    planner = Planner.of_pending(database, client, phones)
    waiting = deque(planner.in_order(phones))
    made: set[str] = set()
    while waiting:
        batch = [waiting.popleft() for _ in range(min(planning.BATCH, len(waiting)))]
        stores = load_pending(database, batch)
        needed = {name.casefold(): f"new {name}" for contact in stores for name in contact.groups}
        made |= needed.keys() - lists.keys()
        summary.groups_made = len(made)
        plans = planner.plan(
            stores, Vocabulary({**needed, **lists}, *fields, clock_offset=client.clock_offset)
        )
        waiting.extend(plans.put_off)
        refusing = [plan for plan in plans.quiet if plan.refuses_anew]
        contacts = [contact_line(PushOutcome.as_planned(plan)) for plan in (*plans.sending, *refusing)]
        with database.transaction() as connection:
            note_contacts(connection, run_id, contacts)
        summary.add(quiet=plans.quiet, settled=plans.sending, contacts=contacts)
        progress(len(batch) - len(plans.put_off))
    return summary
