"""Histories of an account that is read while people change, merge, vanish and come.

By hand, as many as one likes: python -m woo_sync_pipeline_tests.sources.klaviyo.walk_histories --histories 20000
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData, Rate
from woo_sync_pipeline.sources.klaviyo.client import connect
from woo_sync_pipeline.sources.klaviyo.profile_reader import ProfileReader
from woo_sync_pipeline.sources.klaviyo.profiles import PROFILE_FIELDS, Profiles, profile_cells, settings_text
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

OVERLAP = timedelta(minutes=5)
PEOPLE, PAGE = 30, 8
"""Small pages, so that there are many borders between them."""


class History:
    """One account, read by turns as a whole and by what changed, and what a reader that stores all of it knows."""

    def __init__(self, server: DemoKlaviyo, seed: int) -> None:
        self.server, self.data = server, server.data
        self.random = random.Random(seed)
        self.now = datetime(2026, 11, 2, tzinfo=UTC)
        self.data.clock = lambda: self.now
        self.data.keeps_fractions = self.random.random() < 0.5
        self.known: dict[str, str] = {}
        self.read_until: datetime | None = None
        self.source = KlaviyoSettings.model_validate(
            {
                "name": "Klaviyo",
                "key": "klaviyo",
                "url": server.url,
                "api_key": self.data.keys[0].secret,
                "start_date": date(2026, 11, 1),
                "default_region": "AU",
                "max_share_of_limit": 1,
            }
        )
        for _ in range(PEOPLE):
            self._come()

    def live_through(self) -> None:
        """A complete reading, one of what changed, both while people are busy; then a quiet one of each."""
        self.server.on_request = self._something_happens
        self._read(whole=True)
        self._something_happens()
        self._read(whole=False)
        self.server.on_request = None
        self.now += timedelta(minutes=1)
        self._read(whole=False)
        assert self._of_the_present(self.known) == self._truth(), "who is there is known as he is"
        self._read(whole=True)
        assert self.known == self._truth(), "who is gone is known to be gone"

    def _read(self, *, whole: bool) -> None:
        with connect(self.source, sleep=lambda _: None) as client:
            reader = ProfileReader(client, self.source, self.known, now=lambda: self.now)
            until = reader.server_now()
            if whole:
                found = reader.all()
            else:
                assert self.read_until is not None
                found = reader.changed(self.read_until - OVERLAP, until)
        self._store(found)
        self.read_until = until

    def _store(self, found: Profiles) -> None:
        rows = found.changed.to_pylist()
        ids = [row["record_id"] for row in rows]
        assert len(ids) == len(set(ids)), "nobody comes twice"
        present = set(self.data.profiles)
        assert not found.gone & present, "who is there is not taken for gone"
        self.known.update({row["record_id"]: row["hash"] for row in rows})
        for profile_id in found.gone:
            del self.known[profile_id]

    def _truth(self) -> dict[str, str]:
        settings, found = settings_text(self.source), {}
        for profile in self.data.profiles.values():
            row = {
                "id": profile.id,
                "attributes": {
                    "created": profile.created.isoformat(),
                    "phone_number": profile.phone_number,
                    "first_name": profile.first_name,
                    "subscriptions": profile.subscriptions,
                },
            }
            cells = profile_cells(row, settings)
            assert cells is not None
            found[profile.id] = str(cells["hash"])
        return found

    def _of_the_present(self, known: dict[str, str]) -> dict[str, str]:
        return {
            profile_id: digest for profile_id, digest in known.items() if profile_id in self.data.profiles
        }

    def _something_happens(self, _path: str = "") -> None:
        self.now += timedelta(milliseconds=self.random.choice((1, 400, 1_000, 7_000)))
        for _ in range(self.random.randrange(5)):
            self.random.choice(self._events)()

    @property
    def _events(self) -> tuple[Callable[[], object], ...]:
        return (self._come, self._change, self._change, self._subscribe, self._leave, self._merge)

    def _anybody(self) -> str:
        return self.random.choice(list(self.data.profiles))

    def _come(self) -> None:
        self.data.add_profile(phone_number=self._phone(), first_name="Ann")

    def _change(self) -> None:
        self.data.change_profile(self._anybody(), first_name=f"Ann {self.random.randrange(1_000)}")

    def _subscribe(self) -> None:
        self.random.choice((self.data.subscribe_sms, self.data.unsubscribe_sms))(self._anybody())

    def _leave(self) -> None:
        if len(self.data.profiles) > PEOPLE // 2:
            self.data.delete_profile(self._anybody())

    def _merge(self) -> None:
        one, other = self._anybody(), self._anybody()
        if one != other:
            self.data.merge_profiles(one, into=other)

    def _phone(self) -> str:
        return f"+614{self.random.randrange(10**8):08}"


def live_through(seeds: range) -> None:
    """The histories of these seeds, each on an account of its own."""
    data = KlaviyoData()
    with DemoKlaviyo(data) as server, patch.dict(PROFILE_FIELDS, {"page[size]": PAGE}):
        server.limits.rates["reads"] = Rate(burst=1_000_000, steady=100_000_000)
        data.add_key()
        for seed in seeds:
            for profile_id in list(data.profiles):
                data.delete_profile(profile_id)
            try:
                History(server, seed).live_through()
            except AssertionError as error:
                raise AssertionError(f"history {seed}: {error}") from error
            server.requests.clear()


def main() -> None:
    """Live through as many histories as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--first-seed", type=int, default=1)
    asked = parser.parse_args()
    live_through(range(asked.first_seed, asked.first_seed + asked.histories))
    sys.stdout.write(
        f"{asked.histories:,} histories: nobody missed, nobody doubled, nobody gone who is there\n"
    )


if __name__ == "__main__":
    main()
