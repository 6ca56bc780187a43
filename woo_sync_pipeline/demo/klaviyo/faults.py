"""The ways a Klaviyo account misbehaves, and what it answers meanwhile."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from woo_sync_pipeline.demo.faults import FaultsOf
from woo_sync_pipeline.demo.klaviyo.answers import Answer, ApiError, throttled
from woo_sync_pipeline.demo.klaviyo.paging import expired_cursor

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


HTML_PAGE = (
    b"<!DOCTYPE html>\n<html lang='en'><head><title>Klaviyo</title></head><body>Sign in</body></html>\n"
)


def answer_instead(fault: Fault | None, faults: Faults) -> Answer | None:
    """The answer of a fault that keeps a request from being looked at; None for all others."""
    match fault:
        case "too_many_requests":
            return throttled(faults.retry_after).answer
        case "server_error":
            return ApiError(500, "error", "A server error occurred.", "Try again.").answer
        case "unavailable":
            wait = {"Retry-After": str(faults.retry_after)}
            title = "Service temporarily unavailable."
            return ApiError(503, "service_unavailable", title, "Try again later.", headers=wait).answer
        case "expired_cursor":
            return expired_cursor().answer
        case "other_json":
            return Answer(200, {"status": "ok"})
        case _:
            return None


def spoil(answer: Answer, fault: Fault | None, faults: Faults) -> None:
    """Make of a page what a fault makes of it; answers that are no pages stay."""
    body = answer.body
    if answer.status != 200 or not isinstance(body.get("data"), list):
        return
    if fault == "empty_page":
        body["data"] = []
        body["links"]["next"] = body["links"]["self"]
    elif fault == "foreign_next":
        link = urlsplit(body["links"].get("next") or body["links"]["self"])
        host = urlsplit(faults.foreign_url)
        body["links"]["next"] = urlunsplit((host.scheme, host.netloc, link.path, link.query, ""))
