"""The command line: `woo-sync sync` and its like; `woo-sync --help` lists them."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import click

from woo_sync_pipeline.cli.common import (
    DAY,
    check_days,
    chosen_sources,
    console,
    masked,
    open_state,
    person_meant,
    show_checks,
)
from woo_sync_pipeline.cli.consent import consent
from woo_sync_pipeline.cli.discover import discover
from woo_sync_pipeline.cli.init import init
from woo_sync_pipeline.config.settings import config_path, load_settings
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.privacy import places_of


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration file. Default: what WOO_SYNC_CONFIG names, else woo_sync.yaml.",
)
@click.version_option(package_name="woo_sync_pipeline")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Keep a Sinch MessageMedia contact directory in step with WooCommerce stores.

    Begin with `woo-sync init`; without a store or an account at hand, with `woo-sync demo`.
    """
    context.obj = config or config_path()


@cli.command()
@click.pass_obj
def check(config: Path) -> None:
    """Try everything a sync needs: configuration, database, each store, the platform.

    One line each; exit code 1 if any of them fails.
    """
    sys.exit(0 if show_checks(config) else 1)


@cli.command()
@click.option("--source", "keys", multiple=True, metavar="KEY", help="Only this source; may be repeated.")
@click.option("--from", "first", type=DAY, help="First day, such as 2026-11-01.")
@click.option("--to", "last", type=DAY, help="Last day. Default: today.")
@click.option(
    "--incremental", is_flag=True, help="Only what orders and registrations point at: a few requests."
)
@click.option(
    "--full",
    is_flag=True,
    help="Read all orders (with orders_from: all modified since then), not only those of the days.",
)
@click.option("--dry-run", is_flag=True, help="Plan and report everything, send nothing.")
@click.option(
    "--accept-changes",
    is_flag=True,
    help="Let through, this time, more changes at once than `limits` let through unasked.",
)
@click.option("--strict", is_flag=True, help="Exit code 3 if there is any warning.")
@click.pass_obj
def sync(
    config: Path,
    keys: tuple[str, ...],
    first: datetime | None,
    last: datetime | None,
    incremental: bool,
    full: bool,
    dry_run: bool,
    accept_changes: bool,
    strict: bool,
) -> None:
    """Run the daily job here and now, from the oldest day that was not synced to today.

    Running it again is always safe: only what differs is sent. Exit code 1 if a source fails; the others are
    synced all the same. With --strict exit code 3 if all succeed, but there is a warning.
    """
    # Here and below: what takes long to import is imported where it is used, so that `--help` need not wait.
    from woo_sync_pipeline.cli.sync_sources import SyncOptions, sync_sources

    settings = load_settings(config)
    chosen = chosen_sources(settings, keys)
    check_days(first, last)
    if full and incremental:
        raise click.UsageError("--full reads everything, --incremental as little as possible: choose one.")
    with open_state(settings) as state:
        synced = sync_sources(
            settings,
            chosen,
            state=state,
            console=console(),
            options=SyncOptions(
                first=first.date() if first else None,
                last=last.date() if last else None,
                incremental=incremental,
                dry_run=dry_run,
                whole_history=full,
                accept_changes=accept_changes,
            ),
        )
    refused = () if keys else settings.refused
    for each in refused:
        click.echo(f"FAILED {each.error}", err=True)
    if not synced.succeeded or refused:
        sys.exit(1)
    sys.exit(3 if strict and synced.warned else 0)


@cli.command()
@click.option("--source", "keys", multiple=True, metavar="KEY", help="Only this source; may be repeated.")
@click.pass_context
def preview(context: click.Context, keys: tuple[str, ...]) -> None:
    """Show what the daily job would change and send, and send nothing: `sync --dry-run` by a shorter name."""
    context.invoke(sync, keys=keys, dry_run=True)


@cli.command()
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


@cli.command()
@click.argument("sync_id", type=int, required=False)
@click.option("--json", "form", flag_value="json", help="Everything as JSON, with full phones.")
@click.option("--csv", "form", flag_value="csv", help="One line per contact as CSV, with full phones.")
@click.option(
    "--html", "form", flag_value="html", help="One HTML page that needs nothing else, phones masked."
)
@click.pass_obj
def report(config: Path, sync_id: int | None, form: str | None) -> None:
    """Show what a sync did (the latest one without SYNC_ID); phones are masked unless you ask for JSON or CSV."""
    from woo_sync_pipeline.reports.report import SyncCounts
    from woo_sync_pipeline.reports.tables import report_csv, report_json, report_tables, report_title
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
    if form == "json":
        click.echo(report_json(found, contacts))
    elif form == "csv":
        click.echo(report_csv(contacts, SyncCounts.from_json(found.counts).all_warnings), nl=False)
    elif form == "html":
        from woo_sync_pipeline.reports.html import report_html
        from woo_sync_pipeline.reports.report import no_page

        page_of = source.page_of if source else no_page
        click.echo(report_html(found, contacts, history, source_name=name, page_of=page_of), nl=False)
    else:
        terminal = console()
        terminal.print(report_title(found, source_name=name), markup=False, highlight=False, style="bold")
        for table in report_tables(found, contacts):
            terminal.print(table)
        if found.error:
            terminal.print(f"{found.status}: {found.error}", markup=False, highlight=False)


