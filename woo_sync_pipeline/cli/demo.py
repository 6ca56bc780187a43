"""`woo-sync demo`: a store, a Klaviyo and a MessageMedia account to play with."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from woo_sync_pipeline.cli.common import console


@click.command()
@click.option("--ui", is_flag=True, help="Serve the Dagster UI on a demo that goes on living, until Ctrl-C.")
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(1, 65_535), help="Port of the UI."
)
@click.option(
    "--customers", default=500, show_default=True, type=click.IntRange(20), help="Registered customers."
)
@click.option("--orders", default=300, show_default=True, type=click.IntRange(20), help="Orders.")
@click.option(
    "--profiles", default=200, show_default=True, type=click.IntRange(50), help="Profiles in Klaviyo."
)
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
    ui: bool,
    port: int,
    customers: int,
    orders: int,
    profiles: int,
    seed: int,
    folder: Path,
    checkout_every: float,
) -> None:
    """Play with a demo store, a demo Klaviyo and a demo MessageMedia account on this machine.

    Syncs the store and Klaviyo, syncs again to show that nothing is sent twice, plays a second day and shows exactly
    its changes. Everything is stopped at the end.
    """
    if ui:
        from woo_sync_pipeline.demo.ui import serve_demo

        sys.exit(
            serve_demo(
                folder,
                port=port,
                customers=customers,
                orders=orders,
                profiles=profiles,
                seed=seed,
                checkout_every=checkout_every,
            )
        )
    from woo_sync_pipeline.demo.play import play_demo

    sys.exit(
        play_demo(folder, console=console(), customers=customers, orders=orders, profiles=profiles, seed=seed)
    )
