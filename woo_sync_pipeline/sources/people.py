"""Records of a source in which everything about a person has one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.columns import Objects, objects
from woo_sync_pipeline.contacts.consent import ChoiceRead
from woo_sync_pipeline.contacts.normalise import UTC_TIME, RawRecords


def people(
    record_type: str,
    frame: pd.DataFrame,
    *,
    choices: Sequence[ChoiceRead],
    tags: Sequence[Sequence[str]],
    consent_basis: str | Sequence[str],
    status: Sequence[str] | None = None,
) -> RawRecords:
    """Persons' own records of a source in which everything has one place, each of whom holds a contact.

    `frame` has the columns record_id, phone, country, first_name, last_name, email and hash (texts), read_at and, where
    the source knows them, created_at and modified_at (UTC). choices, tags: one for each row. consent_basis: names what
    choices are read from, of all rows or of each. status: for people to read.
    """
    count = len(frame)
    return RawRecords(
        record_type=record_type,
        record_ids=_objects(frame["record_id"]),
        person_ids=_objects(frame["record_id"]),
        is_person=True,
        phones=[frame["phone"]],
        countries=[frame["country"]],
        names=[(frame["first_name"], frame["last_name"])],
        emails=[frame["email"]],
        choices=objects(choices, count),
        consent_basis=_each(consent_basis, count),
        tags=objects(map(list, tags), count),
        item_ids=objects(([] for _ in range(count)), count),
        status=_each("" if status is None else status, count),
        is_discarded=np.zeros(count, dtype=bool),
        holds_contact=np.ones(count, dtype=bool),
        is_erased=np.zeros(count, dtype=bool),
        created_at=frame.get("created_at", _unknown_times(frame)),
        modified_at=frame.get("modified_at", _unknown_times(frame)),
        hash=frame["hash"],
        read_at=frame["read_at"],
    )


def items_of_people(record_type: str, frame: pd.DataFrame) -> RawRecords:
    """Records that tell nothing but items of the persons whom they belong to: these get the tags of the items.

    `frame` has the columns record_id, person_id, hash (texts), item_ids (lists of texts) and read_at (UTC).
    """
    count, nothing = len(frame), pd.Series("", index=frame.index, dtype=object)
    return RawRecords(
        record_type=record_type,
        record_ids=_objects(frame["record_id"]),
        person_ids=_objects(frame["person_id"]),
        is_person=False,
        phones=[nothing],
        countries=[nothing],
        names=[(nothing, nothing)],
        emails=[nothing],
        choices=objects((ChoiceRead() for _ in range(count)), count),
        consent_basis=_each("", count),
        tags=objects(([] for _ in range(count)), count),
        item_ids=objects(map(list, frame["item_ids"]), count),
        status=_each("", count),
        is_discarded=np.zeros(count, dtype=bool),
        holds_contact=np.zeros(count, dtype=bool),
        is_erased=np.zeros(count, dtype=bool),
        created_at=_unknown_times(frame),
        modified_at=_unknown_times(frame),
        hash=frame["hash"],
        read_at=frame["read_at"],
    )


def _objects(column: pd.Series[Any]) -> Objects:
    return objects(column, len(column))


def _each(value: str | Sequence[str], count: int) -> Objects:
    return np.full(count, value, dtype=object) if isinstance(value, str) else objects(value, count)


def _unknown_times(frame: pd.DataFrame) -> pd.Series[Any]:
    return pd.Series(pd.NaT, index=frame.index, dtype=UTC_TIME)
