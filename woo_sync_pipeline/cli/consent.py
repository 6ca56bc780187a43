"""`woo-sync consent`: the ledger of consent, of one phone or since a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from woo_sync_pipeline.cli.common import DAY, check_phone, console, open_state
from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.days import midnight

if TYPE_CHECKING:
    from woo_sync_pipeline.state.consent_ledger import LedgerEntry


@click.command()
@click.argument("phone", required=False)
@click.option(
    "--since", type=DAY, help="Of all phones what was seen on this day or later, such as 2026-11-01."
)
@click.option("--json", "form", flag_value="json", help="As JSON.")
@click.option("--csv", "form", flag_value="csv", help="As CSV.")
@click.pass_obj
def consent(config: Path, phone: str | None, since: date | None, form: str | None) -> None:
    """Prove consent: when, where and what was chosen; PHONE is written like +61491570006.

    Tells every choice in a store, every unsubscription on MessageMedia and what syncs did about them, from the state
    alone. Phones are shown in full. With --since all phones, as --csv or --json.
    """
    settings = load_settings(config)
    if (phone is None) == (since is None):
        raise click.UsageError("Give either PHONE or --since.")
    if since is not None and form is None:
        raise click.UsageError("--since may have very many lines: choose --csv or --json.")
    from woo_sync_pipeline.state.consent_ledger import ledger_of, pages_since

    with open_state(settings) as state:
        database = state.database()
        if since is not None:
            _write(pages_since(database, midnight(since, settings.timezone)), form)
            return
        assert phone is not None
        check_phone(phone)
        entries = ledger_of(database, phone)
    if not entries:
        raise click.ClickException(
            f"The ledger has nothing about {phone}: no choice was read, and nothing else about consent was seen. "
            "`woo-sync explain` tells what else is known of a phone."
        )
    if form is not None:
        _write(iter([entries]), form)
        return
    from woo_sync_pipeline.reports.ledger_tables import ledger_table
    from woo_sync_pipeline.sources.registry import noun_of_all

    console().print(phone, markup=False, highlight=False, style="bold")
    console().print(
        ledger_table(entries, title="ledger of consent, times in UTC", noun=noun_of_all(settings.sources))
    )


def _write(pages: Iterator[list[LedgerEntry]], form: str | None) -> None:
    from woo_sync_pipeline.reports.ledger_tables import ledger_csv, ledger_json

    for part in ledger_json(pages) if form == "json" else ledger_csv(pages):
        click.echo(part, nl=False)
