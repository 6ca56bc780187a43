from typing import Any

import pytest
import requests

from woo_sync_pipeline.demo.platform import DemoPlatform, Readings

UNKNOWN_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
PHONE, OTHER = "+61412345678", "+61412345679"


def call(platform: DemoPlatform, method: str, path: str, body: object = None, **query: Any) -> Any:
    answer = requests.request(
        method,
        f"{platform.url}/api/v1/contacts/{path}",
        json=body,
        params=query,
        auth=(platform.api_key, platform.api_secret),
        timeout=5,
    )
    return answer.status_code, answer.json() if answer.content else None


def sms(phone: str = PHONE, **state: str) -> dict[str, str]:
    return {"channelId": phone, "type": "SMS", **state}


def reasons(answer: Any) -> list[tuple[str, str]]:
    status, body = answer
    assert status == 400, body
    return [(each["name"], each["code"]) for each in body["invalidFields"]]


def test_a_contact_lives_from_creation_to_deletion(platform: DemoPlatform) -> None:
    status, created = call(platform, "POST", "contacts", {"firstName": "Ada", "channels": [sms()]})
    assert status == 201
    assert created["channels"] == [sms(subscriptionState="SUBSCRIBED")]
    assert "dateOfBirth" not in created
    path = f"contacts/{created['id']}"
    assert call(platform, "GET", path) == (200, created)

    status, changed = call(platform, "PATCH", path, {"lastName": "Byron", "dateOfBirth": "1815-12-10"})
    assert (status, changed["fullName"], changed["dateOfBirth"]) == (200, "Ada Byron", "1815-12-10")
    assert changed["lastModifiedDate"] > created["lastModifiedDate"]
    assert changed["createdDate"] == created["createdDate"]

    assert call(platform, "DELETE", path) == (204, None)
    assert [call(platform, method, path, {})[0] for method in ("GET", "PATCH", "DELETE")] == [404] * 3


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("channels", "missing_parameter")]),
        ({"channels": []}, [("channels", "must_not_be_empty")]),
        ({"channels": {}}, [("channels", "type_mismatch")]),
        ({"channels": ["x"]}, [("channels[0]", "type_mismatch")]),
        ({"channels": [sms()], "email": "a@b.example"}, [("email", "incorrect_operation")]),
        ({"channels": [sms("0412345678")]}, [("channels[0].channelId", "invalid_format")]),
        ({"channels": [sms("+0412345678")]}, [("channels[0].channelId", "invalid_format")]),
        ({"channels": [sms("+٦١٤١٢٣٤٥٦٧٨")]}, [("channels[0].channelId", "invalid_format")]),
        ({"channels": [{**sms(), "type": "EMAIL"}]}, [("channels[0].type", "type_mismatch")]),
        (
            {"channels": [sms(subscriptionState="subscribed")]},
            [("channels[0].subscriptionState", "type_mismatch")],
        ),
        ({"channels": [{"type": "SMS"}]}, [("channels[0].channelId", "missing_parameter")]),
        ({"channels": [sms(), sms()]}, [("channels[1].channelId", "duplicated_value")]),
        ({"channels": [sms()], "firstName": None}, [("firstName", "must_not_be_null")]),
        ({"channels": [sms()], "firstName": 7}, [("firstName", "type_mismatch")]),
        ({"channels": [sms()], "firstName": "x" * 101}, [("firstName", "invalid_length")]),
        ({"channels": [sms()], "firstName": "a\x00b"}, [("firstName", "invalid_format")]),
        ({"channels": [sms()], "dateOfBirth": "10/12/1815"}, [("dateOfBirth", "invalid_format")]),
        ({"channels": [sms()], "lists": [{"id": "7"}]}, [("lists[0].id", "invalid_format")]),
        ({"channels": [sms()], "lists": [{"id": UNKNOWN_ID}]}, [("lists", "invalid_reference")]),
        (
            {"channels": [sms()], "customFields": [{"id": UNKNOWN_ID, "value": "x"}]},
            [("customFields", "invalid_reference")],
        ),
        (
            {"channels": [sms()], "customFields": [{"id": UNKNOWN_ID}]},
            [("customFields[0].value", "missing_parameter")],
        ),
        (
            {"channels": [sms("1")], "firstName": 7},
            [("channels[0].channelId", "invalid_format"), ("firstName", "type_mismatch")],
        ),
    ],
)
def test_what_is_wrong_with_a_contact_is_named_and_nothing_is_kept(
    platform: DemoPlatform, body: Any, expected: list[tuple[str, str]]
) -> None:
    assert reasons(call(platform, "POST", "contacts", body)) == expected
    assert platform.directory.snapshot() == {}


def test_unknown_references_are_listed(platform: DemoPlatform) -> None:
    _, body = call(platform, "POST", "contacts", {"channels": [sms()], "lists": [{"id": UNKNOWN_ID}]})
    assert body["invalidFields"][0]["invalidIds"] == [UNKNOWN_ID]


