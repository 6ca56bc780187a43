"""One Klaviyo account over HTTP: the key, the limits, pages, and nothing that is not JSON of the API."""

from __future__ import annotations

import re
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from woo_sync_pipeline.clocks import date_of_answer, utc_now
from woo_sync_pipeline.http.failures import failure_of_interruption, tried_again
from woo_sync_pipeline.http.interruption import Interruption
from woo_sync_pipeline.http.requester import HttpSettings, Requester, ServerClient, check_authority
from woo_sync_pipeline.http.statistics import RequestStatistics
from woo_sync_pipeline.sources.klaviyo.allowance import BURST_PER_SECOND, Allowance, Told
from woo_sync_pipeline.sources.klaviyo.answers import OF_INTERRUPTIONS, read_answer
from woo_sync_pipeline.sources.klaviyo.errors import (
    KlaviyoAnswerMalformedError,
    KlaviyoCursorExpiredError,
    KlaviyoError,
    KlaviyoListEndlessError,
    KlaviyoThrottledError,
    KlaviyoUnavailableError,
    KlaviyoUnreachableError,
)
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

Row = dict[str, Any]
Params = Mapping[str, str | int]

PAGE_SIZE = 100
"""Profiles on a page, at most."""
GROUP_PAGE_SIZE = 10
"""Lists or segments on a page, at most."""

_ACCOUNTS = "accounts"
_ID = re.compile(r"[^\s\"'\\,/?#%\[\]()\x00-\x1f\x7f\ud800-\udfff]{1,200}")
"""What stands for something in an address or a filter is in no id."""
_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_MOST_WALKS = 4
"""So often a list is read from its beginning where places in it expire."""
_MOST_IDLE_PAGES = 1_000
"""Pages in a row that bring nothing new: a service may look for what fits after it has cut its pages."""
_MOST_REPEATS = 5
"""So often the same place in a list leads to itself."""
_SHARE_OF_BURST = 0.9
"""Requests that are sent evenly do not arrive so: a second of Klaviyo's may see some more."""
_OVERLOAD = (KlaviyoThrottledError, KlaviyoUnavailableError, KlaviyoUnreachableError)


@dataclass(frozen=True)
class AccountSettings(HttpSettings):
    """How to reach one account. `source` is its key in the configuration, `share` the part of its limits to use."""

    source: str
    url: str
    revision: str
    share: float
    api_key: str = field(repr=False)


def connect(
    source: KlaviyoSettings,
    *,
    now: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    attempts: int = HttpSettings.attempts,
) -> KlaviyoClient:
    """A client of one account, to be used as a context manager; `now` is the clock by which it dates answers."""
    settings = AccountSettings(
        source=source.key,
        url=source.url,
        revision=source.revision,
        share=source.max_share_of_limit,
        api_key=source.api_key.get_secret_value(),
        verify_tls=source.verify_tls,
        max_requests_per_second=_SHARE_OF_BURST * BURST_PER_SECOND * source.max_share_of_limit,
        use_environment_proxies=source.use_environment_proxies,
        attempts=attempts,
    )
    return KlaviyoClient(settings, now=now, sleep=sleep, clock=clock)


