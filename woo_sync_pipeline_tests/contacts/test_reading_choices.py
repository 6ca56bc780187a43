"""What one record says about consent: the answer that decides, its key and its date, and what nobody understands."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from woo_sync_pipeline.contacts.consent import (
    OTHER_VALUES,
    Answer,
    ChoiceRead,
    Consent,
    ConsentRules,
    answers_text,
    is_unread,
    parse_consent,
    read_answers,
    read_choice,
    stated_time,
)
from woo_sync_pipeline_tests.contacts.test_consent import values
from woo_sync_pipeline_tests.examples import examples

RULES = ConsentRules(
    keys=("sms_consent", "sms_optout", "_wc_other/acme/sms", "acme_sms"),
    words={"Ja, gerne": Consent.opted_in},
    dated_by={"sms_consent": "sms_consent_at", "acme_sms": "acme_sms_at"},
    mirrored_by={"_wc_other/acme/sms": "acme_sms"},
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_record_without_any_of_the_keys_says_nothing() -> None:
    assert read_choice({}, RULES) == ChoiceRead()
    assert read_choice({"other": "yes"}, RULES) == ChoiceRead()
    assert read_choice({"sms_consent_at": "2026-11-23"}, RULES) == ChoiceRead()
    assert read_choice({"sms_consent": "yes"}, ConsentRules()) == ChoiceRead()


def test_the_answer_that_decides_is_kept_with_its_key_as_it_was_written() -> None:
    read = read_choice({"sms_consent": " YES "}, RULES)
    assert (read.consent, read.found_under, read.key) == (Consent.opted_in, "sms_consent", "sms_consent")
    assert (read.value, read.said_at, read.unread) == (" YES ", None, "")
    read = read_choice({"sms_consent": "ja, GERNE", "sms_optout": 1}, RULES)
    assert (read.consent, read.found_under, read.value) == (Consent.opted_out, "sms_optout", "1")


def test_a_key_without_an_answer_is_named() -> None:
    read = read_choice({"sms_optout": "", "acme_sms": ""}, RULES)
    assert (read.consent, read.key, read.value) == (Consent.unknown, "sms_optout", "")


def test_the_store_s_own_opt_out_keys_and_words_count() -> None:
    rules = ConsentRules(
        keys=("sms_abmeldung", "sms"), opt_out_keys={"sms_abmeldung"}, words={"Nein": Consent.opted_out}
    )
    assert read_choice({"sms_abmeldung": "yes"}, rules).consent is Consent.opted_out
    assert read_choice({"sms_abmeldung": "no"}, rules).consent is Consent.unknown
    assert read_choice({"sms": "nein"}, rules).consent is Consent.opted_out


def test_a_visible_copy_of_a_hidden_key_stands_for_it() -> None:
    hidden = read_choice({"_wc_other/acme/sms": "1"}, RULES)
    copy = read_choice({"acme_sms": "1"}, RULES)
    assert (hidden.found_under, hidden.key) == ("_wc_other/acme/sms", "_wc_other/acme/sms")
    assert (copy.found_under, copy.key) == ("acme_sms", "_wc_other/acme/sms")


def test_the_time_of_a_choice_is_read_from_the_key_beside_it() -> None:
    read = read_choice({"sms_consent": "yes", "sms_consent_at": "2026-11-23T12:00:00Z"}, RULES)
    assert read.said_at == NOON
    assert read_choice({"sms_consent": "yes", "sms_consent_at": "soon"}, RULES).said_at is None
    # The time of another answer says nothing of the one that decides.
    meta = {"sms_consent": "yes", "acme_sms": "no", "sms_consent_at": "2026-11-23T12:00:00Z"}
    read = read_choice(meta, RULES)
    assert (read.found_under, read.said_at) == ("acme_sms", None)


def test_every_answer_is_kept_key_by_key() -> None:
    meta = {"sms_consent": "yes", "sms_consent_at": "2026-11-23T12:00:00Z", "acme_sms": "no", "other": "yes"}
    assert read_answers(read_choice(meta, RULES).answers) == {
        "sms_consent": Answer(Consent.opted_in, "sms_consent", NOON),
        "acme_sms": Answer(Consent.opted_out, "_wc_other/acme/sms"),
    }
    assert read_answers(read_choice({}, RULES).answers) == {}


answers = st.dictionaries(
    st.text(max_size=5),
    st.builds(
        Answer,
        st.sampled_from(Consent),
        st.text(max_size=5),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    max_size=4,
)


@given(answers)
def test_answers_are_read_back_as_they_were_written(kept: dict[str, Answer]) -> None:
    assert read_answers(answers_text(kept)) == kept
    # Whatever the order in which they stood: texts are compared.
    assert answers_text(dict(reversed(kept.items()))) == answers_text(kept)


@pytest.mark.parametrize(
    ("first", "others", "consent", "value"),
    [
        ("yes", ["no"], Consent.opted_out, "no"),
        ("yes", ["", "no", "0"], Consent.opted_out, "no"),
        ("no", ["yes"], Consent.opted_out, "no"),
        ("yes", ["", "maybe"], Consent.opted_in, "yes"),
        ("", ["yes"], Consent.unknown, ""),
        ("maybe", [["no"]], Consent.opted_out, '["no"]'),
    ],
)
def test_of_a_key_that_is_there_more_than_once_a_no_counts_else_the_first(
    first: str, others: list[object], consent: Consent, value: str
) -> None:
    read = read_choice({"sms_consent": first, OTHER_VALUES: {"sms_consent": others}}, RULES)
    assert (read.consent, read.found_under, read.value) == (consent, "sms_consent", value)


@pytest.mark.parametrize("others", [None, [], "no", {"sms_consent": "no"}, {"other": ["no"]}])
def test_what_is_beside_no_key_changes_nothing(others: object) -> None:
    read = read_choice({"sms_consent": "yes", OTHER_VALUES: others}, RULES)
    assert (read.consent, read.value) == (Consent.opted_in, "yes")


# What nobody understands.


@pytest.mark.parametrize(
    "value", ["maybe", "q", "2", 2, -1, 0.5, "²", ["yes", "sms"], {"a": "yes"}, "2026-13-45", "-1", 10**400]
)
def test_an_answer_that_is_neither_yes_nor_no_is_unread(value: object) -> None:
    assert is_unread(value)


@pytest.mark.parametrize(
    "value", [None, "", "  ", "\u200b", "-", [], {}, "yes", "no", 0, False, "1795435086", "Opt-Out", "2026-11-23"]
)  # fmt: skip
def test_what_is_understood_or_empty_is_not(value: object) -> None:
    assert not is_unread(value)


def test_a_word_of_the_store_s_own_is_understood() -> None:
    assert is_unread("Ja, gerne")
    assert not is_unread("ja, GERNE", RULES.words)


def test_the_first_answer_that_nobody_understands_is_named_with_its_key() -> None:
    read = read_choice({"sms_consent": "perhaps", "sms_optout": "later", "acme_sms": "yes"}, RULES)
    assert (read.consent, read.found_under, read.unread) == (
        Consent.opted_in,
        "acme_sms",
        "sms_consent = perhaps",
    )
    assert read_choice({"sms_consent": "yes", "other": "perhaps"}, RULES).unread == ""


def test_an_unread_answer_is_shown_short_and_without_personal_data() -> None:
    read = read_choice({"sms_consent": "ask ann.lee@example.com or 0412 345 678 " + "x" * 500}, RULES)
    assert "ann.lee" not in read.unread
    assert "345 678" not in read.unread
    assert len(read.unread) <= len("sms_consent = ") + 40
    assert len(read.value) == 200


# When it was said.


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23 12:00:00+00:00", NOON),
        ("2026-11-23T23:00:00+11:00", NOON),
        (1795435200, NOON),
        ("1795435200", NOON),
        (1795435200.0, NOON),
        ("1795435200000", NOON),
        (" 1795435200\u200b", NOON),
        # Some local time: the earliest that this can be is fourteen hours before.
        ("2026-11-24 02:00:00", NOON),
        ("2026-11-24T02:00", NOON),
        ("2026-11-24", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2000-01-01", datetime(1999, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_the_earliest_moment_that_it_can_mean(value: object, moment: datetime) -> None:
    assert stated_time(value) == moment


@pytest.mark.parametrize(
    "value",
    [None, "", "yes", 1, "1", True, [], {}, "0000-00-00 00:00:00", "1970-01-01", "2026-13-45", "2026-11-23T",
     "946684799", 946684799, "9999-12-31T23:59:59-14:00", "yesterday"],
)  # fmt: skip
def test_what_is_no_believable_time_is_none(value: object) -> None:
    assert stated_time(value) is None


@settings(max_examples=examples(100))
@given(values)
def test_no_value_raises_and_only_what_means_a_yes_has_a_time(value: object) -> None:
    if stated_time(value) is not None:
        assert parse_consent("sms", value) is Consent.opted_in


# Whatever somebody has written.

metas = st.dictionaries(
    st.sampled_from([*RULES.keys, "sms_consent_at", "acme_sms_at"]),
    values | st.text(st.characters(), max_size=10),
)


@settings(max_examples=examples(100))
@given(metas)
def test_a_record_is_read_whatever_it_holds(meta: dict[str, object]) -> None:
    read = read_choice(meta, RULES)
    each = {key: parse_consent(key, meta.get(key), RULES.words) for key in RULES.keys}
    if Consent.opted_out in each.values():
        assert read.consent is Consent.opted_out
    elif Consent.opted_in not in each.values():
        assert read.consent is Consent.unknown
    assert bool(read.key) is bool(each.keys() & meta.keys())
    for text in (read.value, read.unread, read.answers):
        # Otherwise neither the state nor a report could hold it.
        assert text.encode("utf-8").decode("utf-8") == text


def test_what_can_hardly_be_read_can_be_written_down() -> None:
    for depth in range(900, 1000):
        try:
            nested = json.loads("[" * depth + "]" * depth)
        except RecursionError:
            return
        assert read_choice({"sms_consent": nested}, RULES).consent is Consent.unknown
