"""All benchmarks with one command: `python benchmarks/all.py [SIZE ...] [--json FILE]`.

For each size (10,000, 100,000 and 1,000,000 unless told otherwise) it reads a store, makes contacts, writes them and
the records behind them into the state, pushes them and runs the whole chain, most beside their baselines, and writes
all figures as JSON together with the machine they were measured on. Up to 100,000 the servers answer as slowly as real
ones; beyond, pushing would take an hour for each million, so that the servers hold nothing back and only the time of
our own processor counts.

All sizes take about an hour on two cores; 10,000 and 100,000 about half of it. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measuring import console, this_machine

SIZES = (10_000, 100_000, 1_000_000)
MOST_WITH_LATENCY = 100_000
HERE = Path(__file__).parent


def commands(size: int) -> Iterator[tuple[str, list[str]]]:
    """Names and arguments of the benchmarks of one size."""
    rows = str(size)
    is_huge = size > MOST_WITH_LATENCY
    repeat = "1" if is_huge else "3"
    yield "extraction", ["--customers", rows, "--rounds", repeat, *(["--only-pairs"] if is_huge else [])]
    yield "contacts", [rows, "--repeat", repeat]
    yield "state", [rows, "--repeat", repeat]
    yield "readings", [rows, "--repeat", repeat]
    if not is_huge:
        yield "push", ["--contacts", str(min(size, 20_000)), "--runs", "1"]
        yield "chain", [rows]
    yield "chain", [rows, "--no-latency"]


def run(name: str, arguments: list[str]) -> Any:
    """Run one benchmark, which shows its tables, and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments, "--json", str(figures)]
        subprocess.run(command, check=True)  # noqa: S603 - ourselves
        return json.loads(figures.read_text("utf-8"))


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), help="default: %(default)s")
    options = parser.parse_args()
    show = console().print
    show(this_machine())
    found: list[dict[str, Any]] = []
    for size in options.sizes:
        for name, arguments in commands(size):
            show(f"\n{name} {' '.join(arguments)}", style="bold")
            found.append({"benchmark": name, "arguments": arguments, "figures": run(name, arguments)})
    measured = {"machine": this_machine(), "measured_at": datetime.now(UTC).isoformat(), "benchmarks": found}
    options.json.write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
    show(f"\nwritten to {options.json}")


if __name__ == "__main__":
    main()
