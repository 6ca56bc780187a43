from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.names import clean_email
from woo_sync_pipeline_tests.examples import examples


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.Lee@Example.COM \n", "Ann.Lee@example.com"),
        ("GUEST35@EXAMPLE.COM", "GUEST35@example.com"),
        ("ann+shop@mail.example.co.uk", "ann+shop@mail.example.co.uk"),
        ("o'connor@example.com", "o'connor@example.com"),
        ("o&#039;connor@example.com", "o'connor@example.com"),
        ("ann&amp;amp;bob@example.com", "ann&bob@example.com"),
        ("r&copy@example.com", "r&copy@example.com"),
        ("\u200bann@example.com\ufeff", "ann@example.com"),
        ("jörg@münchen.DE", "jörg@münchen.de"),
        ("ann@ｅｘａｍｐｌｅ。ｃｏｍ", "ann@example.com"),
        ("ann@xn--mnchen-3ya.de", "ann@xn--mnchen-3ya.de"),
    ],
)
def test_addresses_are_trimmed_and_only_their_domain_is_lower_cased(text: str, email: str) -> None:
    assert clean_email(text) == email


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@localhost",
        "ann@example",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com.",
        "ann@1.2.3.4",
        "ann@[1.2.3.4]",
        "ann @example.com",
        "ann@exam ple.com",
        "ann@bob@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "an..n@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "ann@example.c",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com",
        "a@" + "b." * 130 + "com",
        "ann@\u2026.com",
    ],
)
def test_what_has_not_the_shape_of_an_address_is_dropped(text: str) -> None:
    assert clean_email(text) == ""


@settings(max_examples=examples(250), deadline=None)
@given(st.one_of(st.text(), st.emails(), st.builds("{}@{}.{}".format, st.text(), st.text(), st.text())))
@example("a@İ.com")
@example("a@ΑΣ.gr")
@example("a@ß.de")
@example("a@ａ｡com")
def test_cleaning_an_address_again_changes_nothing(text: str) -> None:
    assert clean_email(clean_email(text)) == clean_email(text)


@given(st.emails())
def test_addresses_of_the_standard_keep_all_but_the_case_of_their_domain(address: str) -> None:
    local, _, domain = address.rpartition("@")
    assert clean_email(f" {address}\t") in (f"{local}@{domain.lower()}", "")
    if len(local) <= 64 and len(address) <= 254 and domain.rpartition(".")[2].isalpha():
        assert clean_email(address) != ""
