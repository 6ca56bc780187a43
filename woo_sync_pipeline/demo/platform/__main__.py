"""`python -m woo_sync_pipeline.demo.platform`: an empty account until Ctrl-C."""

from __future__ import annotations

import signal
import threading

import click

from woo_sync_pipeline.demo.platform.server import DemoPlatform


@click.command(help="Serve an empty MessageMedia account on loopback until interrupted.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option(
    "--latency", type=click.FloatRange(0, 60), default=0.0, help="Seconds from a request to its answer."
)
def main(port: int, latency: float) -> None:
    """Serve, having said where and with which credentials."""
    interrupted = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: interrupted.set())
    with DemoPlatform(port=port) as platform:
        platform.faults.latency = latency
        click.echo(f"url: {platform.url}")
        click.echo(f"api_key: {platform.api_key}")
        click.echo(f"api_secret: {platform.api_secret}")
        interrupted.wait()


if __name__ == "__main__":
    main()