@cli.command()
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
    from woo_sync_pipeline.reports.explanation import explain as explain_contact
    from woo_sync_pipeline.reports.explanation_tables import explanation_json, explanation_tables

    settings = load_settings(config)
    with open_state(settings) as state:
        meant = person_meant(state, person)
        phone = next(iter(meant.by_phone), None)
        explanation = explain_contact(settings, state, phone) if phone else None
    if meant.without_phone and explanation is None:
        raise click.ClickException(
            f"{', '.join(map(str, meant.without_phone))}: without a phone that can receive messages, so there is no "
            "contact. `woo-sync report` tells why."
        )
    if explanation is None:
        raise click.ClickException(
            f"Nothing is known of {person}: no store that was synced has it. `woo-sync report` lists records without a "
            "phone that can receive messages."
        )
    if as_json:
        click.echo(explanation_json(explanation))
        return
    terminal = console()
    terminal.print(explanation.phone, markup=False, highlight=False, style="bold")
    if explanation.contact is None:
        terminal.print("No contact: no customer and no guest's order has this phone.")
    for table in explanation_tables(explanation):
        terminal.print(table)


@cli.command()
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
    from woo_sync_pipeline.steps.forget import account_of
    from woo_sync_pipeline.steps.forget import forget as forget_person

    settings = load_settings(config)
    with open_state(settings) as state:
        meant = person_meant(state, person)
        who = ", ".join([*map(masked, meant.by_phone), *map(str, meant.without_phone)]) or masked(person)
        if not yes:
            click.echo(
                "What is still in a store comes back with the next sync, with the consent that the store shows."
            )
            click.confirm(f"Erase what is known of {who} here? It cannot be undone.", abort=True)
        for line in account_of(forget_person(settings, state, meant), who):
            click.echo(line)


@cli.command()
@click.option("--ui", is_flag=True, help="Serve the Dagster UI on a demo that goes on living, until Ctrl-C.")
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(1, 65_535), help="Port of the UI."
)
@click.option(
    "--customers", default=500, show_default=True, type=click.IntRange(20), help="Registered customers."
)
@click.option("--orders", default=300, show_default=True, type=click.IntRange(20), help="Orders.")
@click.option("--seed", default=1, show_default=True, type=int, help="Other numbers make other people.")
@click.option(
    "--folder",
    default=Path(".woo_sync/demo"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo keeps its data; emptied first.",
)
@click.option("--checkout-every", default=20.0, type=click.FloatRange(0.1), hidden=True)
def demo(
    ui: bool, port: int, customers: int, orders: int, seed: int, folder: Path, checkout_every: float
) -> None:
    """Play with a demo store and a demo MessageMedia account on this machine.

    Syncs the store, syncs again to show that nothing is sent twice, plays a second day and shows exactly its
    changes. Everything is stopped at the end.
    """
    if ui:
        from woo_sync_pipeline.demo.ui import serve_demo

        sys.exit(
            serve_demo(
                folder,
                port=port,
                customers=customers,
                orders=orders,
                seed=seed,
                checkout_every=checkout_every,
            )
        )
    from woo_sync_pipeline.demo.play import play_demo

    sys.exit(play_demo(folder, console=console(), customers=customers, orders=orders, seed=seed))


cli.add_command(consent)
cli.add_command(discover)
cli.add_command(init)


def main() -> None:
    """Run the command line; what a person can act on is one message and exit code 1, never a traceback."""
    # What is written, by libraries and by processes that are started too, is for the owner's eyes only.
    umask = os.umask(0o077)
    try:
        cli.main(standalone_mode=True)
    except WooSyncError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - its text may hold a secret or a person, so only its kind is shown
        # Imported here: `--help` need not wait for the driver of the database.
        from woo_sync_pipeline.state.failures import known_failure

        named = known_failure(error, tried="run the command")
        if named is not None:
            click.echo(f"error: {named}", err=True)
            sys.exit(1)
        click.echo(
            f"error: unexpected {type(error).__name__}. This is a fault of woo_sync_pipeline; what was begun is taken "
            f"up by the next sync. It happened in\n{places_of(error)}",
            err=True,
        )
        sys.exit(1)
    finally:
        os.umask(umask)
