"""`woo-sync demo --ui`: the Dagster UI on a demo that goes on living."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
import yaml

from woo_sync_pipeline.config.settings import CONFIG_ENV
from woo_sync_pipeline.demo.klaviyo import KlaviyoData
from woo_sync_pipeline.demo.klaviyo_scenario import account_beside, change_something
from woo_sync_pipeline.demo.play import ACCOUNT, STORE, begin_anew
from woo_sync_pipeline.demo.scenario import shop_once
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV, prepare_dagster_home
from woo_sync_pipeline.steps.resources import StateResource

LIVE_INTERVAL_SECONDS = 5
_CHECKOUTS_PER_CHANGE = 3
"""So many checkouts, then something happens in Klaviyo."""
_START_PATIENCE_SECONDS = 120.0
_STOP_PATIENCE_SECONDS = 10.0


def serve_demo(
    folder: Path,
    *,
    port: int,
    customers: int,
    orders: int,
    profiles: int,
    seed: int,
    checkout_every: float,
) -> int:
    """Serve the UI until Ctrl-C or SIGTERM, with schedule and sensor running.

    Somebody buys something every `checkout_every` seconds, and with each third checkout something happens in Klaviyo
    too. Returns the exit code: 0 unless a part of Dagster
    ended by itself.
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
    account = account_beside(data, seed=seed, profiles=profiles)
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    options = {"live_interval_seconds": LIVE_INTERVAL_SECONDS}
    with DemoWorld(
        folder, {STORE: data}, accounts={ACCOUNT: account}, source_options=options, account_options=options
    ) as world:
        settings = world.settings()
        state = StateResource(settings)
        state.database().migrate()
        os.environ[DAGSTER_HOME_ENV] = str(prepare_dagster_home(settings, state))
        os.environ[CONFIG_ENV] = str(world.config.absolute())
        processes = _start_dagster(folder, port)
        try:
            if not _wait_for_ui(port, folder, processes, stop):
                return 0
            _announce(port, world, checkout_every)
            life = (data, account, seed, checkout_every, stop)
            threading.Thread(target=_go_on_living, args=life, daemon=True).start()
            return _watch(processes, stop, folder)
        finally:
            stop.set()
            _stop_dagster(processes)
            state.close()


def _start_dagster(folder: Path, port: int) -> list[subprocess.Popen[bytes]]:
    # A server of its own for the code: a daemon that loads it itself does so anew every minute, and fails the runs
    # that it is just launching.
    code_port, workspace = _free_port(), folder / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": code_port, "location_name": "woo_sync_pipeline"}
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    code = ["code-server", "start", "-m", "woo_sync_pipeline.definitions", "-h", "127.0.0.1"]
    commands = [
        [sys.executable, "-m", "dagster", *code, "-p", str(code_port)],
        [sys.executable, "-m", "dagster_webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)],
        [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)],
    ]
    processes: list[subprocess.Popen[bytes]] = []
    with (folder / "dagster.log").open("ab") as log:
        for command in commands:
            processes.append(
                subprocess.Popen(  # noqa: S603 - the commands are written above
                    command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
            )
            if len(processes) == 1:
                _wait_for_port(code_port, processes[0])
    return processes


def _watch(processes: list[subprocess.Popen[bytes]], stop: threading.Event, folder: Path) -> int:
    """Until it is to stop, or a part of Dagster has ended by itself; the exit code."""
    while not stop.wait(1.0):
        if any(process.poll() is not None for process in processes):
            click.echo(f"a part of Dagster has ended; its log is in {folder / 'dagster.log'}", err=True)
            return 1
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens, or the process that should has ended; what follows says so then."""
    deadline = time.monotonic() + _START_PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)


def _stop_dagster(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
    for process in processes:
        # Its code servers and runs may outlive it, waiting for a sign of life: they are in its group.
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_ui(
    port: int, folder: Path, processes: list[subprocess.Popen[bytes]], stop: threading.Event
) -> bool:
    click.echo("Starting Dagster …")
    deadline = time.monotonic() + _START_PATIENCE_SECONDS
    while not _answers(f"http://127.0.0.1:{port}/server_info"):
        ended = any(process.poll() is not None for process in processes)
        if ended or time.monotonic() > deadline:
            raise click.ClickException(f"Dagster did not start; its log is in {folder / 'dagster.log'}")
        if stop.wait(0.3):
            return False
    return True


def _announce(port: int, world: DemoWorld, checkout_every: float) -> None:
    click.echo(f"Dagster UI:   http://127.0.0.1:{port}")
    store = next(iter(world.stores.values()))
    click.echo(f"Demo store:   {store.url}, a checkout every {checkout_every:g} s")
    account = next(iter(world.accounts.values()))
    click.echo(
        f"Demo Klaviyo: {account.url}, something happens every {_CHECKOUTS_PER_CHANGE * checkout_every:g} s"
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


def _go_on_living(
    store: StoreData, account: KlaviyoData, seed: int, checkout_every: float, stop: threading.Event
) -> None:
    # Each has its own, so that the shoppers of a store do not depend on what is beside it.
    in_store, in_account = random.Random(seed), random.Random(f"{seed} klaviyo")
    for checkout in count(1):
        if stop.wait(checkout_every):
            return
        shop_once(store, in_store)
        if checkout % _CHECKOUTS_PER_CHANGE == 0:
            change_something(account, in_account)
