"""Klaviyo accounts beside WooCommerce stores: whole syncs through Dagster, over real servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.klaviyo import AccountDetails, DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import CONSENT_KEY
from woo_sync_pipeline_tests.orchestration.conftest import MakeWorld, World, small_store

KLAVIYO, STORE = "klaviyo", "woocommerce"
NAME, STORE_NAME = "Klaviyo A", "WooCommerce A"
ANN, BOB, CY, DEE = "+61491570006", "+61491570156", "+61491570157", "+61491570158"

Kept = dict[str, Any]


class Shop:
    """A store and an account, of which nobody is known yet."""

    def __init__(self, make_world: MakeWorld, **options: Any) -> None:
        self.store: StoreData = small_store(customers=0, orders=0, name=STORE_NAME)
        self.account = KlaviyoData(account=AccountDetails(organization_name=NAME))
        self.world: World = make_world({STORE: self.store}, accounts={KLAVIYO: self.account}, **options)
        self.server: DemoKlaviyo = self.world.demo.accounts[KLAVIYO]

    def customer(self, phone: str, *, consent: str | None = None, email: str = "ann@example.com") -> int:
        meta = {} if consent is None else {CONSENT_KEY: consent}
        return self.store.register_customer(
            email=email,
            first_name="Ann",
            last_name="Lee",
            billing={"phone": phone, "country": "AU"},
            meta=meta,
        )

    def sync(self, key: str = KLAVIYO, *, incremental: bool = False) -> dict[str, Any]:
        return dict(self.world.sync(key, incremental=incremental).counts)

    def sync_both(self) -> None:
        for key in (STORE, KLAVIYO):
            self.sync(key)

    def kept(self, phone: str) -> Kept:
        return dict(self.world.directory.snapshot()[phone])

    def lists(self, phone: str) -> list[str]:
        return sorted(self.kept(phone)["lists"])

    def label(self, phone: str) -> str | None:
        label: str | None = self.kept(phone)["custom_fields"].get("source")
        return label

    def state(self, phone: str) -> str:
        (state,) = set(self.kept(phone)["states"].values())
        return str(state)


@pytest.fixture
def shop(make_world: MakeWorld) -> Shop:
    return Shop(make_world)


@pytest.mark.dagster
def test_one_person_in_both_is_one_contact_in_both_groups_and_leaves_one_of_them(shop: Shop) -> None:
    customer = shop.customer("0491 570 006")
    profile = shop.account.add_profile(phone_number=ANN, email="ann@klaviyo.example", first_name="Ann")
    shop.account.add_profile(phone_number=BOB, first_name="Bob")
    newsletter = shop.account.add_list("Newsletter")
    engaged = shop.account.add_segment("Engaged")
    shop.account.join(newsletter, profile)
    shop.account.join(engaged, profile)
    shop.sync_both()
    assert set(shop.world.directory.snapshot()) == {ANN, BOB}
    assert shop.label(ANN) == f"{NAME}, {STORE_NAME}"
    assert {STORE_NAME, NAME, f"{NAME} - Newsletter", f"{NAME} - Engaged"} <= set(shop.lists(ANN))
    assert (shop.label(BOB), shop.lists(BOB)) == (NAME, [NAME])
    shop.store.delete_customer(customer)
    shop.sync_both()
    assert shop.label(ANN) == NAME
    assert shop.lists(ANN) == [NAME, f"{NAME} - Engaged", f"{NAME} - Newsletter"]


def test_who_is_in_no_list_any_more_leaves_it_and_a_renamed_list_is_another_one(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN, first_name="Ann")
    news, vip = shop.account.add_list("Newsletter"), shop.account.add_list("VIP")
    shop.account.join(news, ann)
    shop.account.join(vip, ann)
    shop.sync()
    assert shop.lists(ANN) == [NAME, f"{NAME} - Newsletter", f"{NAME} - VIP"]
    shop.account.leave(news, ann)
    shop.account.rename_list(vip, "Very important")
    shop.sync()
    assert shop.lists(ANN) == [NAME, f"{NAME} - Very important"]
    shop.account.delete_list(vip)
    shop.sync()
    assert shop.lists(ANN) == [NAME]
    writes = shop.world.platform.requests.writes
    shop.sync()
    assert shop.world.platform.requests.writes == writes


def test_lists_with_the_same_name_are_one_and_ids_of_lists_and_segments_do_not_meet(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    bob = shop.account.add_profile(phone_number=BOB)
    for person in (ann, bob):
        shop.account.join(shop.account.add_list("News, daily"), person)
    shop.account.join(shop.account.add_segment("Engaged"), bob)
    shop.sync()
    daily = [name for name in shop.lists(ANN) if name != NAME]
    assert len(daily) == 1
    assert shop.lists(BOB) == sorted([NAME, *daily, f"{NAME} - Engaged"])


def test_a_live_sync_brings_changes_new_people_and_joins(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN, first_name="Ann")
    news = shop.account.add_list("Newsletter")
    shop.sync()
    shop.account.change_profile(ann, first_name="Anna")
    bob = shop.account.add_profile(phone_number=BOB)
    shop.account.join(news, ann, bob)
    vip = shop.account.add_list("VIP")
    shop.account.join(vip, ann, at=datetime.now(UTC) - timedelta(days=30))
    counts = shop.sync(incremental=True)
    assert (shop.kept(ANN)["first_name"], counts["new"], counts["updated"]) == ("Anna", 1, 1)
    assert shop.lists(ANN) == [NAME, f"{NAME} - Newsletter", f"{NAME} - VIP"]
    assert shop.lists(BOB) == [NAME, f"{NAME} - Newsletter"]
    # Who was in a list before stays there when he joins another one.
    shop.account.join(vip, bob)
    shop.sync(incremental=True)
    assert shop.lists(BOB) == [NAME, f"{NAME} - Newsletter", f"{NAME} - VIP"]


def test_a_segment_that_is_being_processed_is_not_concluded_from(shop: Shop) -> None:
    ann, bob = (shop.account.add_profile(phone_number=phone) for phone in (ANN, BOB))
    engaged = shop.account.add_segment("Engaged")
    shop.account.join(engaged, ann)
    shop.sync()
    shop.account.set_processing(engaged, True)
    shop.account.leave(engaged, ann)
    shop.account.join(engaged, bob)
    counts = shop.sync()
    assert f"{NAME} - Engaged" in shop.lists(ANN)
    assert shop.lists(BOB) == [NAME]
    assert any("segment Engaged" in warning for warning in counts["warnings"])
    shop.account.set_processing(engaged, False)
    shop.sync(incremental=True)
    assert f"{NAME} - Engaged" in shop.lists(BOB)
    shop.sync()
    assert shop.lists(ANN) == [NAME]


def test_a_segment_that_begins_to_be_processed_while_it_is_read_is_not_concluded_from(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    engaged = shop.account.add_segment("Engaged")
    shop.account.join(engaged, ann)
    shop.sync()

    def begins(path: str) -> None:
        if path.endswith(f"{engaged}/profiles"):
            shop.account.set_processing(engaged, True)
            shop.account.members[engaged].clear()
            shop.account.members_by_joining[engaged].clear()

    shop.server.on_request = begins
    shop.sync()
    assert f"{NAME} - Engaged" in shop.lists(ANN)


def test_a_profile_that_is_gone_or_merged_leaves(shop: Shop) -> None:
    ann, bob, cy = (shop.account.add_profile(phone_number=phone) for phone in (ANN, BOB, CY))
    shop.account.join(shop.account.add_list("Newsletter"), ann, bob)
    shop.sync()
    shop.account.delete_profile(ann)
    shop.account.merge_profiles(bob, into=cy)
    shop.sync()
    assert (shop.lists(ANN), shop.label(ANN)) == ([], None)
    assert (shop.lists(BOB), shop.label(BOB)) == ([], None)
    assert shop.lists(CY) == [NAME, f"{NAME} - Newsletter"]
