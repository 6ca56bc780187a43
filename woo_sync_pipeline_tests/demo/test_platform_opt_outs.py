"""What is published nowhere about opt-outs: dates, states that are not applied, opt-outs that are remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Directory, Readings
from woo_sync_pipeline_tests.demo.test_platform_contacts import OTHER, PHONE, call, sms

STATES = ["SUBSCRIBED", "UNSUBSCRIBED"]
MILD = Readings(patch_arrays="merge", omitted_state="keep")


@pytest.fixture(params=[Readings(), MILD], ids=["hard", "mild"])
def readings(request: pytest.FixtureRequest) -> Readings:
    """Either reading of its description: what a person told the platform counts under both."""
    chosen: Readings = request.param
    return chosen


def post(platform: DemoPlatform, *channels: dict[str, str], **more: Any) -> Any:
    status, body = call(platform, "POST", "contacts", {"channels": list(channels), **more})
    assert status == 201, body
    return body


def patch(platform: DemoPlatform, contact_id: str, *channels: dict[str, str], **more: Any) -> Any:
    status, body = call(platform, "PATCH", f"contacts/{contact_id}", {"channels": list(channels), **more})
    assert status == 200, body
    return body


def states(contact: Any) -> list[str]:
    return [each["subscriptionState"] for each in contact["channels"]]


def last_modified(platform: DemoPlatform) -> str:
    (contact,) = call(platform, "GET", "contacts", channelIds=PHONE)[1]["content"]
    return str(contact["lastModifiedDate"])


@pytest.mark.parametrize("change", [Directory.unsubscribe, Directory.subscribe])
def test_whether_a_stop_moves_the_date_can_be_chosen_at_any_time(
    platform: DemoPlatform, change: Callable[[Directory, str], None]
) -> None:
    contact_id = platform.directory.add_contact(PHONE)
    made = last_modified(platform)
    platform.directory.stop_moves_date = False
    change(platform.directory, PHONE)
    assert last_modified(platform) == made
    platform.directory.stop_moves_date = True
    change(platform.directory, PHONE)
    assert (moved := last_modified(platform)) > made
    platform.directory.stop_moves_date = False
    assert patch(platform, contact_id, sms())["lastModifiedDate"] > moved, "the API's changes always move it"


def test_a_stop_that_moves_no_date_is_a_stop(platform: DemoPlatform) -> None:
    platform.directory.add_contact(PHONE)
    platform.directory.stop_moves_date = False
    platform.directory.unsubscribe(PHONE)
    assert platform.directory.snapshot()[PHONE]["states"] == {"SMS": "UNSUBSCRIBED"}


@pytest.mark.parametrize(("kept", "asked"), [STATES, STATES[::-1]])
def test_a_state_that_is_kept_is_answered_200_and_the_rest_is_applied(
    platform: DemoPlatform, kept: str, asked: str
) -> None:
    directory = platform.directory
    contact_id = directory.add_contact(PHONE, state=kept)
    field_id, list_id = directory.add_custom_field("city"), directory.add_list("VIP")
    directory.keeps_state_of.add(PHONE)
    answer = patch(
        platform,
        contact_id,
        sms(subscriptionState=asked),
        firstName="Ada",
        customFields=[{"id": field_id, "value": "Perth"}],
        lists=[{"id": list_id}],
    )
    assert states(answer) == [kept]
    assert directory.snapshot()[PHONE] == {
        "first_name": "Ada",
        "last_name": "",
        "states": {"SMS": kept},
        "custom_fields": {"city": "Perth"},
        "lists": ["VIP"],
    }
    assert states(patch(platform, contact_id, sms())) == [kept], "nor does an omitted state change it"
    directory.keeps_state_of = set()
    assert states(patch(platform, contact_id, sms(subscriptionState=asked))) == [asked]


def test_only_the_state_of_the_phones_named_is_kept_and_only_of_channels_that_are_there(
    platform: DemoPlatform,
) -> None:
    directory = platform.directory
    directory.keeps_state_of = {PHONE}
    other = directory.add_contact(OTHER)
    assert states(patch(platform, other, sms(OTHER, subscriptionState="UNSUBSCRIBED"))) == ["UNSUBSCRIBED"]
    made = post(platform, sms(subscriptionState="UNSUBSCRIBED"))
    assert states(made) == ["UNSUBSCRIBED"]
    both = patch(
        platform,
        made["id"],
        sms(subscriptionState="SUBSCRIBED"),
        {"channelId": PHONE, "type": "WHATSAPP", "subscriptionState": "SUBSCRIBED"},
    )
    assert states(both) == ["UNSUBSCRIBED", "SUBSCRIBED"]


def opted_out_by_api(platform: DemoPlatform) -> str:
    contact_id = platform.directory.add_contact(PHONE)
    patch(platform, contact_id, sms(subscriptionState="UNSUBSCRIBED"))
    return contact_id


def opted_out_by_stop(platform: DemoPlatform) -> str:
    contact_id = platform.directory.add_contact(PHONE)
    platform.directory.unsubscribe(PHONE)
    return contact_id


def delete_by_hand(platform: DemoPlatform, contact_id: str) -> None:
    platform.directory.delete(PHONE)


def delete_by_api(platform: DemoPlatform, contact_id: str) -> None:
    assert call(platform, "DELETE", f"contacts/{contact_id}")[0] == 204


@pytest.mark.parametrize("opt_out", [opted_out_by_api, opted_out_by_stop])
@pytest.mark.parametrize("delete", [delete_by_hand, delete_by_api])
@pytest.mark.parametrize("asked", [sms(), sms(subscriptionState="SUBSCRIBED")], ids=["omitted", "named"])
@pytest.mark.parametrize("remembers", [True, False])
def test_a_contact_made_again_is_opted_out_where_opt_outs_are_remembered(
    platform: DemoPlatform,
    opt_out: Callable[[DemoPlatform], str],
    delete: Callable[[DemoPlatform, str], None],
    asked: dict[str, str],
    remembers: bool,
) -> None:
    platform.directory.remembers_opt_outs = remembers
    delete(platform, opt_out(platform))
    expected = "UNSUBSCRIBED" if remembers else "SUBSCRIBED"
    assert states(post(platform, asked)) == [expected]
    assert platform.directory.snapshot()[PHONE]["states"] == {"SMS": expected}


def test_an_opt_out_is_remembered_by_phone_whatever_the_channel(platform: DemoPlatform) -> None:
    platform.directory.remembers_opt_outs = True
    delete_by_hand(platform, opted_out_by_api(platform))
    again = post(platform, {"channelId": PHONE, "type": "WHATSAPP"}, sms(OTHER))
    assert states(again) == ["UNSUBSCRIBED", "SUBSCRIBED"]


def test_a_phone_that_moves_to_another_contact_stays_opted_out(platform: DemoPlatform) -> None:
    platform.directory.remembers_opt_outs = True
    delete_by_hand(platform, opted_out_by_api(platform))
    other = platform.directory.add_contact(OTHER)
    assert states(patch(platform, other, sms(OTHER), sms())) == ["SUBSCRIBED", "UNSUBSCRIBED"]


def test_what_counts_is_the_state_at_the_last_deletion(platform: DemoPlatform) -> None:
    platform.directory.remembers_opt_outs = True
    delete_by_hand(platform, opted_out_by_api(platform))
    again = post(platform, sms(subscriptionState="SUBSCRIBED"))
    assert states(patch(platform, again["id"], sms(subscriptionState="SUBSCRIBED"))) == ["SUBSCRIBED"]
    delete_by_api(platform, again["id"])
    assert states(post(platform, sms())) == ["SUBSCRIBED"]


@pytest.mark.parametrize("asked", [{"subscriptionState": "SUBSCRIBED"}, {}], ids=["named", "omitted"])
def test_a_stop_outweighs_the_api_until_the_person_opts_in(
    platform: DemoPlatform, asked: dict[str, str]
) -> None:
    platform.directory.remembers_opt_outs = True
    contact_id = opted_out_by_stop(platform)
    answer = patch(platform, contact_id, sms(**asked), firstName="Ada")
    assert (states(answer), answer["firstName"]) == (["UNSUBSCRIBED"], "Ada")
    delete_by_api(platform, contact_id)
    again = post(platform, sms(subscriptionState="SUBSCRIBED"))["id"]
    assert states(patch(platform, again, sms(subscriptionState="SUBSCRIBED"))) == ["UNSUBSCRIBED"]

    platform.directory.subscribe(PHONE)
    assert states(patch(platform, again, sms(subscriptionState="UNSUBSCRIBED"))) == ["UNSUBSCRIBED"]
    assert states(patch(platform, again, sms(subscriptionState="SUBSCRIBED"))) == ["SUBSCRIBED"]


def test_the_apis_own_opt_out_can_be_taken_back_over_the_api(platform: DemoPlatform) -> None:
    platform.directory.remembers_opt_outs = True
    contact_id = opted_out_by_api(platform)
    assert states(patch(platform, contact_id, sms(subscriptionState="SUBSCRIBED"))) == ["SUBSCRIBED"]


def test_a_platform_that_does_not_remember_takes_an_opt_in_after_a_stop(platform: DemoPlatform) -> None:
    contact_id = opted_out_by_stop(platform)
    assert states(patch(platform, contact_id, sms(subscriptionState="SUBSCRIBED"))) == ["SUBSCRIBED"]
    platform.directory.remembers_opt_outs = True
    patch(platform, contact_id, sms(subscriptionState="UNSUBSCRIBED"))
    assert states(patch(platform, contact_id, sms(subscriptionState="SUBSCRIBED"))) == ["SUBSCRIBED"]
