"""Answers that no description provides for: nothing is concluded from them, and nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from woo_sync_pipeline.sources.klaviyo.client import KlaviyoClient, id_of
from woo_sync_pipeline.sources.klaviyo.errors import KlaviyoAnswerMalformedError
from woo_sync_pipeline.sources.klaviyo.groups import Group, all_groups, members
from woo_sync_pipeline.sources.klaviyo.profile_reader import ProfileReader
from woo_sync_pipeline_tests.sources.klaviyo.conftest import Account
from woo_sync_pipeline_tests.sources.woocommerce.loopback import LoopbackStore, Reply, Request

Answer = Callable[[Request], Any]
NEWS = Group("list", "News01", "News")


def asking(account: Account, answer: Answer) -> KlaviyoClient:
    """A client of a service that answers as it likes."""
    server = LoopbackStore(lambda request: Reply(body=json.dumps(answer(request)).encode()))
    return account.client(url=account.beside.enter_context(server).url)


def page(*rows: Any, **links: Any) -> dict[str, Any]:
    return {"data": list(rows), "links": {"self": "", **links}}


def profile(profile_id: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": "profile", "id": profile_id, "attributes": {"subscriptions": None, **attributes}}


@pytest.mark.parametrize(
    "row_id", [7, None, "", "a b", "a\x00", "\ud800", 'a"b', "a'b", "a/b", "a,b", "x" * 201, ["a"]]
)
def test_an_id_that_cannot_be_kept_or_asked_for_is_none(row_id: Any) -> None:
    assert id_of({"id": row_id}) is None


def test_a_full_page_without_links_is_not_the_last_one(account: Account) -> None:
    rows = [profile(f"01A{number}") for number in range(100)]
    with asking(account, lambda _: {"data": rows}) as client, pytest.raises(KlaviyoAnswerMalformedError):
        list(client.pages("profiles", {"page[size]": 100}))


def test_members_that_cannot_be_read_are_noticed(account: Account) -> None:
    with asking(account, lambda _: page(profile("01A"), profile(7))) as client:
        found = members(client, NEWS)
    assert found is not None
    assert (found.ids, found.are_readable) == ({"01A"}, False)


@pytest.mark.parametrize(
    "row", [{"id": 7, "attributes": {}}, {"id": "a"}, {"id": "..", "attributes": {}}, {}]
)
def test_a_group_that_cannot_be_read_is_not_listed(account: Account, row: dict[str, Any]) -> None:
    with asking(account, lambda _: page(row, {"id": "b", "attributes": {"name": "B"}})) as client:
        assert [group.group_id for group in all_groups(client, "list")] == ["b"]


@pytest.mark.parametrize("is_processing", [True, "true", 1, "yes"])
def test_whatever_is_not_false_is_being_processed(account: Account, is_processing: Any) -> None:
    row = {"id": "a", "attributes": {"name": "A", "is_processing": is_processing}}
    with asking(account, lambda _: page(row)) as client:
        (group,) = all_groups(client, "segment")
    assert group.is_processing


def test_a_merged_profile_that_answers_under_another_id_comes_once(account: Account) -> None:
    survivor = profile("01B", first_name="Bo")
    with asking(account, lambda _: page(survivor)) as client:
        reader = ProfileReader(client, account.source(), {"01A": "1"}, now=lambda: datetime.now(UTC))
        found = reader.all()
    assert found.changed.column("record_id").to_pylist() == ["01B"]
    assert found.gone == {"01A"}


def test_an_answer_to_ids_that_comes_in_part_is_asked_for_again(account: Account) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Any:
        if "filter" not in request.query:
            return page(profile("01A"))
        asked.append(request.query["filter"])
        return page(profile("01B") if len(asked) == 1 else profile("01C"))

    known = dict.fromkeys(("01A", "01B", "01C", "01D"), "old")
    with asking(account, answer) as client:
        found = ProfileReader(client, account.source(), known, now=lambda: datetime.now(UTC)).all()
    assert found.gone == {"01D"}


def test_a_service_that_lets_nobody_be_asked_for_takes_nobody_for_gone(account: Account) -> None:
    account.data.add_profile(first_name="Ann")

    def answer(request: Request) -> Reply:
        if "filter" in request.query:
            return Reply(status=404, body=b"{}")
        return Reply(body=json.dumps(page(profile("01A"))).encode())

    server = account.beside.enter_context(LoopbackStore(answer))
    with account.client(url=server.url) as client:
        reader = ProfileReader(client, account.source(), {"01B": "1"}, now=lambda: datetime.now(UTC))
        found = reader.all()
    assert (found.gone, found.missing_were_asked_for) == (frozenset(), False)


def test_nobody_s_subscriptions_are_no_reading(account: Account) -> None:
    row = {"type": "profile", "id": "01A", "attributes": {"first_name": "Ann"}}
    with asking(account, lambda _: page(row)) as client:
        reader = ProfileReader(client, account.source(), {}, now=lambda: datetime.now(UTC))
        with pytest.raises(KlaviyoAnswerMalformedError, match="no subscriptions of anybody"):
            reader.all()


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "now"])
def test_a_clock_that_shows_no_believable_year_is_not_believed(account: Account, date: str) -> None:
    body = json.dumps(page(profile("01A"))).encode()
    server = LoopbackStore(
        lambda _: Reply(body=body, headers={"Date": date, "Content-Type": "application/json"})
    )
    with account.client(url=account.beside.enter_context(server).url) as client:
        now = datetime.now(UTC)
        reader = ProfileReader(client, account.source(), {}, now=lambda: now)
        assert reader.server_now() == now
