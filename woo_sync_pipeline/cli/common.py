"""What the commands of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.contacts.e164 import E164
from woo_sync_pipeline.privacy import mask_email, mask_phone

# What takes long to import is imported where it is used, so that `--help` need not wait.
if TYPE_CHECKING:
    from woo_sync_pipeline.state.people import Meant
    from woo_sync_pipeline.steps.resources import StateResource

_PIPED_WIDTH = 200
"""Columns of a table that no terminal bounds: in the usual 80 a history is not readable."""

DAY = click.DateTime(formats=["%Y-%m-%d"])


def console() -> Console:
    """Where tables are printed."""
    found = Console()
    return found if found.is_terminal else Console(width=max(found.width, _PIPED_WIDTH))


@contextmanager
def open_state(settings: Settings) -> Iterator[StateResource]:
    """The state, closed at the end."""
    from woo_sync_pipeline.steps.resources import StateResource

    state = StateResource(settings)
    try:
        yield state
    finally:
        state.close()


def check_phone(phone: str) -> None:
    """Refuse what is not written like a stored phone."""
    if not E164.fullmatch(phone):
        raise click.BadParameter("write it like +61491570006, without blanks", param_hint="PHONE")


def person_meant(state: StateResource, person: str) -> Meant:
    """Who is meant by a phone, an email address or a store's number of a customer.

    Refuses what is none of these, and what means several contacts: the wrong one might be taken.
    """
    from woo_sync_pipeline.state.people import read_naming, who_is_meant

    naming = read_naming(person)
    if naming is None:
        raise click.BadParameter(
            "write it like +61491570006, without blanks; or write an email address, or the key of a source and the "
            "number of its customer, such as woocommerce:123",
            param_hint="PERSON",
        )
    meant = who_is_meant(state.database(), naming)
    if len(meant.by_phone) > 1:
        found = "; ".join(
            f"{mask_phone(phone)} ({', '.join(map(str, records))})"
            for phone, records in meant.by_phone.items()
        )
        raise click.ClickException(
            f"{len(meant.by_phone)} contacts have this address: {found}. Name the one you mean by its phone."
        )
    return meant


def masked(person: str) -> str:
    """A phone, an email address or a number of a customer as it may be shown."""
    if "@" in person:
        return mask_email(person)
    return mask_phone(person) if person.startswith("+") else person


def check_days(first: datetime | None, last: datetime | None) -> None:
    """Refuse days that cannot be synced."""
    if last is not None and first is None:
        raise click.UsageError("--to needs --from.")
    if first is not None and last is not None and last < first:
        raise click.UsageError("--to lies before --from.")


def chosen_sources(settings: Settings, keys: tuple[str, ...]) -> list[SourceSettings]:
    """The sources with these keys, all of them without any. Refuses a key that is unknown; one whose entry is wrong
    raises its `ConfigurationError`.
    """
    known = {source.key: source for source in settings.sources}
    refused = {each.key: each for each in settings.refused}
    for key in keys:
        if key in refused:
            raise refused[key].error
        if key not in known:
            raise click.BadParameter(
                f"no source has the key {key!r}. Known: {', '.join(known)}", param_hint="--source"
            )
    return [known[key] for key in keys] if keys else list(settings.sources)


def show_checks(config: Path) -> bool:
    """Try everything that a sync needs, and print one line each; True: nothing failed."""
    from woo_sync_pipeline.steps.check_everything import check_everything

    has_failed = False
    for line in check_everything(config):
        has_failed = has_failed or line.verdict == "FAIL"
        click.echo(f"{line.verdict:<5} {line.subject:<14} {line.text}")
    return not has_failed
