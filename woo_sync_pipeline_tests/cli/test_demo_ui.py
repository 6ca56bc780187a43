"""`woo-sync demo --ui`: it comes up, goes on living, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from woo_sync_pipeline.orchestration.tags import KIND_TAG
from woo_sync_pipeline_tests.cli.processes import (
    Running,
    descendants,
    environment,
    processes_of,
    still_running,
)

SCRIPT = str(Path(sys.executable).parent / "woo-sync")
START_SECONDS = 90.0
LIVE_SECONDS = 150.0
STOP_SECONDS = 20.0


@pytest.mark.timeout(300)
def test_the_ui_answers_live_syncs_happen_and_ctrl_c_stops_everything(
    demo_folder: Path, tmp_path: Path
) -> None:
    port = _free_port()
    size = ["--customers", "20", "--orders", "20", "--checkout-every", "2"]
    log = tmp_path / "output.log"
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [SCRIPT, "demo", "--ui", "--port", str(port), "--folder", str(demo_folder), *size],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            cwd=tmp_path,
            start_new_session=True,
        )
    started: list[Running] = []
    try:

        def has_gone_on_living() -> bool:
            assert demo.poll() is None, log.read_text()
            return set(_succeeded_live_runs(port)) == {"woocommerce", "klaviyo"}

        _wait_until(lambda: demo.poll() is not None or _answers(port), START_SECONDS)
        _wait_until(has_gone_on_living, LIVE_SECONDS)
        live = [each for each in _history(demo_folder) if each["kind"] == "live"]
        assert [each["status"] for each in live].count("succeeded") >= 2
        started = descendants(demo.pid)
        assert len(started) >= 2

        asked_at = time.monotonic()
        demo.send_signal(signal.SIGINT)
        code = demo.wait(STOP_SECONDS)

        assert code == 0, log.read_text()
        assert time.monotonic() - asked_at < STOP_SECONDS
        # What was killed is gone a moment later.
        _wait_until(lambda: not still_running(started) and not processes_of(demo_folder), 5.0)
        assert not _answers(port)
        assert "Traceback" not in log.read_text()
    finally:
        if demo.poll() is None:
            started = descendants(demo.pid)
            demo.kill()
            demo.wait()
        for process in still_running(started):
            os.kill(process.pid, signal.SIGKILL)


def _history(folder: Path) -> list[dict[str, Any]]:
    command = [SCRIPT, "--config", str(folder / "woo_sync.yaml"), "history", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    history: list[dict[str, Any]] = json.loads(shown.stdout)
    return history


def _succeeded_live_runs(port: int) -> list[str]:
    """The source of each."""
    live = f'{{statuses: [SUCCESS], tags: [{{key: "{KIND_TAG}", value: "live"}}]}}'
    query = f"{{ runsOrError(filter: {live}) {{ ... on Runs {{ results {{ jobName }} }} }} }}"
    request = Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as response:
        runs = json.load(response)["data"]["runsOrError"]["results"]
    return [run["jobName"].removesuffix("_incremental_sync") for run in runs]


def _wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        # Each question costs the server of the UI as much as the live syncs that are waited for.
        time.sleep(1)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
