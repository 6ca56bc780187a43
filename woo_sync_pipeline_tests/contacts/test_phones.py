from __future__ import annotations

import json

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.phones import InvalidReason, ParsedPhone, parse_phone, parse_phone_closely
from woo_sync_pipeline_tests.checkout import SHARED
from woo_sync_pipeline_tests.examples import examples

REGIONS = [*sorted(phonenumbers.SUPPORTED_REGIONS), "", "XX", "AQ", "au", "Australia"]
MOBILE = "+61412345678"


def plain_answer(text: str, region: str) -> str | InvalidReason | None:
    """What phonenumbers says by itself: E.164, not_mobile, or None for an invalid number."""
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) not in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    ):
        return InvalidReason.not_mobile
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@pytest.mark.parametrize(
    "text",
    [
        "0412 345 678",
        "0412.345.678",
        "(04) 1234 5678",
        "412345678",
        "61412345678",
        "+61 412 345 678",
        "+61 (0)412 345 678",
        "+61 0412 345 678",
        "(+61) 412 345 678",
        "++61412345678",
        "+ +61 412 345 678",
        "+0412345678",
        "0061412345678",
        "0061 (0) 412 345 678",
        "0011 61 412 345 678",
        "tel:+61412345678",
        "tel:+61-412-345-678;ext=5",
        "０４１２　３４５　６７８",
        "＋６１４１２３４５６７８",
        "٠٤١٢٣٤٥٦٧٨",
        "0412\u00a0345\u00a0678",
        "\u202d+61412345678\u202c",
        "0412\u200b345\u200b678\ufeff",
        "0412‑345–678",
        "0️⃣412345678",
        "&#43;61&nbsp;412&nbsp;345&nbsp;678",
        "Mobile: 0412 345 678",
        "📱 0412 345 678",
        "O412 345 678",
        "0412345678n",
        "0412345678 x12",
        "0412345678x12",
        "0412 345 678 ext. 5",
        "0412 345 678 Extension 5",
        "0412345678 #5",
        "0412345678, ext 5",
    ],
)
def test_every_way_to_type_one_mobile_gives_the_same_number(text: str) -> None:
    assert parse_phone(text, "AU") == ParsedPhone(MOBILE, None)


@pytest.mark.parametrize(
    "text",
    [
        "0412 345 678 / 0499 111 222",
        "0412 345 678/0499 111 222",
        "0412 345 678 or 0499 111 222",
        "0412 345 678 and 0499 111 222",
        "0412 345 678, 0499 111 222",
        "0412 345 678; 0499 111 222",
        "0412 345 678\r\n0499 111 222",
        "0412 345 678\u20280499 111 222",
        "0412 345 678 & 0499 111 222",
        "0412 345 678 - 0499 111 222",
        "0412 345 678   0499 111 222",
        "0412345678 +61499111222",
        "0412345678 0499111222",
        "0298765432 0412345678",
        "0298765432\t0412345678",
        "h: 02 9876 5432 m: 0412 345 678",
        "h:0298765432 m:0412345678",
        "+61412345678 / +61498765432",
        "(02) 9876 5432 / 0412 345 678",
        "home 02 9876 5432 mob 0412 345 678",
        "Unit 5, 0412 345 678",
        "0412 345 678 x1 / 0499 111 222 x2",
    ],
)
def test_of_two_numbers_the_first_that_receives_sms_is_taken(text: str) -> None:
    assert parse_phone(text, "AU").e164 == MOBILE


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("", "AU", InvalidReason.missing_phone),
        (" \t\u00a0\u200b\u202e\n", "AU", InvalidReason.missing_phone),
        ("call me", "AU", InvalidReason.unparseable),
        ("n/a", "AU", InvalidReason.unparseable),
        ("-", "AU", InvalidReason.unparseable),
        ("+", "AU", InvalidReason.unparseable),
        ("0412 34S 678", "AU", InvalidReason.unparseable),
        ("0412 34² 678", "AU", InvalidReason.unparseable),
        ("61+412345678", "AU", InvalidReason.unparseable),
        ("0412", "AU", InvalidReason.too_short),
        ("5", "AU", InvalidReason.too_short),
        ("555-2671", "US", InvalidReason.too_short),
        ("1234567890123456789", "AU", InvalidReason.too_long),
        ("9" * 5000, "AU", InvalidReason.too_long),
        ("04123456789", "AU", InvalidReason.too_long),
        ("0412 345 678 0499 111 222", "AU", InvalidReason.too_long),
        ("07700 900123", "GB", InvalidReason.invalid_for_region),
        ("+999 123 456", "AU", InvalidReason.invalid_for_region),
        ("0412 345 678", "", InvalidReason.invalid_for_region),
        ("0412 345 678", "XX", InvalidReason.invalid_for_region),
        ("(02) 9876 5432", "AU", InvalidReason.not_mobile),
        ("1300 123 456", "AU", InvalidReason.not_mobile),
        ("13 11 14", "AU", InvalidReason.not_mobile),
        ("1800 555 000", "AU", InvalidReason.not_mobile),
        ("0412, (02) 9876 5432", "AU", InvalidReason.not_mobile),
    ],
)
def test_what_cannot_be_texted_says_why(text: str, region: str, reason: InvalidReason) -> None:
    assert parse_phone(text, region) == ParsedPhone(None, reason)


