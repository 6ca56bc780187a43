"""Requests to MessageMedia: signed, pooled, repeated where that is harmless, and their failures named."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from woo_sync_pipeline.clocks import ClockOffset, OffsetMeter, date_of_answer, utc_now
from woo_sync_pipeline.http.pace import Pace
from woo_sync_pipeline.messagemedia.answers import error_of_answer, unreadable_answer
from woo_sync_pipeline.messagemedia.auth import BasicAuth, HmacAuth
from woo_sync_pipeline.messagemedia.errors import (
    OutcomeUnknown,
    PlatformError,
    PlatformProtocolError,
    PlatformTlsError,
    PlatformUnavailable,
    ServerFault,
)
from woo_sync_pipeline.messagemedia.retry import (
    Failure,
    backoff,
    failure_of_exception,
    failure_of_status,
    is_untrusted_certificate,
    may_be_due_to_the_request,
    may_repeat,
)
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

Query = Sequence[tuple[str, str]]


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
        self._now = now
        self._auth: AuthBase = (
            HmacAuth(settings.api_key, settings.api_secret)
            if settings.auth == "hmac"
            else BasicAuth(settings.api_key, settings.api_secret)
        )
        self._session = _session(settings)
        self._closed = threading.Event()
        self._pace = Pace(
            most_at_once=settings.max_concurrency,
            per_second=settings.max_requests_per_second,
            sleep=self._sleep,
        )
        self._offset_meter = OffsetMeter()
        self._counting = threading.Lock()
        self.requests_made = 0
        self.writes_made = 0
        logging.getLogger("urllib3.connectionpool").addFilter(_hide_query)

    @property
    def clock_offset(self) -> ClockOffset:
        """How much the platform's clock is ahead of ours, as far as its answers told it by now."""
        return self._offset_meter.offset

    def close(self) -> None:
        """Close the connections. Threads that wait for a next try give up."""
        self._closed.set()
        self._session.close()

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
        breaks = throttles = 0
        pause = waited = 0.0
        maybe_sent = is_renewed = False
        others_may_work = True
        while True:
            with self._pace.turn() as turn:
                stale = reading if reading is not None and not is_renewed and reading.is_stale() else None
                if stale is not None:
                    turn.round = -1  # No answer: nothing to be learned of the pace.
                else:
                    outcome = self._try_once(method, path, query, payload, tried)
                    if isinstance(outcome, Failure):
                        turn.overloaded = outcome.overloaded
                        if outcome.throttled:
                            throttles += 1
                            pause = outcome.retry_after or backoff(throttles, first=self._settings.backoff)
                            # While the turn lasts, so that no other thread slips in between.
                            self._pace.pause(pause)
            is_renewed = stale is not None
            if stale is not None:
                stale.renew(maybe_sent=maybe_sent)
                continue
            if isinstance(outcome, requests.Response):
                return _json_of(outcome, tried, sent=body)
            if not may_repeat(method, outcome):
                raise OutcomeUnknown(
                    tried=tried,
                    got=f"{outcome.got}, after the request was sent",
                    next_step="Look up whether it was carried out before sending it again.",
                )
            maybe_sent = maybe_sent or not outcome.surely_unprocessed
            if outcome.throttled:
                waited += pause
                if waited > self._settings.throttle_patience:
                    raise _unavailable(PlatformUnavailable, tried, outcome, throttles)
            else:
                breaks += 1
                # One try that found no platform at all says more than those that broke.
                others_may_work = others_may_work and may_be_due_to_the_request(method, outcome)
                if breaks >= self._settings.attempts:
                    kind = ServerFault if others_may_work else PlatformUnavailable
                    raise _unavailable(kind, tried, outcome, breaks)
                self._sleep(backoff(breaks, first=self._settings.backoff))

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise PlatformUnavailable(
                tried="wait for a next try",
                got="the client was closed meanwhile",
                next_step="Start the sync again.",
            )

    def _try_once(
        self, method: str, path: str, query: Query, payload: bytes | None, tried: str
    ) -> requests.Response | Failure:
        """Send once; prepared anew each time, because a signature is valid for minutes only."""
        prepared = self._session.prepare_request(
            requests.Request(
                method,
                self._settings.origin + path,
                params=list(query),
                data=payload,
                headers={"Content-Type": "application/json"} if payload is not None else {},
                auth=self._auth,
            )
        )
        with self._counting:
            self.requests_made += 1
            self.writes_made += method != "GET"
        error: PlatformError
        sent_at = self._now()
        try:
            response = self._session.send(
                prepared,
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                # A redirected request would carry the credentials to a host nobody has configured.
                allow_redirects=False,
            )
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        ) as broken:
            if not is_untrusted_certificate(broken):
                return failure_of_exception(broken, read_timeout=self._settings.read_timeout)
            error = PlatformTlsError(
                tried=tried,
                got="the server's certificate is not trusted",
                next_step="Check messagemedia.base_url, or give the CA file as messagemedia.verify_tls.",
            )
        except requests.RequestException as broken:
            error = PlatformProtocolError(
                tried=tried,
                got=f"the request could not be made ({type(broken).__name__})",
                next_step="Check messagemedia.base_url.",
            )
        else:
            received_at = self._now()
            self._offset_meter.note(
                date_of_answer(response.headers), sent_at=sent_at, received_at=received_at
            )
            failure = failure_of_status(
                response.status_code, response.headers.get("Retry-After"), now=received_at
            )
            return failure or response
        # Raised outside the handlers: the exceptions above carry the URL, and with it phones, in their texts.
        raise error


def _session(settings: PlatformSettings) -> requests.Session:
    session = requests.Session()
    # Neither proxies nor ~/.netrc of the machine may change where the credentials go.
    session.trust_env = False
    session.verify = settings.verify_tls
    session.headers.update({"Accept": "application/json", "User-Agent": "woo_sync_pipeline"})
    # Cookies are the only state that threads would share.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(
        pool_connections=1, pool_maxsize=settings.max_concurrency, max_retries=0, pool_block=True
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _json_of(response: requests.Response, tried: str, *, sent: Mapping[str, object] | None) -> object:
    if not 200 <= response.status_code < 300:
        raise error_of_answer(response.status_code, response.content, tried=tried, sent=sent)
    if not response.content:
        return None
    try:
        answer: object = json.loads(response.content)
    except (ValueError, RecursionError):
        # `from None`: a JSON error holds the whole text, contacts and all.
        raise unreadable_answer(
            response.status_code, response.headers.get("Content-Type", "of no type"), tried=tried
        ) from None
    return answer


def _unavailable(
    kind: type[PlatformUnavailable], tried: str, failure: Failure, tries: int
) -> PlatformUnavailable:
    return kind(
        tried=tried,
        got=f"{failure.got} ({tries} {'try' if tries == 1 else 'tries'})",
        next_step="Run the sync again later; what was sent already is not sent twice.",
    )


def _hide_query(record: logging.LogRecord) -> bool:
    """Keep phones out of urllib3's debug log, which shows whole URLs."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            f"{arg.partition('?')[0]}?…" if isinstance(arg, str) and "?" in arg else arg
            for arg in record.args
        )
    return True
