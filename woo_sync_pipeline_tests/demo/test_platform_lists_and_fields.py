from typing import Any

import pytest
import requests

from woo_sync_pipeline.demo.platform import DemoPlatform

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


def codes(answer: Any) -> list[tuple[str, str]]:
    status, body = answer
    assert status == 400, body
    return [(each["name"], each["code"]) for each in body["invalidFields"]]


def test_a_list_lives_from_creation_to_deletion(platform: DemoPlatform) -> None:
    platform.directory.add_contact(PHONE)
    status, created = call(platform, "POST", "lists", {"name": "VIP"})
    assert (status, created["name"], created["alias"]) == (201, "VIP", "")
    path = f"lists/{created['id']}"
    assert call(platform, "GET", path) == (200, created)
    status, renamed = call(platform, "PATCH", path, {"name": "vip", "alias": "v"})
    assert (status, renamed["name"], renamed["alias"]) == (200, "vip", "v")
    assert renamed["lastModifiedDate"] > created["lastModifiedDate"]
    platform.directory.add_to_list(PHONE, "vip")
    assert call(platform, "DELETE", path) == (204, None)
    assert [call(platform, m, path, {"name": "x"})[0] for m in ("GET", "PATCH", "DELETE")] == [404] * 3
    assert platform.directory.snapshot()[PHONE]["lists"] == []
    assert call(platform, "POST", "lists", {"name": "VIP"})[0] == 201


def test_list_names_are_unique_in_whatever_letter_case(platform: DemoPlatform) -> None:
    platform.directory.add_list("Straße")
    other = platform.directory.add_list("Other")
    assert call(platform, "POST", "lists", {"name": "STRASSE"})[0] == 409
    assert call(platform, "PATCH", f"lists/{other}", {"name": "straße"})[0] == 409
    assert call(platform, "PATCH", f"lists/{other}", {"name": "OTHER"})[0] == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("name", "missing_parameter")),
        ({"name": " "}, ("name", "must_not_be_empty")),
        ({"name": "x" * 101}, ("name", "invalid_length")),
        ({"name": "a\nb"}, ("name", "invalid_format")),
        ({"name": "x", "members": []}, ("members", "incorrect_operation")),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    platform: DemoPlatform, body: Any, expected: tuple[str, str]
) -> None:
    assert codes(call(platform, "POST", "lists", body)) == [expected]
    assert platform.directory.list_names() == []


def test_lists_are_found_by_part_of_their_name(platform: DemoPlatform) -> None:
    ids = [platform.directory.add_list(name) for name in ("Shop", "Shop - VIP", "Other")]

    def found(**query: Any) -> set[str]:
        status, page = call(platform, "GET", "lists", **query)
        assert status == 200, page
        assert page["totalElements"] == len(page["content"])
        return {each["name"] for each in page["content"]}

    assert found(name="shop") == {"Shop", "Shop - VIP"}
    assert found(listIds=ids[1:]) == {"Shop - VIP", "Other"}
    assert found(alias="x") == set()


def test_members_come_and_go_in_bulk(platform: DemoPlatform) -> None:
    ids = [platform.directory.add_contact(phone) for phone in (PHONE, OTHER)]
    vip = platform.directory.add_list("VIP")
    path = f"lists/{vip}/contacts"
    before = call(platform, "GET", f"contacts/{ids[0]}")[1]["lastModifiedDate"]
    assert call(platform, "PATCH", path, {"contactsToAddIds": ids})[0] == 200
    after = call(platform, "GET", f"contacts/{ids[0]}")[1]
    assert after["lastModifiedDate"] > before
    assert after["lists"] == [{"id": vip, "name": "VIP"}]
    assert platform.directory.list_members("VIP") == {PHONE, OTHER}
    gone = {"contactsToRemoveIds": [ids[0], UNKNOWN_ID]}
    assert call(platform, "PATCH", path, gone)[0] == 200
    assert call(platform, "PATCH", path, gone)[0] == 200
    assert platform.directory.list_members("VIP") == {OTHER}


def test_one_unknown_member_and_nothing_is_added(platform: DemoPlatform) -> None:
    known = platform.directory.add_contact(PHONE)
    vip = platform.directory.add_list("VIP")
    answer = call(platform, "PATCH", f"lists/{vip}/contacts", {"contactsToAddIds": [known, UNKNOWN_ID]})
    assert codes(answer) == [("contactsToAddIds", "invalid_reference")]
    assert answer[1]["invalidFields"][0]["invalidIds"] == [UNKNOWN_ID]
    assert platform.directory.list_members("VIP") == set()


