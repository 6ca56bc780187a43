"""`woo-sync sync` as an operating-system process of its own that can be killed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

from woo_sync_pipeline.config.settings import DATABASE_URL_ENV
from woo_sync_pipeline.orchestration.instance import DAGSTER_HOME_ENV

_PATIENCE_SECONDS = 60.0
_NOT_INHERITED = (DATABASE_URL_ENV, DAGSTER_HOME_ENV)

# The fork server imports everything once; a sync that starts from it spends its time on syncing.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "woo_sync_pipeline.cli.commands",
        # What the command imports only when it is called.
        "woo_sync_pipeline.orchestration.instance",
        "woo_sync_pipeline.orchestration.runner",
        "woo_sync_pipeline.reports.terminal",
        "woo_sync_pipeline.state.retention",
        "woo_sync_pipeline.demo.world",
        "dagster._daemon",
        "dagster._scheduler",
        "dagster_postgres",
        "pandera.backends.pandas.register",
        "pyarrow.dataset",
        "sqlalchemy.dialects.mysql",
        "sqlalchemy.dialects.sqlite",
        "structlog",
        "upath",
        "watchdog.observers",
    ]
)


class Killable(Protocol):
    """A sync that runs."""

    def kill(self) -> None:
        """End it at once, as `kill -9` does. May be called from any thread."""

    def wait(self) -> int:
        """The exit code once it has ended; -9 after `kill`."""

    @property
    def output(self) -> str:
        """What it has written so far."""


class ConsoleSync:
    """The installed console script, with all that belongs to its process group."""

    def __init__(self, config: Path) -> None:
        script = shutil.which("woo-sync", path=str(Path(sys.executable).parent))
        assert script is not None, "the project is not installed"
        self._output = config.with_suffix(".log")
        with self._output.open("wb") as file:
            self._process = subprocess.Popen(
                [script, "--config", str(config), "sync"],
                env=_clean_environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        try:
            return self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
            raise AssertionError(f"the sync did not end:\n{self.output}") from None

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")


class ForkedSync:
    """The same command in a process that need not import everything first."""

    def __init__(self, config: Path) -> None:
        self._output = config.with_suffix(".log")
        self._process: ForkServerProcess = _CONTEXT.Process(target=_sync, args=(config, self._output))
        self._process.start()

    def kill(self) -> None:
        pid = self._process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def wait(self) -> int:
        self._process.join(_PATIENCE_SECONDS)
        code = self._process.exitcode
        if code is None:
            self.kill()
            self._process.join()
            raise AssertionError(f"the sync did not end:\n{self.output}")
        return code

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def _sync(config: Path, output: Path) -> None:
    from woo_sync_pipeline.cli import main

    os.setsid()
    for name in _NOT_INHERITED:
        os.environ.pop(name, None)
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["woo-sync", "--config", str(config), "sync"]
    main()
