"""Values of meta keys, made fit to be shown: only what is known not to be personal is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from woo_sync_pipeline.contacts.consent import Consent, comparable, is_unread, parse_consent, stated_time
from woo_sync_pipeline.contacts.names import clean_text
from woo_sync_pipeline.privacy import redact

_LONGEST_ANSWER = 20
"""Characters of an answer that is shown as it is written; all words for a choice are shorter."""

A_DATE = "(a date)"
AN_OBJECT = "(an object)"
A_LIST = "(a list)"

OTHER_LANGUAGES: Mapping[str, Consent] = {
    **dict.fromkeys(
        ("ja", "oui", "si", "sí", "sim", "tak", "ano", "áno", "da", "kyllä", "evet", "igen", "はい", "是"),
        Consent.opted_in,
    ),
    **dict.fromkeys(
        ("nein", "non", "não", "nao", "nee", "nej", "nei", "nie", "ei", "hayır", "nem", "いいえ", "否"),
        Consent.opted_out,
    ),
}
"""Yes and no in the languages of shops: no more than a word, so they say nothing of a person."""


@dataclass(frozen=True)
class ShownValue:
    """A value as it may be shown, and how it is read.

    text: the answer itself, what kind of thing it is in brackets, or masked. reading: what it means as the source is
    configured. suggested: what it would mean if it were among `consent.words`, None for what is no word of a language.
    word: under which of them it would have to stand, None where it would say nothing there.
    """

    text: str
    reading: Consent
    suggested: Consent | None = None
    word: Consent | None = None


def shown_value(
    key: str,
    value: object,
    *,
    words: Mapping[str, Consent],
    more_words: Mapping[str, Consent],
    is_opt_out: bool = False,
) -> ShownValue:
    """Read a value that is not empty as an answer under `key`, and make it fit to be shown.

    words: the store's own words, as configured. more_words: others that could be. is_opt_out: as in `parse_consent`.
    """
    reading = parse_consent(key, value, words, is_opt_out=is_opt_out)
    if not isinstance(value, str | int | float):
        if isinstance(value, dict):
            return ShownValue(AN_OBJECT, reading)
        return ShownValue(A_LIST, reading)
    if stated_time(value) is not None:
        return ShownValue(A_DATE, reading)
    answer = clean_text(value) if isinstance(value, str) else comparable(_number_text(value))
    if is_unread(value, words):
        for word, meaning in more_words.items():
            if comparable(word) == comparable(answer):
                return _with_word(key, answer, meaning, reading, is_opt_out=is_opt_out)
        return ShownValue(masked(answer), reading)
    return ShownValue(answer if len(answer) <= _LONGEST_ANSWER else masked(answer), reading)


def _with_word(key: str, answer: str, meaning: Consent, reading: Consent, *, is_opt_out: bool) -> ShownValue:
    # Under a key that asks for the opposite a no says nothing, as an English one does: it must not become a word,
    # which would be an opt-out there.
    is_opposite = parse_consent(key, "yes", is_opt_out=is_opt_out) is Consent.opted_out
    if is_opposite and meaning is Consent.opted_out:
        return ShownValue(answer, reading, Consent.unknown)
    return ShownValue(answer, reading, Consent.opted_out if is_opposite else meaning, meaning)


def masked(text: str) -> str:
    """A text that may be personal by its first letter alone, `v•••`; nothing of what is short or begins otherwise."""
    first = text[:1]
    return f"{first}•••" if len(text) > 2 and first.isalpha() else "•••"


def shown_key(key: str) -> str | None:
    """The name of a key if it may be shown, and configured.

    None for one that holds a phone or an e-mail address, or what no line of text or setting holds.
    """
    is_plain = key.isprintable() and key == key.strip()
    return key if is_plain and redact(key, limit=10_000) == " ".join(key.split()) else None


def _number_text(value: float) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
