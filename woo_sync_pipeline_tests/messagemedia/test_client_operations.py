from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, Exchange
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import AlreadyExists, ContactRejected, NotFound
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

UNKNOWN_ID = "025e93d3-051b-43f9-b12e-4b5842228dee"


def phone(number: int) -> str:
    return f"+614{number:08d}"


def sms(number: int, state: str = "SUBSCRIBED") -> dict[str, str]:
    return {"channelId": phone(number), "type": "SMS", "subscriptionState": state}


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    settings = PlatformSettings(platform.url, platform.api_key, platform.api_secret, backoff=0.01)
    with PlatformClient(settings) as opened:
        yield opened


def test_a_contact_is_created_found_and_changed(platform: DemoPlatform, client: PlatformClient) -> None:
    created = client.create_contact({"firstName": "Zoë", "channels": [sms(1, "UNSUBSCRIBED")]})
    assert client.contacts_by_phone([phone(1)]) == {phone(1): created}

    changed = client.update_contact(created.id, {"lastName": "O’Brien"})

    assert (changed.id, changed.first_name, changed.last_name) == (created.id, "Zoë", "O’Brien")
    assert changed.sms_state(phone(1)) == "UNSUBSCRIBED"
    assert changed.last_modified_at > created.last_modified_at
    assert platform.directory.snapshot()[phone(1)]["last_name"] == "O’Brien"


def test_phones_that_nobody_holds_are_left_out(client: PlatformClient) -> None:
    assert client.contacts_by_phone([]) == {}
    assert client.contacts_by_phone([phone(1)]) == {}
    assert client.requests_made == 1