class KlaviyoClient(ServerClient):
    """Reads an account. Thread-safe; to be used as a context manager.

    The key goes in a header. Transient failures are repeated with back-off, and all requests together keep to the share
    of the account's limits, see `allowance.Allowance`.
    """

    def __init__(
        self,
        settings: AccountSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        check_authority(
            settings.verify_tls, source=settings.source, setting="verify_tls", server="the server"
        )
        headers = {"Accept": "application/vnd.api+json", "revision": settings.revision}
        super().__init__(Requester(settings, headers=headers, sleep=sleep, clock=clock, now=now))
        self._clock = clock
        self.now = now
        self._allowance = Allowance(settings.share, sleep=sleep, clock=clock)
        # Limits of its own, which are far lower.
        self._of_accounts = Allowance(settings.share, sleep=sleep, clock=clock)
        self._answer_seconds = array("d")
        self._lock = threading.Lock()
        self.server_time: datetime | None = None
        """The service's own clock (UTC, whole seconds), from the Date header of its newest answer."""

    @property
    def has_room(self) -> bool:
        """Whether the limits of the account let a request go at once, as far as it is known."""
        return self._allowance.has_room

    def statistics(self) -> RequestStatistics:
        """The requests made so far and the times of their answers."""
        with self._lock:
            return RequestStatistics.of(requests=self.requests_made, seconds=self._answer_seconds)

    def failed(self, kind: type[KlaviyoError], *, tried: str, got: str) -> KlaviyoError:
        """The error for what came back."""
        return kind(source=self.settings.source, tried=tried, got=got)

    def get(self, path: str, params: Params) -> list[Row]:
        """The rows of one page, for example of `profiles` (below `/api/`). Raises KlaviyoError."""
        return self._rows(path, self._document(path, params))

    def pages(self, path: str, params: Params) -> Iterator[list[Row]]:
        """All rows of a list, page by page, no row with an id twice. Rows without an id come as they are.

        Where the place in the list has expired it is read from its beginning. Raises KlaviyoError.
        """
        seen: set[str] = set()
        for walk in range(1, _MOST_WALKS + 1):
            try:
                for rows in self._walk(path, params):
                    new = [row for row in rows if (row_id := id_of(row)) is None or row_id not in seen]
                    seen.update(row_id for row in new if (row_id := id_of(row)) is not None)
                    yield new
                return
            except KlaviyoCursorExpiredError:
                if walk == _MOST_WALKS:
                    raise

    def _walk(self, path: str, params: Params) -> Iterator[list[Row]]:
        ids: set[str | None] = set()
        asked: Counter[tuple[tuple[str, str | int], ...]] = Counter()
        following, idle = params, 0
        while True:
            place = tuple(following.items())
            asked[place] += 1
            rows, following = self._page(path, following)
            known = len(ids)
            ids.update(map(id_of, rows))
            idle = 0 if len(ids) > known else idle + 1
            yield rows
            if not following:
                return
            if idle >= _MOST_IDLE_PAGES or asked[place] >= _MOST_REPEATS:
                got = f"{idle:,} pages with nothing new, and no end"
                raise self.failed(KlaviyoListEndlessError, tried=f"GET {path}", got=got)
            # What was asked for stays, whatever the address of the next page leaves out.
            following = {**params, **following}

    def _page(self, path: str, params: Params) -> tuple[list[Row], Params]:
        """Rows, and the parameters of the next page, none where there is none."""
        document = self._document(path, params)
        rows, links = self._rows(path, document), document.get("links")
        link = links.get("next") if isinstance(links, dict) else None
        following = _parameters(link)
        is_full = len(rows) >= int(params.get("page[size]", PAGE_SIZE))
        if (link and not following) or (is_full and not isinstance(links, dict)):
            # Perhaps it was cut: it must not be taken for the last one.
            got = "a next page without its place"
            raise self.failed(KlaviyoAnswerMalformedError, tried=f"GET {path}", got=got)
        return rows, following

    def _document(self, path: str, params: Params) -> Row:
        return tried_again(
            lambda: self._ask_once(path, params),
            pace=self._requester.pace,
            attempts=self.settings.attempts,
            first_backoff=self.settings.backoff,
            overload=_OVERLOAD,
        )

    def _rows(self, path: str, document: Row) -> list[Row]:
        rows = document.get("data")
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
        got = "something else where a list of objects was due"
        raise self.failed(KlaviyoAnswerMalformedError, tried=f"GET {path}", got=got)

    def _ask_once(self, path: str, params: Params) -> Row:
        source, tried = self.settings.source, f"GET {path}"
        allowance = self._of_accounts if path == _ACCOUNTS else self._allowance
        allowance.take()
        told: Told | None = None
        try:
            began = self._clock()
            answer = self._requester.send(
                "GET",
                f"{self.settings.url.rstrip('/')}/api/{path}",
                query=[(name, str(value)) for name, value in params.items()],
                auth=self._sign,
            )
            if isinstance(answer, Interruption):
                raise failure_of_interruption(answer, OF_INTERRUPTIONS, source=source, tried=tried)
            with self._lock:
                self._answer_seconds.append(self._clock() - began)
                self.server_time = _believable(date_of_answer(answer.headers)) or self.server_time
            told = Told(answer.status, answer.headers)
            return read_answer(answer, source=source, tried=tried)
        finally:
            allowance.give_back(told)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Klaviyo-API-Key {self.settings.api_key}"
        return request


def id_of(row: Row) -> str | None:
    """The id of a row; None where it has none that can be used in a filter and kept."""
    found = row.get("id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _believable(moment: datetime | None) -> datetime | None:
    """A time that a clock may show; a header may claim any year that there is."""
    return moment if moment is not None and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _parameters(link: object) -> Params:
    """The parameters out of the address of a next page, of which nothing else is believed."""
    if not isinstance(link, str):
        return {}
    try:
        return dict(parse_qsl(urlsplit(link).query))
    except ValueError:
        return {}
