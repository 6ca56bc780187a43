from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange, FaultKind
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import PlatformError
from woo_sync_pipeline.messagemedia.settings import PlatformSettings
from woo_sync_pipeline_tests.openapi import OpenApiRecorder

CONTACTS = "/api/v1/contacts/contacts"
UNKNOWN_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    settings = PlatformSettings(
        platform.url, platform.api_key, platform.api_secret, auth="hmac", backoff=0.01, attempts=2
    )
    with PlatformClient(settings) as opened:
        yield opened


@pytest.fixture
def recorder(platform: DemoPlatform) -> OpenApiRecorder:
    return OpenApiRecorder(platform)


def test_everything_the_client_does_is_as_described(
    platform: DemoPlatform, client: PlatformClient, recorder: OpenApiRecorder
) -> None:
    email = client.create_custom_field("Email", "email", "EMAIL", 254)
    vip = client.create_list("VIP")
    body: dict[str, Any] = {
        "firstName": "Zoë",
        "lastName": "",
        "channels": [{"channelId": "+61412345678", "type": "SMS", "subscriptionState": "UNSUBSCRIBED"}],
        "customFields": [{"id": email.id, "value": "zoe@example.com"}],
        "lists": [{"id": vip.id}],
    }
    created = client.create_contact(body)
    client.update_contact(created.id, {**body, "lastName": "Byron"})
    client.change_members(vip.id, [], [created.id])
    client.change_members(vip.id, [created.id], [])
    client.contacts_by_phone(["+61412345678", "+61412345679"])
    client.count_contacts()
    assert [len(page.content) for page in client.contact_pages()] == [1]
    assert client.find_list("VIP") == vip
    assert client.lists() == [vip]
    assert client.custom_fields() == [email]
    assert recorder.violations == []
    assert recorder.operations == {
        "createContact",
        "updateContact",
        "getContactsPage",
        "createContactList",
        "getContactListsPage",
        "modifyContactsInContactList",
        "createCustomField",
        "getCustomFieldsPage",
    }


def test_refusals_and_failures_are_answered_as_described(
    platform: DemoPlatform, client: PlatformClient, recorder: OpenApiRecorder
) -> None:
    channels = [{"channelId": "+61412000001", "type": "SMS"}]
    client.create_contact({"channels": channels})
    doing: list[Callable[[], object]] = [
        lambda: client.create_contact({"channels": channels}),
        lambda: client.create_contact({"channels": [{"channelId": "0412", "type": "SMS"}]}),
        lambda: client.create_contact({"channels": channels, "lists": [{"id": UNKNOWN_ID}]}),
        lambda: client.update_contact(UNKNOWN_ID, {"firstName": "Ada"}),
        lambda: client.change_members(UNKNOWN_ID, [UNKNOWN_ID], []),
        lambda: client.create_list(" "),
    ]
    for do in doing:
        with pytest.raises(PlatformError):
            do()
    kinds: list[FaultKind] = ["500", "502", "503", "504"]
    for kind in kinds:
        platform.faults.queue(kind)
        with pytest.raises(PlatformError):
            client.create_list("Another")
    assert recorder.violations == []
    assert recorder.exchanges == 11


def test_the_recorder_finds_what_is_not_as_described() -> None:
    recorder = OpenApiRecorder()
    right = {"channels": [{"channelId": "+61412345678", "type": "SMS"}]}

    def violations(method: str, path: str, request: object, status: int, response: object, **q: str) -> int:
        recorder.request_violations.clear()
        recorder.answer_violations.clear()
        recorder.check(Exchange(method, path, tuple(q.items()), request, status, response))
        return len(recorder.violations)

    assert violations("POST", CONTACTS, right, 401, None) == 0
    assert violations("POST", CONTACTS, {**right, "email": "a@b.example"}, 401, None) == 1
    assert violations("POST", CONTACTS, {}, 401, None) == 1
    assert violations("POST", CONTACTS, None, 401, None) == 1
    assert violations("POST", CONTACTS, {"channels": [{"channelId": "1", "type": "GBM"}]}, 401, None) == 1
    assert violations("POST", CONTACTS, right, 201, {}) > 0
    assert violations("POST", CONTACTS, right, 401, {"detail": "no"}) == 1
    assert violations("POST", CONTACTS, right, 418, None) == 1
    assert violations("PATCH", f"{CONTACTS}/7", {}, 401, None) == 1
    assert violations("GET", CONTACTS, None, 401, None, pageSize="1000") == 0
    assert violations("GET", CONTACTS, None, 401, None, pageSize="1001") == 1
    assert violations("GET", CONTACTS, None, 401, None, modifiedAfter="2026-01-01") == 1
    assert violations("GET", CONTACTS, {}, 401, None) == 1
    assert violations("GET", "/api/v1/contacts/groups", None, 401, None) == 1


FREE_PHONE = "+61498765432"  # held by no contact that another test makes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just(FREE_PHONE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "channelId", "type", "subscriptionState", "value", "other"]),
            inner | st.sampled_from(["SMS", "SUBSCRIBED", UNKNOWN_ID]),
            max_size=4,
        )
    ),
    max_leaves=10,
)
bodies = st.dictionaries(
    st.sampled_from(["channels", "firstName", "lists", "customFields", "dateOfBirth", "x"]),
    values,
    max_size=5,
).map(lambda body: {"channels": [{"channelId": FREE_PHONE, "type": "SMS"}], **body})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
@pytest.mark.wrong_requests
def test_the_platform_accepts_nothing_that_the_description_forbids(
    platform: DemoPlatform, body: dict[str, Any]
) -> None:
    recorder = OpenApiRecorder()
    statuses: list[int] = []

    def check(exchange: Exchange) -> None:
        recorder.check(exchange)
        statuses.append(exchange.status)

    platform.on_exchange = check
    connection = PlatformSettings(platform.url, platform.api_key, platform.api_secret)
    with PlatformClient(connection) as client, suppress(PlatformError):
        created = client.create_contact(body)
        platform.directory.delete(created.channels[0].channel_id)
    assert recorder.answer_violations == []
    assert statuses[0] in (201, 400)
    if statuses[0] == 201:
        assert recorder.request_violations == []