@pytest.mark.parametrize(
    ("type", "value", "code"),
    [
        ("TEXT", "x" * 11, "invalid_length"),
        ("EMAIL", "a@b", "invalid_format"),
        ("EMAIL", "", "invalid_format"),
        ("EMAIL", "a b@c.de", "invalid_format"),
        ("NUMBER", "ten", "invalid_format"),
        ("DATE", "1.2.2026", "invalid_format"),
        ("PHONE", "0412", "invalid_format"),
        ("URL", "example", "invalid_format"),
    ],
)
def test_a_custom_field_takes_what_fits_its_type_and_length(
    platform: DemoPlatform, type: str, value: str, code: str
) -> None:
    field_id = platform.directory.add_custom_field("f", type=type, max_length=10)
    body = {"channels": [sms()], "customFields": [{"id": field_id, "value": value}]}
    assert reasons(call(platform, "POST", "contacts", body)) == [("customFields[0].value", code)]


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("TEXT", "x" * 10),
        ("EMAIL", "a@b.co"),
        ("NUMBER", "-1.5"),
        ("DATE", "2026-02-01"),
        ("URL", "http://a"),
    ],
)
def test_a_fitting_value_is_kept(platform: DemoPlatform, type: str, value: str) -> None:
    field_id = platform.directory.add_custom_field("f", type=type, max_length=10)
    body = {"channels": [sms()], "customFields": [{"id": field_id, "value": value}]}
    assert call(platform, "POST", "contacts", body)[0] == 201
    assert platform.directory.snapshot()[PHONE]["custom_fields"] == {"f": value}


@pytest.mark.parametrize("type", ["SMS", "WHATSAPP"])
def test_a_phone_belongs_to_one_contact_whatever_the_channel(platform: DemoPlatform, type: str) -> None:
    platform.directory.add_contact(PHONE)
    platform.directory.add_contact(OTHER)
    other = platform.directory.store.holder(OTHER)
    assert other is not None
    channels = [{"channelId": PHONE, "type": type}]
    before = platform.directory.snapshot()
    assert call(platform, "POST", "contacts", {"channels": channels})[0] == 409
    assert call(platform, "PATCH", f"contacts/{other.id}", {"channels": channels})[0] == 409
    assert platform.directory.snapshot() == before


def test_a_phone_that_a_contact_gave_up_is_free(platform: DemoPlatform) -> None:
    contact_id = platform.directory.add_contact(PHONE)
    assert call(platform, "PATCH", f"contacts/{contact_id}", {"channels": [sms(OTHER)]})[0] == 200
    assert call(platform, "POST", "contacts", {"channels": [sms(PHONE)]})[0] == 201
    assert call(platform, "POST", "contacts", {"channels": [sms(OTHER)]})[0] == 409


def full_contact(platform: DemoPlatform) -> str:
    return platform.directory.add_contact(
        PHONE,
        state="UNSUBSCRIBED",
        channels=[
            ("WHATSAPP", PHONE, "UNSUBSCRIBED"),
            ("SMS", PHONE, "UNSUBSCRIBED"),
            ("GBM", "gbm-7", "SUBSCRIBED"),
        ],
        custom_fields={"a": "1", "b": "2"},
        lists=["X", "Y"],
    )


def patch_all_arrays(platform: DemoPlatform) -> None:
    contact_id = full_contact(platform)
    body = {
        "channels": [sms()],
        "customFields": [{"id": platform.directory.add_custom_field("a"), "value": "3"}],
        "lists": [{"id": platform.directory.add_list("Z")}],
    }
    assert call(platform, "PATCH", f"contacts/{contact_id}", body)[0] == 200


def test_arrays_in_a_change_replace_and_an_omitted_state_subscribes(platform: DemoPlatform) -> None:
    patch_all_arrays(platform)
    contact = platform.directory.snapshot()[PHONE]
    assert contact["states"] == {"SMS": "SUBSCRIBED"}
    assert contact["custom_fields"] == {"a": "3"}
    assert contact["lists"] == ["Z"]
    assert platform.directory.list_members("X") == set()
    assert "gbm-7" in platform.directory


@pytest.mark.parametrize("readings", [Readings(patch_arrays="merge", omitted_state="keep")])
def test_under_the_mild_readings_arrays_merge_and_states_are_kept(platform: DemoPlatform) -> None:
    patch_all_arrays(platform)
    contact = platform.directory.snapshot()[PHONE]
    assert contact["states"] == {"SMS": "UNSUBSCRIBED", "WHATSAPP": "UNSUBSCRIBED"}
    assert contact["custom_fields"] == {"a": "3", "b": "2"}
    assert contact["lists"] == ["X", "Y", "Z"]


@pytest.mark.parametrize("readings", [Readings("replace"), Readings("merge")], ids=["replace", "merge"])
def test_an_empty_value_clears_a_custom_field_whatever_its_type(platform: DemoPlatform) -> None:
    field_id = platform.directory.add_custom_field("mail", type="EMAIL")
    contact = platform.directory.add_contact(PHONE, custom_fields={"mail": "ann@example.com"})
    body = {"customFields": [{"id": field_id, "value": ""}]}
    assert call(platform, "PATCH", f"contacts/{contact}", body)[1]["customFields"] == []