@pytest.mark.parametrize("name", ["contactsToAddIds", "contactsToRemoveIds"])
def test_a_thousand_members_are_enough_for_one_change(platform: DemoPlatform, name: str) -> None:
    vip = platform.directory.add_list("VIP")
    answer = call(platform, "PATCH", f"lists/{vip}/contacts", {name: [UNKNOWN_ID] * 1001})
    assert codes(answer) == [(name, "invalid_length")]


def test_members_come_and_go_one_by_one(platform: DemoPlatform) -> None:
    contact = platform.directory.add_contact(PHONE)
    vip = platform.directory.add_list("VIP")
    path = f"lists/{vip}/contacts/{contact}"
    assert [call(platform, "POST", path)[0] for _ in range(2)] == [200, 200]
    assert platform.directory.list_members("VIP") == {PHONE}
    assert [call(platform, "DELETE", path) for _ in range(2)] == [(204, None)] * 2
    assert platform.directory.list_members("VIP") == set()
    assert codes(call(platform, "POST", f"lists/{vip}/contacts/{UNKNOWN_ID}")) == [
        ("contactId", "invalid_reference")
    ]
    assert codes(call(platform, "DELETE", f"lists/{UNKNOWN_ID}/contacts/{contact}")) == [
        ("listId", "invalid_reference")
    ]
    assert codes(call(platform, "POST", f"lists/7/contacts/{contact}")) == [("listId", "type_mismatch")]


def field(**changes: Any) -> dict[str, Any]:
    return {"label": "Email", "mergeTag": "email", "type": "EMAIL", "maxLength": 254, **changes}


def test_a_custom_field_lives_from_creation_to_deletion(platform: DemoPlatform) -> None:
    status, created = call(platform, "POST", "custom-fields", field())
    assert (status, created["mergeTag"]) == (201, "email")
    platform.directory.add_contact(PHONE, custom_fields={"email": "a@example.com"})
    path = f"custom-fields/{created['id']}"
    assert call(platform, "GET", path) == (200, created)
    status, changed = call(platform, "PATCH", path, {"maxLength": 100})
    assert (status, changed["maxLength"], changed["label"]) == (200, 100, "Email")
    assert call(platform, "DELETE", path) == (204, None)
    assert [call(platform, m, path, {})[0] for m in ("GET", "PATCH", "DELETE")] == [404] * 3
    assert platform.directory.snapshot()[PHONE]["custom_fields"] == {}


def test_labels_and_merge_tags_are_unique(platform: DemoPlatform) -> None:
    call(platform, "POST", "custom-fields", field())
    other = call(platform, "POST", "custom-fields", field(label="Source", mergeTag="source"))[1]
    assert call(platform, "POST", "custom-fields", field(label="EMAIL", mergeTag="x"))[0] == 409
    assert call(platform, "POST", "custom-fields", field(label="X", mergeTag="Email"))[0] == 409
    assert call(platform, "PATCH", f"custom-fields/{other['id']}", {"label": "Email"})[0] == 409


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"label": ""}, ("label", "must_not_be_empty")),
        ({"mergeTag": "e-mail"}, ("mergeTag", "invalid_format")),
        ({"type": "email"}, ("type", "type_mismatch")),
        ({"maxLength": 0}, ("maxLength", "constraint_violation")),
        ({"maxLength": "30"}, ("maxLength", "type_mismatch")),
        ({"maxLength": True}, ("maxLength", "type_mismatch")),
        ({"required": True}, ("required", "incorrect_operation")),
    ],
)
def test_a_custom_field_that_cannot_be_is_refused(
    platform: DemoPlatform, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert codes(call(platform, "POST", "custom-fields", field(**changes))) == [expected]


def test_custom_fields_are_found_by_part_of_label_or_tag(platform: DemoPlatform) -> None:
    ids = [platform.directory.add_custom_field(tag, label=tag.title()) for tag in ("email", "source")]

    def found(**query: Any) -> list[str]:
        status, page = call(platform, "GET", "custom-fields", **query)
        assert status == 200, page
        return sorted(each["mergeTag"] for each in page["content"])

    assert found() == ["email", "source"]
    assert found(label="sou") == ["source"]
    assert found(mergeTag="EMAIL") == ["email"]
    assert found(customFieldIds=ids[:1]) == ["email"]
