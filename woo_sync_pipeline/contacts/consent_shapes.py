"""Choices that plugins wrap: in a list, in an object with a key for SMS, in a text that holds either as JSON.

The rule: a yes counts only where nothing else can be meant by it, a no wherever it may concern SMS. Everything
between is unread, which is shown and subscribes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from woo_sync_pipeline.contacts.consent_words import (
    Consent,
    Reading,
    asks_the_opposite,
    comparable,
    read_word,
    words_of_key,
)
from woo_sync_pipeline.contacts.names import json_in

_DEEPEST = 30
"""Levels. A no must not be lost in the depth; what is deeper than this nobody has written by himself."""
_LONGEST_JSON = 2_000
"""Characters. No plugin writes an answer that long."""
_MOST_SHOWN = 20
_LEFT_OUT = "…"

_OTHER_CHANNELS = (
    *("email", "mail", "newsletter", "whatsapp", "push", "phone", "call", "post", "voice", "viber"),
    *("messenger", "telegram"),
)
# What a key may say beside "sms" and still mean marketing: `sms_order_updates` does not.
# fmt: off
_ABOUT_A_CHOICE = frozenset({
    "marketing", "consent", "consents", "consented", "opt", "opted", "optin", "optedin", "subscribe", "subscribed",
    "subscription", "accept", "accepts", "accepted", "agree", "agrees", "agreed", "allow", "allowed", "permission",
    "status", "state", "value", "choice", "answer", "promo", "promotions", "promotional", "offers", "enabled", "active",
    "confirmed", "verified", "granted", "given",
})
_FILLING = frozenset({"", "in", "is", "has", "to", "for", "via", "by", "receive"})
# fmt: on
_SAYS_NOTHING = Reading(Consent.unknown, is_understood=True)
_UNREAD = Reading(Consent.unknown, is_understood=False)
_OPTS_OUT = Reading(Consent.opted_out, is_understood=True)


class _Items(NamedTuple):
    """What stands in a list."""

    items: list[Any]


class _Pairs(NamedTuple):
    """What stands in an object. JSON as text may have a key twice."""

    pairs: list[tuple[str, Any]]


def read_value(
    value: object, words: Mapping[str, Consent] | None, *, asks_opposite: bool, depth: int = 0
) -> Reading:
    """Read what stands under a key of consent, whatever its shape; see `read_word` for single values.

    Of a list with one item that item counts. Of a longer one only a no does. Of an object the one key that names SMS,
    and nothing beside SMS but marketing and consent, counts; of all other objects only a no, unless it is under a key,
    or in an object, that names another channel.
    """
    word = read_word(value, words, asks_opposite=asks_opposite)
    if word.is_understood and (value is None or comparable(value)):
        return word
    inside = _inside(value)
    if inside is None:
        return word
    if depth >= _DEEPEST:
        return _UNREAD
    if isinstance(inside, _Items):
        read = [
            read_value(item, words, asks_opposite=asks_opposite, depth=depth + 1) for item in inside.items
        ]
        return read[0] if len(read) == 1 else _several(read)
    return _of_object(inside.pairs, words, asks_opposite=asks_opposite, depth=depth)


def outline(value: object, *, depth: int = 0) -> object:
    """A value to be shown, without what may be about a person: in an object only flags and answers about SMS stay."""
    inside = _inside(value)
    if inside is None:
        return value
    if depth >= _DEEPEST:
        return _LEFT_OUT
    if isinstance(inside, _Items):
        return [outline(item, depth=depth + 1) for item in inside.items[:_MOST_SHOWN]]
    return {key: _outline_under(key, each, depth=depth + 1) for key, each in inside.pairs[:_MOST_SHOWN]}


def _of_object(
    pairs: list[tuple[str, Any]], words: Mapping[str, Consent] | None, *, asks_opposite: bool, depth: int
) -> Reading:
    is_of_another_channel = _is_of_another_channel(value for _, value in pairs)
    of_sms: list[tuple[str, Reading]] = []
    beside: list[Reading] = []
    for key, value in pairs:
        opposite = asks_the_opposite(key)
        read = read_value(value, words, asks_opposite=asks_opposite or opposite, depth=depth + 1)
        if _names_sms(key):
            of_sms.append((key, read))
        elif (opposite or _is_about_a_choice(key)) and not _names_another_channel(key):
            beside.append(read)
    may_refuse = [read for _, read in of_sms] + ([] if is_of_another_channel else beside)
    if any(read.consent is Consent.opted_out for read in may_refuse):
        return _OPTS_OUT
    if len(of_sms) == 1 and not is_of_another_channel:
        key, read = of_sms[0]
        if read.consent is Consent.unknown or _is_about_a_choice(key):
            return read
    return _SAYS_NOTHING if all(_is_nothing(value) for _, value in pairs) else _UNREAD


def _several(read: list[Reading]) -> Reading:
    if any(each.consent is Consent.opted_out for each in read):
        return _OPTS_OUT
    says_nothing = all(each == _SAYS_NOTHING for each in read)
    return _SAYS_NOTHING if says_nothing else _UNREAD


def _inside(value: object) -> _Items | _Pairs | None:
    """What a list, an object or a JSON text holds; None for everything else."""
    if isinstance(value, str):
        value = json_in(value, _Pairs) if len(value) <= _LONGEST_JSON else None
    if isinstance(value, list | tuple) and not isinstance(value, _Items | _Pairs):
        return _Items(list(value))
    if isinstance(value, Mapping):
        value = _Pairs([(str(key), each) for key, each in value.items()])
    if isinstance(value, _Pairs) and value.pairs and all(_is_place(key) for key, _ in value.pairs):
        # PHP writes a list with gaps as an object with numbers as keys.
        return _Items([each for _, each in value.pairs])
    return value if isinstance(value, _Pairs) else None


def _is_place(key: str) -> bool:
    return key.isascii() and key.isdigit()


def _names_sms(key: str) -> bool:
    return any(word.startswith("sms") for word in words_of_key(key))


def _names_another_channel(key: str) -> bool:
    return any(word.startswith(_OTHER_CHANNELS) for word in words_of_key(key))


def _is_about_a_choice(key: str) -> bool:
    """Whether a key has nothing in it but "sms" and words like marketing and consent."""
    words = words_of_key(key)
    others = {word.removeprefix("sms") for word in words} - _FILLING
    return others <= _ABOUT_A_CHOICE and (bool(others) or any(word.startswith("sms") for word in words))


def _is_of_another_channel(values: Iterable[object]) -> bool:
    """Whether one of the values of an object says that all of it is about e-mail, or the like."""
    texts = [comparable(value) for value in values if isinstance(value, str)]
    return any(text.startswith(_OTHER_CHANNELS) for text in texts) and "sms" not in texts


def _is_nothing(value: object) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _outline_under(key: str, value: object, *, depth: int) -> object:
    if isinstance(value, bool) or _is_nothing(value):
        return value
    if _inside(value) is not None:
        return outline(value, depth=depth)
    is_answer = _names_sms(key) or _is_about_a_choice(key) or asks_the_opposite(key)
    return value if is_answer else _LEFT_OUT
