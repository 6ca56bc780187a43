"""One store over HTTP: authentication, retries, and nothing that is not a list or an object of the API."""

from __future__ import annotations

import logging
import re
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from woo_sync_pipeline.authorities import check_authority
from woo_sync_pipeline.clocks import ClockOffset, OffsetMeter, date_of_answer, http_date
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.woocommerce.answers import Answer, read_answer
from woo_sync_pipeline.woocommerce.errors import (
    StoreAnswerMalformedError,
    StoreError,
    StoreThrottledError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from woo_sync_pipeline.woocommerce.network import network_error
from woo_sync_pipeline.woocommerce.pace import LONGEST_WAIT, Pace, backoff
from woo_sync_pipeline.woocommerce.statistics import RequestStatistics

Row = dict[str, Any]
Params = Mapping[str, str | int]

_TOTAL = re.compile(r"[0-9]{1,15}")
_log = logging.getLogger(__name__)

_OVERLOAD = (StoreThrottledError, StoreUnavailableError, StoreUnreachableError)
"""What a store with too much to do answers, or leaves unanswered."""


@dataclass(frozen=True)
class StoreSettings:
    """How to reach one store. Times are in seconds; `attempts` counts the first one.

    `max_concurrency` requests may be under way at a time, and `max_requests_per_second` (None: no limit) may
    begin. An answer that takes longer than `slow_answer` counts as a sign of overload.
    """

    source: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    verify_tls: bool | str = True
    max_concurrency: int = 4
    max_requests_per_second: float | None = None
    connect_timeout: float = 5
    read_timeout: float = 60
    slow_answer: float = 10
    attempts: int = 5
    use_environment_proxies: bool = False


@dataclass(frozen=True)
class Page:
    """Rows of a list as the store gave them, and how many it counted for the whole list (X-WP-Total).

    `total` is None when it did not say. Both describe the moment of this one answer.
    """

    rows: list[Row] = field(repr=False)
    total: int | None


class StoreClient:
    """Reads a store. Thread-safe; to be used as a context manager.

    Over https the key goes as HTTP Basic, over plain http (where WooCommerce ignores Basic) as an OAuth 1.0a
    signature; never in the URL, where servers log it. Transient failures are repeated with back-off, and all
    requests together keep the pace of `pace.Pace`.
    """

    def __init__(
        self,
        settings: StoreSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._root = _api_root(settings)
        check_authority(settings.verify_tls, source=settings.source, setting="verify_tls", server="the store")
        self._auth = _auth_for(settings)
        self._clock = clock
        self._pace = Pace(
            most_at_once=settings.max_concurrency,
            per_second=settings.max_requests_per_second,
            slow_after=settings.slow_answer,
            sleep=sleep,
            clock=clock,
        )
        self._answer_seconds = array("d")
        self._offset_meter = OffsetMeter()
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = settings.use_environment_proxies
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"woo_sync_pipeline/{version('woo_sync_pipeline')}"}
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=max(1, settings.max_concurrency)))
        self.server_time: datetime | None = None
        """The store's own clock (UTC), from the Date header of its newest answer."""
        self.requests_made = 0
        self.notices = 0
        """Answers that were good although a byte order mark or a PHP notice stood before their JSON."""
        self.first_notice = ""
        """What stood there the first time, in words that are safe to show."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def at_once(self) -> int:
        """How many requests may be under way at present: less than `max_concurrency` after signs of overload."""
        return self._pace.at_once

    @property
    def clock_offset(self) -> ClockOffset:
        """How much the clock that dates the store's answers is ahead of ours, as far as they told it by now.

        Behind a CDN that may be another clock than the one that dates orders: see `orders.newest_order_lead`.
        """
        return self._offset_meter.offset

    def statistics(self) -> RequestStatistics:
        """The requests made so far and the times of their answers."""
        with self._lock:
            return RequestStatistics.of(
                requests=self.requests_made, seconds=self._answer_seconds, notices=self.notices
            )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get_list(self, path: str, params: Params) -> Page:
        """Read one page of a list, for example `customers` or `products/tags` (below `/wp-json/wc/v3/`).

        Raises StoreError; anything but a list of objects is an error, so an empty page is a true answer.
        """
        value, headers = self._get(path, params)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self._malformed(path, f"{_shape(value)} where a list of objects was due")
        total = headers.get("X-WP-Total", "")
        return Page(value, int(total) if _TOTAL.fullmatch(total) else None)

    def get_object(self, path: str, params: Params) -> Row:
        """Read one object, for example `system_status`; `/` is WordPress' own index, read without the key.

        Raises StoreError, also when the answer is no object.
        """
        value, _ = self._get(path, params)
        if not isinstance(value, dict):
            raise self._malformed(path, f"{_shape(value)} where an object was due")
        return value

    def _malformed(self, path: str, got: str) -> StoreAnswerMalformedError:
        return StoreAnswerMalformedError(source=self.settings.source, tried=f"GET {path}", got=got)

    def _get(self, path: str, params: Params) -> tuple[Any, Mapping[str, str]]:
        attempt = 0
        while True:
            attempt += 1
            with self._pace.turn() as turn:
                try:
                    return self._get_once(path, params)
                except StoreError as error:
                    turn.overloaded = isinstance(error, _OVERLOAD)
                    wait = error.retry_after or 0.0
                    if not error.transient or wait > LONGEST_WAIT or attempt >= self.settings.attempts:
                        raise _final(error, attempt) from error
                    # While the turn lasts, so that no other thread slips in between.
                    self._pace.pause(max(wait, backoff(attempt)))

    def _get_once(self, path: str, params: Params) -> tuple[Any, Mapping[str, str]]:
        of_woocommerce = not path.startswith("/")
        url = f"{self._root}/wc/v3/{path}" if of_woocommerce else f"{self._root}{path}"
        tried = f"GET {path}"
        with self._lock:
            self.requests_made += 1
        began, sent_at = self._clock(), datetime.now(UTC)
        try:
            response = self._session.get(
                url,
                params=dict(params),
                # WordPress refuses a Basic user that it does not know, so its index is read without the key.
                # requests signs each call anew, as a nonce may be used only once.
                auth=self._auth if of_woocommerce else _no_auth,
                timeout=(self.settings.connect_timeout, self.settings.read_timeout),
                allow_redirects=False,
                verify=self.settings.verify_tls,
            )
        except (requests.RequestException, OSError) as error:
            raise network_error(
                error,
                source=self.settings.source,
                tried=tried,
                connect_timeout=self.settings.connect_timeout,
                read_timeout=self.settings.read_timeout,
            ) from error
        received_at = datetime.now(UTC)
        self._offset_meter.note(date_of_answer(response.headers), sent_at=sent_at, received_at=received_at)
        now = http_date(response.headers.get("Date", ""))
        answer = Answer(response.status_code, response.headers, response.content)
        with self._lock:
            self._answer_seconds.append(self._clock() - began)
            self.server_time = now or self.server_time
        parsed = read_answer(answer, source=self.settings.source, tried=tried)
        if parsed.had_text_before:
            self._note(parsed.notice)
        return parsed.value, response.headers

    def _note(self, notice: str) -> None:
        with self._lock:
            self.notices += 1
            is_first = self.notices == 1
            if is_first:
                self.first_notice = notice
        if is_first:
            _log.warning("%s: the store prints text before its JSON: %s", self.settings.source, notice)


def _api_root(settings: StoreSettings) -> str:
    parts = urlsplit(settings.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ConfigurationError(
            source=settings.source,
            tried="reading the store's url",
            got="not a plain http(s) address",
            next_step="Set url to the address of the shop, such as https://shop.example.com, without key or query.",
        )
    return f"{settings.url.rstrip('/')}/wp-json"


def _auth_for(settings: StoreSettings) -> AuthBase:
    for name, value in (
        ("consumer_key", settings.consumer_key),
        ("consumer_secret", settings.consumer_secret),
    ):
        if not value or not value.isascii() or value != "".join(value.split()):
            raise ConfigurationError(
                source=settings.source,
                tried=f"reading {name}",
                got="empty, or with blanks or other characters that no key has",
                next_step="Copy it again from WooCommerce > Settings > Advanced > REST API.",
            )
    if urlsplit(settings.url).scheme == "https":
        return HTTPBasicAuth(settings.consumer_key, settings.consumer_secret)
    for library in ("oauthlib", "requests_oauthlib"):
        # Their debug logs show the consumer key with every request.
        logging.getLogger(library).setLevel(logging.INFO)
    return OAuth1(
        settings.consumer_key, client_secret=settings.consumer_secret, signature_method="HMAC-SHA256"
    )


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials; a callable, since for None requests would look into ~/.netrc."""
    return request


def _final(error: StoreError, attempts: int) -> StoreError:
    """The same error, with the number of attempts and the time to come back in its message."""
    tried = error.tried if attempts == 1 else f"{error.tried} ({attempts} attempts)"
    next_step = error.next_step
    if error.retry_after:
        due = datetime.now(UTC) + timedelta(seconds=error.retry_after)
        next_step = f"The store asks to come back after {due:%Y-%m-%d %H:%M:%S} UTC. {next_step}"
    final = type(error)(source=error.source, tried=tried, got=error.got, next_step=next_step)
    final.retry_after = error.retry_after
    return final


def _shape(value: object) -> str:
    if isinstance(value, list):
        return "a list with something else than objects in it"
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}"
    code, message = value.get("code"), value.get("message")
    if isinstance(code, str) and isinstance(message, str):
        # An error that was sent with a good status: its own words tell most.
        return f"an object ({redact(f'{code}: {message}')})"
    return "an object"
