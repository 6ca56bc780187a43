"""`woo-sync demo --ui`: the Dagster UI on a demo that goes on living."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click

from woo_sync_pipeline.config import CONFIG_ENV
from woo_sync_pipeline.demo.play import begin_anew
from woo_sync_pipeline.demo.scenario import shop_once
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.local_instance import DAGSTER_HOME_ENV, prepare_dagster_home
from woo_sync_pipeline.resources import StateResource

CHECKOUT_EVERY_SECONDS = 20.0
LIVE_INTERVAL_SECONDS = 5
_START_PATIENCE_SECONDS = 120.0
_STOP_PATIENCE_SECONDS = 20.0


def serve_demo(folder: Path, *, port: int, customers: int, orders: int, seed: int) -> int:
    """Serve the UI until Ctrl-C or SIGTERM, with schedule and sensor running and somebody buying something.

    Returns the exit code: 0 unless a part of Dagster ended by itself.
    """
    begin_anew(folder)
    data = generate_store(
        seed=seed,
        customers=customers,
        orders=orders,
        now=before_today(),
        timezone=TIMEZONE,
        name="WooCommerce",
    )
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    options = {"live_interval_seconds": LIVE_INTERVAL_SECONDS}
    with DemoWorld(folder, {"woocommerce": data}, source_options=options) as world:
        settings = world.settings()
        state = StateResource(settings)
        state.database().migrate()
        os.environ[DAGSTER_HOME_ENV] = str(prepare_dagster_home(settings, state))
        os.environ[CONFIG_ENV] = str(world.config.absolute())
        processes = _start_dagster(folder, port)
        try:
            _announce(port, folder, world, processes, stop)
            shopper = threading.Thread(target=_go_shopping, args=(data, seed, stop), daemon=True)
            shopper.start()
            while not stop.wait(1.0):
                if any(process.poll() is not None for process in processes):
                    click.echo(
                        f"a part of Dagster has ended; its log is in {folder / 'dagster.log'}", err=True
                    )
                    return 1
            return 0
        finally:
            stop.set()
            _stop_dagster(processes)
            state.close()


def _start_dagster(folder: Path, port: int) -> list[subprocess.Popen[bytes]]:
    module = ["-m", "woo_sync_pipeline.definitions"]
    commands = [
        [sys.executable, "-m", "dagster_webserver", *module, "-h", "127.0.0.1", "-p", str(port)],
        [sys.executable, "-m", "dagster._daemon", "run", *module],
    ]
    log = (folder / "dagster.log").open("ab")
    with log:
        return [
            subprocess.Popen(  # noqa: S603 - the commands are written above
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            for command in commands
        ]


def _stop_dagster(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _announce(
    port: int,
    folder: Path,
    world: DemoWorld,
    processes: list[subprocess.Popen[bytes]],
    stop: threading.Event,
) -> None:
    url = f"http://127.0.0.1:{port}"
    click.echo("Starting Dagster …")
    deadline = time.monotonic() + _START_PATIENCE_SECONDS
    while not _answers(f"{url}/server_info"):
        ended = any(process.poll() is not None for process in processes)
        if ended or stop.is_set() or time.monotonic() > deadline:
            raise click.ClickException(f"Dagster did not start; its log is in {folder / 'dagster.log'}")
        time.sleep(0.3)
    click.echo(f"Dagster UI:   {url}")
    click.echo(
        f"Demo store:   {next(iter(world.stores.values())).url}, a checkout every {CHECKOUT_EVERY_SECONDS:.0f} s"
    )
    click.echo(f"Demo account: {world.platform.url}")
    click.echo(f"History:      woo-sync --config {world.config} history")
    click.echo("Ctrl-C stops everything.")


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:  # noqa: S310 - the address is http on loopback
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _go_shopping(data: StoreData, seed: int, stop: threading.Event) -> None:
    rng = random.Random(seed)
    while not stop.wait(CHECKOUT_EVERY_SECONDS):
        shop_once(data, rng)
