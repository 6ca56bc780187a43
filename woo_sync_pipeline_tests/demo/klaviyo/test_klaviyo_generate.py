"""Generated accounts: the same from the same seed, within their dates, with the oddities they promise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
import pytest
import requests

from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, KlaviyoData, generate_klaviyo, people_of
from woo_sync_pipeline.demo.klaviyo.__main__ import main
from woo_sync_pipeline.demo.klaviyo.generate import ENGAGED, KINDS, NEWSLETTER, VIP
from woo_sync_pipeline.demo.klaviyo.records import Group
from woo_sync_pipeline.demo.klaviyo.subscriptions import consent_at
from woo_sync_pipeline.demo.store import StoreData, generate_store
from woo_sync_pipeline_tests.demo.klaviyo.support import Asker

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def store() -> StoreData:
    return generate_store(seed=11, customers=400, orders=100, now=NOW)


@pytest.fixture(scope="module")
def account(store: StoreData) -> KlaviyoData:
    return generate_klaviyo(seed=11, profiles=500, now=NOW, known_people=people_of(store))


def tables(data: KlaviyoData) -> list[Any]:
    records: list[Any] = [*data.profiles.values(), *data.lists.values(), *data.segments.values()]
    return [[asdict(record) for record in records], data.keys, data.members]


def sms(data: KlaviyoData) -> Counter[str]:
    """How many profiles have which consent; those without the object count as nothing."""
    return Counter(
        consent_at(profile.subscriptions, "sms", "marketing").get("consent", "")
        for profile in data.profiles.values()
    )


def test_the_same_arguments_give_the_same_account(store: StoreData) -> None:
    def made(seed: int, name: str = "A") -> list[Any]:
        known = people_of(store)
        return tables(generate_klaviyo(seed=seed, profiles=60, now=NOW, known_people=known, name=name))

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert made(1) != made(1, name="B")


def test_the_store_whose_people_it_takes_stays_as_it_was() -> None:
    def made() -> StoreData:
        return generate_store(seed=3, customers=60, orders=60, now=NOW)

    plain, taken_from = made(), made()
    generate_klaviyo(seed=3, profiles=60, now=NOW, known_people=people_of(taken_from))
    again = made()
    for other in (taken_from, again):
        assert [asdict(each) for each in other.customers.values()] == [
            asdict(each) for each in plain.customers.values()
        ]
        assert other.phone_book == plain.phone_book
        assert other.keys == plain.keys
    assert next(taken_from.next_user_id) == next(plain.next_user_id)


def test_every_date_lies_before_now(account: KlaviyoData) -> None:
    for profile in account.profiles.values():
        assert NOW - timedelta(days=400) <= profile.created <= profile.updated < NOW
        marketing = consent_at(profile.subscriptions, "sms", "marketing")
        for name in ("consent_timestamp", "last_updated"):
            if marketing.get(name):
                assert profile.created <= datetime.fromisoformat(marketing[name]) <= profile.updated
    for group, members in account.members.items():
        for profile_id, joined_at in members.items():
            assert account.profiles[profile_id].created <= joined_at < NOW, group


def test_some_people_are_the_store_s(account: KlaviyoData, store: StoreData) -> None:
    known = {person.email: person for person in people_of(store)}
    shared = [profile for profile in account.profiles.values() if profile.email in known]
    assert len(shared) == 200
    same_phone = [
        profile for profile in shared if profile.phone_number == known[str(profile.email)].phone_number
    ]
    assert 140 < len(same_phone) < 190
    assert any(profile.phone_number is None for profile in shared)
    phones = {person.phone_number for person in known.values()}
    others = [profile for profile in account.profiles.values() if profile.email not in known]
    assert all("+news@" in str(profile.email) for profile in others)
    assert not phones & {profile.phone_number for profile in others}


def test_there_is_every_oddity(account: KlaviyoData) -> None:
    consents = sms(account)
    assert consents["SUBSCRIBED"] > 200
    assert consents["NEVER_SUBSCRIBED"] > 100
    assert consents["UNSUBSCRIBED"] > 20
    assert consents[""] > 5
    people = list(account.profiles.values())
    assert any(profile.subscriptions is None for profile in people)
    assert any(profile.subscriptions and profile.subscriptions["sms"] is None for profile in people)
    assert any(
        profile.subscriptions
        and profile.subscriptions["sms"]
        and profile.subscriptions["sms"]["marketing"] is None
        for profile in people
    )
    subscribed = [consent_at(profile.subscriptions, "sms", "marketing") for profile in people]
    assert any(
        marketing.get("consent") == "SUBSCRIBED" and not marketing["can_receive_sms_marketing"]
        for marketing in subscribed
    )
    countries = {profile.location["country"] for profile in people if profile.location}
    assert {"Australia", "AU", "australia", "New Zealand"} <= countries
    national = [
        profile
        for profile in people
        if profile.phone_number is not None and not profile.phone_number.startswith("+")
    ]
    assert 10 < len(national) < 40
    for profile in people:
        if profile.phone_number and profile.phone_number.startswith("+"):
            assert phonenumbers.is_valid_number(phonenumbers.parse(profile.phone_number))


@pytest.mark.parametrize("seed", range(5))
def test_a_small_account_has_one_of_each(seed: int) -> None:
    data = generate_klaviyo(seed=seed, profiles=len(KINDS), now=NOW)
    people = list(data.profiles.values())
    assert len(people) == len(KINDS)
    assert sum(profile.phone_number is None for profile in people) == 1
    assert sum(profile.subscriptions is None for profile in people) == 1
    assert sms(data)["UNSUBSCRIBED"] == 1


def test_an_account_may_be_empty() -> None:
    data = generate_klaviyo(seed=1, profiles=0, now=NOW)
    assert data.profiles == {}
    assert {each.name for each in data.lists.values()} == {NEWSLETTER, VIP}


def test_lists_and_a_segment_have_members(account: KlaviyoData) -> None:
    groups: list[Group] = [*account.lists.values(), *account.segments.values()]
    sizes = {group.name: len(account.members[group.id]) for group in groups}
    assert set(sizes) == {NEWSLETTER, VIP, ENGAGED}
    assert sizes[NEWSLETTER] > sizes[VIP] > 20
    assert sizes[ENGAGED] > 20


def test_a_country_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="no phone numbers for 'XX'"):
        generate_klaviyo(seed=1, profiles=1, now=NOW, default_country="XX")


def test_a_generated_account_is_served_whole(account: KlaviyoData) -> None:
    with DemoKlaviyo(account) as server:
        server.limits.enforced = False
        ask = Asker(server, account.keys[0])
        params = {"additional-fields[profile]": "subscriptions", "page[size]": 100}
        for sort in ("id", "-created", "updated", "email"):
            assert sorted(ask.walk("/profiles", sort=sort, **params)) == sorted(account.profiles)
        for group in account.members:
            kind = "lists" if group in account.lists else "segments"
            assert sorted(ask.walk(f"/{kind}/{group}/profiles", **params)) == sorted(account.members[group])


def test_loaded_at_once_or_one_by_one_the_indexes_are_the_same(account: KlaviyoData) -> None:
    one_by_one = KlaviyoData()
    for profile in account.profiles.values():
        one_by_one.index_profile(profile)
    assert one_by_one.profiles_by == account.profiles_by
    for group, members in account.members.items():
        one_by_one.members[group], one_by_one.members_by_joining[group] = {}, []
        for profile_id, joined_at in members.items():
            one_by_one.index_member(group, profile_id, joined_at)
    assert one_by_one.members_by_joining == account.members_by_joining
    assert one_by_one.groups_of == account.groups_of


@pytest.mark.parametrize("options", [[], ["--without-limits"]])
def test_it_can_be_run_by_hand(options: list[str]) -> None:
    command = [sys.executable, "-m", "woo_sync_pipeline.demo.klaviyo", "--profiles", "30", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0]
            key = process.stdout.readline().split()[1]
            headers = {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2026-07-15"}
            answer = requests.get(f"{url}/api/profiles?page[size]=100", headers=headers, timeout=10)
            assert len(answer.json()["data"]) == 30
            answers = [requests.get(f"{url}/api/accounts", headers=headers, timeout=10) for _ in range(20)]
            refused = sum(each.status_code == 429 for each in answers)
            assert (refused > 0) == (not options)
        finally:
            os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_by_hand_too_it_is_for_this_machine_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--host", "0.0.0.0", "--profiles", "0"])
    assert "not a loopback address" in capsys.readouterr().err
