import pickle
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.messagemedia.errors import ContactRejected, PlatformProtocolError
from woo_sync_pipeline.messagemedia.models import (
    holders_of,
    parse_contact,
    parse_custom_field,
    parse_list,
    parse_page,
)

ID = "025e93d3-051b-43f9-b12e-4b5842228dee"
MINIMAL = {"id": ID, "lastModifiedDate": "2026-08-18T09:15:03.112Z"}
PHONE = "+61412345678"


def contact(**properties: Any) -> dict[str, Any]:
    return {**MINIMAL, **properties}


def test_a_contact_is_read_whole() -> None:
    read = parse_contact(
        contact(
            firstName="Ada",
            lastName="Byron",
            channels=[{"channelId": PHONE, "type": "SMS", "subscriptionState": "UNSUBSCRIBED"}],
            customFields=[{"id": ID, "mergeTag": "source", "value": "WooCommerce", "type": "TEXT"}],
            lists=[{"id": ID, "name": "VIP"}],
            somethingNew={"a": 1},
        )
    )
    assert (read.first_name, read.last_name) == ("Ada", "Byron")
    assert read.sms_state(PHONE) == "UNSUBSCRIBED"
    assert read.custom_value(ID) == "WooCommerce"
    assert [each.name for each in read.lists] == ["VIP"]
    assert read.last_modified_at == datetime(2026, 8, 18, 9, 15, 3, 112000, tzinfo=UTC)


@pytest.mark.parametrize("absent", [{}, dict.fromkeys(("firstName", "lastName", "channels", "lists"))])
def test_what_is_optional_may_be_absent_or_null(absent: dict[str, None]) -> None:
    read = parse_contact(contact(**absent))
    assert (read.first_name, read.channels, read.custom_fields, read.lists) == ("", (), (), ())


def test_only_an_sms_channel_with_that_very_phone_has_an_sms_state() -> None:
    read = parse_contact(
        contact(
            channels=[
                {"channelId": PHONE, "type": "WHATSAPP", "subscriptionState": "SUBSCRIBED"},
                {"channelId": "+61412345679", "type": "SMS", "subscriptionState": "SUBSCRIBED"},
                {"channelId": "+61412345670", "type": "SMS", "subscriptionState": "SOMETHING_NEW"},
            ]
        )
    )
    assert read.sms_state(PHONE) is None
    assert read.sms_channel(PHONE) is None
    assert read.sms_state("+61412345679") == "SUBSCRIBED"
    assert read.sms_channel("+61412345670") is not None
    assert read.sms_state("+61412345670") is None


@pytest.mark.parametrize(
    "written", ["2026-08-18T19:15:03.112+10:00", "2026-08-18T09:15:03.112", "2026-08-18T09:15:03.112000Z"]
)
def test_dates_are_utc_however_they_are_written(written: str) -> None:
    expected = datetime(2026, 8, 18, 9, 15, 3, 112000, tzinfo=UTC)
    assert parse_contact(contact(lastModifiedDate=written)).last_modified_at == expected


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"lastModifiedDate": MINIMAL["lastModifiedDate"]},
        contact(id="7"),
        contact(id=7),
        contact(id=f"{ID}/../x"),
        contact(lastModifiedDate=None),
        contact(lastModifiedDate="yesterday"),
        contact(channels={}),
        contact(channels=[{"type": "SMS"}]),
        contact(channels=[{"channelId": PHONE}]),
        contact(customFields=[{"value": "x"}]),
        contact(lists=[{"id": None, "name": "VIP"}]),
        contact(firstName=7),
    ],
)
def test_what_is_no_contact_is_not_taken_for_one(broken: object) -> None:
    with pytest.raises(PlatformProtocolError):
        parse_contact(broken)


def test_a_page_without_content_is_no_empty_page() -> None:
    with pytest.raises(PlatformProtocolError):
        parse_page({"totalElements": 3}, parse_contact)
    with pytest.raises(PlatformProtocolError):
        parse_page({"content": []}, parse_contact)
    page = parse_page({"content": [], "totalElements": 0, "nextPageToken": None}, parse_contact)
    assert (page.content, page.next_page_token, page.total) == ([], None, 0)


def test_lists_and_custom_fields_need_what_identifies_them() -> None:
    assert parse_list({"id": ID, "name": "VIP"}).name == "VIP"
    read = parse_custom_field({"id": ID, "mergeTag": "email", "label": "Email", "type": "EMAIL"})
    assert (read.merge_tag, read.max_length) == ("email", None)
    with pytest.raises(PlatformProtocolError):
        parse_list({"id": ID, "name": ""})
    with pytest.raises(PlatformProtocolError):
        parse_custom_field({"id": ID, "label": "Email"})


def test_a_contact_with_the_phone_as_sms_channel_wins_over_others() -> None:
    by_whatsapp = parse_contact(contact(channels=[{"channelId": PHONE, "type": "WHATSAPP"}]))
    by_sms = parse_contact(contact(channels=[{"channelId": PHONE, "type": "SMS"}], firstName="Ada"))
    for met in ([by_whatsapp, by_sms], [by_sms, by_whatsapp]):
        assert holders_of([PHONE, "+61412345679"], met) == {PHONE: by_sms}
    assert holders_of([PHONE], [by_whatsapp]) == {PHONE: by_whatsapp}
    assert holders_of([], [by_whatsapp]) == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("id", "firstName", "channels", "customFields", "lists", "lastModifiedDate"), json_values
        ),
    )
)
def test_reading_fails_in_one_way_only(data: object) -> None:
    with suppress(PlatformProtocolError):
        assert parse_contact(data).id


def test_no_repr_shows_who_a_contact_is() -> None:
    shown = repr(
        parse_contact(
            contact(
                firstName="Ada",
                lastName="Byron",
                channels=[{"channelId": PHONE, "type": "SMS"}],
                customFields=[{"id": ID, "mergeTag": "email", "value": "ada@example.com"}],
            )
        )
    )
    assert not [each for each in ("Ada", "Byron", PHONE, "ada@example.com") if each in shown]


def test_a_rejection_keeps_its_reasons_across_processes() -> None:
    error = ContactRejected(tried="a", got="b", next_step="c", reasons=("x: y z",), invalid_ids=(ID,))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reasons, copy.invalid_ids, str(copy)) == (error.reasons, (ID,), str(error))
