"""`woo-sync forget`: erasing one person from everything that this project keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.erasure import Erased, erase_person
from woo_sync_pipeline.state.people import Meant, StoreRecord
from woo_sync_pipeline.steps.resources import StagingResource, StateResource, source_claim


def forget(settings: Settings, state: StateResource, meant: Meant) -> Erased:
    """Erase a person from the state and delete all staged frames, in which the person may be.

    Raises `StateError` while a source is being synced: the sync would write the person down again.
    """
    database = state.database()
    _refuse_while_syncing(settings, database)
    erased = erase_person(database, list(meant.by_phone), meant.without_phone)
    kept = timedelta(days=settings.retention.staging_days)
    StagingResource(settings).area().prune(now=datetime.now(UTC) + kept)
    return erased


def account_of(erased: Erased, who: str) -> Iterator[str]:
    """Lines that say what was erased and what is still to be done; `who` names the person, masked."""
    if erased.is_nothing:
        yield f"Nothing is known of {who}. Staged frames were deleted."
        yield from _about_others(erased)
        return
    contacts = {0: "no contact", 1: "the contact"}.get(erased.contacts) or _counted(
        erased.contacts, "contact"
    )
    yield (
        f"Erased of {who}: {_counted(len(erased.records), 'store record')}, "
        f"{contacts}, {_counted(erased.history, 'line')} of reports, "
        f"{_counted(erased.ledger, 'entry', 'entries')} of the ledger of consent; and all staged frames."
    )
    if erased.former:
        yield f"With it what was kept under earlier phones: {', '.join(map(mask_phone, erased.former))}."
    if erased.blanked:
        yield f"Orders of other customers that named the phone stay without it: {_listed(erased.blanked)}."
    yield from _about_others(erased)
    yield "What else is to be done, if it is not done yet:"
    if erased.records:
        yield f"- in the stores, erase or change {_listed(erased.records)}: what is still there comes back"
    for contact_id in erased.contact_ids:
        yield f"- on MessageMedia, delete the contact {contact_id}"
    if erased.was_unsubscribed:
        yield (
            "- this person was unsubscribed, and nothing here remembers it any more: were the contact deleted on "
            "MessageMedia and the opt-in still in a store, the next sync would subscribe the person again"
        )
    yield "- backups of the database and files made with `woo-sync report` or `woo-sync consent` may hold the person"


def _about_others(erased: Erased) -> Iterator[str]:
    if erased.held:
        yield (
            f"An earlier phone is somebody else's now, and what is kept under it stays: "
            f"{', '.join(map(mask_phone, erased.held))}."
        )
    if erased.moved:
        yield (
            f"This phone was once that of {_listed(erased.moved)}, with another phone now: not erased. If this is the "
            "same person, forget it by the number of the customer, such as woocommerce:123."
        )


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
