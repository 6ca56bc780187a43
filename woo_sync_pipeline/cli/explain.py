"""`woo-sync explain`: why a contact is as it is."""

from __future__ import annotations

from pathlib import Path

import click

from woo_sync_pipeline.cli.common import console, open_state, person_meant
from woo_sync_pipeline.config.settings import load_settings


@click.command()
@click.argument("person")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
@click.pass_obj
def explain(config: Path, person: str, as_json: bool) -> None:
    """Tell why a contact is as it is; PERSON is a phone like +61491570006.

    Or an email address, or the key of a source and the number of its customer, such as woocommerce:123.

    Which store records it is made of, which choice decides, what MessageMedia last confirmed, what syncs did with it,
    and the last entries of the ledger of consent. Asks neither a store nor MessageMedia. Shows the person in full, but
    for phones that the person had before.
    """
    from woo_sync_pipeline.contacts.limits import STORE
    from woo_sync_pipeline.reports.explanation import explain as explain_contact
    from woo_sync_pipeline.reports.explanation_tables import explanation_json, explanation_tables
    from woo_sync_pipeline.sources.registry import noun_of_all

    settings = load_settings(config)
    with open_state(settings) as state:
        meant = person_meant(state, person)
        phone = next(iter(meant.by_phone), None)
        explanation = explain_contact(settings, state.database(), phone) if phone else None
    if meant.without_phone and explanation is None:
        raise click.ClickException(
            f"{', '.join(map(str, meant.without_phone))}: without a phone that can receive messages, so there is no "
            "contact. `woo-sync report` tells why."
        )
    if explanation is None:
        raise click.ClickException(
            f"Nothing is known of {person}: no {noun_of_all(settings.sources)} that was synced has it. `woo-sync "
            "report` lists records without a phone that can receive messages."
        )
    if as_json:
        click.echo(explanation_json(explanation))
        return
    terminal = console()
    terminal.print(explanation.phone, markup=False, highlight=False, style="bold")
    if explanation.contact is None:
        nobody = (
            "customer and no guest's order" if explanation.noun == STORE else f"{explanation.noun} record"
        )
        terminal.print(f"No contact: no {nobody} has this phone.")
    for table in explanation_tables(explanation):
        terminal.print(table)
