"""Walks through profiles: complete whatever changes meanwhile."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from woo_sync_pipeline.sources.klaviyo.errors import (
    KlaviyoAnswerMalformedError,
    KlaviyoCursorExpiredError,
    KlaviyoListEndlessError,
)
from woo_sync_pipeline.sources.klaviyo.profile_reader import ProfileReader
from woo_sync_pipeline.sources.klaviyo.profiles import Profiles
from woo_sync_pipeline_tests.sources.klaviyo.conftest import Account
from woo_sync_pipeline_tests.sources.klaviyo.walk_histories import live_through

HISTORIES = 500


def test_histories_of_busy_accounts_miss_nobody_and_double_nobody() -> None:
    live_through(range(HISTORIES))


def read_all(account: Account, known: dict[str, str] | None = None) -> Profiles:
    with account.client() as client:
        return ProfileReader(client, account.source(), known or {}, now=lambda: datetime.now(UTC)).all()


def expire_before_page(account: Account, *pages: int) -> None:
    """Let the place in the list be expired when these requests come, counted from 1."""
    requests = itertools.count(1)

    def expire(_path: str) -> None:
        if next(requests) in pages:
            account.server.faults.next("expired_cursor")

    account.server.on_request = expire


def test_a_known_profile_that_the_walk_lacks_is_asked_for_before_it_is_gone(account: Account) -> None:
    there = [account.data.add_profile(first_name="Ann") for _ in range(3)]
    known = {**dict.fromkeys(there, "old"), "01GONE": "old", "01GONE2": "old"}
    found = read_all(account, known)
    assert found.gone == {"01GONE", "01GONE2"}
    asked = [query["filter"] for query in account.asked() if "filter" in query]
    assert asked == ['any(id,["01GONE","01GONE2"])'] * 2


def test_an_account_that_shows_nobody_is_not_empty(account: Account) -> None:
    with pytest.raises(KlaviyoAnswerMalformedError, match="2 profiles are known"):
        read_all(account, {"a": "1", "b": "2"})
    assert read_all(account).read == 0


def test_places_that_expire_begin_the_walk_anew(account: Account) -> None:
    people = {account.data.add_profile(first_name="Ann") for _ in range(250)}
    expire_before_page(account, 2, 5)
    found = read_all(account)
    assert (found.read, found.ids) == (250, people)
    assert len(account.server.requests) == 1 + 1 + 2 + 1 + 3


def test_a_walk_whose_places_expire_for_ever_ends_with_a_named_error(account: Account) -> None:
    for _ in range(150):
        account.data.add_profile(first_name="Ann")
    account.data.cursor_lifetime = timedelta(seconds=-1)
    with pytest.raises(KlaviyoCursorExpiredError):
        read_all(account)


def test_an_empty_page_with_a_next_one_is_not_the_end(account: Account) -> None:
    people = {account.data.add_profile(first_name="Ann") for _ in range(150)}
    account.server.faults.next("empty_page", times=2)
    assert read_all(account).ids == people


def test_a_next_page_on_another_host_is_asked_for_at_home(account: Account) -> None:
    people = {account.data.add_profile(first_name="Ann") for _ in range(150)}
    account.server.faults.next("foreign_next")
    assert read_all(account).ids == people


def test_pages_without_an_end_end(account: Account) -> None:
    account.data.add_profile(first_name="Ann")
    account.server.faults.down = "empty_page"
    with pytest.raises(KlaviyoListEndlessError, match="and no end"):
        read_all(account)
