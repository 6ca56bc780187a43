"""The lists of an account: made when they are missing, and counted when it was us who made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, FaultKind
from woo_sync_pipeline.messagemedia.account import AccountLists
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

LISTS = "/api/v1/contacts/lists"
NAMES = ["WooCommerce", "WooCommerce - Guests", "WooCommerce - VIP"]


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    settings = PlatformSettings(platform.url, platform.api_key, platform.api_secret, backoff=0.01, attempts=3)
    with PlatformClient(settings) as opened:
        yield opened


def test_a_list_counts_as_made_by_who_made_it_and_once(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    platform.directory.store.add_list("woocommerce - vip")
    lists = AccountLists(client)
    lists.ensure(NAMES)
    lists.ensure([*NAMES, "WooCommerce - Sale"])

    assert sorted(lists.made) == ["WooCommerce", "WooCommerce - Guests", "WooCommerce - Sale"]
    assert sorted(platform.directory.list_names()) == [*sorted(lists.made), "woocommerce - vip"]
    again = AccountLists(client)
    assert [each.name for each in again.ensure(NAMES[:2])] == NAMES[:2]
    assert again.made == []


@pytest.mark.parametrize("fault", ["lost_answer", "500_after", "drop", "502"])
def test_a_list_whose_making_was_not_answered_is_made_by_us_all_the_same(
    platform: DemoPlatform, client: PlatformClient, fault: FaultKind
) -> None:
    platform.faults.queue(fault, 1, methods=["POST"], path=LISTS)
    lists = AccountLists(client)
    lists.ensure(NAMES)

    assert platform.faults.happened[fault] == 1
    assert sorted(lists.made) == platform.directory.list_names() == NAMES


def test_a_list_that_somebody_else_makes_meanwhile_is_used_and_not_counted(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    lists = AccountLists(client)
    theirs = platform.directory.store.add_list("WooCommerce")

    assert [each.id for each in lists.ensure(["WooCommerce"])] == [theirs.id]
    assert lists.made == []