@pytest.mark.parametrize(
    "text", ["1-800-FLOWERS", "1300 FLOWERS", "0412 THREE45 678", "FLOWERS", "CALLMENOW99"]
)
def test_letters_never_become_digits(text: str) -> None:
    assert parse_phone(text, "AU").e164 is None
    assert parse_phone(text, "US").e164 is None


def test_a_letter_in_place_of_the_last_digit_leaves_no_shorter_number_of_somebody_else() -> None:
    # German mobiles have ten or eleven digits after the zero, so the shorter one exists too.
    assert parse_phone("0171 2345678", "DE").e164 == "+491712345678"
    assert parse_phone("0171 2345678O", "DE").reason is InvalidReason.unparseable
    assert parse_phone("0171 2345678 O: 9", "DE").reason is InvalidReason.unparseable


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["1x" + "." * 300_000 + "a", "0412" + " " * 300_000 + "345678", "0412 345 678 or " * 100_000]
)
def test_a_text_as_long_as_a_novel_is_no_number_and_takes_no_time(text: str) -> None:
    assert parse_phone(text, "AU") == parse_phone_closely(text, "AU")
    assert parse_phone(text, "AU").reason is InvalidReason.too_long


def test_a_slash_inside_one_number_parts_nothing() -> None:
    assert parse_phone("0151/23456789", "DE").e164 == "+4915123456789"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("61412345678", "US", MOBILE),
        ("61412345678", "NZ", MOBILE),
        ("447911123456", "AU", "+447911123456"),
        ("0061412345678", "US", MOBILE),
        ("00 61 412 345 678", "", MOBILE),
        ("+39 (0)347 1234567", "IT", "+393471234567"),
        ("+225 (0)7 07 12 34 56", "", "+2250707123456"),
        # Inside of a number the zero is a digit like others: without it the number would be somebody else's.
        ("+62 8123(0)45661", "ID", "+628123045661"),
        (" +61 412 345 678", "au ", MOBILE),
        ("0412 345 678", " au", MOBILE),
    ],
)
def test_international_forms_are_read_from_any_country(text: str, region: str, e164: str) -> None:
    assert parse_phone(text, region).e164 == e164


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("6591234567", "US"),  # A mistyped US number, or +65 9123 4567 of Singapore?
        ("68251234", "AU"),  # A Sydney number without its area code, or a mobile of the Cook Islands?
        ("61412345678", ""),
    ],
)
def test_digits_that_may_be_a_mistyped_national_number_text_no_stranger_abroad(
    text: str, region: str
) -> None:
    assert parse_phone(text, region).e164 is None


def test_every_reason_is_explained_in_one_sentence() -> None:
    explanations = [reason.explanation for reason in InvalidReason]
    assert len(set(explanations)) == len(explanations)
    assert all(text.endswith(".") and text.count(".") == 1 for text in explanations)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded store answers (../shared) are not there")
def test_the_recorded_customers_are_read() -> None:
    answer = json.loads((SHARED / "woocommerce/recorded/customers_phone_variety.json").read_text("utf-8"))
    read = {
        customer["id"]: parse_phone(customer["billing"]["phone"], customer["billing"]["country"] or "AU")
        for customer in answer["response"]["body"]
    }
    assert {number: phone.reason.value for number, phone in read.items() if phone.reason} == {
        1: "missing_phone",
        7: "not_mobile",
        10: "not_mobile",
        13: "not_mobile",
        19: "invalid_for_region",
        22: "invalid_for_region",
        37: "unparseable",
        40: "unparseable",
        58: "too_short",
        73: "too_short",
        85: "unparseable",
        109: "too_short",
        115: "too_long",
        127: "not_mobile",
        130: "not_mobile",
        208: "unparseable",
    }
    assert read[52].e164 == read[55].e164 == read[64].e164 == read[67].e164 == MOBILE
    assert read[94].e164 == "+61412345681"


numbers_as_typed = st.tuples(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]),
    st.text("0123456789", min_size=0, max_size=5),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([" ", "-", ".", "/", ""]),
)


def typed(region: str, kind: int, tail: str, form: int, separator: str) -> str:
    """A number of that region, real or nearly so, in one of the usual spellings."""
    number = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
    assert number is not None
    digits = phonenumbers.national_significant_number(number)
    changed = phonenumbers.PhoneNumber()
    changed.country_code = number.country_code
    changed.italian_leading_zero = number.italian_leading_zero
    changed.national_number = int(digits[: len(digits) - len(tail)] + tail or "0")
    return str(phonenumbers.format_number(changed, form)).replace(" ", separator)


