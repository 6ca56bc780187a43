"""What records say under other keys than the one that decides: it counts for nothing now, and is known for later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.choice_times import Interval, Readings
from woo_sync_pipeline.contacts.columns import Objects, objects
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.times import moments
from woo_sync_pipeline.contacts.words import Words, said_microseconds

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
