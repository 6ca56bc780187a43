from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import Consent, consent_of, parse_consent
from woo_sync_pipeline_tests.checkout import SHARED
from woo_sync_pipeline_tests.examples import examples

KEY = "sms_marketing_consent"
NEGATIVE_KEYS = [
    "sms_optout_at",
    "sms_opt_out",
    "SMS-Opt-Out",
    "unsubscribed",
    "_wc_other/acme/smsOptOut",
    "opted_out",
    "sms_unsub",
    "smsOptingOut",
    "sms_stop",
    "marketing_declined",
    "smsBlocked",
    "dont_text",
    "SMS_DND",
    "no_sms",
]
# Blocks are what a checkout is made of, and a topic has no stop.
POSITIVE_KEYS = [
    "sms_yes_no",
    "_wc_other/acme/checkout-block-sms",
    "sms_topics",
    "smsNotifications",
    "no_of_sms",
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["yes", "no", "1", "0", "", "subscribed", "opted_out", "1795435086", "2026-01-01", "Unsubscribed"]
    ),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=3), scalars, max_size=3)
)


@pytest.mark.parametrize(
    "value",
    [True, 1, 1.0, "1", "yes", " YES ", "y", "on", "true", "True", "subscribed", "opted_in", "opted-in", "Opted In",
     "opt-in", "optin", "accepted", "\u200byes", 1795435086, "1795435086", "1795435086000", "2026-11-23",
     "2026-11-23 12:00:00", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00+11:00"],
)  # fmt: skip
def test_a_yes_is_opted_in(value: object) -> None:
    assert parse_consent(KEY, value) is Consent.opted_in


@pytest.mark.parametrize(
    "value",
    [False, 0, 0.0, "0", "no", "No", " n ", "off", "FALSE", "unsubscribed", "opted_out", "opted-out", "opt out",
     "optout", "declined", "not subscribed", "non-subscribed", "revoked"],
)  # fmt: skip
def test_a_no_is_opted_out(value: object) -> None:
    assert parse_consent(KEY, value) is Consent.opted_out


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", "q", "maybe", "pending", "2", 2, -1, 0.5, float("nan"), float("inf"), 10**400, [], ["maybe"], {},
     {"sms": "maybe"}, "['yes']", "0000-00-00 00:00:00", "1970-01-01", "2026-13-45", "2026-11-23T", "0000000000", "²",
     "-1", " - 1", "-0"],
)  # fmt: skip
@pytest.mark.parametrize("key", [KEY, "sms_optout"])
def test_what_says_nothing_is_unknown(key: str, value: object) -> None:
    assert parse_consent(key, value) is Consent.unknown


@pytest.mark.parametrize("key", NEGATIVE_KEYS)
@pytest.mark.parametrize(
    "value", [True, 1, "1", "yes", "on", "enabled", "1795435086", 1795435086, "2026-11-23"]
)
def test_a_yes_under_an_opt_out_key_is_a_refusal(key: str, value: object) -> None:
    assert parse_consent(key, value) is Consent.opted_out


@pytest.mark.parametrize("key", POSITIVE_KEYS)
def test_a_yes_under_any_other_key_is_an_opt_in(key: str) -> None:
    assert parse_consent(key, "yes") is Consent.opted_in


@pytest.mark.parametrize("key", NEGATIVE_KEYS)
@pytest.mark.parametrize("value", [False, 0, "0", "no", "off", ""])
def test_not_having_opted_out_is_no_consent(key: str, value: object) -> None:
    assert parse_consent(key, value) is Consent.unknown


@pytest.mark.parametrize("key", [KEY, *NEGATIVE_KEYS])
def test_a_state_means_the_same_under_every_key(key: str) -> None:
    assert parse_consent(key, "subscribed") is Consent.opted_in
    assert parse_consent(key, "unsubscribed") is Consent.opted_out


def test_a_store_may_add_its_own_words() -> None:
    words = {"Ja, gerne": Consent.opted_in, "abgemeldet": Consent.opted_out}
    assert parse_consent(KEY, "ja, GERNE ", words) is Consent.opted_in
    assert parse_consent(KEY, "Abgemeldet", words) is Consent.opted_out
    assert parse_consent(KEY, "Ja, gerne") is Consent.unknown
    assert parse_consent("sms_optout", "Ja, gerne", words) is Consent.opted_out
    assert parse_consent(KEY, "yes", words) is Consent.opted_in


