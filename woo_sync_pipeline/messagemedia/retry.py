"""Which failures may be repeated, and after how long: pure decisions, taken in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from woo_sync_pipeline.http.interruption import Cause, Interruption
from woo_sync_pipeline.http.pace import LONGEST_WAIT, retry_after_seconds


@dataclass(frozen=True)
class Failure:
    """A try that brought no answer to its question. `got` is fit to be shown.

    `surely_unprocessed`: the platform cannot have carried the request out. `throttled`: it asked us to slow
    down. `retry_after`: the seconds it named, if it named any. `overloaded`: it has too much to do. `broke`: it
    answers, but broke at this request. `gave_up`: it was reached, and nothing that it says itself came back.
    """

    got: str
    surely_unprocessed: bool = False
    throttled: bool = False
    retry_after: float | None = None
    overloaded: bool = False
    broke: bool = False
    gave_up: bool = False


def may_repeat(method: str, failure: Failure) -> bool:
    """Tell whether sending the request again is harmless.

    GET reads, PATCH and DELETE set absolute values; a POST creates, so it is repeated only when the first
    one surely did not.
    """
    return method != "POST" or failure.surely_unprocessed


def may_be_due_to_the_request(method: str, failure: Failure) -> bool:
    """Tell whether the platform may answer other requests all the same.

    A change at which it breaks may end in its gateway, or in silence. When that happens to a read, which is of many,
    the platform is down.
    """
    return failure.broke or (failure.gave_up and method != "GET")


def failure_of_status(status: int, headers: Mapping[str, str]) -> Failure | None:
    """Return the failure that an HTTP status stands for, None if the status is an answer.

    A wait that is asked for counts up to LONGEST_WAIT: a mistaken header must not stall a night's sync.
    """
    asked = retry_after_seconds(headers)
    if status == 429 or (status == 503 and asked is not None):
        return Failure(
            "429, too many requests" if status == 429 else "503, busy",
            surely_unprocessed=True,
            throttled=True,
            retry_after=None if asked is None else min(asked, LONGEST_WAIT),
            overloaded=True,
        )
    if status in (500, 502, 503, 504):
        return Failure(
            f"status {status}",
            overloaded=status == 503,
            broke=status == 500,
            gave_up=status in (502, 504),
        )
    return None


def failure_of_interruption(interruption: Interruption, *, read_timeout: float) -> Failure:
    """Return the failure that an exchange without a complete answer stands for. `read_timeout` is in seconds."""
    match interruption.cause:
        case Cause.connect_timeout:
            return Failure("no connection in time", surely_unprocessed=True)
        case Cause.no_connection:
            return Failure("no connection could be opened", surely_unprocessed=True)
        case Cause.read_timeout:
            return Failure(f"no answer within {read_timeout:g} s", gave_up=True)
        case Cause.too_slow:
            return Failure(interruption.words, gave_up=True)
    return Failure("the connection broke before the whole answer came", gave_up=True)
