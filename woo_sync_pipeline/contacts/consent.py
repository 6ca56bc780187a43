"""Consent to SMS marketing, as the plugins of a store write it into meta fields."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from woo_sync_pipeline.contacts.consent_shapes import outline, read_value
from woo_sync_pipeline.contacts.consent_words import Consent as Consent
from woo_sync_pipeline.contacts.consent_words import asks_the_opposite, is_time, is_timestamp
from woo_sync_pipeline.contacts.consent_words import comparable as comparable
from woo_sync_pipeline.contacts.names import strip_invisible
from woo_sync_pipeline.privacy import redact

OTHER_VALUES = " "
"""The entry of a record's meta under which the further values of keys stand that the store has more than once.

No key of a configuration is blank.
"""
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

    A list of one, an object with one key for SMS, and either as JSON text are read as what is in them. None, "" (PHP's
    stored false, but also a field never filled), other lists and objects without a no, and every text that is not
    understood are unknown. `words` adds a store's own words, in any case, as states.
    """
    return read_value(value, words, asks_opposite=is_opt_out or asks_the_opposite(key)).consent


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
    """Read the choice of one record from its meta, by `consent_of`.

    Of a key that is there more than once (`OTHER_VALUES`) a no counts, else the first.
    """
    if OTHER_VALUES in meta:
        meta = {**meta, **_refusals(meta[OTHER_VALUES], rules)}
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
    unread = (
        name
        for name in rules.keys
        if is_unread(meta.get(name), rules.words, key=name, is_opt_out=name in rules.opt_out_keys)
    )
    return ChoiceRead(
        consent,
        key,
        answers[key].key,
        _written(meta[key]),
        answers[key].said_at,
        answers_text(answers),
        next((f"{name} = {redact(_written(outline(meta[name])))[:_LONGEST_SHOWN]}" for name in unread), ""),
    )


def _refusals(others: object, rules: ConsentRules) -> dict[str, object]:
    """By key the first refusal among these values."""
    refusals: dict[str, object] = {}
    for key, values in others.items() if isinstance(others, Mapping) else ():
        for value in values if isinstance(values, list) else ():
            consent = parse_consent(key, value, rules.words, is_opt_out=key in rules.opt_out_keys)
            if consent is Consent.opted_out:
                refusals.setdefault(key, value)
    return refusals


def is_unread(
    value: object, words: Mapping[str, Consent] | None = None, *, key: str = "", is_opt_out: bool = False
) -> bool:
    """Whether something stands under a consent key that is understood neither as a yes nor as a no."""
    asks_opposite = is_opt_out or asks_the_opposite(key)
    return not read_value(value, words, asks_opposite=asks_opposite).is_understood


def stated_time(value: object) -> datetime | None:
    """The earliest moment (UTC) that a meta value can mean as the time of a choice; None if it means none.

    Unix seconds or milliseconds and ISO dates with an offset are moments. An ISO date without one is some local time:
    it is taken for the earliest that this is anywhere on earth, 14 hours before the same time in UTC.
    """
    if not is_time(value):
        return None
    text = strip_invisible(value).strip() if isinstance(value, str) else comparable(value)
    if is_timestamp(text):
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
