"""What the answers of a record say that they did not say before, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import product

import pytest

from woo_sync_pipeline.contacts.consent import Answer, Consent
from woo_sync_pipeline.contacts.words import deciding_word, new_words
from woo_sync_pipeline_tests.contacts.situations import at

IN, OUT, EMPTY = Consent.opted_in, Consent.opted_out, Consent.unknown


def answers(**given: Consent | tuple[Consent, int]) -> dict[str, Answer]:
    """Answers by key, some of them with the minute at which the store says that they were given."""
    return {
        key: Answer(value, key) if isinstance(value, Consent) else Answer(value[0], key, at(value[1]))
        for key, value in given.items()
    }


def said(before: Mapping[str, Answer], now: Mapping[str, Answer]) -> list[tuple[Consent, str]]:
    return [(word.consent, word.found_under) for word in new_words(before, now)]


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ({}, {"sms": IN}, IN),
        ({}, {"sms": OUT}, OUT),
        ({}, {"sms": EMPTY}, None),
        ({"sms": EMPTY}, {"sms": IN}, IN),
        ({"sms": OUT}, {"sms": IN}, IN),
        ({"sms": IN}, {"sms": OUT}, OUT),
        ({"sms": EMPTY}, {"sms": OUT}, OUT),
        ({"sms": IN}, {"sms": EMPTY}, OUT),
        ({"sms": OUT}, {"sms": EMPTY}, None),
        ({"sms": EMPTY}, {"sms": EMPTY}, None),
        ({"sms": IN}, {}, None),
        ({"sms": OUT}, {}, None),
        ({"sms": IN}, {"sms": IN}, None),
        ({"sms": OUT}, {"sms": OUT}, None),
    ],
)
def test_only_what_changed_under_a_key_is_new(
    before: dict[str, Consent], now: dict[str, Consent], new: Consent | None
) -> None:
    assert said(answers(**before), answers(**now)) == ([] if new is None else [(new, "sms")])


@pytest.mark.parametrize("consent", [IN, OUT])
def test_what_stands_there_as_before_is_said_again_only_at_a_later_time(consent: Consent) -> None:
    assert said(answers(sms=(consent, 3)), answers(sms=(consent, 4))) == [(consent, "sms")]
    assert said(answers(sms=consent), answers(sms=(consent, 4))) == [(consent, "sms")]
    for again in ((consent, 3), (consent, 2), consent):
        assert said(answers(sms=(consent, 3)), answers(sms=again)) == []


def test_each_key_is_compared_with_itself_and_opt_outs_come_first() -> None:
    before = answers(a=IN, b=OUT, c=IN)
    now = answers(a=IN, b=IN, c=EMPTY, d=OUT)
    assert said(before, now) == [(OUT, "c"), (OUT, "d"), (IN, "b")]


def test_an_opt_out_decides_and_an_opt_in_only_where_no_opt_out_stands_beside_it() -> None:
    for before, now in product(
        [answers(), answers(a=IN), answers(a=OUT), answers(b=OUT)],
        [answers(a=IN), answers(a=OUT), answers(a=IN, b=OUT), answers(a=IN, b=IN), answers(a=EMPTY, b=IN)],
    ):
        words = new_words(before, now)
        word = deciding_word(words, now)
        opts_out = [each for each in words if each.consent is OUT]
        stands_out = any(each.consent is OUT for each in now.values())
        if opts_out:
            assert word is opts_out[0]
        elif words and not stands_out:
            assert word is words[0]
        else:
            assert word is None


def test_a_word_has_the_time_that_the_store_gives() -> None:
    (word,) = new_words({}, answers(sms=(IN, 3)))
    when: datetime | None = word.answer.said_at
    assert when == at(3)
