"""Records of a source in which everything about a person has one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.columns import objects
from woo_sync_pipeline.contacts.consent import ChoiceRead
from woo_sync_pipeline.contacts.normalise import UTC_TIME, RawRecords


def people(
    record_type: str,
    frame: pd.DataFrame,
    *,
    choices: Sequence[ChoiceRead],
    tags: Sequence[Sequence[str]],
    consent_basis: str,
) -> RawRecords:
    """Persons' own records of a source in which everything has one place, each of whom holds a contact.

    `frame` has the columns record_id, phone, country, first_name, last_name, email and hash (texts), read_at and, where
    the source knows them, created_at and modified_at (UTC). choices, tags: one for each row. consent_basis: names what
    choices are read from.
    """
    count, ids = len(frame), objects(frame["record_id"], len(frame))
    no, unknown = np.zeros(count, dtype=bool), pd.Series(pd.NaT, index=frame.index, dtype=UTC_TIME)
    return RawRecords(
        record_type=record_type,
        record_ids=ids,
        person_ids=ids,
        is_person=True,
        phones=[frame["phone"]],
        countries=[frame["country"]],
        names=[(frame["first_name"], frame["last_name"])],
        emails=[frame["email"]],
        choices=objects(choices, count),
        consent_basis=np.full(count, consent_basis, dtype=object),
        tags=objects(map(list, tags), count),
        item_ids=objects(([] for _ in range(count)), count),
        status=np.full(count, "", dtype=object),
        is_discarded=no,
        holds_contact=~no,
        is_erased=no,
        created_at=frame.get("created_at", unknown),
        modified_at=frame.get("modified_at", unknown),
        hash=frame["hash"],
        read_at=frame["read_at"],
    )
