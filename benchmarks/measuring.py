"""What the benchmarks share: demo servers in processes of their own, and what a process took."""

from __future__ import annotations

import os
import platform as machine
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from requests_oauthlib import OAuth1
from rich.console import Console

from woo_sync_pipeline.messagemedia.settings import PlatformSettings

_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Store:
    """Where the demo store is, with a key to read it, and how many requests may be under way."""

    url: str
    consumer_key: str
    consumer_secret: str
    customers: int
    concurrency: int

    @property
    def auth(self) -> OAuth1:
        """The signature that WooCommerce asks for over plain http."""
        return OAuth1(self.consumer_key, client_secret=self.consumer_secret, signature_method="HMAC-SHA256")


@contextmanager
def serve_store(
    *, customers: int, orders: int = 0, latency_ms: float, concurrency: int
) -> Iterator[tuple[Store, int]]:
    """A demo store in a process of its own, with the number of that process."""
    command = [sys.executable, "-m", "woo_sync_pipeline.demo.store", "--orders", str(orders)]
    command += ["--customers", str(customers), "--latency", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0]
            key = process.stdout.readline().split()
            # The administrator of the store is a customer as well.
            yield Store(url, key[2], key[3], customers + 1, concurrency), process.pid
        finally:
            process.terminate()


@contextmanager
def serve_platform(*, latency: float, concurrency: int) -> Iterator[PlatformSettings]:
    """An empty demo account in a process of its own, which answers `latency` seconds after a request."""
    command = [sys.executable, "-u", "-m", "woo_sync_pipeline.demo.platform", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        said = dict(process.stdout.readline().strip().split(": ", 1) for _ in range(3))
        try:
            yield PlatformSettings(
                said["url"], said["api_key"], said["api_secret"], max_concurrency=concurrency
            )
        finally:
            os.kill(process.pid, signal.SIGINT)
            process.wait(60)


def forget_peak_memory() -> None:
    """Let the peak begin now: only Linux can."""
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text("5")


def peak_memory_mb() -> float:
    """Peak memory of this process in megabytes (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # The figure of getrusage includes the process that started this one.
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def cpu_seconds(pid: int) -> float | None:
    """Processor time of another process so far; None where the system does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    after_name = stat.read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_family(pid: int) -> float:
    """Processor time so far of a process and its children, also of those that have ended; 0 where nobody tells."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It may end meanwhile.
            after_name = stat.read_text().rpartition(")")[2].split()
            if str(pid) in (stat.parent.name, after_name[1]):
                ticks += sum(map(int, after_name[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def this_machine() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    return ", ".join(
        [
            _first_value("/proc/cpuinfo", "model name") or machine.processor(),
            f"{os.cpu_count()} cores",
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
            f"{machine.system()} {machine.release()}",
            f"Python {machine.python_version()}",
        ]
    )


def console() -> Console:
    """Where tables are printed: wide enough for them, also when nobody looks."""
    return Console(width=132, soft_wrap=True)


def _first_value(path: str, name: str) -> str:
    if not Path(path).exists():
        return ""
    lines = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
