from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.names import MAX_NAME_LENGTH, clean_name, clean_text, cut
from woo_sync_pipeline_tests.examples import examples

messy = st.one_of(
    st.text(max_size=120),
    st.lists(
        st.sampled_from(
            [
                "&",
                "amp;",
                "#38;",
                "&lt;b&gt;",
                "<b>",
                "</b>",
                "\u200b",
                "\u202e",
                "e",
                "\u0301",
                " ",
                "\x00",
                "Bob",
            ]
        ),
        max_size=60,
    ).map("".join),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bob &amp; Sue", "Bob & Sue"),
        ("Smith &amp;amp; Sons", "Smith & Sons"),
        ("D&#039;Arcy", "D'Arcy"),
        ("Caf\u0065\u0301", "Café"),
        ("  Tab\there\u00a0 too\n", "Tab here too"),
        ("\u202eAm\u200bélie\ufeff\x07", "Amélie"),
        ("<b>Bold</b>", "Bold"),
        ("&lt;b&gt;Bold&lt;/b&gt;", "Bold"),
        ("I <3 SMS", "I <3 SMS"),
        ("O'Connor", "O'Connor"),
        ("MacDONALD", "MacDONALD"),
        ('Le"Quote', 'Le"Quote'),
        ("😀", "😀"),
        ("王", "王"),
        ("X Æ A-12", "X Æ A-12"),
        ("bad\ud800half", "badhalf"),
    ],
)
def test_names_are_shown_as_people_write_them(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "  ", "0", "null", "NULL", " N/A ", "none", "-", "--", ".", "&nbsp;", "\u200b", "<br>"]
)
def test_placeholders_are_no_names(text: str) -> None:
    assert clean_name(text) == ""


@pytest.mark.parametrize("text", ["Nullman", "00", "Na", "None-Smith", "007"])
def test_names_that_only_look_like_placeholders_stay(text: str) -> None:
    assert clean_name(text) == text


def test_long_names_are_cut_but_never_between_a_letter_and_its_accent() -> None:
    assert clean_name("x" * 500) == "x" * 100
    assert clean_name("x" * 99 + "q\u0301" + "tail") == "x" * 99
    assert clean_name("x" * 98 + "q\u0301" + "tail") == "x" * 98 + "q\u0301"
    assert clean_name("x" * 99 + " y") == "x" * 99


def test_cutting_a_pile_of_accents_still_leaves_something() -> None:
    assert cut("a" + "\u0301" * 50, 10) == "a" + "\u0301" * 9


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["<b " * 50_000 + ">" * 50_000, "&" + "amp;" * 100_000, "&am&#8203;p;" * 50_000]
)
def test_a_text_that_unravels_without_end_takes_no_time(text: str) -> None:
    assert len(clean_name(f"Ann {text}")) <= MAX_NAME_LENGTH


@given(messy)
def test_cleaning_a_name_again_changes_nothing(text: str) -> None:
    assert clean_name(clean_name(text)) == clean_name(text)


@settings(max_examples=examples(250), deadline=None)
@given(messy)
def test_a_name_is_short_visible_and_composed(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_NAME_LENGTH
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert name == " ".join(name.split()) == unicodedata.normalize("NFC", name)
    name.encode("utf-8")


@given(messy)
def test_cleaning_a_text_again_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
