"""Accidents of a Klaviyo account: nobody is taken off a list, and nobody is subscribed, by what it shows once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld
from woo_sync_pipeline_tests.orchestration.test_klaviyo import ANN, BOB, CY, KLAVIYO, NAME, Shop


@pytest.fixture
def shop(make_world: MakeWorld) -> Shop:
    return Shop(make_world)


def once(shop: Shop, path_ends: str, hide: Callable[[], None], show: Callable[[], None]) -> None:
    """Hide something while the first request for a path is answered."""
    answered = []

    def happens(path: str) -> None:
        if path.endswith(path_ends):
            answered.append(path)
        if len(answered) == 1 and path.endswith(path_ends):
            hide()
        else:
            show()

    shop.server.on_request = happens


def newsletter(shop: Shop, *phones: str) -> str:
    group = shop.account.add_list("Newsletter")
    for phone in phones:
        shop.account.join(group, shop.account.add_profile(phone_number=phone))
    shop.sync()
    return group


def test_lists_that_are_not_listed_once_are_asked_for_before_anybody_leaves(shop: Shop) -> None:
    newsletter(shop, ANN, BOB)
    lists = dict(shop.account.lists)

    def hide() -> None:
        shop.account.lists.clear()

    once(shop, "/api/lists", hide, lambda: shop.account.lists.update(lists))
    counts = shop.sync()
    assert shop.lists(ANN) == [NAME, f"{NAME} - Newsletter"]
    assert any("list Newsletter" in text or "list " in text for text in counts["warnings"])
    shop.server.on_request = None
    assert shop.sync()["warnings"] == []
    assert shop.lists(ANN) == [NAME, f"{NAME} - Newsletter"]


def test_members_that_are_not_there_once_have_not_left(shop: Shop) -> None:
    group = newsletter(shop, ANN, BOB)
    members, order = dict(shop.account.members[group]), list(shop.account.members_by_joining[group])

    def hide() -> None:
        shop.account.members[group].clear()
        shop.account.members_by_joining[group].clear()

    def show() -> None:
        shop.account.members[group].update(members)
        shop.account.members_by_joining[group][:] = order

    once(shop, f"{group}/profiles", hide, show)
    shop.sync()
    assert shop.lists(ANN) == [NAME, f"{NAME} - Newsletter"]
    show()
    shop.server.on_request = None
    shop.account.leave(group, *members)
    shop.sync()
    assert shop.lists(ANN) == [NAME]


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize("scope_for_accounts", [True, False])
def test_another_account_behind_the_key_changes_nothing(
    shop: Shop, incremental: bool, scope_for_accounts: bool
) -> None:
    newsletter(shop, ANN, BOB)
    before = shop.world.directory.snapshot()
    shop.account.account = type(shop.account.account)(id="Other1", organization_name="Another")
    for profile_id in list(shop.account.profiles):
        shop.account.delete_profile(profile_id)
    stranger = shop.account.add_profile(phone_number=CY)
    shop.account.subscribe_sms(stranger)
    if not scope_for_accounts:
        key = shop.account.add_key(["profiles:read", "lists:read", "segments:read"])
        shop.world.reconfigure_source(KLAVIYO, api_key=key.secret)
    outcome = shop.world.try_sync(KLAVIYO, incremental=incremental)
    assert "another account than before" in str(outcome.error)
    assert shop.world.directory.snapshot() == before


def test_a_list_that_cannot_be_read_leaves_the_others_and_opt_outs_alone(shop: Shop) -> None:
    group = newsletter(shop, ANN)
    ann = next(iter(shop.account.profiles))
    shop.account.subscribe_sms(ann)
    shop.sync()
    shop.account.unsubscribe_sms(ann)
    lists = dict(shop.account.lists)

    def answered(path: str) -> None:
        # It is listed, and not there when its members are asked for.
        if path.endswith(f"{group}/profiles"):
            shop.account.lists.clear()
        else:
            shop.account.lists.update(lists)

    shop.server.on_request = answered
    counts = shop.sync()
    assert shop.state(ANN) == "UNSUBSCRIBED"
    assert f"{NAME} - Newsletter" in shop.lists(ANN)
    assert any("list Newsletter" in text for text in counts["warnings"])
