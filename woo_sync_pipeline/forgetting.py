"""`woo-sync forget`: erasing one person from everything that this project keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from woo_sync_pipeline.config import Settings
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.resources import StagingResource, StateResource, source_claim
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasure import Erased, StoreRecord, erase_phone


def forget(settings: Settings, state: StateResource, phone: str) -> Erased:
    """Erase a phone (E.164) from the state and delete all staged frames, in which it may be.

    Raises `StateError` while a source is being synced: the sync would write the person down again.
    """
    database = state.database()
    _refuse_while_syncing(settings, database)
    erased = erase_phone(database, phone)
    kept = timedelta(days=settings.retention.staging_days)
    StagingResource(settings).area().prune(now=datetime.now(UTC) + kept)
    return erased


def account_of(erased: Erased, phone: str) -> Iterator[str]:
    """Lines that say what was erased and what is still to be done; the phone is masked."""
    if erased.is_nothing:
        yield f"Nothing is known of {mask_phone(phone)}. Staged frames were deleted."
        return
    yield (
        f"Erased of {mask_phone(phone)}: {_counted(len(erased.records), 'store record')}, "
        f"{'the contact' if erased.was_contact else 'no contact'}, {_counted(erased.history, 'line')} of reports, "
        f"{_counted(erased.ledger, 'entry', 'entries')} of the ledger of consent; and all staged frames."
    )
    if erased.blanked:
        yield f"Orders of other customers that named the phone stay without it: {_listed(erased.blanked)}."
    yield "What else is to be done, if it is not done yet:"
    if erased.records:
        yield f"- in the stores, erase or change {_listed(erased.records)}: what is still there comes back"
    if erased.contact_id is not None:
        yield f"- on MessageMedia, delete the contact {erased.contact_id}"
    if erased.was_unsubscribed:
        yield (
            "- this person was unsubscribed, and nothing here remembers it any more: were the contact deleted on "
            "MessageMedia and the opt-in still in a store, the next sync would subscribe the person again"
        )
    yield "- backups of the database and files made with `woo-sync report` or `woo-sync consent` may hold the person"


def _refuse_while_syncing(settings: Settings, database: Database) -> None:
    # A run that began before the configuration of its source was broken is at work all the same.
    keys = [
        *(source.key for source in settings.sources),
        *filter(None, (each.key for each in settings.refused)),
    ]
    busy = [key for key in keys if database.is_claimed(source_claim(key))]
    if busy:
        raise StateError(
            source=", ".join(busy),
            tried="forget a person",
            got="a sync is under way, which would write the person down again",
            next_step="Nothing was erased. Try again when it has ended.",
        )


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _listed(records: tuple[StoreRecord, ...]) -> str:
    return ", ".join(map(str, records))
