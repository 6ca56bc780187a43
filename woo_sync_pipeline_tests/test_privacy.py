from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woo_sync_pipeline.privacy import mask_email, mask_phone, redact


def digits(text: str) -> str:
    """The digits of a text, those of other scripts as ours."""
    return "".join(str(unicodedata.digit(letter)) for letter in text if letter.isdigit())


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+61491570006", "+61•••••006"),
        ("0491 570 006", "049•••••006"),
        ("+61 (0)491-570-006", "+61•••••006"),
        ("＋６１４９１５７０００６", "+61•••••006"),
        ("12345678", "123•••••678"),
        ("1234567", "•••••••"),
        ("call me", "•••••••"),
        ("12 Main Street, Springfield", "••••••••"),
        ("x", "•"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_phone_can_be_recognised_and_not_called(phone: str | None, shown: str) -> None:
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("ann.lee@example.com", "a•••@•••.com"),
        (" ann@mail.example.co.uk ", "a•••@•••.uk"),
        ("@example.com", "•••@•••.com"),
        ("ann lee", "•••"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_email_shows_its_first_letter_and_its_country_only(email: str | None, shown: str) -> None:
    assert mask_email(email) == shown


@given(st.text(max_size=40))
def test_a_masked_phone_shows_at_most_six_characters_of_any_text(text: str) -> None:
    shown = mask_phone(text)
    assert len(shown.replace("•", "")) <= 6
    if len(digits(text)) < 8:
        assert set(shown) <= {"•"}


@pytest.mark.parametrize(
    "text",
    [
        "consumer_key=ck_1111222233334444",
        "consumer_secret=hunter2 refused",
        "?consumer_key=hunter2&consumer_secret=hunter2&page=1",
        '{"consumer_secret": "hunter2"}',
        "oauth_signature=hunter2",
        "api_key: hunter2, api_secret: 'hunter2'",
        "apikey=hunter2 apiSecret=hunter2",
        "password=hunter2",
        'password="hunter2 with blanks"',
        "Unknown key ck_hunter2hunter2",
        "cs_hunter2 is invalid",
    ],
)
def test_credentials_are_removed(text: str) -> None:
    shown = redact(text)
    assert "hunter2" not in shown
    assert "1111222233334444" not in shown
    assert "•••" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail to ann.lee@example.com.", "mail to a•••@•••.com."),
        ('{"email":"ann@example.com"}', '{"email":"a•••@•••.com"}'),
        ("<ann+woo@example.co.nz>", "<a•••@•••.nz>"),
        ("email=ann@example.com&x=1", "email=a•••@•••.com&x=1"),
    ],
)
def test_emails_are_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23",
        "2026-11-23T12:00:00Z",
        "2026-11-23 12:00:00 is no date",
        "2026-11-23T12:00:00.123456+11:00",
        "at 12:00:00 2026-11-23",
        "at 12:00:00 on 2026-11-23",
        "Mon, 23 Nov 2026 12:00:00 GMT",
        "from 2026-11-23 to 2026-11-24",
        "status 503, 25 of 1000",
        "line 39, column 7",
        "192.168.100.200:5432",
        "version 11.0.1",
        "WooCommerce/11.0.1 (WordPress/7.0.4)",
        "contact 025e93d3-051b-43f9-b12e-4b5842228dee",
        "order 123456",
    ],
)
def test_dates_and_small_numbers_survive(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "A contact with +61491570006 already exists",
        "+61491570006: not a valid number",
        "phone:+61491570006",
        "tel:0491570006",
        "phone:0491570006:invalid",
        '{"phone":491570006}',
        '{"channelId":"+61491570006"}',
        "channelIds=%2B61491570006&pageSize=1",
        "(0491) 570 006, (02) 9157 0006",
        "0491.570.006",
        "0491-570-006",
        "0491‑570‑006",
        "0491–570–006",
        "0491 570 006",
        "0491/570006",
        "+61 (0)491 570 006",
        "\u202a+61 491 570 006\u202c",
        "０４９１５７０００６",
        "no.0491570006.",
        "[0491570006]",
        "'0491570006'",
        "0491570006,0491570156",
        "0491570006/0491570156",
        "0491570006ext5",
        "-0491570006",
        "_0491570006_",
    ],
)
def test_phones_are_masked_wherever_they_stand(text: str) -> None:
    shown = digits(redact(text))
    assert "91570" not in shown
    assert "570006" not in shown


separators = st.sampled_from(["", " ", "-", ".", "\u00a0", "  ", "‑", "–"])
befores = st.sampled_from(
    ["", " ", "phone ", "phone: ", "tel:", '"', '":"', "(", "[", "=", ", ", "<", "'", "Tel.", "%2B"]
)
afters = st.sampled_from(
    ["", " ", ".", ",", ":", ": no", '"', ")", "]", ";", "'", " is wrong", "\n", "&x=1", "!", "?"]
)


@given(
    prefix=st.sampled_from(["+61", "0061", "0", "+1", "+44 (0)", "(0", "+64", "+49"]),
    groups=st.lists(st.text("0123456789", min_size=2, max_size=4), min_size=3, max_size=4),
    separator=separators,
    before=befores,
    after=afters,
)
def test_no_phone_in_a_usual_spelling_survives(
    prefix: str, groups: list[str], separator: str, before: str, after: str
) -> None:
    if prefix == "(0":
        groups = [f"{groups[0]})", *groups[1:]]
    phone = prefix + separator.join(groups)
    shown = redact(f"before {before}{phone}{after} after")
    assert digits(phone) not in digits(shown)
    assert max((len(run) for run in re.findall(r"\d+", shown)), default=0) <= 6


@given(
    local=st.from_regex(r"[a-z][a-z0-9.+_-]{1,12}[a-z]", fullmatch=True),
    domain=st.from_regex(r"[a-z]{2,8}(\.[a-z]{2,6}){1,2}", fullmatch=True),
    before=befores,
    after=afters,
)
def test_no_email_survives(local: str, domain: str, before: str, after: str) -> None:
    shown = redact(f"before {before}{local}@{domain}{after} after")
    assert f"{local}@" not in shown
    assert f"@{domain}" not in shown


@given(st.text(max_size=800), st.integers(10, 300))
def test_what_is_shown_is_short_and_in_one_line(text: str, limit: int) -> None:
    shown = redact(text, limit=limit)
    assert len(shown) <= limit
    assert not set("\n\r\t") & set(shown)


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert redact("word " * 200, limit=20) == "word word word word…"
    assert redact("short", limit=20) == "short"


def test_a_phone_at_the_cut_is_masked_as_well() -> None:
    for length in range(270, 300):
        shown = redact("x" * length + " +61491570006 and more" * 100)
        assert "491570" not in shown
