"""What the commands of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from woo_sync_pipeline.config.settings import Settings
from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.contacts.e164 import E164
from woo_sync_pipeline.privacy import mask_phone

if TYPE_CHECKING:
    from woo_sync_pipeline.state.people import Meant
    from woo_sync_pipeline.steps.resources import StateResource

_PIPED_WIDTH = 200
"""Columns of a table that no terminal bounds: in the usual 80 a history is not readable."""


class _Day(click.DateTime):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return datetime.date(super().convert(value, param, ctx))


DAY = _Day(formats=["%Y-%m-%d"])


def console() -> Console:
    """Where tables are printed."""
    found = Console()
    return found if found.is_terminal else Console(width=max(found.width, _PIPED_WIDTH))


@contextmanager
def open_state(settings: Settings) -> Iterator[StateResource]:
    """The state, closed at the end."""
    from woo_sync_pipeline.steps.resources import StateResource

    with closing(StateResource(settings)) as state:
        yield state


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


def show_refused(settings: Settings, keys: tuple[str, ...]) -> bool:
    """Say which sources have a wrong entry, unless only those with these keys are asked for; True: some have."""
    refused = () if keys else settings.refused
    for each in refused:
        click.echo(f"FAILED {each.error}", err=True)
    return bool(refused)
