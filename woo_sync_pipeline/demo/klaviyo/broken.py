"""What an account answers while it misbehaves."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from woo_sync_pipeline.demo.klaviyo.answers import Answer, ApiError, throttled
from woo_sync_pipeline.demo.klaviyo.cursors import expired_cursor
from woo_sync_pipeline.demo.klaviyo.faults import Fault, Faults

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
