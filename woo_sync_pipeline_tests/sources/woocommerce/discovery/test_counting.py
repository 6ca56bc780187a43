"""Counting keys and values: what is shown of them, what is masked, and that memory is bounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from woo_sync_pipeline.contacts.consent import Consent, ConsentRules, parse_consent
from woo_sync_pipeline.sources.woocommerce.discovery.counting import MetaCounts, RecordKind
from woo_sync_pipeline.sources.woocommerce.discovery.meta_values import (
    A_DATE,
    A_LIST,
    AN_OBJECT,
    masked,
    shown_key,
    shown_value,
)
from woo_sync_pipeline_tests.sources.woocommerce.discovery.counted import NOON, counted, with_values

KEY = "sms_consent"
CUSTOMERS = (KEY, RecordKind.customers)


@pytest.mark.parametrize(
    ("value", "text", "reading"),
    [
        ("yes", "yes", Consent.opted_in),
        ("No", "No", Consent.opted_out),
        ("0", "0", Consent.opted_out),
        (1, "1", Consent.opted_in),
        (True, "1", Consent.opted_in),
        ("unsubscribed", "unsubscribed", Consent.opted_out),
        ("2026-11-01 10:00:00", A_DATE, Consent.opted_in),
        ("1790000000", A_DATE, Consent.opted_in),
        ({"name": "Ann"}, AN_OBJECT, Consent.unknown),
        (["Ann", "Bob"], A_LIST, Consent.unknown),
        ("Ann Lee", "A•••", Consent.unknown),
        ("+61 491 570 006", "•••", Consent.unknown),
        ("ann@example.com", "a•••", Consent.unknown),
        ("Wi", "•••", Consent.unknown),
        ("on " + "-" * 30, "o•••", Consent.opted_in),
    ],
)
def test_only_what_is_no_persons_is_shown(value: Any, text: str, reading: Consent) -> None:
    shown = shown_value(KEY, value, words={}, more_words={})
    assert (shown.text, shown.reading, shown.suggested) == (text, reading, None)


def test_a_yes_in_another_language_is_shown_as_a_word_that_could_be_added() -> None:
    counts = counted(with_values(KEY, "Ja", "Nein", "はい"))
    values = {each.text: (each.reading, each.suggested, each.word) for each in counts.keys[CUSTOMERS].values}
    assert values == {
        "Ja": (Consent.unknown, Consent.opted_in, Consent.opted_in),
        "Nein": (Consent.unknown, Consent.opted_out, Consent.opted_out),
        "はい": (Consent.unknown, Consent.opted_in, Consent.opted_in),
    }
    known = counted(with_values(KEY, "Ja"), rules=ConsentRules(words={"ja": Consent.opted_in}))
    assert known.keys[CUSTOMERS].read_as(Consent.opted_in) == 1


@pytest.mark.parametrize("key", ["sms_abmeldung", "sms_optout"])
def test_under_a_key_that_asks_for_the_opposite_a_yes_is_an_opt_out_and_a_no_becomes_no_word(
    key: str,
) -> None:
    counts = counted(with_values(key, "Ja", "Nein", "1", "0"))
    values = {
        each.text: (each.reading, each.suggested, each.word)
        for each in counts.keys[key, RecordKind.customers].values
    }
    assert values == {
        "Ja": (Consent.unknown, Consent.opted_out, Consent.opted_in),
        "Nein": (Consent.unknown, Consent.unknown, None),
        "1": (Consent.opted_out, None, None),
        "0": (Consent.unknown, None, None),
    }
    # And so a sync reads them, with what is proposed.
    for value, meaning in (("Ja", Consent.opted_out), ("Nein", Consent.unknown)):
        assert parse_consent(key, value, {"Ja": Consent.opted_in}, is_opt_out=True) is meaning


def test_empty_values_are_counted_apart_and_say_nothing_of_the_newest() -> None:
    counts = MetaCounts()
    counts.add(RecordKind.customers, {KEY: "yes"}, at=NOON - timedelta(days=1))
    nothing: tuple[Any, ...] = ("", " ", None, False, [], {})
    for empty in nothing:
        counts.add(RecordKind.customers, {KEY: empty}, at=NOON)
    count = counts.keys[CUSTOMERS]
    assert (count.records, count.empty, count.newest) == (1, 6, NOON - timedelta(days=1))


def test_a_record_without_meta_is_counted_and_tells_that_meta_may_be_withheld() -> None:
    counts = counted([None, None], [{}])
    assert counts.records == {RecordKind.customers: 2, RecordKind.orders: 1}
    assert counts.has_meta == {RecordKind.orders}


def test_memory_is_bounded_whatever_plugins_write() -> None:
    counts = counted(
        [
            {f"visit_{number}": "yes", KEY: f"{chr(0x4E00 + number)}abc", "tags": f"tag {number}"}
            for number in range(3000)
        ]
    )
    assert len(counts.keys) == 2_000
    assert counts.left_out == 3_002 - 2_000
    count = counts.keys[CUSTOMERS]
    assert (len(count.values), count.more_values, count.records) == (200, 2_800, 3_000)
    tags = counts.keys["tags", RecordKind.customers]
    assert (len(tags.tags), tags.more_tags) == (500, 2_500)


def test_masked_texts_and_names_of_keys_tell_nobody() -> None:
    assert masked("Annabel") == "A•••"
    assert masked("61491570006") == "•••"
    assert shown_key("sms_consent") == "sms_consent"
    assert shown_key("sms_consent_+61491570006") is None
    assert shown_key("consent of ann@example.com") is None
    assert shown_key("sms_consent\n") is None
    assert shown_key(" sms_consent") is None
    assert shown_key("sms\u202econsent") is None
    assert shown_key("sms consent") == "sms consent"
