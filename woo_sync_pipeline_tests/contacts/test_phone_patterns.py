"""The patterns that know a number at a glance must never know better than the library."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.phone_patterns import textable_number
from woo_sync_pipeline.contacts.phones import parse_phone, parse_phone_closely, phone_at_a_glance
from woo_sync_pipeline_tests.examples import examples

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [*range(11), *[1] * 15, 2, 0, 0]
"""Types of numbers, mobile ones more often."""


def messy_number(random: Random) -> tuple[str, str]:
    """A number of any region, real or nearly so, as somebody may have typed it, and the region to read it with."""
    home = random.choice(REGIONS)
    digits = national_digits(random, home)
    code = str(phonenumbers.country_code_for_region(home))
    prefix = phonenumbers.ndd_prefix_for_region(home, strip_non_digits=True) or ""
    text = random.choice(
        [
            prefix + digits,
            prefix + digits,
            digits,
            f"+{code}{digits}",
            f"+{code} {digits}",
            f"+{code}{prefix}{digits}",
            f"+{code} (0){digits}",
            f"+{code} (0) {prefix}{digits}",
            f"+({code}){digits}",
            f"(+{code}) {digits}",
            f"{code}{digits}",
            f"{code}{prefix}{digits}",
            f"{code}{code}{digits}",
            f"+{code}{code}{digits}",
            f"00{code}{digits}",
            f"011{code}{digits}",
            f"0011 {code}{digits}",
            f"++{code}{digits}",
            f"+ {code}{digits}",
            f"({prefix}){digits}",
            f"(0){digits}",
            f"0{digits}",
            f"1{digits}",
            f"8{digits}",
        ]
    )
    for _ in range(random.choice([0, 0, 0, 1, 2, 4])):
        place = random.randint(0, len(text))
        text = text[:place] + random.choice(LAYOUT) + text[place:]
    region = random.choice(
        [home, home, home, home, home.lower(), random.choice(REGIONS), "", "XX", f" {home}"]
    )
    return text, region


LAYOUT = [
    *"         ------......//()()+0",
    "  ",
    " - ",
    "(0)",
    "( 0 )",
    "\t",
    "\n",
    "x5",
    "O",
    "٣",
    "０",
    "\u00a0",
    "\u202d",
    "²",
    ",",
]


def national_digits(random: Random, region: str) -> str:
    """A national number near to an example of the region, or anything of about the right length."""
    number = phonenumbers.example_number_for_type(region, random.choice(KINDS))
    number = number or phonenumbers.example_number(region)
    assert number is not None
    digits = phonenumbers.national_significant_number(number)
    changed = random.choice([0, 1, 2, 3, 4, 4, 6, len(digits)])
    digits = digits[: len(digits) - changed] + "".join(random.choices("0123456789", k=changed))
    if random.random() < 0.2:
        digits = random.choice("0123456789") + digits[1:]
    return random.choice([digits] * 12 + [digits[1:], digits[:-1], digits + random.choice("0123456789")])


@settings(max_examples=examples(250), deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_fast_way_gives_the_same_answer_as_the_close_look(random: Random) -> None:
    text, region = messy_number(random)
    assert parse_phone(text, region) == parse_phone_closely(text, region), (text, region)


@settings(max_examples=examples(250), deadline=None)
@given(
    st.one_of(st.text(max_size=30), st.text("0123456789+() -./\n０٣²x", max_size=25)),
    st.one_of(st.sampled_from(REGIONS), st.text(max_size=4)),
)
@example("+61 (0)412 345 678", "AU")
@example("(0)+61412345678", "AU")
@example("+(0)61412345678", "AU")
@example("+61 (0)(0)412345678", "AU")
@example("+596 696207669 (0)", "MQ")
@example("+225 (0)7 07 12 34 56", "CI")
def test_no_text_is_read_differently_at_a_glance(text: str, region: str) -> None:
    assert parse_phone(text, region) == parse_phone_closely(text, region)


@pytest.mark.parametrize("region", REGIONS)
def test_example_mobiles_of_each_region_are_read_alike_in_every_form(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:  # Tristan da Cunha has no mobiles.
        assert region == "TA"
        return
    for form in (0, 1, 2):
        text = phonenumbers.format_number(number, form)
        for spelled in (text, phonenumbers.normalize_digits_only(text)):
            assert parse_phone(spelled, region) == parse_phone_closely(spelled, region)


def test_most_mobiles_are_known_at_a_glance() -> None:
    left_to_the_library = set()
    for region in REGIONS:
        number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        national = phonenumbers.PhoneNumberFormat.NATIONAL
        if number and not phone_at_a_glance(phonenumbers.format_number(number, national), region):
            left_to_the_library.add(region)
    # Their national prefixes hold an operator's code, are several, or are rewritten.
    assert left_to_the_library <= {"AR", "BY", "KR", "LT"}


@pytest.mark.parametrize(
    ("digits", "region"),
    [
        ("０412345678", "AU"),
        ("+٦١412345678", "AU"),
        ("0412345678\n", "AU"),
        ("+800 12345678", "AU"),
        ("+80012345678", "AU"),
        ("+0412345678", "AU"),
        ("+", "AU"),
        ("", "AU"),
        ("0412345678", "au"),
        ("0412345678", ""),
        ("0298765432", "AU"),
        ("001161412345678", "AU"),
    ],
)
def test_what_is_no_mobile_in_plain_digits_is_left_to_the_library(digits: str, region: str) -> None:
    assert textable_number(digits, region) is None
