"""What several machines share, and the machines: groups of processes that can be frozen and killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from woo_sync_pipeline_tests.cli.processes import descendants, environment

_PATIENCE_SECONDS = 20


class Machine:
    """A process with all that it starts: what a machine that loses its power loses together."""

    def __init__(self, command: Sequence[str], *, log: Path, variables: Mapping[str, str]) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment(), **variables},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def freeze(self) -> None:
        """Stop where it is."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def lose_power(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def lose_children(self) -> None:
        """Kill what the process has started, as a system does that is short of memory."""
        for child in descendants(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        self.go_on()

    def shut_down(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_SECONDS)
        self.lose_power()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """URL of a Redis that keeps nothing."""
    port = _free_port()
    server = shutil.which("redis-server")
    assert server is not None
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    machine = Machine([server, *arguments], log=folder / "redis.log", variables={})
    try:
        _wait_for_port(port, machine, patience=_PATIENCE_SECONDS)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        machine.lose_power()


def worker(name: str, *, log: Path, variables: Mapping[str, str]) -> Machine:
    """A machine with a Celery worker, started with the command of deploy/celery/README.md."""
    command = [sys.executable, "-m", "celery", "-A", "woo_sync_pipeline.celery_worker", "worker"]
    return Machine([*command, "--concurrency", "2", "-n", f"{name}@%h"], log=log, variables=variables)


def code_server(workspace: Path, *, log: Path, variables: Mapping[str, str]) -> Machine:
    """A machine with the code location, where the processes of runs are, and a workspace file that names it.

    A daemon that has the code itself starts it anew every minute, and fails runs that it is just launching.
    """
    port = _free_port()
    command = [sys.executable, "-m", "dagster", "code-server", "start", "-m", "woo_sync_pipeline.definitions"]
    machine = Machine([*command, "-h", "127.0.0.1", "-p", str(port)], log=log, variables=variables)
    _wait_for_port(port, machine, patience=3 * _PATIENCE_SECONDS)
    server = {"host": "127.0.0.1", "port": port, "location_name": "woo_sync_pipeline"}
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return machine


def daemon(workspace: Path, *, log: Path, variables: Mapping[str, str]) -> Machine:
    """A machine with the Dagster daemon."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)]
    return Machine(command, log=log, variables=variables)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, machine: Machine, *, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert machine.is_running()
        assert time.monotonic() < deadline
        time.sleep(0.05)
