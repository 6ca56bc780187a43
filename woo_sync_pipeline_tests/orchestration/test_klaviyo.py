"""Klaviyo accounts beside WooCommerce stores: whole syncs through Dagster, over real servers."""

from __future__ import annotations

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
