"""Run a demo store by hand: `python -m woo_sync_pipeline.demo.store --customers 500`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from woo_sync_pipeline.demo.store import DemoStore, generate_store
from woo_sync_pipeline.demo.store.state import WOOCOMMERCE_VERSION
from woo_sync_pipeline.errors import ConfigurationError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a generated store until interrupted; print where it is and its keys."""
    parser = argparse.ArgumentParser(prog="python -m woo_sync_pipeline.demo.store", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--orders", type=int, default=800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timezone", default="Australia/Sydney")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="milliseconds that every answer is held back"
    )
    parser.add_argument(
        "--woocommerce",
        type=_version,
        default=WOOCOMMERCE_VERSION,
        metavar="VERSION",
        help="behave like this version, such as 6.0, 8.9, 9.5 or 11 (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments)
    data = generate_store(
        seed=chosen.seed,
        customers=chosen.customers,
        orders=chosen.orders,
        now=datetime.now(UTC),
        timezone=chosen.timezone,
    )
    data.woocommerce_version = chosen.woocommerce
    try:
        store = DemoStore(data, host=chosen.host, port=chosen.port)
    except ConfigurationError as error:
        parser.error(str(error))
    store.faults.latency = chosen.latency / 1000
    asked_to_end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_end.set())
    with store:
        lines = [f"{store.url}  ({chosen.customers} customers, {chosen.orders} orders)"]
        lines += [
            f"{key.permissions:10} {key.user_role:13} {key.consumer_key} {key.consumer_secret}"
            for key in data.keys
        ]
        lines.append("Over plain HTTP the store takes only OAuth 1.0a signatures. Ctrl-C ends it.")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        asked_to_end.wait()
    return 0


def _version(text: str) -> str:
    if not all(number.isdecimal() for number in text.split(".")[:2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no version: write one such as 8.9")
    return text


if __name__ == "__main__":
    sys.exit(main())
