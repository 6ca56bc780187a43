"""What tests of the demo Klaviyo share: an account whose clock is stopped, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from woo_sync_pipeline.demo.klaviyo import ApiKey, DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.state import NEWEST_REVISION

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment

    def tick(self, seconds: float = 1) -> None:
        self.moment += timedelta(seconds=seconds)


def stopped_account(**options: Any) -> tuple[KlaviyoData, Clock]:
    """An account with one key that may read everything, at noon."""
    data, clock = KlaviyoData(**options), Clock()
    data.clock = clock
    data.add_key()
    return data, clock


@dataclass(frozen=True)
class Asker:
    """Asks one account with one key, without waiting for anything."""

    server: DemoKlaviyo
    key: ApiKey
    revision: str = NEWEST_REVISION

    def get(self, address: str, **params: object) -> requests.Response:
        """One answer. An address that begins with a slash is below `/api`; any other is taken as it is."""
        url = f"{self.server.url}/api{address}" if address.startswith("/") else address
        headers = {"Authorization": f"Klaviyo-API-Key {self.key.secret}", "revision": self.revision}
        shown = {name: str(value) for name, value in params.items()}
        return requests.get(url, params=shown, headers=headers, timeout=10)

    def rows(self, address: str, **params: object) -> list[dict[str, Any]]:
        """The resources of one answer, which must be a good one."""
        answer = self.get(address, **params)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    def ids(self, address: str, **params: object) -> list[str]:
        """The ids of one page."""
        return [row["id"] for row in self.rows(address, **params)]

    def pages(self, address: str, **params: object) -> Iterator[list[str]]:
        """The ids of page after page, by the next links."""
        answer = self.get(address, **params).json()
        yield [row["id"] for row in answer["data"]]
        while next_link := answer["links"].get("next"):
            answer = self.get(next_link).json()
            yield [row["id"] for row in answer["data"]]

    def walk(self, address: str, **params: object) -> list[str]:
        """All ids of a walk."""
        return [each for page in self.pages(address, **params) for each in page]

    def error(self, address: str, status: int, **params: object) -> dict[str, Any]:
        """The one error of an answer with this status."""
        answer = self.get(address, **params)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/vnd.api+json"
        (error,) = answer.json()["errors"]
        assert error["status"] == status
        return dict(error)
