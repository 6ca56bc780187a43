"""`woo-sync forget`: erasing one person from everything that this project keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from woo_sync_pipeline.cli.common import open_state, person_meant
from woo_sync_pipeline.config.settings import Settings, load_settings
from woo_sync_pipeline.contacts.limits import STORE, counted
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.privacy import mask_email, mask_phone

if TYPE_CHECKING:
    from woo_sync_pipeline.state.database import Database
    from woo_sync_pipeline.state.erasures import Erased
    from woo_sync_pipeline.state.people import Meant, StoreRecord
    from woo_sync_pipeline.steps.resources import StateResource


@click.command()
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(config: Path, person: str, yes: bool) -> None:
    """Erase a person from everything that woo-sync keeps; PERSON is a phone like +61491570006.

    Or an email address, or the key of a source and the number of its customer, such as woocommerce:123: they mean the
    contact with that person's phone.

    Deletes the store records, the contact, the lines of reports and the entries of the ledger of consent that have this
    phone, the same of phones that the person had before, and all staged frames.
    Erase the person in the stores first: what is still there comes back with the next sync.
    """
    from woo_sync_pipeline.sources.registry import noun_of_all

    settings = load_settings(config)
    noun = noun_of_all(settings.sources)
    with open_state(settings) as state:
        meant = person_meant(state, person)
        who = ", ".join([*map(_masked, meant.by_phone), *map(str, meant.without_phone)]) or _masked(person)
        if not yes:
            click.echo(
                f"What is still in {_one(noun)} comes back with the next sync, with the consent that the {noun} shows."
            )
            click.confirm(f"Erase what is known of {who} here? It cannot be undone.", abort=True)
        for line in account_of(forget_person(settings, state, meant), who, noun=noun):
            click.echo(line)


def forget_person(settings: Settings, state: StateResource, meant: Meant) -> Erased:
    """Erase a person from the state and delete all staged frames, in which the person may be.

    Raises `StateError` while a source is being synced: the sync would write the person down again.
    """
    from woo_sync_pipeline.state.erasures import erase_person
    from woo_sync_pipeline.steps.resources import StagingResource

    database = state.database()
    _refuse_while_syncing(settings, database)
    erased = erase_person(database, list(meant.by_phone), meant.without_phone)
    kept = timedelta(days=settings.retention.staging_days)
    StagingResource(settings).area().prune(now=datetime.now(UTC) + kept)
    return erased


def account_of(erased: Erased, who: str, *, noun: str = STORE) -> Iterator[str]:
    """Lines that say what was erased and what is still to be done; `who` names the person, masked.

    `noun`: what all sources are, in a word.
    """
    if erased.is_nothing:
        yield f"Nothing is known of {who}. Staged frames were deleted."
        yield from _about_others(erased)
        return
    contacts = {0: "no contact", 1: "the contact"}.get(erased.contacts) or counted(erased.contacts, "contact")
    yield (
        f"Erased of {who}: {counted(len(erased.records), f'{noun} record')}, "
        f"{contacts}, {counted(erased.history, 'line')} of reports, "
        f"{counted(erased.ledger, 'entry', 'entries')} of the ledger of consent; and all staged frames."
    )
    if erased.former:
        yield f"With it what was kept under earlier phones: {', '.join(map(mask_phone, erased.former))}."
    if erased.blanked:
        yield f"Orders of other customers that named the phone stay without it: {_listed(erased.blanked)}."
    yield from _about_others(erased)
    yield "What else is to be done, if it is not done yet:"
    if erased.records:
        yield f"- in the {noun}s, erase or change {_listed(erased.records)}: what is still there comes back"
    for contact_id in erased.contact_ids:
        yield f"- on MessageMedia, delete the contact {contact_id}"
    if erased.was_unsubscribed:
        yield (
            "- this person was unsubscribed, and nothing here remembers it any more: were the contact deleted on "
            f"MessageMedia and the opt-in still in {_one(noun)}, the next sync would subscribe the person again"
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
    from woo_sync_pipeline.steps.resources import source_claim

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


def _one(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _listed(records: tuple[StoreRecord, ...]) -> str:
    return ", ".join(map(str, records))


def _masked(person: str) -> str:
    """A phone, an email address or a number of a customer as it may be shown."""
    if "@" in person:
        return mask_email(person)
    return mask_phone(person) if person.startswith("+") else person
