"""What a running process holds: memory, open files, connections. Linux only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """Of one process: resident memory in MB (10^6 bytes), open files, of these sockets, and threads."""

    memory_mb: float
    files: int
    sockets: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory_mb:.0f} MB, {self.files} files ({self.sockets} sockets), {self.threads} threads"


def measure(pid: int) -> Measured:
    """Look at a process. Raises FileNotFoundError when it has ended."""
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    targets = list(_targets((folder / "fd").iterdir()))
    return Measured(
        memory_mb=int(status.get("VmRSS", "0 kB").split()[0]) * 1024 / 1e6,
        files=len(targets),
        sockets=sum(target.startswith("socket:") for target in targets),
        threads=int(status["Threads"]),
    )


def _targets(entries: Iterable[Path]) -> Iterable[str]:
    for entry in entries:
        try:
            yield str(entry.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
