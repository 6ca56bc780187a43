"""Klaviyo accounts beside WooCommerce stores: whole syncs through Dagster, over real servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from woo_sync_pipeline.demo.klaviyo import AccountDetails, DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.subscriptions import (
    email_marketing,
    push_marketing,
    sms_marketing,
    sms_transactional,
    whatsapp_marketing,
)
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


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def ordered(shop: Shop, phone: str, consent: str, *, at: datetime) -> None:
    """A guest orders, and says yes or no at the checkout."""
    address = {"phone": phone, "country": "AU", "first_name": "Ann", "email": "ann@example.com"}
    shop.store.place_order(billing=address, meta={CONSENT_KEY: consent}, created_at=at, modified_at=at)


@pytest.mark.parametrize("first", [STORE, KLAVIYO])
@pytest.mark.parametrize(
    ("store_says", "klaviyo_says", "state"),
    [
        (("yes", 60), ("SUBSCRIBED", 30), "SUBSCRIBED"),
        (("yes", 60), ("UNSUBSCRIBED", 30), "UNSUBSCRIBED"),
        (("yes", 30), ("UNSUBSCRIBED", 60), "SUBSCRIBED"),
        (("no", 60), ("SUBSCRIBED", 30), "SUBSCRIBED"),
        (("no", 30), ("SUBSCRIBED", 60), "UNSUBSCRIBED"),
        (("yes", 60), ("NEVER_SUBSCRIBED", 30), "SUBSCRIBED"),
        (("no", 60), ("NEVER_SUBSCRIBED", 30), "UNSUBSCRIBED"),
    ],
)
def test_the_last_word_counts_whichever_source_heard_it(
    shop: Shop, store_says: tuple[str, float], klaviyo_says: tuple[str, float], state: str, first: str
) -> None:
    ordered(shop, ANN, store_says[0], at=ago(store_says[1]))
    profile = shop.account.add_profile(phone_number=ANN, created=ago(90))
    word, minutes = klaviyo_says
    if word == "SUBSCRIBED":
        shop.account.subscribe_sms(profile, at=ago(minutes))
    elif word == "UNSUBSCRIBED":
        shop.account.subscribe_sms(profile, at=ago(80))
        shop.account.unsubscribe_sms(profile, at=ago(minutes))
    for key in (first, STORE if first == KLAVIYO else KLAVIYO):
        shop.sync(key)
    assert shop.state(ANN) == state


def test_a_stop_is_not_undone_by_an_older_consent_in_klaviyo_but_by_a_newer_one(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.account.subscribe_sms(ann, at=ago(60))
    shop.sync()
    assert shop.state(ANN) == "SUBSCRIBED"
    shop.world.directory.unsubscribe(ANN)
    shop.account.change_profile(ann, first_name="Anna")
    shop.sync()
    shop.account.subscribe_sms(ann, at=ago(30), method="PREFERENCE_PAGE")
    shop.sync(incremental=True)
    assert shop.state(ANN) == "UNSUBSCRIBED"
    shop.world.let_pass()
    shop.account.subscribe_sms(ann)
    shop.sync(incremental=True)
    assert shop.state(ANN) == "SUBSCRIBED"


def test_other_consents_lists_and_words_nobody_knows_are_no_consent_to_sms_marketing(shop: Shop) -> None:
    at = ago(30)
    people = {phone: shop.account.add_profile(phone_number=phone) for phone in (ANN, BOB, CY, DEE)}
    shop.account.set_consent(
        people[ANN], "email", "marketing", email_marketing("SUBSCRIBED", consent_timestamp=at)
    )
    shop.account.set_consent(people[ANN], "sms", "transactional", sms_transactional("SUBSCRIBED"))
    shop.account.set_consent(people[ANN], "whatsapp", "marketing", whatsapp_marketing("SUBSCRIBED"))
    shop.account.set_consent(people[ANN], "mobile_push", "marketing", push_marketing("SUBSCRIBED"))
    shop.account.join(shop.account.add_list("SMS subscribers"), people[BOB])
    shop.account.change_profile(
        people[BOB], properties={"$consent": ["sms"], "$consent_timestamp": at.isoformat()}
    )
    marketing = {
        **sms_marketing("SUBSCRIBED", consent_timestamp=at, last_updated=at),
        "consent": "DOUBLE_OPTED_IN",
    }
    shop.account.set_consent(people[CY], "sms", "marketing", marketing)
    shop.account.set_subscriptions(people[DEE], None)
    counts = shop.sync()
    assert {shop.state(phone) for phone in people} == {"UNSUBSCRIBED"}
    assert counts["unread_consent"] == {"subscriptions.sms.marketing = DOUBLE_OPTED_IN": 1}


def test_who_cannot_receive_has_not_opted_out_and_is_told_of(shop: Shop) -> None:
    ann = shop.account.add_profile(phone_number=ANN)
    shop.account.subscribe_sms(ann, at=ago(30), can_receive=False)
    counts = shop.sync()
    assert shop.state(ANN) == "SUBSCRIBED"
    assert any(
        "1 profiles are subscribed, but by Klaviyo's word cannot receive" in text
        for text in counts["warnings"]
    )


def test_profiles_without_a_phone_are_counted_and_never_merged_by_address(shop: Shop) -> None:
    shop.customer("0491 570 006", email="ann@example.com")
    shop.account.add_profile(email="ann@example.com", first_name="Ann")
    for number in range(30):
        shop.account.add_profile(email=f"nobody{number}@example.com")
    shop.sync(STORE)
    counts = shop.sync()
    assert counts["invalid_reasons"] == {"missing_phone": 31}
    assert (shop.label(ANN), NAME in shop.lists(ANN)) == (STORE_NAME, False)


def test_a_label_of_another_integration_with_our_name_is_adopted(shop: Shop) -> None:
    shop.world.directory.add_contact(ANN, first_name="Ann", custom_fields={"source": NAME})
    shop.customer("0491 570 006")
    shop.account.add_profile(phone_number=ANN)
    shop.sync_both()
    assert shop.label(ANN) == f"{NAME}, {STORE_NAME}"


@pytest.mark.parametrize("down", [STORE, KLAVIYO])
@pytest.mark.dagster
def test_one_source_that_is_down_leaves_the_other_alone(shop: Shop, down: str) -> None:
    shop.customer("0491 570 006")
    shop.account.add_profile(phone_number=BOB)
    if down == KLAVIYO:
        shop.server.faults.down = "unavailable"
        shop.server.faults.retry_after = 0
    else:
        shop.world.server.faults.down = "maintenance"
    failed = shop.world.try_sync(down)
    assert failed.error is not None
    other = STORE if down == KLAVIYO else KLAVIYO
    shop.sync(other)
    assert set(shop.world.directory.snapshot()) == ({ANN} if down == KLAVIYO else {BOB})
    shop.server.faults.clear()
    shop.world.server.faults.clear()
    shop.sync(down)
    assert set(shop.world.directory.snapshot()) == {ANN, BOB}


def test_a_night_on_which_the_account_shows_few_people_changes_nothing(shop: Shop) -> None:
    people = [shop.account.add_profile(phone_number=f"+614915701{number:02}") for number in range(80)]
    shop.sync()
    for person in people[10:]:
        shop.account.delete_profile(person)
    outcome = shop.world.try_sync(KLAVIYO)
    assert outcome.error is not None
    assert "70" in str(outcome.error)
    assert sum(bool(contact["lists"]) for contact in shop.world.directory.snapshot().values()) == 80
