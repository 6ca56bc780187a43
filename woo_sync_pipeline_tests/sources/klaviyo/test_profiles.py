"""What a profile becomes, whatever shape Klaviyo gives it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.normalise import normalise
from woo_sync_pipeline.sources.klaviyo.countries import country_code
from woo_sync_pipeline.sources.klaviyo.normalise import profile_records
from woo_sync_pipeline.sources.klaviyo.profiles import (
    CONSENT,
    Profiles,
    changed_within,
    choice_of,
    moment,
    profile_cells,
)
from woo_sync_pipeline.sources.klaviyo.settings import KlaviyoSettings

SOURCE = KlaviyoSettings.model_validate(
    {"name": "K", "key": "k", "api_key": "pk_1", "start_date": "2026-11-01", "default_region": "AU"}
)
NOON = "2026-11-01T12:00:00+00:00"
AT_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


def marketing(**values: Any) -> dict[str, Any]:
    return {"sms": {"marketing": {"can_receive_sms_marketing": True, **values}}}


def row(**attributes: Any) -> dict[str, Any]:
    return {"type": "profile", "id": "01A", "attributes": {"phone_number": "+61491570006", **attributes}}


def cells(**attributes: Any) -> dict[str, Any]:
    found = profile_cells(row(**attributes), "settings")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("subscriptions", "consent", "at"),
    [
        (
            marketing(consent="SUBSCRIBED", consent_timestamp=NOON, last_updated="2026-11-05T00:00:00Z"),
            "yes",
            AT_NOON,
        ),
        (
            marketing(consent="UNSUBSCRIBED", consent_timestamp="2026-01-01T00:00:00Z", last_updated=NOON),
            "no",
            AT_NOON,
        ),
        (marketing(consent="NEVER_SUBSCRIBED", consent_timestamp=NOON, last_updated=NOON), None, None),
        (marketing(consent="SUBSCRIBED", consent_timestamp=None, last_updated=NOON), "yes", None),
        (marketing(consent="UNSUBSCRIBED", consent_timestamp=NOON, last_updated=None), "no", None),
        (
            marketing(consent="SUBSCRIBED", consent_timestamp="2026-11-01T12:00:00", last_updated=NOON),
            "yes",
            None,
        ),
        (
            marketing(consent="UNSUBSCRIBED", consent_timestamp=NOON, last_updated="2026-01-01T00:00:00Z"),
            "no",
            AT_NOON,
        ),
        (marketing(consent="UNSUBSCRIBED", consent_timestamp="noon", last_updated=NOON), "no", None),
        (marketing(consent="subscribed ", consent_timestamp=NOON), "yes", AT_NOON),
        (marketing(consent=None), None, None),
        (marketing(consent=True, consent_timestamp=NOON), None, None),
        ({"sms": {"marketing": None}}, None, None),
        ({"sms": None}, None, None),
        ({"sms": []}, None, None),
        (None, None, None),
    ],
)
def test_consent_is_that_to_sms_marketing(
    subscriptions: Any, consent: str | None, at: datetime | None
) -> None:
    found = cells(subscriptions=subscriptions)
    choice = choice_of(found["consent"], found["consent_at"])
    meaning = {"yes": Consent.opted_in, "no": Consent.opted_out, None: Consent.unknown}[consent]
    assert (choice.consent, choice.said_at) == (meaning, at)
    assert (choice.key, bool(choice.answers)) == ((CONSENT, True) if consent else ("", False))


def test_a_word_that_nobody_knows_is_told_masked() -> None:
    assert choice_of("PENDING", None).unread == f"{CONSENT} = PENDING"
    assert "570006" not in choice_of("+61491570006", None).unread


def test_without_subscriptions_nothing_is_known_of_consent_and_that_is_counted() -> None:
    found = Profiles(SOURCE, {})
    found.add([row(), row(subscriptions=None)], AT_NOON)
    assert found.without_subscriptions == 1
    assert profile_records(found.changed.to_pandas()).consent_basis.tolist() == ["", CONSENT]


@given(
    attributes=st.dictionaries(
        st.sampled_from(
            [
                "phone_number",
                "email",
                "first_name",
                "last_name",
                "location",
                "created",
                "updated",
                "subscriptions",
            ]
        ),
        json_values,
    ),
    profile_id=json_values,
)
def test_whatever_stands_in_a_profile_it_is_read_or_left_out(
    attributes: dict[str, Any], profile_id: Any
) -> None:
    found = Profiles(SOURCE, {})
    found.add([{"id": profile_id, "attributes": attributes}], AT_NOON)
    assert found.read == len(found.ids) + len(found.unreadable) == 1
    records = normalise(profile_records(found.changed.to_pandas()), "AU")
    assert len(records) == len(found.ids)


def test_rows_without_an_id_or_attributes_are_told_with_the_phone_masked() -> None:
    found = Profiles(SOURCE, {})
    found.add([{**row(), "id": None}, {**row(), "id": "a b"}, {"id": "01B", "attributes": None}], AT_NOON)
    assert [phone for _, phone in found.unreadable] == ["+61•••••006", "+61•••••006", ""]
    assert len(found.changed) == 0


def test_the_hash_covers_what_is_used_and_nothing_else() -> None:
    first = cells(subscriptions=None)
    assert cells(subscriptions=None, updated=NOON, title="Dr", properties={"x": 1})["hash"] == first["hash"]
    for changed in ({"first_name": "Ann"}, {"email": "a@example.com"}, {"phone_number": None}):
        assert cells(subscriptions=None, **changed)["hash"] != first["hash"]
    assert cells(subscriptions=marketing(consent="SUBSCRIBED"))["hash"] != first["hash"]
    other = profile_cells(row(subscriptions=None), "other settings")
    assert other is not None
    assert other["hash"] != first["hash"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (NOON, AT_NOON),
        ("2026-11-01T22:00:00.000000+10:00", AT_NOON),
        ("2026-11-01T12:00:00Z", AT_NOON),
        ("2026-11-01T12:00:00", None),
        ("2026-11-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1_793_534_400, None),
    ],
)
def test_a_time_needs_its_zone(text: object, read: datetime | None) -> None:
    assert moment(text) == read


def test_a_window_holds_its_first_moment_and_not_its_end() -> None:
    assert changed_within(AT_NOON, AT_NOON.replace(hour=13)) == (
        "greater-than(updated,2026-11-01T11:59:59.999999Z),less-than(updated,2026-11-01T13:00:00.000000Z)"
    )


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("AU", "AU"),
        ("Australia", "AU"),
        (" new zealand ", "NZ"),
        ("United States", "US"),
        ("Atlantis", "Atlantis"),
    ],
)
def test_countries_are_read_by_code_or_name(written: str, code: str) -> None:
    assert country_code(written).strip() == code


def test_a_phone_that_is_not_e164_is_read_with_the_country_of_its_location() -> None:
    found = Profiles(SOURCE, {})
    found.add(
        [
            row(phone_number="021 123 4567", location={"country": "New Zealand"}),
            row(phone_number="0491 570 006"),
        ],
        AT_NOON,
    )
    records: pd.DataFrame = normalise(profile_records(found.changed.to_pandas()), "AU")
    assert records["phone"].tolist() == ["+64211234567", "+61491570006"]


ODD_CONSENTS: list[Any] = [
    {"sms": []},
    {"sms": {"marketing": "UNSUBSCRIBED"}},
    marketing(consent=["UNSUBSCRIBED"]),
    marketing(consent=False),
    "UNSUBSCRIBED",
]


@pytest.mark.parametrize("subscriptions", ODD_CONSENTS)
def test_a_consent_of_no_known_shape_leaves_the_profile_as_it_was(subscriptions: Any) -> None:
    found = Profiles(SOURCE, {"01A": "old"})
    found.add([row(subscriptions=subscriptions)], AT_NOON)
    assert (len(found.changed), found.ids) == (0, {"01A"})
    ((is_wrong, phone),) = found.unclear
    assert is_wrong.startswith("01A, its ")
    assert phone == "+61•••••006"


@pytest.mark.parametrize("attributes", [{}, {"subscriptions": marketing(consent="OPTED_OUT")}])
def test_where_everybody_is_subscribed_who_said_no_no_what_nobody_understands_subscribes_nobody(
    attributes: dict[str, Any],
) -> None:
    inferred = SOURCE.model_copy(update={"consent": SOURCE.consent.model_copy(update={"mode": "inferred"})})
    found = Profiles(inferred, {})
    found.add([row(**attributes)], AT_NOON)
    assert (len(found.changed), len(found.unclear)) == (0, 1)
    in_explicit = Profiles(SOURCE, {})
    in_explicit.add([row(**attributes)], AT_NOON)
    assert len(in_explicit.changed) == 1
