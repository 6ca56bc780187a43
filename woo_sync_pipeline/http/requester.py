"""Requests to one server: paced, pooled, and bounded in the time and the size of their answers."""

from __future__ import annotations

import ipaddress
import logging
import math
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from typing import Self

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from woo_sync_pipeline.clocks import ClockOffset, OffsetMeter, date_of_answer, utc_now
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.http.interruption import Cause, Interruption, interruption_of
from woo_sync_pipeline.http.pace import Pace
from woo_sync_pipeline.http.transfer import (
    LARGEST_ANSWER,
    BoundedAdapter,
    Deadline,
    TooLargeError,
    read_body,
    unpacked,
)

Query = Sequence[tuple[str, str]]
Authentication = AuthBase | Callable[[requests.PreparedRequest], requests.PreparedRequest]

_READING = ("GET", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """How patient to be with a server, and what to put up with. Times are in seconds.

    `max_concurrency` requests may be under way at a time, and `max_requests_per_second` (None: no limit) may
    begin. An answer that takes longer than `slow_answer` counts as a sign of overload. `read_timeout` is for one read
    of an answer, `answer_timeout` for the whole; `largest_answer` is in bytes, after decompression. `attempts` counts
    the first one; `backoff` is the pause after it, which doubles with each further one. `verify_tls` may be the path
    of a CA file.
    """

    verify_tls: bool | str = True
    max_concurrency: int = 4
    max_requests_per_second: float | None = None
    connect_timeout: float = 5
    read_timeout: float = 60
    answer_timeout: float = 300
    largest_answer: int = LARGEST_ANSWER
    slow_answer: float = math.inf
    attempts: int = 5
    backoff: float = 0.5
    use_environment_proxies: bool = False


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `headers` must be case-insensitive. `body` stays out of the repr: personal data."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Requester:
    """Sends requests to a server over a keep-alive pool, shared by any number of threads. Repeats none of them.

    Whoever asks takes a turn of `pace` first. Nothing but the configuration says where credentials go: redirects are
    not followed, and proxies, cookies and ~/.netrc count for nothing.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        headers: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._now = now
        self.pace = Pace(
            most_at_once=settings.max_concurrency,
            per_second=settings.max_requests_per_second,
            slow_after=settings.slow_answer,
            sleep=sleep,
            clock=clock,
        )
        self._session = _session(settings, headers or {})
        self._offset_meter = OffsetMeter()
        self._counting = threading.Lock()
        self.requests_made = self.writes_made = 0

    @property
    def clock_offset(self) -> ClockOffset:
        """How much the server's clock is ahead of ours, see `clocks.OffsetMeter`."""
        return self._offset_meter.offset

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self, method: str, url: str, *, query: Query, auth: Authentication, body: bytes | None = None
    ) -> Answer | Interruption:
        """Send one request, signed anew, and read its whole answer. `body` is JSON."""
        settings = self._settings
        with self._counting:
            self.requests_made += 1
            self.writes_made += method not in _READING
        sent_at = self._now()
        deadline = Deadline(settings.answer_timeout)
        try:
            with (
                deadline,
                self._session.request(
                    method,
                    url,
                    params=list(query),
                    data=body,
                    headers={"Content-Type": "application/json"} if body is not None else {},
                    auth=auth,
                    timeout=(settings.connect_timeout, settings.read_timeout),
                    # A redirected request would carry the credentials to a host nobody has configured.
                    allow_redirects=False,
                    verify=settings.verify_tls,
                    stream=True,
                ) as response,
            ):
                content = read_body(response, largest=settings.largest_answer)
                content = unpacked(content, largest=settings.largest_answer)
        except TooLargeError:
            return Interruption(Cause.too_large, f"an answer of more than {settings.largest_answer:,} bytes")
        except (requests.RequestException, HTTPError, OSError) as error:
            if not deadline.has_passed:
                return interruption_of(
                    error, connect_timeout=settings.connect_timeout, read_timeout=settings.read_timeout
                )
        # Asked also where nothing was raised: without a Content-Length a cut looks like the end.
        if deadline.has_passed:
            seconds = f"{settings.answer_timeout:g} seconds"
            return Interruption(Cause.too_slow, f"an answer that was not complete after {seconds}")
        answered_at = date_of_answer(response.headers)
        self._offset_meter.note(answered_at, sent_at=sent_at, received_at=self._now())
        return Answer(response.status_code, response.headers, content)


class ServerClient:
    """What the clients of all servers have in common; a context manager, which closes the connections."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._requester.close()

    @property
    def requests_made(self) -> int:
        """The requests sent so far; every try counts."""
        return self._requester.requests_made

    @property
    def writes_made(self) -> int:
        """Those among them that may change something."""
        return self._requester.writes_made

    @property
    def clock_offset(self) -> ClockOffset:
        """How much the server's clock is ahead of ours, as far as its answers told it by now.

        Behind a CDN that may be another clock than the one that dates what the server keeps.
        """
        return self._requester.clock_offset


def _session(settings: HttpSettings, headers: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.trust_env = settings.use_environment_proxies
    name = "woo_sync_pipeline"
    session.headers.update({"Accept": "application/json", "User-Agent": f"{name}/{version(name)}", **headers})
    # Cookies are the only state that threads would share.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(pool_maxsize=max(1, settings.max_concurrency)))
    logging.getLogger("urllib3.connectionpool").addFilter(_hide_query)
    return session


def _hide_query(record: logging.LogRecord) -> bool:
    """Keep phones out of urllib3's debug log, which shows whole URLs."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            f"{arg.partition('?')[0]}?…" if isinstance(arg, str) and "?" in arg else arg
            for arg in record.args
        )
    return True


def check_authority(verify_tls: bool | str, *, source: str, setting: str, server: str) -> None:
    """Refuse a CA file that cannot be used: requests would tell of it as of a server that cannot be reached.

    `verify_tls` may be a folder of such files too. `setting` is what it is called in the configuration, `server`
    whose certificate it is about. Raises `ConfigurationError`.
    """
    # An empty path is no path: requests would take it for false.
    if isinstance(verify_tls, bool) or (verify_tls and Path(verify_tls).is_dir()):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=verify_tls)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise ConfigurationError(
            source=source,
            tried=f"reading the CA file of {setting}",
            got="there is no such file" if missing else "a file that cannot be read as certificates in PEM",
            next_step=f"Set {setting} to the path of a PEM file with the certificate of the authority that "
            f"signed {server}'s, or to true.",
        ) from None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
