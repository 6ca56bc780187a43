"""The command line: `woo-sync sync` and its like; `woo-sync --help` lists them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from woo_sync_pipeline.cli.check import check
from woo_sync_pipeline.cli.consent import consent
from woo_sync_pipeline.cli.demo import demo
from woo_sync_pipeline.cli.discover import discover
from woo_sync_pipeline.cli.explain import explain
from woo_sync_pipeline.cli.forget import forget
from woo_sync_pipeline.cli.history import history
from woo_sync_pipeline.cli.init import init
from woo_sync_pipeline.cli.report import report
from woo_sync_pipeline.cli.sync import preview, sync
from woo_sync_pipeline.config.settings import config_path
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
    """Keep a Sinch MessageMedia contact directory in step with WooCommerce stores and Klaviyo accounts.

    Begin with `woo-sync init`; without a store or an account at hand, with `woo-sync demo`.
    """
    context.obj = config or config_path()


for _command in (check, consent, demo, discover, explain, forget, history, init, preview, report, sync):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; what a person can act on is one message and exit code 1, never a traceback."""
    # What is written, by libraries and by processes that are started too, is for the owner's eyes only.
    umask = os.umask(0o077)
    try:
        cli.main(standalone_mode=True)
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
