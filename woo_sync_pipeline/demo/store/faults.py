"""The ways a store misbehaves."""

from __future__ import annotations

from typing import Literal, get_args

from woo_sync_pipeline.demo.faults import FaultsOf

Fault = Literal[
    "too_many_requests",
    "unavailable",
    "maintenance",
    "fatal",
    "redirect",
    "notice",
    "bom",
    "exit",
    "drop",
    "cut",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults(FaultsOf[Fault]):
    """The misbehaviours of a store.

    - too_many_requests, unavailable: 429 and 503 as JSON with Retry-After, as a host's firewall sends them
    - maintenance: 503 with Retry-After: 600, HTML (JSON only when the request accepts JSON)
    - fatal: 500 with an HTML page
    - redirect: 301 to itself with a slash, as with plain permalinks
    - notice, bom: 200 with a PHP warning or a byte order mark before the JSON
    - exit: 200, text/html, empty
    - drop: the connection is closed before any answer; cut: half-way through the body
    """

    known = FAULTS
