"""Processes that tests start, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """A process that runs: its number, that of its parent, its command line."""

    pid: int
    parent: int
    command: str


def environment() -> dict[str, str]:
    """This process's environment without anything that would lead a command elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("WOO_SYNC", "DAGSTER"))}


def running() -> list[Running]:
    """All processes of this machine; those that ended and were not yet waited for are none."""
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True
    )
    rows = (line.split(maxsplit=3) for line in listed.stdout.splitlines())
    return [Running(int(row[0]), int(row[1]), row[3]) for row in rows if len(row) == 4 and "Z" not in row[2]]


def processes_of(folder: Path) -> list[Running]:
    """Processes whose command line names a folder."""
    return [each for each in running() if str(folder) in each.command]


def descendants(pid: int) -> list[Running]:
    """The children of a process, their children, and so on."""
    everything = running()
    found: list[Running] = []
    parents = {pid}
    while parents:
        children = [each for each in everything if each.parent in parents]
        found.extend(children)
        parents = {each.pid for each in children}
    return found


def still_running(processes: list[Running]) -> list[Running]:
    """Those of the processes that have not ended, whoever their parent is now."""
    known = {(each.pid, each.command) for each in processes}
    return [each for each in running() if (each.pid, each.command) in known]
