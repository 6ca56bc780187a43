"""Consent to SMS marketing, as the plugins of a store write it into meta fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from woo_sync_pipeline.contacts.names import clean_text, strip_invisible
from woo_sync_pipeline.privacy import redact


class Consent(StrEnum):
    """What a store record says about SMS marketing: a choice made either way, or nothing."""

    opted_in = "opted_in"
    opted_out = "opted_out"
    unknown = "unknown"


# Answers take their meaning from the question, that is from the key: "yes" under `sms_optout` is a refusal.
# States ("subscribed") mean the same under every key. All are compared without blanks, hyphens and underscores.
# fmt: off
_YES = frozenset({
    "1", "yes", "y", "true", "t", "on", "checked", "accepted", "accept", "agreed", "agree", "granted", "allowed",
    "allow", "enabled", "confirmed",
})
_NO = frozenset({
    "0", "no", "n", "false", "f", "off", "unchecked", "declined", "decline", "denied", "deny", "refused", "rejected",
    "disabled", "never",
})
_IN = frozenset({"subscribed", "subscribe", "optedin", "optin"})
_OUT = frozenset({
    "unsubscribed", "unsubscribe", "notsubscribed", "nonsubscribed", "optedout", "optout", "revoked", "withdrawn",
    "stop",
})
# fmt: on
_NEGATIVE_KEY = re.compile(r"opt(?:s|ed|ing)?out|unsub|revok|withdr[ae]w|donot|dont")
_NEGATIVE_WORD = re.compile(
    r"(?:^|_)(?:not|never|stop(?:ped)?|dn[cd]|den(?:y|ied)|disabled|blocked|bl[ao]ck_?list(?:ed)?"
    r"|(?:declin|refus|reject|suppress|exclu|cancel)[a-z]*|no_(?:sms|texts?|marketing|newsletters?|contact))(?:_|$)"
)
_WORD_OF_A_KEY = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
# The hyphen of "-1" belongs to it: a plugin that writes that means anything but a yes.
_FILLING = re.compile(r"[\s_]+|(?<=[^\W_])-|-(?!\s*\d)")
_TIMESTAMP = re.compile(r"\d{10}|\d{13}", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_FIRST_BELIEVABLE_YEAR = 2000
_EARLIEST_TIMESTAMP = 946_684_800
"""Unix time at the start of that year."""
_FURTHEST_AHEAD = timedelta(hours=14)
"""The clocks of Kiritimati."""
_LONGEST_VALUE = 200
"""Characters of an answer that are kept: those that mean something are shorter."""
_LONGEST_SHOWN = 40
"""Characters of an answer that nobody understands which are shown."""


def parse_consent(
    key: str, value: object, words: Mapping[str, Consent] | None = None, *, is_opt_out: bool = False
) -> Consent:
    """Read one meta value as a consent signal.

    `key` gives the question. Under a key that asks for the opposite (`is_opt_out`, or its name contains "optout",
    "unsubscribe", "stop" or the like) a yes is opted_out and a no says nothing, because not having opted out is no
    opt-in. The time of a choice (Unix seconds or milliseconds, an ISO date) is a yes.

    None, "" (PHP's stored false, but also a field never filled), lists, objects and every text that is not
    understood are unknown. `words` adds a store's own words, in any case, as states.
    """
    answer = _plain(value)
    if not answer:
        return Consent.unknown
    negative = is_opt_out or _asks_the_opposite(key)
    for word, meaning in (words or {}).items():
        if _plain(word) == answer and meaning is not Consent.unknown:
            # A word of one's own may be an answer or a state; under a negative key both readings end here.
            return Consent.opted_out if negative else meaning
    if answer in _OUT:
        return Consent.opted_out
    if answer in _IN:
        return Consent.opted_in
    if answer in _NO:
        return Consent.unknown if negative else Consent.opted_out
    if answer in _YES or _is_time(value):
        return Consent.opted_out if negative else Consent.opted_in
    return Consent.unknown


def comparable(word: str) -> str:
    """The form in which words are compared: without blanks, hyphens and underscores, whatever the case."""
    return _plain(word)


def consent_of(
    meta: Mapping[str, object],
    keys: Sequence[str],
    words: Mapping[str, Consent] | None = None,
    opt_out_keys: Collection[str] = (),
) -> tuple[Consent, str]:
    """Decide over the configured keys of one record: any opted_out wins, else any opted_in, else unknown.

    `words` are the store's own words, as in `parse_consent`; `opt_out_keys` are those keys that ask for the opposite
    whatever their names say.

    Returns the signal and the key that decided: the first such key in the order of `keys`. If unknown, it is the first
    key that is there without an answer, "" if none is there.
    """
    signals = [
        (parse_consent(key, meta.get(key), words, is_opt_out=key in opt_out_keys), key) for key in keys
    ]
    for wanted in (Consent.opted_out, Consent.opted_in):
        for signal, key in signals:
            if signal is wanted:
                return signal, key
    return Consent.unknown, next((key for key in keys if key in meta), "")


@dataclass(frozen=True, kw_only=True)
class ConsentRules:
    """Where the records of a store keep choices, and how they are read.

    keys: meta keys, in which order. opt_out_keys: those of them in which a yes means no. words: the store's own words.
    dated_by: for some keys the key that holds the time of the choice. mirrored_by: for keys that the store hides on
    customers the visible one into which the shop copies them: both are one key.
    """

    keys: Sequence[str] = ()
    opt_out_keys: Collection[str] = ()
    words: Mapping[str, Consent] = field(default_factory=dict)
    dated_by: Mapping[str, str] = field(default_factory=dict)
    mirrored_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChoiceRead:
    """What one record says.

    found_under: the meta key of the answer that decides, "" without any; key: the one that it stands for. value: the
    answer as it was written. said_at: when it was given, if the store keeps that. answers: what stands under each key
    that is there, as `answers_text` writes it. unread: an answer that nobody understands, as `key = value`, else "".
    """

    consent: Consent = Consent.unknown
    found_under: str = ""
    key: str = ""
    value: str = ""
    said_at: datetime | None = None
    answers: str = ""
    unread: str = ""


@dataclass(frozen=True)
class Answer:
    """What stands under one key. `key` is the one that it stands for, `said_at` when it was given, if that is known."""

    consent: Consent
    key: str
    said_at: datetime | None = None


def answers_text(answers: Mapping[str, Answer]) -> str:
    """Answers by meta key as a text to be kept and compared; "" for none."""
    plain = {
        found_under: [each.consent.value, each.key, each.said_at.isoformat() if each.said_at else None]
        for found_under, each in sorted(answers.items())
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")) if plain else ""


def read_answers(text: str) -> dict[str, Answer]:
    """The answers that `answers_text` wrote."""
    return {
        found_under: Answer(Consent(consent), key, datetime.fromisoformat(said_at) if said_at else None)
        for found_under, (consent, key, said_at) in (json.loads(text) if text else {}).items()
    }


def read_choice(meta: Mapping[str, object], rules: ConsentRules) -> ChoiceRead:
    """Read the choice of one record from its meta, by `consent_of`."""
    consent, key = consent_of(meta, rules.keys, rules.words, rules.opt_out_keys)
    if not key:
        return ChoiceRead()
    stands_for = {visible: hidden for hidden, visible in rules.mirrored_by.items()}
    answers = {
        name: Answer(
            parse_consent(name, meta[name], rules.words, is_opt_out=name in rules.opt_out_keys),
            stands_for.get(name, name),
            stated_time(meta.get(rules.dated_by.get(name, ""))),
        )
        for name in rules.keys
        if name in meta
    }
    unread = (name for name in rules.keys if is_unread(meta.get(name), rules.words))
    return ChoiceRead(
        consent,
        key,
        answers[key].key,
        _written(meta[key]),
        answers[key].said_at,
        answers_text(answers),
        next((f"{name} = {redact(_written(meta[name]))[:_LONGEST_SHOWN]}" for name in unread), ""),
    )


def is_unread(value: object, words: Mapping[str, Consent] | None = None) -> bool:
    """Whether something stands under a consent key that is understood neither as a yes nor as a no."""
    if value is None or value in ([], {}):
        return False
    answer = _plain(value)
    if isinstance(value, str) and not answer:
        return False
    own_words = {_plain(word) for word in words or ()}
    return not (answer in _YES | _NO | _IN | _OUT or answer in own_words or _is_time(value))


def stated_time(value: object) -> datetime | None:
    """The earliest moment (UTC) that a meta value can mean as the time of a choice; None if it means none.

    Unix seconds or milliseconds and ISO dates with an offset are moments. An ISO date without one is some local time:
    it is taken for the earliest that this is anywhere on earth, 14 hours before the same time in UTC.
    """
    if not _is_time(value):
        return None
    text = strip_invisible(value).strip() if isinstance(value, str) else _plain(value)
    if _TIMESTAMP.fullmatch(text):
        return datetime.fromtimestamp(int(text) / (1 if len(text) == 10 else 1000), UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) - _FURTHEST_AHEAD
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # At the end of the last year that there is.
        return None


def _written(value: object) -> str:
    """A meta value as it is shown: short, and nothing but text."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError:
            value = "(nested too deeply)"
    return strip_invisible(value)[:_LONGEST_VALUE]


@lru_cache(maxsize=1024)
def _asks_the_opposite(key: str) -> bool:
    words = "_".join(_WORD_OF_A_KEY.findall(key)).lower()
    return bool(_NEGATIVE_KEY.search(_plain(key)) or _NEGATIVE_WORD.search(words))


def _plain(value: object) -> str:
    """Return a scalar as a word to compare, "" for what is no scalar."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and (not math.isfinite(value) or not value.is_integer()):
        return ""
    if isinstance(value, int | float):
        # Python refuses to spell out integers of thousands of digits.
        return str(int(value)) if abs(value) < 10**15 else ""
    if isinstance(value, str):
        # Labels of options come entity-encoded, and their accents in either form.
        return _FILLING.sub("", clean_text(value)).casefold()
    return ""


def _is_time(value: object) -> bool:
    text = strip_invisible(value).strip() if isinstance(value, str) else _plain(value)
    if _TIMESTAMP.fullmatch(text):
        return int(text[:10]) >= _EARLIEST_TIMESTAMP
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        # Databases write "0000-00-00" and the year 1970 where there is no date.
        return datetime.fromisoformat(text).year >= _FIRST_BELIEVABLE_YEAR
    except ValueError:
        return False
