"""`woo-sync discover`: where a store keeps consent and tags, and what to configure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from woo_sync_pipeline.cli.common import chosen_sources, console, show_refused
from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.sources.base import Discovered
from woo_sync_pipeline.sources.registry import kind_of


@click.command()
@click.option("--source", "keys", multiple=True, metavar="KEY", help="Only this source; may be repeated.")
@click.option(
    "--all", "everything", is_flag=True, help="Read all customers and orders, not the newest 1,000."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def discover(config: Path, keys: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Find the meta keys in which a store keeps consent and tags, and say what to configure.

    Reads the newest 1,000 customers and orders, changes nothing and keeps nothing. Values that may be personal are
    masked. A key about e-mail is never proposed as consent to SMS. Exit code 1 if a store cannot be read; the others
    are.
    """
    settings = load_settings(config)
    found, failed = [], False
    for source in chosen_sources(settings, keys):
        try:
            discovery = kind_of(source).discover(source, everything=everything)
        except WooSyncError as error:
            click.echo(f"FAILED {error}", err=True)
            failed = True
            continue
        found.append(discovery.values)
        if not as_json:
            show_discovery(discovery, key=source.key, config=config)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    sys.exit(1 if show_refused(settings, keys) or failed else 0)


def show_discovery(found: Discovered, *, key: str, config: Path) -> None:
    """Print what was found out about a source: tables, notes, and the lines to paste."""
    terminal = console()
    terminal.print(found.title, markup=False, highlight=False, style="bold")
    for table in found.tables:
        terminal.print(table)
    for note in found.notes:
        terminal.print(f"- {note}", markup=False, highlight=False)
    if not found.lines:
        return
    click.echo(f"\nTo be put in the place of {found.sections} of {key} in {config}:\n")
    for line in found.lines:
        click.echo(line)
    click.echo("")
