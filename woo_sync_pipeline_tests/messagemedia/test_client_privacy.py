import logging
import traceback
from collections.abc import Iterator

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform, FaultKind
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    PlatformAuthError,
    PlatformError,
)
from woo_sync_pipeline.messagemedia.refusals import error_of_answer
from woo_sync_pipeline.messagemedia.retry import failure_of_status
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

PHONE = "+61412345678"


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    settings = PlatformSettings(platform.url, platform.api_key, platform.api_secret, backoff=0.01, attempts=2)
    with PlatformClient(settings) as opened:
        yield opened


def everything_shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("kind", ["500", "drop", "lost_answer", "503"])
def test_no_failure_shows_phones_or_secrets_not_even_in_its_traceback(
    platform: DemoPlatform, client: PlatformClient, kind: FaultKind
) -> None:
    platform.faults.rate(kind, 1.0)
    for ask in (
        lambda: client.contacts_by_phone([PHONE]),
        lambda: client.create_contact({"channels": [{"channelId": PHONE, "type": "SMS"}]}),
    ):
        with pytest.raises(PlatformError) as caught:
            ask()
        shown = everything_shown(caught.value)
        assert "61412345678" not in shown
        assert platform.api_secret not in shown


def test_an_unreachable_platform_shows_no_phones(platform: DemoPlatform, client: PlatformClient) -> None:
    platform.stop()
    with pytest.raises(PlatformError) as caught:
        client.contacts_by_phone([PHONE])
    assert "61412345678" not in everything_shown(caught.value)


def test_reasons_name_the_field_and_the_rule_but_not_the_person(
    platform: DemoPlatform, client: PlatformClient
) -> None:
    email_field = platform.directory.add_custom_field("email", type="EMAIL")
    with pytest.raises(ContactRejected) as caught:
        client.create_contact(
            {
                "firstName": "x" * 101,
                "channels": [{"channelId": "0412 345 678", "type": "SMS"}],
                "customFields": [{"id": email_field, "value": "ada byron at home"}],
            }
        )
    first, second = caught.value.reasons
    assert first.startswith("firstName: invalid_length")
    assert second.startswith("channels[0].channelId: invalid_format")
    assert "0412 345 678" not in everything_shown(caught.value)

    with pytest.raises(ContactRejected) as caught:
        client.create_contact(
            {
                "channels": [{"channelId": PHONE, "type": "SMS"}],
                "customFields": [{"id": email_field, "value": "ada byron at home"}],
            }
        )
    assert caught.value.reasons == ("customFields[0].value: invalid_format is no EMAIL: •••",)


def test_a_conflict_masks_the_phone(platform: DemoPlatform, client: PlatformClient) -> None:
    platform.directory.add_contact(PHONE)
    with pytest.raises(AlreadyExists, match=r"\+61•••••678"):
        client.create_contact({"channels": [{"channelId": PHONE, "type": "WHATSAPP"}]})


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"Ada Byron is banned", "••• ••• is banned"),
        (b'{"title": "No", "detail": "\\u0041da Byron, Adam"}', "No: ••• •••, Adam"),
        (b"", "no explanation"),
    ],
)
def test_values_of_the_request_are_masked_wherever_they_are_quoted(body: bytes, shown: str) -> None:
    sent = {"firstName": "Ada", "lastName": "Byron", "lists": [{"id": "is"}]}
    error = error_of_answer(409, body, tried="POST /x", sent=sent)
    assert error.got == f"409: {shown}"


def test_debug_logs_of_the_http_library_show_no_phones(
    platform: DemoPlatform, client: PlatformClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.contacts_by_phone([PHONE])
    assert "/api/v1/contacts/contacts?…" in caplog.text
    assert "61412345678" not in caplog.text


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_an_error_that_no_repetition_changes(status: int) -> None:
    error = error_of_answer(status, b"", tried="POST /x")
    assert isinstance(error, PlatformAuthError)
    assert not error.transient
    assert failure_of_status(status, {"Retry-After": "5"}) is None
