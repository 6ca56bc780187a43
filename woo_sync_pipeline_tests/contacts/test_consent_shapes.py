"""Choices in lists, in objects and in JSON texts: read where only one thing can be meant, and never widened."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent, ConsentRules, is_unread, parse_consent, read_choice
from woo_sync_pipeline_tests.contacts.test_consent import scalars
from woo_sync_pipeline_tests.examples import examples

KEY = "sms_marketing_consent"
OPT_OUT_KEY = "sms_optout"
IN, OUT, UNKNOWN = Consent.opted_in, Consent.opted_out, Consent.unknown


@pytest.mark.parametrize(
    "value",
    [
        ["yes"],
        [True],
        [1],
        [["1"]],
        [1795435086],
        {"0": "yes"},
        {"2": "yes"},
        {"sms": "yes"},
        {"sms": True, "email": False},
        {"SMS": "1", "Email": "no", "whatsApp": "0"},
        {"sms_marketing": "subscribed"},
        {"smsConsent": ["yes"], "emailConsent": ["no"]},
        {"acceptsSms": "on"},
        {"sms": "yes", "version": "0", "ip": "192.0.2.1", "source": "checkout"},
        [{"sms": "yes"}],
        '["yes"]',
        ' [ "yes" ]\n',
        '{"sms":"1"}',
        '{"sms": true, "email": false}',
        "[&quot;yes&quot;]",
        ['["yes"]'],
    ],
)
def test_a_yes_that_can_mean_only_one_thing_is_read(value: object) -> None:
    assert parse_consent(KEY, value) is IN
    assert not is_unread(value)


@pytest.mark.parametrize(
    "value",
    [
        ["no"],
        [False],
        {"0": "no"},
        {"1": "0"},
        {"sms": "no"},
        {"sms": False, "email": True},
        {"sms_marketing": "unsubscribed", "email": "subscribed"},
        '["no"]',
        '{"sms":"0"}',
        # A no stands, whatever is beside it.
        ["yes", "no"],
        ["sms", "no"],
        ["0", "1"],
        {"0": "yes", "3": "no"},
        {"sms": "yes", "sms_marketing": "no"},
        {"sms": "yes", "consent": "no"},
        {"sms": "yes", "unsubscribed": True},
        {"sms": "yes", "sms_optout": "yes"},
        {"sms": "yes", "confirmed": False},
        {"sms_order_updates": "no"},
        {"sms": {"marketing": "no", "orders": "yes"}},
        {"channel": "sms", "status": "no"},
        {"channel": "email", "sms": "no"},
        {"status": "unsubscribed"},
        '{"sms": "no", "sms": "yes"}',
        '{"sms": "yes", "sms": "no"}',
    ],
)
def test_a_no_is_a_no_wherever_it_may_concern_sms(value: object) -> None:
    assert parse_consent(KEY, value) is OUT
    assert not is_unread(value, key=KEY)


@pytest.mark.parametrize(
    "value",
    [
        ["yes", "yes"],
        ["yes", ""],
        ["sms"],
        ["sms", "email"],
        ["maybe"],
        {"sms": "maybe"},
        {"email": "yes"},
        {"email": "no"},
        {"email_newsletter": "no"},
        {"value": "yes"},
        {"consent": True},
        {"sms": "yes", "sms_marketing": "yes"},
        {"sms": "yes", "sms_consent_at": "1795435086"},
        {"sms_order_updates": "yes"},
        {"email_and_sms": "yes"},
        {"sms": {"orders": "yes"}},
        {"channel": "email", "status": "no"},
        {"channel": "email", "sms": "yes"},
        [{"channel": "email", "value": "yes"}],
        {"sms": "yes", "0": "yes", "sms_2": "yes"},
        '{"sms": "yes", "sms": "yes"}',
        '{"sms": "yes"',
        '["yes"] and more',
        "['yes']",
        'a:1:{i:0;s:3:"yes";}',
        json.loads("[" * 40 + "true" + "]" * 40),
        '["' + "y" * 3000 + '"]',
    ],
)
def test_what_can_mean_several_things_is_unread(value: object) -> None:
    assert parse_consent(KEY, value) is UNKNOWN
    assert is_unread(value, key=KEY)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        [""],
        [None],
        ["", None],
        {"sms": ""},
        {"sms": None, "email": "yes"},
        {"a": ""},
        "[]",
        "{}",
        '[""]',
    ],
)
def test_what_is_empty_says_nothing_and_is_not_unread(value: object) -> None:
    assert parse_consent(KEY, value) is UNKNOWN
    assert not is_unread(value)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (["yes"], OUT),
        (["no"], UNKNOWN),
        (["yes", "no"], OUT),
        (["yes", "maybe"], OUT),
        ({"sms": "yes"}, OUT),
        ({"sms": "no"}, UNKNOWN),
        ({"sms": "subscribed"}, IN),
        ('["1"]', OUT),
    ],
)
def test_under_a_key_that_asks_the_opposite_a_yes_is_the_no(value: object, meaning: Consent) -> None:
    assert parse_consent(OPT_OUT_KEY, value) is meaning
    assert parse_consent("abmeldung", value, is_opt_out=True) is meaning


def test_a_key_within_may_ask_the_opposite_too() -> None:
    assert parse_consent("preferences", {"sms_optout": "yes"}) is OUT
    assert parse_consent("preferences", {"sms_optout": "no"}) is UNKNOWN
    assert not is_unread({"sms_optout": "no"})
    assert parse_consent(OPT_OUT_KEY, {"sms_optout": "yes"}) is OUT


def test_the_store_s_own_words_count_within() -> None:
    words = {"Ja, gerne": IN, "abgemeldet": OUT, '["2"]': IN}
    assert parse_consent(KEY, ["ja, GERNE"], words) is IN
    assert parse_consent(KEY, '{"sms": "Abgemeldet"}', words) is OUT
    assert parse_consent(KEY, '["2"]', words) is IN
    assert is_unread('["2"]')


def test_an_unread_answer_is_counted_by_its_shape_and_shows_nobody() -> None:
    value = {"sms": "perhaps", "name": "Ann Lee", "at": 1795435086, "more": {"city": "Perth", "sms": "x"}}
    rules = ConsentRules(keys=(KEY,))
    unread = read_choice({KEY: value}, rules).unread
    assert unread.startswith(f'{KEY} = {{"sms": "perhaps", "name": "…"')
    for personal in ("Ann", "Lee", "179", "Perth"):
        assert personal not in unread
    other = {**value, "name": "Bob", "at": 1795435087}
    assert read_choice({KEY: other}, rules).unread == unread
    assert read_choice({KEY: ["maybe"]}, rules).unread == f'{KEY} = ["maybe"]'
    assert "Ann" not in read_choice({KEY: json.dumps(value)}, rules).unread


# Whatever plugins write.

keys = st.sampled_from([KEY, OPT_OUT_KEY, "newsletter"])
texts_without_json = scalars.filter(
    lambda value: not (isinstance(value, str) and html.unescape(value).lstrip()[:1] in ("[", "{"))
)
names = st.sampled_from(
    ["sms", "sms_marketing", "SMS", "smsOptOut", "email", "value", "unsubscribed", "0", "1", "at", "whatsapp"]
)
shapes = st.recursive(
    texts_without_json,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]


@settings(max_examples=examples(37))
@given(keys, texts_without_json)
def test_what_is_wrapped_once_means_what_it_means_alone(key: str, value: object) -> None:
    alone = parse_consent(key, value)
    wrapped: list[object] = [[value], {"0": value}, {"sms": value}, [[value]], {"sms": [value], "email": "x"}]
    for each in wrapped:
        assert parse_consent(key, each) is alone
        assert is_unread(each, key=key) is is_unread(value, key=key)


@settings(max_examples=examples(37))
@given(keys, shapes)
def test_a_json_text_means_what_it_holds(key: str, value: object) -> None:
    if isinstance(value, list | dict):
        text = json.dumps(value)
        for spelling in (text, f"\n{text} ", html.escape(text)):
            if len(spelling) <= 2000 and "&" not in text:
                assert parse_consent(key, spelling) is parse_consent(key, value)


@settings(max_examples=examples(62))
@given(keys, shapes)
def test_nothing_becomes_a_yes_that_holds_none(key: str, value: Any) -> None:
    if parse_consent(key, value) is IN:
        assert any(parse_consent(key, leaf) is IN for leaf in leaves(value))


@settings(max_examples=examples(62))
@given(st.lists(shapes, min_size=2, max_size=4))
def test_of_several_none_is_a_yes_and_a_no_stays_one(items: list[Any]) -> None:
    read = parse_consent(KEY, items)
    assert read is not IN
    if any(parse_consent(KEY, item) is OUT for item in items):
        assert read is OUT


@settings(max_examples=examples(62))
@given(st.dictionaries(names, shapes, min_size=1, max_size=4), shapes)
def test_a_second_answer_about_sms_never_makes_a_yes(found: dict[str, Any], other: Any) -> None:
    both = {**found, "sms": "yes", "sms_consent": other}
    assert parse_consent(KEY, both) is not IN
    if parse_consent(KEY, other) is OUT:
        assert parse_consent(KEY, both) is OUT


@settings(max_examples=examples(62))
@given(keys, shapes)
def test_what_is_unread_is_no_choice(key: str, value: Any) -> None:
    if is_unread(value, key=key):
        assert parse_consent(key, value) is UNKNOWN
