"""`woo-sync history`: the latest syncs."""

from __future__ import annotations

from pathlib import Path

import click

from woo_sync_pipeline.cli.common import chosen_sources, console, open_state
from woo_sync_pipeline.config.settings import load_settings


@click.command()
@click.option("--source", metavar="KEY", help="Only this source.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many syncs.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def history(config: Path, source: str | None, limit: int, as_json: bool) -> None:
    """List the latest syncs, newest first."""
    from woo_sync_pipeline.reports.tables import history_json, history_table
    from woo_sync_pipeline.state.syncs import list_syncs

    settings = load_settings(config)
    if source is not None:
        chosen_sources(settings, (source,))
    with open_state(settings) as state:
        syncs = list_syncs(state.database(), source=source, limit=limit)
    if as_json:
        click.echo(history_json(syncs))
    elif syncs:
        console().print(history_table(syncs))
    else:
        click.echo("Nothing was synced yet. Run `woo-sync sync`.")