def test_many_phones_are_asked_for_in_short_request_lines(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    lines: list[int] = []

    def measure(exchange: Exchange) -> None:
        query = sum(len(name) + len(value) + len("=&%2B") - 1 for name, value in exchange.query)
        lines.append(len(f"GET {exchange.path}? HTTP/1.1") + query)

    for number in range(1200):
        platform.directory.add_contact(phone(number))
    platform.on_exchange = measure

    found = client.contacts_by_phone({phone(number) for number in range(0, 2400, 2)})

    assert set(found) == {phone(number) for number in range(0, 1200, 2)}
    assert max(lines) < 4096
    assert len(lines) <= 10
    assert all(contact.sms_channel(each) for each, contact in found.items())


def test_further_pages_of_a_look_up_are_read(
    client: PlatformClient, platform: DemoPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("woo_sync_pipeline.messagemedia.client.PAGE_SIZE", 7)
    for number in range(50):
        platform.directory.add_contact(phone(number))
    assert len(client.contacts_by_phone([phone(number) for number in range(50)])) == 50
    assert client.requests_made == 8


def test_a_phone_held_as_another_channel_only_is_found_as_well(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    contact_id = platform.directory.add_contact(phone(1), channels=[("WHATSAPP", phone(1), "UNSUBSCRIBED")])
    found = client.contacts_by_phone([phone(1)])[phone(1)]
    assert found.id == contact_id
    assert found.sms_channel(phone(1)) is None


def test_the_whole_directory_is_walked_in_pages_of_a_thousand(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    for number in range(2300):
        platform.directory.add_contact(phone(number))
    pages = [page.content for page in client.contact_pages()]
    assert [len(page) for page in pages] == [1000, 1000, 300]
    assert len({contact.id for page in pages for contact in page}) == 2300
    assert client.count_contacts() == 2300


def test_an_empty_directory_is_one_empty_page(client: PlatformClient) -> None:
    assert [page.content for page in client.contact_pages()] == [[]]
    assert client.count_contacts() == 0


def test_contacts_added_and_removed_during_a_walk_do_not_disturb_it(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    for number in range(2500):
        platform.directory.add_contact(phone(number))
    walk = (page.content for page in client.contact_pages())
    walked = {contact.id: contact for contact in next(walk)}
    gone = next(iter(walked.values())).channels[0].channel_id
    platform.directory.delete(gone)
    platform.directory.add_contact(phone(9999))
    walked |= {contact.id: contact for page in walk for contact in page}
    phones = {contact.channels[0].channel_id for contact in walked.values()}
    assert phones >= {phone(number) for number in range(2500)}


def test_a_list_is_found_by_its_exact_name_only(platform: DemoPlatform, client: PlatformClient) -> None:
    for number in range(30):
        platform.directory.add_list(f"WooCommerce - {number}")
    created = client.create_list("WooCommerce & Söhne")
    assert client.find_list("WooCommerce & Söhne") == created
    assert client.find_list("WooCommerce") is None
    assert client.find_list("woocommerce & söhne") is None
    assert {each.name for each in client.lists()} == set(platform.directory.list_names())
    with pytest.raises(AlreadyExists):
        client.create_list("WOOCOMMERCE & SÖHNE")


def test_members_are_changed_in_bulk(platform: DemoPlatform, client: PlatformClient) -> None:
    ids = [platform.directory.add_contact(phone(number)) for number in range(1000)]
    added = client.create_list("VIP")
    client.change_members(added.id, ids, [])
    assert len(platform.directory.list_members("VIP")) == 1000
    client.change_members(added.id, [], ids[:999])
    assert platform.directory.list_members("VIP") == {phone(999)}
    before = client.requests_made
    client.change_members(added.id, [], [])
    assert client.requests_made == before
    with pytest.raises(ValueError, match="1000"):
        client.change_members(added.id, [*ids, UNKNOWN_ID], [])
    with pytest.raises(ValueError, match="1000"):
        client.change_members(added.id, [], [*ids, UNKNOWN_ID])


def test_an_unknown_member_is_named_and_nothing_is_changed(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    known = platform.directory.add_contact(phone(1))
    added = client.create_list("VIP")
    with pytest.raises(ContactRejected) as caught:
        client.change_members(added.id, [known, UNKNOWN_ID], [])
    assert caught.value.invalid_ids == (UNKNOWN_ID,)
    assert platform.directory.list_members("VIP") == set()


def test_custom_fields_are_created_once(client: PlatformClient) -> None:
    created = client.create_custom_field("Source", "source", "TEXT", 255)
    assert (created.label, created.merge_tag, created.type, created.max_length) == (
        "Source",
        "source",
        "TEXT",
        255,
    )
    assert client.custom_fields() == [created]
    with pytest.raises(AlreadyExists):
        client.create_custom_field("Another", "source", "TEXT", 255)


def test_what_is_gone_is_not_found(platform: DemoPlatform, client: PlatformClient) -> None:
    contact_id = platform.directory.add_contact(phone(1))
    platform.directory.delete(phone(1))
    with pytest.raises(NotFound):
        client.update_contact(contact_id, {"firstName": "Ada"})


def test_a_taken_phone_already_exists(platform: DemoPlatform, client: PlatformClient) -> None:
    platform.directory.add_contact(phone(1))
    with pytest.raises(AlreadyExists) as caught:
        client.create_contact({"channels": [sms(1)]})
    assert phone(1) not in str(caught.value)


def test_threads_share_a_bounded_number_of_connections(platform: DemoPlatform) -> None:
    settings = PlatformSettings(platform.url, platform.api_key, platform.api_secret, max_concurrency=3)
    platform.faults.latency = 0.05
    with PlatformClient(settings) as client, ThreadPoolExecutor(12) as threads:
        for number in range(24):
            threads.submit(client.create_contact, {"channels": [sms(number)]})
        threads.shutdown(wait=True)
        assert client.writes_made == 24
    assert len(platform.directory) == 24
    assert platform.requests.most_at_once == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://api.example.com"},
        {"base_url": "ftp://127.0.0.1"},
        {"base_url": "api.example.com"},
        {"base_url": "https://user:pass@api.example.com"},
        {"api_secret": ""},
        {"max_concurrency": 0},
        {"attempts": 0},
        {"auth": "digest"},
        {"verify_tls": "/nowhere/ca.pem"},
        {"verify_tls": ""},
    ],
)
def test_settings_that_cannot_work_or_are_unsafe_are_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"base_url": "https://h.example", "api_key": "k", "api_secret": "s3cret"}
    PlatformSettings(**right)
    with pytest.raises(ConfigurationError) as caught:
        PlatformSettings(**{**right, **wrong})
    assert "s3cret" not in str(caught.value)


def test_the_repr_of_settings_shows_no_credentials() -> None:
    shown = repr(PlatformSettings("https://h.example", "my-key", "my-secret"))
    assert "my-key" not in shown
    assert "my-secret" not in shown
