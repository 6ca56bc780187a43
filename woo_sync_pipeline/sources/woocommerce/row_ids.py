"""The ids of rows: what a page is joined by, and what a record is known by.

Two kinds of rows have none. WooCommerce selects the ids of a page first and loads the customers after that: one who is
deleted in between comes as a row of id 0 with empty fields, and is gone. And plugins may show an id that is no number:
somebody is behind it, nobody can tell who.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline.sources.woocommerce.client import Attempt, Page, Row
from woo_sync_pipeline.sources.woocommerce.errors import StoreAnswerMalformedError
from woo_sync_pipeline.sources.woocommerce.fields import part
from woo_sync_pipeline.sources.woocommerce.values import kind_of_number, whole_number

_MOST_LOOKS = 3
"""So often a page is read for it to come without rows of deleted customers."""

_MOST_TOLD = 1_000
"""Rows that are described one by one; a store of which more cannot be read has one trouble, not a thousand."""

_log = logging.getLogger(__name__)


class UnreadableRow(NamedTuple):
    """A row as it may be shown. `id_is`: what stands in place of its id, never the value itself."""

    id_is: str
    phone_masked: str


class LeftOut:
    """Rows that a walk left out because their id cannot be read; thread-safe. The first one is warned of.

    None of them is known to be gone: look at `count` before concluding anything from who is missing. `told` are the
    first thousand as they may be shown.
    """

    def __init__(self) -> None:
        self.told: list[UnreadableRow] = []
        self._rows: set[int] = set()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many there were. A row that came twice, since pages overlap, counts once."""
        return len(self._rows)

    def note(self, row: Row, attempt: Attempt) -> None:
        """One more was left out."""
        with self._lock:
            is_first = not self._rows
            # No id tells one from another, so the whole row does.
            content = hash(repr(row))
            if content not in self._rows and len(self.told) < _MOST_TOLD:
                self.told.append(_as_shown(row))
            self._rows.add(content)
        if is_first:
            about = f"{attempt.source}: {attempt.tried}"
            _log.warning("%s: rows whose id is no number of at most 64 bits are left out", about)


def _as_shown(row: Row) -> UnreadableRow:
    phone = part(row, "billing").get("phone") or part(row, "shipping").get("phone")
    return UnreadableRow(
        kind_of_number(row["id"]) if "id" in row else "missing",
        mask_phone(str(phone)) if isinstance(phone, str | int) else "",
    )


def row_id(row: Row) -> int | None:
    """The id of a row, 0 for a deleted customer's; None when it cannot be read."""
    number = whole_number(row.get("id"))
    return number if number is not None and number >= 0 else None


def with_ids(rows: list[Row], attempt: Attempt, *, left_out: LeftOut | None) -> list[Row]:
    """The rows that have an id, which is an int, in order; of neighbours with the same id the first.

    Plugins that join tables repeat rows. Those whose id cannot be read go to `left_out`; without it they raise
    StoreAnswerMalformedError.
    """
    found: list[Row] = []
    for row in rows:
        number = row_id(row)
        if number is None:
            if left_out is None:
                raise attempt.failed(StoreAnswerMalformedError, "a row without an integer id")
            left_out.note(row, attempt)
        elif number > 0 and not (found and found[-1]["id"] == number):
            found.append(row if type(row["id"]) is int else {**row, "id": number})
    return found


def settled(fetch: Callable[[], Page]) -> Page:
    """Read a page again while rows of deleted customers are in it: then others have taken their places.

    Where they stay, the page has them still.
    """
    page = fetch()
    for _ in range(_MOST_LOOKS - 1):
        if all(row_id(row) != 0 for row in page.rows):
            break
        page = fetch()
    return page
