"""What records say that they did not say before: their answers, key by key, compared with those of the last reading.

What they say under other keys than the one that decides counts for nothing now, and is known for later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.choice_times import Interval, Readings
from woo_sync_pipeline.contacts.columns import (
    NEVER,
    Flags,
    Microseconds,
    Objects,
    each_distinct,
    microseconds,
    moments,
    objects,
)
from woo_sync_pipeline.contacts.consent import Answer, Consent, read_answers
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind

_IN, _OUT, _UNKNOWN = Consent.opted_in.value, Consent.opted_out.value, Consent.unknown.value


@dataclass(frozen=True)
class NewWord:
    """A choice that a record did not show before, the meta key under which it stands, and the answer there."""

    consent: Consent
    found_under: str
    answer: Answer


def new_words(before: Mapping[str, Answer], now: Mapping[str, Answer]) -> list[NewWord]:
    """What the answers of a record say that they did not say before, opt-outs first.

    An opt-in that is taken back leaves its key without a yes (WordPress stores an unticked box as an empty text):
    that is an opt-out. Where the key itself is gone a plugin may have taken it along, and nobody has chosen. What
    stands there as before is said again if the store now gives a later time for it.
    """
    opts_in: list[NewWord] = []
    opts_out: list[NewWord] = []
    for found_under, answer in now.items():
        was = before.get(found_under)
        known = was.consent if was else None
        if answer.consent is Consent.unknown:
            if known is Consent.opted_in:
                opts_out.append(NewWord(Consent.opted_out, found_under, answer))
        elif known is not answer.consent or _is_later(answer, was):
            said = opts_in if answer.consent is Consent.opted_in else opts_out
            said.append(NewWord(answer.consent, found_under, answer))
    return [*opts_out, *opts_in]


def deciding_word(said: Sequence[NewWord], now: Mapping[str, Answer]) -> NewWord | None:
    """The one that counts: an opt-out, or an opt-in if no opt-out stands beside it."""
    if not said:
        return None
    refuses = any(answer.consent is Consent.opted_out for answer in now.values())
    return None if refuses and said[0].consent is Consent.opted_in else said[0]


def _is_later(answer: Answer, was: Answer | None) -> bool:
    if answer.said_at is None or was is None:
        return False
    return was.said_at is None or answer.said_at > was.said_at


@dataclass(frozen=True)
class Words:
    """What rows say, one each: what is new of it (`word`: opted_in, opted_out or None), and the last that is known.

    consent: what is in force. origin, key, value: where the new word or else the choice stands. said_at: when the store
    says that it was said, in microseconds. beside: what else is new, by row.
    """

    word: Objects
    consent: Objects
    choice: Objects
    origin: Objects
    key: Objects
    value: Objects
    said_at: Microseconds
    beside: list[tuple[int, NewWord]]

    @property
    def is_new(self) -> Flags:
        """Which rows say something new."""
        return pd.notna(self.word)

    def note_beside(self, row: int, said: Iterable[NewWord]) -> None:
        """Note what is new of a row beside its word."""
        found_under = str(self.origin[row]).partition(" meta ")[2]
        decides = self.word[row]
        for each in said:
            if decides is None or each.found_under != found_under:
                self.beside.append((int(row), each))


def words_of(rows: pd.DataFrame, *, read_alike: Flags) -> Words:
    """Compare the rows of `choices.date_choices` with what is known of them.

    read_alike: which were read before from the same meta keys. Of the others, and of those that are met for the first
    time, what they say as a whole is compared.
    """
    said = rows["consent"].to_numpy(dtype=object)
    known = _texts(rows["old_consent"])
    choice = rows["old_choice"].to_numpy(dtype=object).copy()
    choice[pd.isna(choice)] = None
    speaks = said != _UNKNOWN
    word = said.copy()
    word[~speaks | (said == choice)] = None
    words = Words(
        word=word,
        consent=np.where(speaks, said, np.where(known == _OUT, _OUT, _UNKNOWN)),
        choice=np.where(speaks, said, choice),
        origin=np.where(
            speaks,
            _texts(rows["consent_origin"]),
            np.where(known == _OUT, _texts(rows["old_consent_origin"]), ""),
        ),
        key=np.where(speaks, _texts(rows["consent_key"]), _texts(rows["old_consent_key"])),
        value=_texts(rows["consent_value"]),
        said_at=microseconds(rows["said_at"]),
        beside=[],
    )
    answers = _texts(rows["consent_answers"])
    # Of most records there is one answer.
    has_several = each_distinct(lambda text: text.count(":[") > 1, answers).astype(bool)
    for row in np.flatnonzero(has_several & ~read_alike & words.is_new):
        words.note_beside(int(row), new_words({}, read_answers(answers[row])))
    before = rows["old_consent_answers"].to_numpy(dtype=object)
    unchanged = read_alike & (before == answers)
    stays = unchanged & np.isin(known, (_IN, _OUT))
    words.word[unchanged], words.choice[unchanged] = None, choice[unchanged]
    words.consent[unchanged] = np.where(stays, known, _UNKNOWN)[unchanged]
    words.origin[unchanged] = np.where(stays, _texts(rows["old_consent_origin"]), "")[unchanged]
    words.key[unchanged] = _texts(rows["old_consent_key"])[unchanged]
    _compare_answers(words, rows, np.flatnonzero(read_alike & ~unchanged), choice)
    return words


def _compare_answers(words: Words, rows: pd.DataFrame, alike: npt.NDArray[np.int64], choice: Objects) -> None:
    """Where the same keys were read before, only what changed under one of them is new."""
    before, now = rows["old_consent_answers"].to_numpy(dtype=object), _texts(rows["consent_answers"])
    known, origins = _texts(rows["old_consent"]), _texts(rows["old_consent_origin"])
    keys, kinds = _texts(rows["old_consent_key"]), rows["record_type"].to_numpy(dtype=object)
    said = rows["consent"].to_numpy(dtype=object)
    for row in alike:
        answers = read_answers(now[row])
        earlier = _earlier(before[row], answers, known[row], said[row], keys[row], origins[row])
        said_anew = new_words(earlier, answers) if earlier != answers else []
        word = deciding_word(said_anew, answers)
        if word is None:
            opts_in = known[row] == _IN and any(each.consent is Consent.opted_in for each in answers.values())
            stays = opts_in or known[row] == _OUT
            words.word[row], words.choice[row] = None, choice[row]
            words.consent[row] = known[row] if stays else _UNKNOWN
            words.origin[row], words.key[row] = origins[row] if stays else "", keys[row]
            words.note_beside(row, said_anew)
            continue
        answer = word.answer
        origin = f"{kinds[row]} meta {word.found_under}"
        if words.origin[row] != origin:
            words.value[row] = answer.consent.value if answer.consent is not Consent.unknown else ""
        words.word[row] = words.consent[row] = words.choice[row] = word.consent.value
        words.origin[row], words.key[row] = origin, answer.key
        words.said_at[row] = said_microseconds(answer)
        words.note_beside(row, said_anew)


def _earlier(
    before: object, now: Mapping[str, Answer], known: str, said: str, key: str, origin: str
) -> Mapping[str, Answer]:
    """The answers of the reading before; of one that did not keep them, as far as its choice tells them."""
    if isinstance(before, str):
        return read_answers(before)
    if known in (said, ""):
        return now
    if known == _UNKNOWN:
        return {}
    found_under = origin.partition(" meta ")[2] or key
    return {found_under: Answer(Consent(known), key)}


def leave_open(answers: pd.Series[str]) -> Flags:
    """Which of these answers, as `answers_text` writes them, leave some key without a yes or a no."""
    texts = _texts(answers)
    return each_distinct(lambda text: f'"{_UNKNOWN}"' in text, texts).astype(bool)


def said_microseconds(answer: Answer) -> int:
    """When an answer was given, in microseconds; `NEVER` where the store does not say."""
    return NEVER if answer.said_at is None else int(microseconds(pd.Series([answer.said_at]))[0])


def _texts(cells: pd.Series[str]) -> Objects:
    return cells.fillna("").to_numpy(dtype=object).copy()


BESIDE = "beside another choice of the same record"
_WHAT = {Consent.opted_in: ConsentEventKind.yes.value, Consent.opted_out: ConsentEventKind.no.value}


@dataclass(frozen=True)
class WordsBeside:
    """One each: the row that says it, the key, what is said (opted_in, opted_out), and when."""

    rows: npt.NDArray[np.intp]
    keys: Objects
    choices: Objects
    said: Interval

    @classmethod
    def of(cls, words: Words, readings: Readings) -> WordsBeside:
        """Those among these words."""
        rows = np.array([row for row, _ in words.beside], dtype=np.intp)
        said = [word for _, word in words.beside]
        opts_in = np.array([word.consent is Consent.opted_in for word in said], dtype=bool)
        said_at = np.array([said_microseconds(word.answer) for word in said], dtype=np.int64)
        return cls(
            rows,
            objects((word.answer.key for word in said), len(said)),
            objects((word.consent.value for word in said), len(said)),
            readings.said(said_at, opts_in, rows),
        )

    def events(self, records: pd.DataFrame) -> pd.DataFrame:
        """They as the ledger has them; `records` has the columns record_type, record_id and row of all rows."""
        return records.iloc[self.rows].assign(
            what=[_WHAT[Consent(choice)] for choice in self.choices],
            key=self.keys,
            value="",
            said_from=moments(self.said.begins).to_numpy(),
            said_until=moments(self.said.ends).to_numpy(),
            said_is_dated=self.said.is_dated,
            became=BESIDE,
        )
