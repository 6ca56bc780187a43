"""Run a demo Klaviyo by hand: `python -m woo_sync_pipeline.demo.klaviyo --profiles 500`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, generate_klaviyo
from woo_sync_pipeline.errors import ConfigurationError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a generated account until interrupted; print where it is and its key."""
    parser = argparse.ArgumentParser(prog="python -m woo_sync_pipeline.demo.klaviyo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--profiles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--latency", type=float, default=0.0, help="milliseconds that every answer is held back"
    )
    parser.add_argument(
        "--without-limits",
        action="store_true",
        help="answer as many requests as come (default: as published)",
    )
    chosen = parser.parse_args(arguments)
    data = generate_klaviyo(seed=chosen.seed, profiles=chosen.profiles, now=datetime.now(UTC))
    try:
        server = DemoKlaviyo(data, host=chosen.host, port=chosen.port)
    except ConfigurationError as error:
        parser.error(str(error))
    server.limits.enforced = not chosen.without_limits
    server.faults.latency = chosen.latency / 1000
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    with server:
        lines = [f"{server.url}  ({chosen.profiles} profiles)"]
        lines += [f"api_key: {key.secret}" for key in data.keys]
        lines.append("Ctrl-C ends it.")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        asked_to_end.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
