"""Why a record has no phone that can be texted: one test for each reason, as docs/contacts.md explains them."""

from __future__ import annotations

import pytest

from woo_sync_pipeline.contacts.phones import InvalidReason, parse_phone


def reason(text: str, region: str = "AU") -> InvalidReason | None:
    return parse_phone(text, region).reason


@pytest.mark.parametrize("text", ["", "   ", "\t\n", "\u200b\u00a0", "&nbsp;"])
def test_missing_phone_is_a_field_in_which_nothing_was_typed(text: str) -> None:
    assert reason(text) is InvalidReason.missing_phone


@pytest.mark.parametrize("text", ["call me", "n/a", "-", "0412 34S 678", "0412 345 67O", "\U0001f4f1"])
def test_unparseable_is_a_text_from_which_no_number_can_be_read(text: str) -> None:
    assert reason(text) is InvalidReason.unparseable


@pytest.mark.parametrize(
    ("text", "region"), [("0412", "AU"), ("5", "AU"), ("041234567", "AU"), ("555-2671", "US")]
)
def test_too_short_is_a_number_that_lacks_digits(text: str, region: str) -> None:
    assert reason(text, region) is InvalidReason.too_short


@pytest.mark.parametrize("text", ["04123456789", "+61 412 345 678 99", "0412 345 678 0499 111 222", "9" * 30])
def test_too_long_is_a_number_with_more_digits_than_a_mobile_has(text: str) -> None:
    assert reason(text) is InvalidReason.too_long


@pytest.mark.parametrize(
    ("text", "region"),
    [("+999 123 456", "AU"), ("0912 345 678", "AU"), ("07700 900123", "GB"), ("0412345678", "")],
)
def test_invalid_for_region_is_a_number_that_its_country_does_not_have(text: str, region: str) -> None:
    assert reason(text, region) is InvalidReason.invalid_for_region


@pytest.mark.parametrize(
    ("text", "region"),
    [("(02) 9876 5432", "AU"), ("13 11 14", "AU"), ("1800 555 000", "AU"), ("020 7946 0958", "GB")],
)
def test_not_mobile_is_a_landline_or_service_number(text: str, region: str) -> None:
    assert reason(text, region) is InvalidReason.not_mobile


@pytest.mark.parametrize(
    ("text", "closest"),
    [
        ("0412, (02) 9876 5432", InvalidReason.not_mobile),
        ("call me, 0412", InvalidReason.too_short),
        ("0412, +999 123 456", InvalidReason.invalid_for_region),
    ],
)
def test_of_several_numbers_the_reason_closest_to_a_usable_one_is_given(
    text: str, closest: InvalidReason
) -> None:
    assert reason(text) is closest


@pytest.mark.parametrize("code", InvalidReason)
def test_every_reason_has_a_test_of_its_name(code: InvalidReason) -> None:
    assert any(name.startswith(f"test_{code.value}_is_") for name in globals())