@pytest.mark.parametrize(
    "value", ["Non, je n&#039;accepte pas", "D\u00e9sabonn\u00e9", "De\u0301sabonne\u0301"]
)
def test_a_word_is_known_however_its_letters_are_written(value: str) -> None:
    words = {"Non, je n'accepte pas": Consent.opted_out, "d\u00e9sabonn\u00e9": Consent.opted_out}
    assert parse_consent(KEY, value, words) is Consent.opted_out


@pytest.mark.parametrize(
    ("meta", "decided"),
    [
        ({}, (Consent.unknown, "")),
        ({"other": "yes"}, (Consent.unknown, "")),
        ({"a": "yes"}, (Consent.opted_in, "a")),
        ({"a": "", "b": "yes"}, (Consent.opted_in, "b")),
        ({"a": "yes", "b": "yes"}, (Consent.opted_in, "a")),
        ({"a": "yes", "b": "no"}, (Consent.opted_out, "b")),
        ({"a": "yes", "sms_optout_at": "1795435086"}, (Consent.opted_out, "sms_optout_at")),
        ({"a": "no", "b": "0"}, (Consent.opted_out, "a")),
    ],
)
def test_the_key_that_decides_is_named(meta: dict[str, object], decided: tuple[Consent, str]) -> None:
    assert consent_of(meta, ("a", "b", "sms_optout_at")) == decided


@settings(max_examples=examples(100), deadline=None)
@given(st.text(max_size=12), values)
def test_no_value_raises(key: str, value: object) -> None:
    assert parse_consent(key, value) in Consent


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", "sms_optout"]), values),
    st.permutations(["a", "b", "c", "sms_optout"]),
)
def test_an_opt_out_is_never_lost_among_the_keys(meta: dict[str, object], keys: list[str]) -> None:
    signals = {key: parse_consent(key, meta.get(key)) for key in keys}
    consent, origin = consent_of(meta, keys)
    if Consent.opted_out in signals.values():
        assert consent is Consent.opted_out
    if consent is Consent.unknown:
        assert origin == next((key for key in keys if key in meta), "")
    else:
        assert signals[origin] is consent


@settings(max_examples=examples(100), deadline=None)
@given(values)
def test_an_opt_out_key_answers_opted_in_only_to_a_state(value: object) -> None:
    if parse_consent("sms_optout", value) is Consent.opted_in:
        assert parse_consent(KEY, value) is Consent.opted_in
        (word,) = value if isinstance(value, list) else [value]
        assert isinstance(word, str)
        assert re.sub(r"\W|_", "", word).casefold() in ("subscribed", "subscribe", "optedin", "optin")


def test_a_yes_under_a_key_that_is_configured_to_ask_for_the_opposite_is_an_opt_out() -> None:
    meta = {"sms_abmeldung": "yes", "sms_einwilligung": "yes"}
    keys = ["sms_einwilligung", "sms_abmeldung"]
    assert consent_of(meta, keys) == (Consent.opted_in, "sms_einwilligung")
    assert consent_of(meta, keys, None, {"sms_abmeldung"}) == (Consent.opted_out, "sms_abmeldung")
    assert consent_of({"sms_abmeldung": "no"}, keys, None, {"sms_abmeldung"}) == (
        Consent.unknown,
        "sms_abmeldung",
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded store answers (../shared) are not there")
def test_the_recorded_customers_and_order_are_read() -> None:
    recorded = SHARED / "woocommerce/recorded"
    keys = (
        "sms_marketing_consent",
        "accepts_sms",
        "sms_optout_at",
        "notes_object",
        "_wc_other/acme/sms-opt-in",
    )
    read = {}
    for name in ("customers_with_meta.json", "order_with_private_meta.json"):
        for record in json.loads((recorded / name).read_text("utf-8"))["response"]["body"]:
            meta = {entry["key"]: entry["value"] for entry in record["meta_data"]}
            read[record["id"]] = consent_of(meta, keys)[0].value
    assert read == {
        5: "opted_in",
        9: "opted_in",
        17: "opted_out",
        18: "opted_in",
        24: "unknown",
        32: "opted_out",
        33: "opted_in",
        50: "opted_out",
    }
