"""Pushes of what is pending in a state to a demo platform, and people to push."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline.state.contacts import pending_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.steps import push as pushing
from woo_sync_pipeline.steps.batches import PushSummary
from woo_sync_pipeline.steps.push import push_pending
from woo_sync_pipeline_tests.state.stored import ANN, Row, at, begin, customer
from woo_sync_pipeline_tests.steps.pushed import Pushed, pushed

CONTACTS, LISTS = "/api/v1/contacts/contacts", "/api/v1/contacts/lists"
EVERYBODY = [f"+6149157{number:04d}" for number in range(5)]


def connect(platform: DemoPlatform, max_concurrency: int = 4) -> PlatformClient:
    settings = PlatformSettings(
        platform.url,
        platform.api_key,
        platform.api_secret,
        backoff=0.01,
        attempts=3,
        max_concurrency=max_concurrency,
    )
    return PlatformClient(settings)


def opted_in(phone: str = ANN, record_id: int = 7, minutes: int = 0, **changes: Any) -> Row:
    return customer(record_id, phone, consent="opted_in", created_at=at(minutes), **changes)


def everybody(**changes: Any) -> list[Row]:
    return [opted_in(phone, number, **changes) for number, phone in enumerate(EVERYBODY, start=1)]


def push(
    database: Database,
    client: PlatformClient,
    *,
    is_sweep: bool = True,
    run_id: str = "run of shop",
    source_name: str = "WooCommerce",
    progress: Callable[[int], None] = lambda _: None,
    act: Callable[..., PushSummary] = push_pending,
) -> Pushed:
    """Push what is pending for a store, as a sweep or a live sync does."""
    begin(database, run_id)
    phones = pending(database, is_sweep=is_sweep, source_name=source_name)
    return pushed(act, database, client, phones, run_id=run_id, progress=progress)


def pending(database: Database, *, is_sweep: bool = True, source_name: str = "WooCommerce") -> list[str]:
    return pending_phones(database, source_name=source_name, touched=[], include_rejected=is_sweep)


def crash_before_settling(
    database: Database, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Push, and end before any answer of the platform is written down."""
    with monkeypatch.context() as patched:
        patched.setattr(pushing, "settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            push(database, client)


def states(platform: DemoPlatform) -> dict[str, str]:
    return {phone: shown["states"]["SMS"] for phone, shown in platform.directory.snapshot().items()}


def creations(platform: DemoPlatform) -> int:
    return sum(
        (each.method, each.path, each.status) == ("POST", CONTACTS, 201) for each in platform.requests.entries
    )


def once(platform: DemoPlatform, method: str, path: str, act: Callable[[], object]) -> list[str]:
    """Let somebody act just before the next such request is carried out; returns the requests that set it off."""
    seen: list[str] = []

    def hook(asked: str, at_path: str) -> None:
        if asked == method and at_path.startswith(path) and not seen:
            seen.append(at_path)
            act()

    platform.on_request = hook
    return seen
