"""An opt-in that comes back where an opt-out without a date has stood for a while: it is the one from before that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import cast

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.choice_times import Interval
from woo_sync_pipeline.contacts.columns import Flags
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.times import EPOCH, NEVER, microseconds
from woo_sync_pipeline.contacts.words import Words

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
