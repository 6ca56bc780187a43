"""Which opt-ins only repeat an older one of the same person under the same key.

An opt-in that comes back where an opt-out without a date has stood for a while is the one from before that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.choice_times import Interval
from woo_sync_pipeline.contacts.columns import EPOCH, NEVER, Flags, Objects, microseconds
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.words import Words

Rows = npt.NDArray[np.int64]
"""Positions of rows, -1 for none."""


@dataclass(frozen=True)
class PersonalChoices:
    """Choices with what tells whose they are; one row each. An address counts only where there is no phone.

    repeats: which are known to repeat an earlier one. said: when the choice was made; its ends put them in order.
    """

    phone: Objects
    person_id: Objects
    email: Objects
    key: Objects
    opts_in: Flags
    counts: Flags
    said: Interval
    repeats: Flags

    @classmethod
    def of(cls, frame: pd.DataFrame) -> PersonalChoices:
        """Choices of the ledger.

        Columns phone, person_id, email, consent_key, choice, choice_from, choice_until, choice_is_dated, repeats.
        """
        return cls.of_rows(
            frame,
            key=frame["consent_key"].to_numpy(dtype=object),
            choice=frame["choice"].to_numpy(dtype=object),
            said=Interval(
                microseconds(frame["choice_from"]),
                microseconds(frame["choice_until"]),
                frame["choice_is_dated"].to_numpy(dtype=bool),
            ),
            repeats=frame["repeats"].to_numpy(dtype=bool),
        )

    @classmethod
    def of_rows(
        cls,
        rows: pd.DataFrame,
        *,
        key: Objects,
        choice: Objects,
        said: Interval,
        repeats: Flags | None = None,
    ) -> PersonalChoices:
        """Choices of rows with the columns phone, person_id and email."""
        phone = rows["phone"].to_numpy(dtype=object).copy()
        phone[pd.isna(phone)] = ""
        opts_in = np.asarray(choice == Consent.opted_in.value, dtype=bool)
        opts_out = np.asarray(choice == Consent.opted_out.value, dtype=bool)
        return cls(
            phone=phone,
            person_id=rows["person_id"].to_numpy(dtype=object),
            email=np.where(phone == "", rows["email"].fillna("").to_numpy(dtype=object), ""),
            key=key,
            opts_in=opts_in,
            counts=(opts_in | opts_out) & (key != "") & (said.ends != NEVER),
            said=said,
            repeats=np.zeros(len(rows), dtype=bool) if repeats is None else repeats,
        )

    @classmethod
    def together(cls, *parts: PersonalChoices) -> PersonalChoices:
        """All of these, one after the other."""

        def joined(kind: type[Any], parts: Sequence[Any]) -> Any:
            columns = {each.name: [getattr(part, each.name) for part in parts] for each in fields(kind)}
            said = {"said": joined(Interval, columns.pop("said"))} if "said" in columns else {}
            return kind(**{name: np.concatenate(arrays) for name, arrays in columns.items()}, **said)

        found: PersonalChoices = joined(cls, parts)
        return found


@dataclass(frozen=True)
class Repeats:
    """What became of opt-ins that may only repeat others, one row for each of the first ones.

    are_some: which do. said: when what they repeat was said, else they themselves. An opt-in that follows an opt-out
    without a date has none either: perhaps there never was one, and it repeats the opt-in before.
    """

    are_some: Flags
    said: Interval


def repeats_of(choices: PersonalChoices, candidates: Flags) -> Repeats:
    """Find out which of the first rows, as many as there are candidates, repeat other opt-ins.

    A candidate repeats another opt-in if that is the latest choice before it, under the same key, of the same phone or
    of the same person (or, without a phone, of the same address); and if that is an opt-out which was perhaps made
    before the latest opt-in. What a repetition repeats is followed to its head.
    """
    rows, rank = len(choices.key), _rank(choices)
    latest = _latest_before(choices, choices.counts, rank)
    opted_in = _latest_before(choices, choices.counts & choices.opts_in, rank)
    perhaps_later = (opted_in >= 0) & ~choices.opts_in[latest]
    perhaps_later &= choices.said.ends[opted_in] > choices.said.begins[latest]
    latest = np.where((latest >= 0) & perhaps_later, opted_in, latest)
    asked = choices.repeats.copy()
    asked[: len(candidates)] = candidates
    follows = asked & (latest >= 0)
    heads = np.arange(rows)
    repeats = follows & choices.opts_in[latest]
    heads[repeats] = latest[repeats]
    while not np.array_equal(further := heads[heads], heads):
        heads = further
    said = choices.said
    answers_undated = follows & ~choices.opts_in[latest] & ~said.is_dated[latest]
    first = heads[: len(candidates)]
    return Repeats(
        are_some=np.asarray(first != np.arange(len(candidates)), dtype=bool),
        said=Interval(said.begins[first], said.ends[first], said.is_dated[first] & ~answers_undated[first]),
    )


def _latest_before(choices: PersonalChoices, counts: Flags, rank: Rows) -> Rows:
    """The row of the latest choice before each row's own of the same person and key, among those that count."""
    latest = np.full(len(counts), -1, dtype=np.int64)
    for identity, there in (
        (choices.phone, choices.phone != ""),
        (choices.person_id, choices.person_id != ""),
        (choices.email, choices.email != ""),
    ):
        before = _before(choices, identity, there & counts, rank)
        newer = (before >= 0) & ((latest < 0) | (rank[before] > rank[latest]))
        latest = np.where(newer, before, latest)
    return latest


