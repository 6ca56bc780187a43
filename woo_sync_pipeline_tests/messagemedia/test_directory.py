"""Which phones the directory holds, asked in as few requests as possible."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.demo.platform.paging import Pager
from woo_sync_pipeline.messagemedia.client import PlatformClient, requests_by_phone
from woo_sync_pipeline.messagemedia.directory import is_walk_cheaper, phones_nobody_holds, subscription_states
from woo_sync_pipeline.messagemedia.errors import RequestRejected
from woo_sync_pipeline.messagemedia.settings import PlatformSettings


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    with PlatformClient(PlatformSettings(platform.url, platform.api_key, platform.api_secret)) as opened:
        yield opened


def phones(count: int, start: int = 0) -> list[str]:
    return [f"+614{number:08d}" for number in range(start, start + count)]


def fill(platform: DemoPlatform, wanted: list[str]) -> None:
    for phone in wanted:
        platform.directory.add_contact(phone)


@pytest.mark.parametrize("count", [1, 146, 147, 500, 2000])
def test_the_requests_by_phone_are_known_in_advance(
    platform: DemoPlatform, client: PlatformClient, count: int
) -> None:
    wanted = phones(count)
    client.contacts_by_phone(wanted)
    assert len(platform.requests) == requests_by_phone(wanted)


def test_into_an_empty_account_one_request_is_enough(platform: DemoPlatform, client: PlatformClient) -> None:
    wanted = phones(20_000)
    assert phones_nobody_holds(client, wanted) == set(wanted)
    assert len(platform.requests) == 1


def test_few_phones_are_not_worth_a_look(platform: DemoPlatform, client: PlatformClient) -> None:
    assert phones_nobody_holds(client, phones(400)) == set()
    assert len(platform.requests) == 0


def test_a_directory_of_others_is_walked_to_its_end(platform: DemoPlatform, client: PlatformClient) -> None:
    wanted, theirs = phones(2000), phones(2500, start=10_000)
    fill(platform, [*theirs, *wanted[:30]])
    assert phones_nobody_holds(client, wanted) == set(wanted[30:])
    assert len(platform.requests) == 3


def test_a_phone_held_for_another_channel_is_held(platform: DemoPlatform, client: PlatformClient) -> None:
    wanted = phones(1000)
    platform.directory.add_contact(
        "+61400999999", channels=[("WHATSAPP", wanted[5], "UNSUBSCRIBED"), ("GBM", wanted[6], "SUBSCRIBED")]
    )
    assert phones_nobody_holds(client, wanted) == {*wanted[:5], *wanted[7:]}


def test_a_directory_too_large_for_the_phones_is_left_after_its_first_page(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    fill(platform, phones(7000, start=10_000))
    assert phones_nobody_holds(client, phones(600)) == set()
    assert len(platform.requests) == 1


def test_a_directory_that_holds_most_of_the_phones_is_left_early(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    fill(platform, phones(4000))
    assert phones_nobody_holds(client, phones(4200)) == set()
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    ("by_phone", "known", "walk"),
    [
        # A million new contacts into an empty account, or into one with as many of other people.
        (6850, {"phones": 1_000_000, "total": 0, "seen": 0, "met": 0}, True),
        (6850, {"phones": 1_000_000, "total": 1_000_000, "seen": 1000, "met": 0}, True),
        # Half of what was seen so far are ours: half of the phones would be asked for again.
        (6850, {"phones": 1_000_000, "total": 1_000_000, "seen": 1000, "met": 500}, True),
        (6850, {"phones": 1_000_000, "total": 1_000_000, "seen": 1000, "met": 900}, False),
        # Few phones, large directory.
        (7, {"phones": 1000, "total": 100_000, "seen": 1000, "met": 0}, False),
        (7, {"phones": 1000, "total": 8000, "seen": 1000, "met": 0}, True),
        # At the end of the walk nothing can be saved any more.
        (7, {"phones": 1000, "total": 1000, "seen": 1000, "met": 1000}, True),
        # The directory has shrunk meanwhile.
        (7, {"phones": 1000, "total": 900, "seen": 1000, "met": 10}, True),
    ],
)
def test_a_walk_goes_on_while_it_saves_requests(by_phone: int, known: dict[str, int], walk: bool) -> None:
    assert is_walk_cheaper(by_phone, **known) is walk


@given(
    phones_wanted=st.integers(600, 10**6), total=st.integers(0, 10**6), share=st.floats(0, 1), data=st.data()
)
def test_a_walk_to_the_end_never_costs_more_than_asking_for_all_phones(
    phones_wanted: int, total: int, share: float, data: st.DataObject
) -> None:
    by_phone = -(-phones_wanted // 146)
    met_in_all = int(min(phones_wanted, total) * share)
    seen = min(1000, total)
    # The first page is like the others.
    met = round(met_in_all * seen / total) if total else 0
    if is_walk_cheaper(by_phone, phones=phones_wanted, total=total, seen=seen, met=met):
        pages = -(-total // 1000)
        cost = pages + -(-met_in_all // 146)
        # One request for the first look, one half filled, and what rounding makes of the first page's share.
        assert cost <= by_phone + 2 + 0.5 * total / 1000 / 146


def break_tokens(platform: DemoPlatform, times: int) -> list[int]:
    """Let the first so many page tokens be refused; returns what was done so far."""
    broken: list[int] = []

    def hook(method: str, path: str) -> None:
        del method, path
        if platform.requests.entries and len(broken) < times:
            broken.append(len(platform.requests))
            platform._account.pager = Pager()

    platform.on_request = hook
    return broken


def test_a_walk_whose_token_is_refused_begins_anew(platform: DemoPlatform, client: PlatformClient) -> None:
    wanted, theirs = phones(2000), phones(2500, start=10_000)
    fill(platform, [*theirs, *wanted[:30]])
    assert break_tokens(platform, times=1) == []
    assert phones_nobody_holds(client, wanted) == set(wanted[30:])
    assert len(platform.requests) == 1 + 1 + 3


def test_a_directory_that_refuses_all_its_tokens_stops_nobody(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    fill(platform, phones(2500))
    break_tokens(platform, times=100)
    assert phones_nobody_holds(client, phones(2000, start=10_000)) == set()
    *pages, last = subscription_states(client)
    assert {(len(page.states), page.is_readable) for page in pages} == {(1000, True)}
    assert (len(last.states), last.is_readable) == (0, False)
    with pytest.raises(RequestRejected):
        list(client.contact_pages())