def test_a_change_without_arrays_leaves_them_alone(platform: DemoPlatform) -> None:
    contact_id = full_contact(platform)
    before = platform.directory.snapshot()[PHONE]
    call(platform, "PATCH", f"contacts/{contact_id}", {"firstName": "Ada"})
    assert platform.directory.snapshot()[PHONE] == {**before, "first_name": "Ada"}


def test_a_contact_made_again_has_forgotten_its_opt_out(platform: DemoPlatform) -> None:
    platform.directory.add_contact(PHONE)
    platform.directory.unsubscribe(PHONE)
    platform.directory.delete(PHONE)
    call(platform, "POST", "contacts", {"channels": [sms()]})
    assert platform.directory.snapshot()[PHONE]["states"] == {"SMS": "SUBSCRIBED"}


def phones(answer: Any) -> set[str]:
    status, body = answer
    assert status == 200, body
    return {each["channels"][0]["channelId"] for each in body["content"]}


def test_filters_narrow_together(platform: DemoPlatform) -> None:
    directory = platform.directory
    first = directory.add_contact("+61400000001", lists=["VIP"])
    directory.add_contact("+61400000002", state="UNSUBSCRIBED", lists=["VIP"])
    directory.add_contact("+61400000003", channels=[("WHATSAPP", "+61400000003", "SUBSCRIBED")])
    vip = directory.add_list("VIP")
    everyone = {f"+6140000000{number}" for number in (1, 2, 3)}

    def found(**query: Any) -> set[str]:
        return phones(call(platform, "GET", "contacts", **query))

    assert found() == everyone
    assert found(listIds=vip) == {"+61400000001", "+61400000002"}
    assert found(listIds=[vip], channelSubscriptionState="UNSUBSCRIBED") == {"+61400000002"}
    assert found(channelTypes=["WHATSAPP", "GBM"]) == {"+61400000003"}
    assert found(channelIds=["+61400000001", "+61400000003", "+61499999999"], channelTypes="SMS") == {
        "+61400000001"
    }
    assert found(contactIds=[first, UNKNOWN_ID]) == {"+61400000001"}
    assert found(contactIds=[first], listIds=[UNKNOWN_ID]) == set()


@pytest.mark.parametrize(
    "query",
    [
        {"listIds": "7"},
        {"channelTypes": "sms"},
        {"channelSubscriptionState": ["SUBSCRIBED", "UNSUBSCRIBED"]},
        {"modifiedAfter": "2026-01-01"},
        {"pageSize": 0},
        {"pageSize": 1001},
        {"pageSize": "ten"},
        {"pageSize": ""},
        {"nextPageToken": "made-up"},
        {"nextPageToken": "é"},
        {"nextPageToken": ""},
    ],
)
def test_a_query_that_is_not_described_is_refused(platform: DemoPlatform, query: dict[str, Any]) -> None:
    assert reasons(call(platform, "GET", "contacts", **query))


def test_pages_are_in_another_order_than_contacts_came_and_can_be_walked_both_ways(
    platform: DemoPlatform,
) -> None:
    made = [platform.directory.add_contact(f"+614000{number:05d}") for number in range(60)]
    _, first = call(platform, "GET", "contacts")
    _, second = call(platform, "GET", "contacts", nextPageToken=first["nextPageToken"])
    _, third = call(platform, "GET", "contacts", nextPageToken=second["nextPageToken"])
    walked = [each["id"] for page in (first, second, third) for each in page["content"]]
    assert [len(page["content"]) for page in (first, second, third)] == [25, 25, 10]
    assert first["totalElements"] == 60
    assert sorted(made) == walked
    assert walked != made
    assert "nextPageToken" not in third
    assert "prevPageToken" not in first
    _, back = call(platform, "GET", "contacts", prevPageToken=third["prevPageToken"])
    assert back["content"] == second["content"]


def test_a_token_belongs_to_its_filter_its_kind_and_its_direction(platform: DemoPlatform) -> None:
    for number in range(40):
        platform.directory.add_contact(f"+614000{number:05d}", lists=["VIP"])
    vip = platform.directory.add_list("VIP")
    token = call(platform, "GET", "contacts", listIds=vip)[1]["nextPageToken"]
    assert call(platform, "GET", "contacts", listIds=vip, nextPageToken=token)[0] == 200
    assert call(platform, "GET", "contacts", listIds=vip, nextPageToken=token, pageSize=7)[0] == 200
    for path, query in (
        ("contacts", {"nextPageToken": token}),
        ("contacts", {"listIds": vip, "prevPageToken": token}),
        ("contacts", {"listIds": vip, "nextPageToken": token, "prevPageToken": token}),
        ("lists", {"listIds": vip, "nextPageToken": token}),
        ("contacts", {"listIds": vip, "nextPageToken": token[:-2]}),
    ):
        assert reasons(call(platform, "GET", path, **query))