def _before(choices: PersonalChoices, identity: Objects, counts: Flags, rank: Rows) -> Rows:
    """The row of the latest choice before each row's own that has the same identity and key."""
    before = np.full(len(counts), -1, dtype=np.int64)
    rows = np.flatnonzero(counts)
    if not len(rows):
        return before
    identities = pd.factorize(identity[rows])[0].astype(np.int64)
    keys, names = pd.factorize(choices.key[rows])
    whose = identities * len(names) + keys
    order = np.lexsort((rank[rows], whose))
    follows = np.flatnonzero(whose[order][1:] == whose[order][:-1]) + 1
    before[rows[order[follows]]] = rows[order[follows - 1]]
    return before


def _rank(choices: PersonalChoices) -> Rows:
    """The place of each row among all by time. At the same time an opt-out comes first: what follows both repeats.

    It outweighs that opt-in all the same.
    """
    order = np.lexsort((choices.opts_in, choices.said.ends))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


_IN, _OUT = Consent.opted_in.value, Consent.opted_out.value

_Said = tuple[str, int, int, bool, bool]
"""What was said, when (from and until), whether it has a date of its own, whether it repeats an earlier one."""


def opt_ins_before(rows: pd.DataFrame, words: Words, others: pd.DataFrame, candidates: Flags) -> Interval:
    """For each row the opt-in that has come back by it; `NEVER` for a row by which none has, or that is no candidate.

    Rows, words and others are those of `choices.date_choices`.
    """
    never = np.full(len(rows), NEVER, dtype=np.int64)
    found = Interval(never, never.copy(), np.zeros(len(rows), dtype=bool))
    asked = np.flatnonzero(candidates & (words.word == _IN))
    if not len(asked):
        return found
    history, phones = _histories(others), rows["phone"].tolist()
    for row in asked:
        before = _before_the_opt_out(history[phones[row], words.key[row]])
        if before is not None:
            found.begins[row], found.ends[row], found.is_dated[row] = before
    return found


def _histories(others: pd.DataFrame) -> defaultdict[tuple[str, str], list[_Said]]:
    """What persons have said under each phone and key, the latest first.

    A choice belongs to a phone: people are imported again under other ids.
    """
    of_persons = others[others["is_person"].to_numpy(dtype=bool)]
    latest_first = of_persons.sort_values("event_id", ascending=False)
    histories: defaultdict[tuple[str, str], list[_Said]] = defaultdict(list)
    for phone, key, *said in zip(
        latest_first["phone"],
        latest_first["consent_key"],
        latest_first["choice"],
        microseconds(latest_first["choice_from"]).tolist(),
        microseconds(latest_first["choice_until"]).tolist(),
        latest_first["choice_is_dated"],
        latest_first["repeats"],
        strict=True,
    ):
        histories[phone, key].append(cast("_Said", tuple(said)))
    return histories


def _before_the_opt_out(said: Iterable[_Said]) -> tuple[int, int, bool] | None:
    """The opt-in that the latest word, an opt-out without a date, has taken the place of; None if it has of none."""
    found = None
    for place, (choice, begins, ends, is_dated, repeats) in enumerate(said):
        if choice == _OUT and is_dated:
            return found
        if place == 0 and choice == _IN:
            return None
        if choice == _IN and not repeats:
            return begins, ends, is_dated
        if choice == _IN:
            # It repeats what another record has said, or one further back; at worst it was said before everything.
            found = EPOCH, ends, False
    return found
