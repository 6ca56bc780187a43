"""What people and forms do to an account, and what its answers show of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from woo_sync_pipeline.demo.klaviyo import AccountDetails, DemoKlaviyo, KlaviyoData
from woo_sync_pipeline.demo.klaviyo.subscriptions import SUBSCRIBED, push_marketing, sms_marketing
from woo_sync_pipeline_tests.demo.klaviyo.support import NOON, Asker, Clock

SUBSCRIPTIONS = {"additional-fields[profile]": "subscriptions"}


def attributes(ask: Asker, profile: str, **params: object) -> dict[str, Any]:
    shown: dict[str, Any] = ask.get(f"/profiles/{profile}", **params).json()["data"]["attributes"]
    return shown


def subscriptions(ask: Asker, profile: str) -> Any:
    return attributes(ask, profile, **SUBSCRIPTIONS)["subscriptions"]


def after(seconds: int) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


def test_a_new_profile_has_agreed_to_nothing(ask: Asker, data: KlaviyoData) -> None:
    profile = data.add_profile(email="ada@example.com", first_name="Ada", location={"country": "Australia"})
    shown = attributes(ask, profile, **SUBSCRIPTIONS)
    assert shown["email"] == "ada@example.com"
    assert shown["phone_number"] is None
    assert (shown["created"], shown["updated"]) == (after(0), after(0))
    assert shown["location"]["country"] == "Australia"
    assert shown["location"]["city"] is None
    assert shown["subscriptions"]["sms"]["marketing"] == {
        "can_receive_sms_marketing": False,
        "consent": "NEVER_SUBSCRIBED",
        "consent_timestamp": None,
        "method": None,
        "method_detail": None,
        "last_updated": None,
    }


def test_subscriptions_are_shown_only_to_who_asks_for_them(ask: Asker, data: KlaviyoData) -> None:
    profile = data.add_profile()
    group = data.add_list("A")
    data.join(group, profile)
    for address in ("/profiles", f"/lists/{group}/profiles"):
        for params in ({}, {"fields[profile]": "subscriptions,email"}):
            assert "subscriptions" not in ask.rows(address, **params)[0]["attributes"]
        assert "subscriptions" in ask.rows(address, **SUBSCRIPTIONS)[0]["attributes"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("email", {"email": "ada@example.com"}),
        ("id", {}),
        ("location.country", {"location": {"country": "Australia"}}),
        (
            "subscriptions.sms.marketing.consent",
            {"subscriptions": {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}},
        ),
        ("subscriptions.whatsapp.marketing.consent", {"subscriptions": {"whatsapp": None}}),
    ],
)
def test_answers_are_narrowed_to_the_fields_asked_for(
    ask: Asker, data: KlaviyoData, fields: str, expected: dict[str, Any]
) -> None:
    sms = {"marketing": sms_marketing(SUBSCRIBED, consent_timestamp=NOON), "transactional": None}
    profile = data.add_profile(
        email="ada@example.com",
        location={"country": "Australia"},
        subscriptions={"sms": sms, "whatsapp": None},
    )
    assert attributes(ask, profile, **SUBSCRIPTIONS, **{"fields[profile]": fields}) == expected


def test_the_whole_of_an_object_wins_over_its_parts(ask: Asker, data: KlaviyoData) -> None:
    profile = data.add_profile(location={"country": "Australia"})
    narrowed = attributes(ask, profile, **{"fields[profile]": "location,location.country"})
    assert len(narrowed["location"]) == 10


def test_joined_group_at_is_shown_to_members_only(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    profile = data.add_profile(email="ada@example.com")
    group = data.add_segment("Engaged")
    clock.tick(5)
    data.join(group, profile)
    small = {"fields[profile]": "joined_group_at"}
    (row,) = ask.rows(f"/segments/{group}/profiles", **small)
    assert (row["id"], row["attributes"]) == (profile, {"joined_group_at": after(5)})
    assert "joined_group_at" not in attributes(ask, profile)
    ask.error("/profiles", 400, **small)


def test_agreeing_and_taking_it_back(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    profile = data.add_profile(phone_number="+61412345678")
    clock.tick(10)
    data.subscribe_sms(profile, method="FORM", method_detail="R9cSxT")
    agreed = subscriptions(ask, profile)["sms"]["marketing"]
    assert agreed == {
        "can_receive_sms_marketing": True,
        "consent": "SUBSCRIBED",
        "consent_timestamp": after(10),
        "method": "FORM",
        "method_detail": "R9cSxT",
        "last_updated": after(10),
    }
    assert attributes(ask, profile)["updated"] == after(10)
    clock.tick(10)
    data.unsubscribe_sms(profile)
    refused = subscriptions(ask, profile)["sms"]["marketing"]
    assert refused["consent"] == "UNSUBSCRIBED"
    assert refused["can_receive_sms_marketing"] is False
    assert (refused["consent_timestamp"], refused["last_updated"]) == (after(10), after(20))
    assert refused["method"] == "TEXT_MESSAGE"
    assert attributes(ask, profile)["updated"] == after(20)


def test_a_choice_can_be_dated_before_it_arrives(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    profile = data.add_profile()
    clock.tick(100)
    data.subscribe_sms(profile, at=NOON - timedelta(days=3), can_receive=False)
    agreed = subscriptions(ask, profile)["sms"]["marketing"]
    assert agreed["consent_timestamp"] == "2026-11-20T12:00:00+00:00"
    assert agreed["can_receive_sms_marketing"] is False
    assert attributes(ask, profile)["updated"] == after(100)


def test_one_consent_leaves_all_others(ask: Asker, data: KlaviyoData) -> None:
    one, other = data.add_profile(), data.add_profile()
    before = subscriptions(ask, other)
    data.set_consent(one, "mobile_push", "marketing", push_marketing(SUBSCRIBED, consent_timestamp=NOON))
    shown = subscriptions(ask, one)
    assert shown["mobile_push"]["marketing"]["consent"] == "SUBSCRIBED"
    assert {name: shown[name] for name in ("sms", "email", "whatsapp")} == {
        name: before[name] for name in ("sms", "email", "whatsapp")
    }
    assert subscriptions(ask, other) == before


@pytest.mark.parametrize("shape", [None, {}, {"sms": None}, {"sms": {"marketing": None}}])
def test_consents_may_have_any_shape_and_be_given_again(
    ask: Asker, data: KlaviyoData, shape: dict[str, Any] | None
) -> None:
    profile = data.add_profile()
    data.set_subscriptions(profile, shape)
    assert subscriptions(ask, profile) == shape
    data.subscribe_sms(profile)
    assert subscriptions(ask, profile)["sms"]["marketing"]["consent"] == "SUBSCRIBED"


def test_a_change_moves_updated(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    profile = data.add_profile()
    clock.tick()
    data.change_profile(profile, last_name="Byron", properties={"$consent": ["sms"]})
    shown = attributes(ask, profile)
    assert (shown["last_name"], shown["properties"]) == ("Byron", {"$consent": ["sms"]})
    assert (shown["created"], shown["updated"]) == (after(0), after(1))


@pytest.mark.parametrize("name", ["id", "updated", "phone"])
def test_what_a_profile_does_not_have_cannot_be_changed(data: KlaviyoData, name: str) -> None:
    profile = data.add_profile()
    with pytest.raises(ValueError, match=f"no {name}"):
        data.change_profile(profile, **{name: "x"})


@pytest.mark.parametrize("moves", [False, True])
def test_membership_moves_updated_only_if_the_account_does_so(
    ask: Asker, data: KlaviyoData, clock: Clock, moves: bool
) -> None:
    data.membership_moves_updated = moves
    profile, group = data.add_profile(), data.add_list("A")
    clock.tick()
    data.join(group, profile)
    assert attributes(ask, profile)["updated"] == after(int(moves))
    clock.tick()
    data.leave(group, profile)
    assert attributes(ask, profile)["updated"] == after(2 * moves)
    assert ask.ids(f"/lists/{group}/profiles") == []


def test_who_is_in_a_group_does_not_join_again(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    profile, group = data.add_profile(), data.add_list("A")
    data.join(group, profile)
    clock.tick()
    data.join(group, profile)
    assert data.members[group] == {profile: NOON}


def test_who_is_deleted_leaves_no_trace(ask: Asker, data: KlaviyoData) -> None:
    profile, group = data.add_profile(), data.add_list("A")
    data.join(group, profile)
    data.delete_profile(profile)
    ask.error(f"/profiles/{profile}", 404)
    assert ask.ids("/profiles") == ask.ids(f"/lists/{group}/profiles") == []
    with pytest.raises(KeyError):
        data.delete_profile(profile)


def test_who_is_merged_leaves_its_groups_to_the_other(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    kept = data.add_profile(email="ada@example.com", properties={"size": "M"})
    merged = data.add_profile(
        email="old@example.com", phone_number="+61412345678", properties={"size": "L", "shoe": 38}
    )
    both, only_merged = data.add_list("Both"), data.add_segment("Only the merged one")
    data.join(both, kept)
    clock.tick()
    data.join(both, merged)
    data.join(only_merged, merged)
    clock.tick()
    data.merge_profiles(merged, into=kept)
    assert ask.ids("/profiles") == [kept]
    shown = attributes(ask, kept)
    assert (shown["email"], shown["phone_number"]) == ("ada@example.com", "+61412345678")
    assert shown["properties"] == {"size": "M", "shoe": 38}
    assert shown["updated"] == after(2)
    assert data.members[both] == {kept: NOON}
    assert data.members[only_merged] == {kept: NOON + timedelta(seconds=1)}
    assert [each["id"] for each in ask.rows(f"/profiles/{kept}/relationships/lists")] == [both]
    assert [each["id"] for each in ask.rows(f"/profiles/{kept}/relationships/segments")] == [only_merged]


def test_nobody_is_merged_into_oneself(data: KlaviyoData) -> None:
    profile = data.add_profile()
    with pytest.raises(ValueError, match="into itself"):
        data.merge_profiles(profile, into=profile)


def test_lists_come_are_renamed_and_go(ask: Asker, data: KlaviyoData, clock: Clock) -> None:
    first, second = data.add_list("VIP"), data.add_list("VIP")
    profile = data.add_profile()
    data.join(first, profile)
    clock.tick()
    data.rename_list(first, "VIP, gold")
    shown = {row["id"]: row["attributes"] for row in ask.rows("/lists")}
    assert shown[first] == {
        "name": "VIP, gold",
        "created": after(0),
        "updated": after(1),
        "opt_in_process": "single_opt_in",
    }
    assert (shown[second]["name"], shown[second]["updated"]) == ("VIP", after(0))
    data.delete_list(first)
    assert ask.ids("/lists") == [second]
    ask.error(f"/lists/{first}/profiles", 404)
    assert ask.rows(f"/profiles/{profile}/relationships/lists") == []
    assert ask.ids("/profiles") == [profile]


def test_a_segment_tells_whether_it_is_being_worked_out(ask: Asker, data: KlaviyoData) -> None:
    segment = data.add_segment("Engaged (30 days)", is_processing=True)
    asleep = data.add_segment("Asleep", is_active=False)
    shown = {row["id"]: row["attributes"] for row in ask.rows("/segments")}
    assert (shown[segment]["is_processing"], shown[segment]["is_active"]) == (True, True)
    assert (shown[asleep]["is_processing"], shown[asleep]["is_active"]) == (False, False)
    data.set_processing(segment, False)
    assert not {row["id"]: row["attributes"] for row in ask.rows("/segments")}[segment]["is_processing"]
    data.delete_segment(asleep)
    assert ask.ids("/segments") == [segment]


def test_ids_look_as_the_service_makes_them(data: KlaviyoData, clock: Clock) -> None:
    early = data.add_profile()
    clock.tick()
    late = data.add_profile()
    assert early < late
    assert {len(early), len(late)} == {26}
    assert early.isalnum()
    assert len(data.add_list("A")) == len(data.add_segment("B")) == 6


def test_the_same_seed_makes_the_same_ids() -> None:
    def made(seed: int) -> list[str]:
        data = KlaviyoData(seed=seed)
        data.clock = lambda: NOON
        return [data.add_key().secret, data.add_profile(), data.add_list("A")]

    assert made(1) == made(1) != made(2)


def test_fractions_of_seconds_are_kept_only_if_the_account_does_so(
    ask: Asker, data: KlaviyoData, clock: Clock
) -> None:
    clock.tick(0.25)
    assert attributes(ask, data.add_profile())["updated"] == "2026-11-23T12:00:00+00:00"
    data.keeps_fractions = True
    fine = data.add_profile(created=datetime(2026, 11, 1, 0, 0, 0, 500_000, tzinfo=UTC))
    assert attributes(ask, fine)["created"] == "2026-11-01T00:00:00.500000+00:00"


def test_the_account_says_whose_it_is(ask: Asker) -> None:
    data = KlaviyoData(account=AccountDetails(id="XyZ123", organization_name="Acme", timezone="Europe/Paris"))
    with DemoKlaviyo(data) as server:
        (account,) = Asker(server, data.add_key()).rows("/accounts")
    assert account["id"] == account["attributes"]["public_api_key"] == "XyZ123"
    assert account["attributes"]["contact_information"]["organization_name"] == "Acme"
    assert account["attributes"]["timezone"] == "Europe/Paris"


def test_people_may_change_from_several_threads_while_it_serves(ask: Asker, data: KlaviyoData) -> None:
    people = [data.add_profile() for _ in range(20)]
    group = data.add_list("A")

    def live() -> None:
        for profile in people:
            data.change_profile(profile, first_name="Ada")
            data.subscribe_sms(profile)
            data.join(group, profile)

    threads = [Thread(target=live) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        assert sorted(ask.walk("/profiles", sort="id", **{"page[size]": 7})) == sorted(people)
    for thread in threads:
        thread.join()
    assert sorted(ask.walk(f"/lists/{group}/profiles", **{"page[size]": 7})) == sorted(people)
    assert len(data.profiles_by["updated"]) == len(people)
