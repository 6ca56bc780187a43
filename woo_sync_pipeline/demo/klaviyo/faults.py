"""The ways a Klaviyo account misbehaves."""

from __future__ import annotations

from typing import Literal, get_args

from woo_sync_pipeline.demo.faults import FaultsOf

Fault = Literal[
    "too_many_requests",
    "server_error",
    "unavailable",
    "drop",
    "cut",
    "slow",
    "html",
    "other_json",
    "expired_cursor",
    "empty_page",
    "foreign_next",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults(FaultsOf[Fault]):
    """The misbehaviours of an account.

    - too_many_requests: 429 with Retry-After, whatever is left of the limits
    - server_error, unavailable: 500, and 503 with Retry-After
    - drop: the connection is closed before any answer; cut: half-way through the body
    - slow: the answer comes `slow_seconds` late
    - html: 200 with a page of HTML; other_json: 200 with JSON that is no JSON:API
    - expired_cursor: 400, as for a cursor that was good once
    - empty_page: a page without anybody, whose next link leads to what it should have shown
    - foreign_next: a page whose next link leads to `foreign_url`
    """

    known = FAULTS

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.slow_seconds = 1.0
        self.foreign_url = "https://elsewhere.example"
