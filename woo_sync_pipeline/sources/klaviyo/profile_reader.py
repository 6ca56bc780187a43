"""Walks through the profiles of an account: all of them, or those that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from woo_sync_pipeline.sources.klaviyo.client import PAGE_SIZE, KlaviyoClient, Row, id_of
from woo_sync_pipeline.sources.klaviyo.errors import (
    KlaviyoAnswerMalformedError,
    KlaviyoRecordMissingError,
    KlaviyoRequestRefusedError,
)
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE_FIELDS, Profiles, changed_within
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

OVERLAP = timedelta(minutes=5)
"""Windows overlap by this much: a change may be shown a while after it is dated."""

_QUOTES = ('"', "'")
"""Around texts in filters: Klaviyo's pages show both."""


class ProfileReader:
    """Reads profiles, and compares them with those that are known, by hashes by id. All methods raise KlaviyoError.

    `now` dates what is read, by our clock; `progress` is told how many more rows were read.
    """

    def __init__(
        self,
        client: KlaviyoClient,
        source: KlaviyoSettings,
        known: Mapping[str, str],
        *,
        now: Callable[[], datetime],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._now = now
        self._progress = progress
        self._found = Profiles(source, known)

    def server_now(self) -> datetime:
        """The present time by the clock of the service, which dates profiles; in whole seconds, cut off."""
        self._client.get("profiles", {"fields[profile]": "updated", "page[size]": 1})
        return self._client.server_time or self._now()

    def all(self) -> Profiles:
        """All profiles, and which of the known ones are gone.

        They are read in the order of their ids: whatever changes meanwhile, each comes once. A known one that did not
        come is asked for by its id before it is taken for gone.
        """
        found = self._found
        for rows in self._client.pages("profiles", {**PROFILE_FIELDS, "sort": "id"}):
            self._add(rows)
        if found.read and found.without_subscriptions == found.read:
            raise self._client.failed(
                KlaviyoAnswerMalformedError,
                tried="read all profiles",
                got="no subscriptions of anybody where a list of objects was due that has them",
            )
        if found.known and not found.read:
            raise self._client.failed(
                KlaviyoAnswerMalformedError,
                tried="read all profiles",
                got="an empty list where a list of objects was due: of this account "
                f"{len(found.known):,} profiles are known",
            )
        missing = found.known.keys() - found.ids
        # Twice, for an answer may come in part only.
        found.missing_were_asked_for = all(self._ask_for(sorted(missing - found.ids)) for _ in range(2))
        # Perhaps it is those whose id cannot be read who seem to be gone.
        if found.missing_were_asked_for and not found.unreadable:
            found.gone = frozenset(missing - found.ids)
        return found

    def knows_the_account(self, sample: int = PAGE_SIZE) -> bool:
        """Whether any of the known profiles is there, or nobody is known; of many a hundred are asked for."""
        known = sorted(self._found.known)
        chosen = known[:: max(1, len(known) // sample)][:sample]
        try:
            return not chosen or bool(self._by_ids(chosen))
        except (KlaviyoRequestRefusedError, KlaviyoRecordMissingError):
            return True

    def _ask_for(self, ids: Sequence[str]) -> bool:
        """Take those of these profiles that are there; false where Klaviyo does not let them be asked for."""
        try:
            for at in range(0, len(ids), PAGE_SIZE):
                self._add(self._by_ids(ids[at : at + PAGE_SIZE]))
        except (KlaviyoRequestRefusedError, KlaviyoRecordMissingError):
            return False
        return True

    def changed(self, since: datetime, until: datetime) -> Profiles:
        """The profiles that changed since then, by the clock of the service, up to the second of `until`.

        That second may still be under way: the next window has to begin before it.
        """
        within = changed_within(since, until + timedelta(seconds=1))
        for rows in self._client.pages("profiles", {**PROFILE_FIELDS, "filter": within, "sort": "updated"}):
            self._add(rows)
        return self._found

    def _add(self, rows: Sequence[Row]) -> None:
        self._found.add(rows, self._now())
        self._progress(len(rows))

    def _by_ids(self, ids: Sequence[str]) -> list[Row]:
        for quote in _QUOTES:
            listed = ",".join(f"{quote}{profile_id}{quote}" for profile_id in ids)
            try:
                pages = self._client.pages("profiles", {**PROFILE_FIELDS, "filter": f"any(id,[{listed}])"})
                # A merged profile may answer under another id, which the walk has met.
                return [row for rows in pages for row in rows if id_of(row) in ids]
            except KlaviyoRequestRefusedError:
                if quote == _QUOTES[-1]:
                    raise
        return []
