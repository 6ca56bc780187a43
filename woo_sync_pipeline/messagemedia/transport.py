"""Requests to MessageMedia: signed, repeated where that is harmless, and their failures named."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from requests.auth import AuthBase

from woo_sync_pipeline.clocks import utc_now
from woo_sync_pipeline.http.interruption import Interruption
from woo_sync_pipeline.http.pace import backoff
from woo_sync_pipeline.http.requester import Answer, Query, Requester
from woo_sync_pipeline.messagemedia.auth import HmacAuth, basic_auth
from woo_sync_pipeline.messagemedia.errors import OutcomeUnknown, PlatformUnavailable, ServerFault
from woo_sync_pipeline.messagemedia.refusals import error_of_answer, error_of_interruption, unreadable_answer
from woo_sync_pipeline.messagemedia.retry import (
    Failure,
    failure_of_interruption,
    failure_of_status,
    may_be_due_to_the_request,
    may_repeat,
)
from woo_sync_pipeline.messagemedia.settings import PlatformSettings


class Reading(Protocol):
    """What a request was made from, and may not be true any more when its turn comes: waiting can take minutes."""

    def is_stale(self) -> bool:
        """Whether to look again before the request is sent. Asked while others wait: must be quick."""

    def renew(self, *, maybe_sent: bool) -> None:
        """Look again; raises when the request is not right any more, which a try without an answer may have caused."""


class Transport:
    """A keep-alive pool of at most `max_concurrency` connections, shared by any number of threads.

    A platform that is too busy is asked less at a time, and little by little as much as before.
    """

    def __init__(self, settings: PlatformSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._auth: AuthBase = (
            HmacAuth(settings.api_key, settings.api_secret)
            if settings.auth == "hmac"
            else basic_auth(settings.api_key, settings.api_secret)
        )
        self._closed = threading.Event()
        self.requester = Requester(settings, sleep=self._sleep, now=now)

    def close(self) -> None:
        """Close the connections. Threads that wait for a next try give up."""
        self._closed.set()
        self.requester.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Mapping[str, object] | None = None,
        reading: Reading | None = None,
    ) -> object:
        """Send a request, repeat it where harmless, and return the JSON of the answer (None if empty).

        A `reading` that is stale when the request's turn has come is renewed once for each try.
        Raises a PlatformError for everything but a 2xx answer, and what `reading` raises.
        """
        tried = f"{method} {path}"
        payload = None if body is None else json.dumps(body).encode()
        tries = _Tries(self._settings, method, tried)
        is_renewed = False
        while True:
            with self.requester.pace.turn() as turn:
                stale = reading if reading is not None and not is_renewed and reading.is_stale() else None
                if stale is not None:
                    turn.round = -1  # No answer: nothing to be learned of the pace.
                else:
                    outcome = self._try_once(method, path, query, payload, tried)
                    if isinstance(outcome, Failure):
                        turn.overloaded = outcome.overloaded
                        pause = tries.note(outcome)
                        if outcome.throttled:
                            # While the turn lasts, so that no other thread slips in between.
                            self.requester.pace.pause(pause)
            is_renewed = stale is not None
            if stale is not None:
                stale.renew(maybe_sent=tries.maybe_sent)
            elif isinstance(outcome, Answer):
                return _json_of(outcome, tried, sent=body)
            else:
                tries.raise_if_over(outcome)
                if not outcome.throttled:
                    self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise PlatformUnavailable(
                tried="wait for a next try",
                got="the client was closed meanwhile",
                next_step="Start the sync again.",
            )

    def _try_once(
        self, method: str, path: str, query: Query, payload: bytes | None, tried: str
    ) -> Answer | Failure:
        """Send once; signed anew each time, because a signature is valid for minutes only."""
        answer = self.requester.send(
            method, self._settings.origin + path, query=query, auth=self._auth, body=payload
        )
        if isinstance(answer, Interruption):
            if error := error_of_interruption(answer, tried=tried):
                raise error
            return failure_of_interruption(answer, read_timeout=self._settings.read_timeout)
        return failure_of_status(answer.status, answer.headers) or answer


@dataclass
class _Tries:
    """What the tries of one request came to by now."""

    settings: PlatformSettings
    method: str
    tried: str
    breaks: int = 0
    throttles: int = 0
    waited: float = 0.0
    maybe_sent: bool = False
    others_may_work: bool = True

    def note(self, failure: Failure) -> float:
        """One more failed; returns the seconds to wait before the next."""
        self.maybe_sent = self.maybe_sent or not failure.surely_unprocessed
        if failure.throttled:
            self.throttles += 1
            pause = failure.retry_after or backoff(self.throttles, first=self.settings.backoff)
            self.waited += pause
            return pause
        self.breaks += 1
        # One try that found no platform at all says more than those that broke.
        self.others_may_work = self.others_may_work and may_be_due_to_the_request(self.method, failure)
        return backoff(self.breaks, first=self.settings.backoff)

    def raise_if_over(self, failure: Failure) -> None:
        """Raises a PlatformError where the request may not be sent once more after this failure."""
        if not may_repeat(self.method, failure):
            raise OutcomeUnknown(
                tried=self.tried,
                got=f"{failure.got}, after the request was sent",
                next_step="Look up whether it was carried out before sending it again.",
            )
        if failure.throttled:
            is_over, kind, tries = (
                self.waited > self.settings.throttle_patience,
                PlatformUnavailable,
                self.throttles,
            )
        else:
            is_over, tries = self.breaks >= self.settings.attempts, self.breaks
            kind = ServerFault if self.others_may_work else PlatformUnavailable
        if is_over:
            raise kind(
                tried=self.tried,
                got=f"{failure.got} ({tries} {'try' if tries == 1 else 'tries'})",
                next_step="Run the sync again later; what was sent already is not sent twice.",
            )


def _json_of(answer: Answer, tried: str, *, sent: Mapping[str, object] | None) -> object:
    if not 200 <= answer.status < 300:
        raise error_of_answer(answer.status, answer.body, tried=tried, sent=sent)
    if not answer.body:
        return None
    try:
        parsed: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        # `from None`: a JSON error holds the whole text, contacts and all.
        content_type = answer.headers.get("Content-Type", "of no type")
        raise unreadable_answer(answer.status, content_type, tried=tried) from None
    return parsed
