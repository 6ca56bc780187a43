"""Staged profiles and memberships as records of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.normalise import RawRecords
from woo_sync_pipeline.sources.klaviyo.countries import country_codes
from woo_sync_pipeline.sources.klaviyo.known import MEMBERSHIP
from woo_sync_pipeline.sources.klaviyo.profiles import CONSENT, PROFILE, choices_of
from woo_sync_pipeline.sources.people import items_of_people, people

CANNOT_RECEIVE = "cannot receive SMS marketing from Klaviyo"


def raw_portions(
    *, profiles: Iterable[pd.DataFrame], memberships: Iterable[pd.DataFrame]
) -> Iterator[RawRecords]:
    """All records, portion by portion; of frames with the columns of `PROFILE_SCHEMA` and `MEMBERSHIP_SCHEMA`."""
    for frame in profiles:
        yield profile_records(frame)
    for frame in memberships:
        renamed = frame.assign(person_id=frame["record_id"]).rename(columns={"groups": "item_ids"})
        yield items_of_people(MEMBERSHIP, renamed)


def profile_records(frame: pd.DataFrame) -> RawRecords:
    """Profiles, each of which holds a contact."""
    words = [None if pd.isna(word) else str(word) for word in frame["consent"]]
    said_at = [None if pd.isna(at) else at.to_pydatetime() for at in frame["consent_at"]]
    return people(
        PROFILE,
        frame.assign(country=country_codes(frame["country"])),
        choices=list(choices_of(words, said_at)),
        tags=[[]] * len(frame),
        consent_basis=["" if word is None else CONSENT for word in words],
        status=_statuses(frame, words),
    )


def _statuses(frame: pd.DataFrame, words: Sequence[str | None]) -> list[str]:
    cannot = np.asarray(frame["can_receive"] == False, dtype=bool)  # noqa: E712 - compares each cell, some are null
    return [
        ", ".join(filter(None, (word, CANNOT_RECEIVE if refused else "")))
        for word, refused in zip(words, cannot, strict=True)
    ]