@settings(max_examples=examples(250), deadline=None)
@given(numbers_as_typed, st.one_of(st.none(), st.sampled_from(REGIONS[:-1])))
def test_a_clean_number_is_what_phonenumbers_says_it_is(
    number: tuple[str, int, str, int, str], elsewhere: str | None
) -> None:
    text = typed(*number)
    region = number[0] if elsewhere is None else elsewhere
    expected = plain_answer(text, region.upper())
    answer = parse_phone(text, region)
    if expected is not None:
        assert (answer.e164 or answer.reason) == expected
    elif answer.e164 is not None:
        # The only readings beyond the library's: the same digits, meant as an international number.
        assert "+" not in text
        assert answer.e164 == plain_answer(
            "+" + phonenumbers.normalize_digits_only(text).removeprefix("00"), ""
        )


noise = st.one_of(
    st.text(max_size=60),
    st.text("0123456789+() -./,;x#&\n\u200e０９٣²Oo", max_size=40),
    st.lists(
        st.sampled_from(
            ["0412 345 678", "+61", "(0)", "/", " or ", "ext", "x", "+", "0", " 4155552671", "\n"]
        ),
        max_size=8,
    ).map("".join),
)


@settings(max_examples=examples(250), deadline=None)
@given(noise, st.one_of(st.sampled_from(REGIONS), st.text(max_size=4)))
def test_any_text_gives_either_a_textable_number_or_a_reason(text: str, region: str) -> None:
    answer = parse_phone(text, region)
    assert (answer.e164 is None) != (answer.reason is None)
    if answer.e164 is not None:
        assert plain_answer(answer.e164, "") == answer.e164


@given(st.text(st.characters(categories=["L", "Zs", "P"]), max_size=60), st.sampled_from(REGIONS))
def test_a_text_without_digits_is_never_a_number(text: str, region: str) -> None:
    assert parse_phone(text, region).e164 is None


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("0412345678.0", "AU", MOBILE),
        ("412345678.0", "AU", MOBILE),
        (" 61412345678.0 ", "AU", MOBILE),
        ("+61412345678.0", "", MOBILE),
        ("０４１２３４５６７８．０", "AU", MOBILE),
        ("+61+61412345678", "AU", MOBILE),
        ("+61 +61 412 345 678", "NZ", MOBILE),
        ("(+61) +61 (0)412 345 678", "", MOBILE),
        ("+61 61412345678", "AU", MOBILE),
        ("+61 (61) 412 345 678", "AU", MOBILE),
        ("+6161412345678", "", MOBILE),
        ("+353 353871234567", "IE", "+353871234567"),
        ("+1+12025550123", "GB", "+12025550123"),
        ("+52 1 55 1234 5678", "MX", "+525512345678"),
        ("+52 1 55 1234 5678", "AU", "+525512345678"),
        ("0052 1 55 1234 5678", "US", "+525512345678"),
        ("521 55 1234 5678", "MX", "+525512345678"),
        ("5215512345678.0", "MX", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("(045) 55-1234-5678", "mx", "+525512345678"),
        ("07400 123456", "UK", "+447400123456"),
        ("7400123456", " uk ", "+447400123456"),
        ("00 49 1512 3456789", "UK", "+4915123456789"),
    ],
)
def test_what_machines_misspell_and_what_was_once_the_rule_is_read(
    text: str, region: str, number: str
) -> None:
    assert parse_phone(text, region) == parse_phone_closely(text, region) == ParsedPhone(number, None)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("0412345678.00", "AU"),
        ("0412345678.5", "AU"),
        ("0412 345 678.0", "AU"),
        ("4.12345678E8", "AU"),
        ("+61+64412345678", "AU"),
        ("+61 64412345678", "AU"),
        ("+7 7 9161234567", "RU"),
        ("+6161412345", "AU"),
        ("+52 2 55 1234 5678", "MX"),
        ("044 55 1234 5678", "AU"),
        ("044 55 1234 567", "MX"),
    ],
)
def test_what_is_merely_like_it_is_not(text: str, region: str) -> None:
    assert parse_phone(text, region).e164 is None
    assert parse_phone(text, region) == parse_phone_closely(text, region)


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        # Each is a number as it stands, whatever it is like.
        ("0151 2345678.0", "DE", "+4915123456780"),
        ("+44 7400 123456, +61+61412345678", "AU", "+447400123456"),
        ("+61+61412345678 or 0498 765 432", "AU", "+61498765432"),
        ("1 55 1234 5678", "MX", "+15512345678"),
    ],
)
def test_a_number_that_is_valid_as_it_stands_goes_first(text: str, region: str, number: str) -> None:
    assert parse_phone(text, region).e164 == number


@pytest.mark.parametrize("text", ["0298765432.0", "+61+61298765432", "+61 61298765432"])
def test_a_misspelled_landline_is_called_one(text: str) -> None:
    assert parse_phone(text, "AU").reason is InvalidReason.not_mobile
