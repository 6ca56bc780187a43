"""One store over HTTP: authentication, retries, and nothing that is not a list or an object of the API."""

from __future__ import annotations

import logging
import re
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from woo_sync_pipeline.clocks import http_date, utc_now
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.http.failures import tried_again
from woo_sync_pipeline.http.interruption import Interruption
from woo_sync_pipeline.http.requester import HttpSettings, Requester, ServerClient, check_authority
from woo_sync_pipeline.http.statistics import RequestStatistics
from woo_sync_pipeline.sources.woocommerce.answers import (
    error_of_interruption,
    read_answer,
    seconds_in_cache,
    shape_of,
)
from woo_sync_pipeline.sources.woocommerce.credentials import api_root, auth_for, no_auth
from woo_sync_pipeline.sources.woocommerce.errors import (
    StoreAnswerCachedError,
    StoreAnswerMalformedError,
    StoreError,
    StoreThrottledError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceSettings
from woo_sync_pipeline.sources.woocommerce.values import is_list_with_holes, items_of

Row = dict[str, Any]
Params = Mapping[str, str | int]

_TOTAL = re.compile(r"[0-9]{1,15}")
_OLDEST_ANSWER = 60
"""Seconds. What changes while a cache keeps an answer for moments, the next reading sees."""
_log = logging.getLogger(__name__)

_OF_ANALYTICS = "/wc-analytics/"
_OVERLOAD = (StoreThrottledError, StoreUnavailableError, StoreUnreachableError)
"""What a store with too much to do answers, or leaves unanswered."""


@dataclass(frozen=True)
class StoreSettings(HttpSettings):
    """How to reach one store. `source` is its key in the configuration."""

    source: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    slow_answer: float = field(default=10, kw_only=True)


def connect(source: WooCommerceSettings, *, now: Callable[[], datetime] = utc_now) -> StoreClient:
    """A client of one store, to be used as a context manager; `now` is the clock by which it dates answers."""
    return StoreClient(
        StoreSettings(
            source=source.key,
            url=source.url,
            consumer_key=source.consumer_key.get_secret_value(),
            consumer_secret=source.consumer_secret.get_secret_value(),
            verify_tls=source.verify_tls,
            max_concurrency=source.max_concurrency,
            max_requests_per_second=source.max_requests_per_second,
            use_environment_proxies=source.use_environment_proxies,
        ),
        now=now,
    )


def timezone_of(url: str, *, consumer_key: str, consumer_secret: str) -> str | None:
    """What a store tells as the name of its time zone; None where it tells none, or cannot be asked.

    The key is not sent.
    """
    settings = StoreSettings(
        source="init", url=url, consumer_key=consumer_key, consumer_secret=consumer_secret, attempts=1
    )
    try:
        with StoreClient(settings) as client:
            told = client.get_object("/", {"_fields": "timezone_string"}).get("timezone_string")
    except WooSyncError:
        # Whatever is wrong with the store, `check` tells it better.
        return None
    return told if isinstance(told, str) else None


@dataclass(frozen=True)
class Page:
    """Rows of a list as the store gave them, and how many it counted for the whole list (X-WP-Total).

    `total` is None when it did not say. Both describe the moment of this one answer.
    """

    rows: list[Row] = field(repr=False)
    total: int | None


@dataclass(frozen=True)
class Attempt:
    """What is tried with which store, as errors say it."""

    source: str
    tried: str

    def failed(self, kind: type[StoreError], got: str) -> StoreError:
        """The error for what came back."""
        return kind(source=self.source, tried=self.tried, got=got)


class StoreClient(ServerClient):
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
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._root = api_root(settings)
        check_authority(settings.verify_tls, source=settings.source, setting="verify_tls", server="the store")
        self._auth = auth_for(settings)
        self._clock = clock
        self.now = now
        headers = {"Cache-Control": "no-cache"}
        super().__init__(Requester(settings, headers=headers, sleep=sleep, clock=clock, now=now))
        self._answer_seconds = array("d")
        self._lock = threading.Lock()
        self.server_time: datetime | None = None
        """The store's own clock (UTC), from the Date header of its newest answer."""
        self.notices = 0
        """Answers that were good although something was wrong, such as a PHP notice before their JSON."""
        self.first_notice = ""
        """What that was the first time, in words that are safe to show."""

    @property
    def at_once(self) -> int:
        """How many requests may be under way at present: less than `max_concurrency` after signs of overload."""
        return self._requester.pace.at_once

    def statistics(self) -> RequestStatistics:
        """The requests made so far and the times of their answers."""
        with self._lock:
            return RequestStatistics.of(
                requests=self.requests_made, seconds=self._answer_seconds, notices=self.notices
            )

    def attempt(self, tried: str) -> Attempt:
        """What is tried with this store."""
        return Attempt(self.settings.source, tried)

    def get_list(self, path: str, params: Params) -> Page:
        """Read one page of a list, for example `customers` or `products/tags` (below `/wp-json/wc/v3/`).

        A path that begins with `/wc-analytics/` is below `/wp-json`. Raises StoreError; anything but a list of objects
        is an error, so an empty page is a true answer. A list with objects and other things in it keeps empty objects
        in their places: rows that have no id.
        """
        value, headers = self._ask("GET", path, params)
        if is_list_with_holes(value):
            value = items_of(value)
        if not isinstance(value, list) or not (not value or any(isinstance(row, dict) for row in value)):
            got = f"{shape_of(value)} where a list of objects was due"
            raise self.attempt(f"GET {path}").failed(StoreAnswerMalformedError, got)
        rows = [row if isinstance(row, dict) else {} for row in value]
        total = headers.get("X-WP-Total", "")
        return Page(rows, int(total) if _TOTAL.fullmatch(total) else None)

    def get_object(self, path: str, params: Params) -> Row:
        """Read one object, for example `system_status`; `/` is WordPress' own index, read without the key.

        Raises StoreError, also when the answer is no object.
        """
        return self._object("GET", path, params)

    def describe(self, path: str) -> Row:
        """Read what the store says of a route and its arguments (OPTIONS), for example of `orders`.

        Raises StoreError, also when the answer is no object.
        """
        return self._object("OPTIONS", path, {})

    def _object(self, method: str, path: str, params: Params) -> Row:
        value, _ = self._ask(method, path, params)
        if not isinstance(value, dict):
            got = f"{shape_of(value)} where an object was due"
            raise self.attempt(f"{method} {path}").failed(StoreAnswerMalformedError, got)
        return value

    def _ask(self, method: str, path: str, params: Params) -> tuple[Any, Mapping[str, str]]:
        return tried_again(
            lambda: self._ask_once(method, path, params),
            pace=self._requester.pace,
            attempts=self.settings.attempts,
            first_backoff=self.settings.backoff,
            overload=_OVERLOAD,
        )

    def _ask_once(self, method: str, path: str, params: Params) -> tuple[Any, Mapping[str, str]]:
        source, tried = self.settings.source, f"{method} {path}"
        is_below_v3 = not path.startswith("/")
        began = self._clock()
        answer = self._requester.send(
            method,
            f"{self._root}/wc/v3/{path}" if is_below_v3 else f"{self._root}{path}",
            query=[(name, str(value)) for name, value in params.items()],
            # WordPress refuses a Basic user that it does not know, so its index is read without the key.
            # requests signs each call anew, as a nonce may be used only once.
            auth=self._auth if is_below_v3 or path.startswith(_OF_ANALYTICS) else no_auth,
        )
        if isinstance(answer, Interruption):
            raise error_of_interruption(answer, source=source, tried=tried)
        now = http_date(answer.headers.get("Date", ""))
        with self._lock:
            self._answer_seconds.append(self._clock() - began)
            self.server_time = now or self.server_time
        parsed = read_answer(answer, source=source, tried=tried)
        age = seconds_in_cache(answer.headers)
        # WordPress' index is the same for everybody, and may well be kept.
        if age > _OLDEST_ANSWER and not path.startswith("/"):
            got = f"an answer out of a cache, {age:,} seconds old"
            raise StoreAnswerCachedError(source=source, tried=tried, got=got)
        if parsed.is_odd:
            self._note(parsed.notice)
        return parsed.value, answer.headers

    def _note(self, notice: str) -> None:
        with self._lock:
            self.notices += 1
            is_first = self.notices == 1
            if is_first:
                self.first_notice = notice
        if is_first:
            _log.warning("%s: the store's JSON is not as it should be: %s", self.settings.source, notice)
