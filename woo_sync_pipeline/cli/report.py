"""`woo-sync report`: what one sync did."""

from __future__ import annotations

from pathlib import Path

import click

from woo_sync_pipeline.cli.common import console, open_state
from woo_sync_pipeline.config.settings import load_settings


@click.command()
@click.argument("sync_id", type=int, required=False)
@click.option("--json", "form", flag_value="json", help="Everything as JSON, with full phones.")
@click.option("--csv", "form", flag_value="csv", help="One line per contact as CSV, with full phones.")
@click.option(
    "--html", "form", flag_value="html", help="One HTML page that needs nothing else, phones masked."
)
@click.pass_obj
def report(config: Path, sync_id: int | None, form: str | None) -> None:
    """Show what a sync did (the latest one without SYNC_ID); phones are masked unless you ask for JSON or CSV."""
    from woo_sync_pipeline.contacts.limits import STORE
    from woo_sync_pipeline.reports.report import SyncCounts
    from woo_sync_pipeline.reports.tables import report_csv, report_json
    from woo_sync_pipeline.reports.terminal import print_report
    from woo_sync_pipeline.sources.registry import kind_of
    from woo_sync_pipeline.state.syncs import get_sync, list_syncs, sync_contacts

    settings = load_settings(config)
    with open_state(settings) as state:
        database = state.database()
        latest = list_syncs(database, limit=1)
        found = get_sync(database, sync_id) if sync_id is not None else latest[0] if latest else None
        if found is None:
            raise click.ClickException("There is no such sync. `woo-sync history` lists them.")
        contacts = sync_contacts(database, found.sync_id)
        history = list_syncs(database, source=found.source)[::-1]
    sources = {each.key: each for each in settings.sources}
    source = sources.get(found.source)
    name = source.name if source else found.source
    noun = kind_of(source).noun if source else STORE
    if form == "json":
        click.echo(report_json(found, contacts))
    elif form == "csv":
        click.echo(report_csv(contacts, SyncCounts.from_json(found.counts).all_warnings), nl=False)
    elif form == "html":
        from woo_sync_pipeline.reports.html import report_html
        from woo_sync_pipeline.reports.report import no_page

        page_of = source.page_of if source else no_page
        page = report_html(found, contacts, history, source_name=name, page_of=page_of, noun=noun)
        click.echo(page, nl=False)
    else:
        terminal = console()
        print_report(terminal, found, contacts, source_name=name, noun=noun)
        if found.error:
            terminal.print(f"{found.status}: {found.error}", markup=False, highlight=False)
