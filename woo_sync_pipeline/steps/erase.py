"""Doing on the platform, and here, what the erasure of a person in a store asks for."""

from __future__ import annotations

from contextlib import suppress

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    NotFound,
    OutcomeUnknown,
    PlatformError,
    RequestRejected,
    ServerFault,
)
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasures import Erasure, note_lines, pending_erasures, settle_erasure
from woo_sync_pipeline.state.syncs import SyncContact

ERASED = "erased in the store: "
_STAYS = "another customer or order has the phone, so the contact stays"
_DONE = {
    "unsubscribe": "unsubscribed on MessageMedia, and forgotten here",
    "delete": "deleted on MessageMedia, and forgotten here",
}


def carry_out_erasures(
    database: Database, client: PlatformClient, *, source: str, run_id: str
) -> list[SyncContact]:
    """Finish the erasures of a source (key) after a push; returns their lines in the report, which name nobody.

    Whom the push could not unsubscribe, and whom the platform does not delete, waits for the next sync; of the latter
    there is a line of what failed. Raises `PlatformError` when the platform is down or refuses the credentials.
    """
    lines = []
    for erasure in pending_erasures(database, source):
        line = _line(erasure)
        forgets = not erasure.is_held and erasure.mode != "report"
        if forgets and erasure.mode == "unsubscribe" and not erasure.is_unsubscribed:
            continue
        with database.exclusive_push():
            if forgets and erasure.mode == "delete":
                refused = _delete(client, erasure.phone)
                if refused is not None:
                    line = _line_of(
                        erasure, "failed", f"not deleted on MessageMedia yet: {redact(refused.got)}"
                    )
                    note_lines(database, [line], run_id=run_id)
                    lines.append(line)
                    continue
            if settle_erasure(database, erasure, run_id=run_id, forget=forgets, lines=[line]):
                lines.append(line)
    return lines


def _delete(client: PlatformClient, phone: str) -> PlatformError | None:
    """Delete the contact with a phone; returns why the platform does not do so, if that concerns it alone."""
    try:
        for contact in client.contacts_by_phone([phone]).values():
            with suppress(NotFound):
                client.delete_contact(contact.id)
    except (RequestRejected, OutcomeUnknown, ServerFault) as refused:
        return refused
    return None


def _line(erasure: Erasure) -> SyncContact:
    if erasure.is_held:
        what = _STAYS
    elif erasure.mode == "report":
        contact = f"the contact {erasure.contact_id}" if erasure.contact_id else "no contact of ours"
        what = f"{contact} is still on MessageMedia; nothing was done"
    else:
        what = _DONE[erasure.mode]
    return _line_of(erasure, "erased", what)


def _line_of(erasure: Erasure, outcome: str, what: str) -> SyncContact:
    return SyncContact(
        outcome=outcome,
        record_type=erasure.record_type,
        record_id=erasure.record_id,
        reason=f"{ERASED}{what}",
    )
