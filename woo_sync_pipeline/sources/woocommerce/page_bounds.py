"""What ends a walk through a list that would go on for ever."""

from __future__ import annotations

import math

from woo_sync_pipeline.sources.woocommerce.client import Attempt, Page
from woo_sync_pipeline.sources.woocommerce.errors import StoreFilterIgnoredError, StoreListEndlessError

_PAGES_BEYOND = 1000
_MOST_PAGES_UNCOUNTED = 50_000
"""Of a store that does not count its rows."""


class PageBound:
    """Ends a walk that would go on for ever: more pages than twice what its list could need, and a thousand."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._pages = 0
        self._total: int | None = None

    def count(self, page: Page, reach: int) -> None:
        """One more page was read. Raises StoreListEndlessError beyond twice what the first one promised."""
        self._pages += 1
        if self._pages == 1:
            self._total = page.total
        if self._pages <= _PAGES_BEYOND:
            return
        needed = None if self._total is None else math.ceil(self._total / (reach - 1))
        most = _MOST_PAGES_UNCOUNTED if needed is None else 2 * needed + _PAGES_BEYOND
        if self._pages > most:
            rows = "uncounted" if self._total is None else f"{self._total:,}"
            got = f"{self._pages:,} pages of a list of {rows} rows, and no end"
            raise self._attempt.failed(StoreListEndlessError, got)


class Repetition:
    """Ends a walk whose pages do not depend on the offset: a cache, or a plugin, ignores it.

    Rows that enter a list or leave it while it is read can move a page to where another was, but not so often in a row.
    """

    _MOST = 5

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._offset, self._places, self._times = -1, [0], 0

    def note(self, offset: int, places: list[int], *, is_full: bool) -> None:
        """One more page was read. Raises StoreFilterIgnoredError when the same full one comes again and again."""
        is_same = is_full and places == self._places and offset > self._offset
        self._times = self._times + 1 if is_same else 0
        self._offset, self._places = offset, places
        if self._times >= self._MOST:
            raise self._attempt.failed(StoreFilterIgnoredError, "the same page whatever the offset")
