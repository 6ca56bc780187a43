"""Which failures may be repeated, and after how long: pure decisions, taken in one place."""

from __future__ import annotations

import random
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

RETRY_AFTER_LIMIT = 120.0
"""The longest Retry-After that is honoured, in seconds: a mistaken header must not stall a night's sync."""

BACKOFF_LIMIT = 30.0
"""The longest pause between two tries that we choose ourselves, in seconds."""


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


def failure_of_status(status: int, retry_after: str | None, *, now: datetime) -> Failure | None:
    """Return the failure that an HTTP status stands for, None if the status is an answer."""
    wait = parse_retry_after(retry_after, now=now)
    if status == 429:
        return Failure(
            "429, too many requests",
            surely_unprocessed=True,
            throttled=True,
            retry_after=wait,
            overloaded=True,
        )
    if status == 503 and wait is not None:
        return Failure(
            "503, busy", surely_unprocessed=True, throttled=True, retry_after=wait, overloaded=True
        )
    if status in (500, 502, 503, 504):
        return Failure(
            f"status {status}",
            overloaded=status == 503,
            broke=status == 500,
            gave_up=status in (502, 504),
        )
    return None


def failure_of_exception(error: requests.RequestException, *, read_timeout: float) -> Failure:
    """Return the failure that a broken exchange stands for.

    The exception's own text is not used: it contains the URL, and with it the phones asked for.
    """
    if isinstance(error, requests.ConnectTimeout):
        return Failure("no connection in time", surely_unprocessed=True)
    if isinstance(error, requests.Timeout):
        return Failure(f"no answer within {read_timeout:g} s", gave_up=True)
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError):
        return Failure("no connection could be opened", surely_unprocessed=True)
    return Failure("the connection broke before the whole answer came", gave_up=True)


def is_untrusted_certificate(error: BaseException) -> bool:
    """Tell whether the platform's certificate was refused, which no repetition changes."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, ssl.SSLCertVerificationError):
            return True
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return False


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (0 to 120), None if absent or not understood."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Capped as text first: a number of thousands of digits is no number worth converting.
        return RETRY_AFTER_LIMIT if len(text) > 6 else min(float(text), RETRY_AFTER_LIMIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


def backoff(failures: int, *, first: float, jitter: float | None = None) -> float:
    """Return the seconds to wait after the `failures`-th failure: doubling, at least half of it, at random.

    `jitter` in 0..1 takes the place of chance.
    """
    longest = min(first * 2.0 ** min(failures - 1, 16), BACKOFF_LIMIT)
    share = random.random() if jitter is None else jitter
    return longest * (0.5 + 0.5 * share)
