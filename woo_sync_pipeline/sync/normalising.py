"""From what was read to records fit for the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from woo_sync_pipeline.config import SourceSettings
from woo_sync_pipeline.contacts.columns import Stack
from woo_sync_pipeline.contacts.normalise import NormaliseSettings, normalise_customers, normalise_orders
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.records import RECORD_COLUMNS
from woo_sync_pipeline.state.syncs import SyncContact

_PORTION = 50_000
"""Rows that are normalised and checked at a time, so that what that takes in memory does not grow with a store."""


@dataclass(frozen=True)
class NormalisedRecords:
    """records: one row per store record (columns `RECORD_COLUMNS` and `holds_contact`).

    failures: rows that do not fit the model of a record (columns row_index, column, check; never values). A
    record that is among them is in neither form in `records`, and is read again by the next sync.
    """

    records: pd.DataFrame
    failures: pd.DataFrame
    emails_dropped: int


def normalise_records(
    source: SourceSettings, *, customers: pd.DataFrame, orders: pd.DataFrame, guest_order_ids: Iterable[int]
) -> NormalisedRecords:
    """Customers and orders as records.

    Customers and guest orders hold a contact (`holds_contact`); orders of customers carry choices and products.
    """
    settings = NormaliseSettings(
        default_region=source.default_region,
        consent_meta_keys=source.consent.meta_keys,
        consent_words=source.consent.words.meanings,
        tag_meta_keys=source.groups.meta_keys,
        role_groups=source.groups.roles,
    )
    guests = list(guest_order_ids)
    records = Stack([*RECORD_COLUMNS, "holds_contact"], rows=len(customers) + len(orders))
    failures: list[pd.DataFrame] = []
    rows_read = emails_dropped = 0
    for part in chain(
        (_customer_records(source, rows, settings) for rows in _portions(customers)),
        (_order_records(source, rows, settings, guests) for rows in _portions(orders)),
    ):
        records.add(part.records)
        failures.append(part.failures.assign(row_index=part.failures["row_index"] + rows_read))
        rows_read += part.rows_read
        emails_dropped += int(part.records["email_dropped"].sum())
    return NormalisedRecords(records.frame(), pd.concat(failures, ignore_index=True), emails_dropped)


@dataclass(frozen=True)
class _Part:
    """Records of some rows, and the failures among these rows, numbered from 0."""

    records: pd.DataFrame
    failures: pd.DataFrame
    rows_read: int


def _portions(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The frame in portions; at least one, which may be empty."""
    for start in range(0, max(len(frame), 1), _PORTION):
        yield frame.iloc[start : start + _PORTION]


def _customer_records(source: SourceSettings, rows: pd.DataFrame, settings: NormaliseSettings) -> _Part:
    return _checked(
        source, rows, normalise_customers(rows, settings), {"order_status": "", "holds_contact": True}
    )


def _order_records(
    source: SourceSettings, rows: pd.DataFrame, settings: NormaliseSettings, guests: list[int]
) -> _Part:
    more = {"order_status": rows["status"], "holds_contact": rows["record_id"].isin(guests)}
    return _checked(source, rows, normalise_orders(rows, settings), more)


def _checked(
    source: SourceSettings, rows: pd.DataFrame, records: pd.DataFrame, more: Mapping[str, object]
) -> _Part:
    """The records that fit their model, with more columns; what the others fail."""
    good, failures = validate(SourceRecord, records)
    if failures["row_index"].isna().any():
        raise StateError(
            source=source.key,
            tried="check the records against their model",
            got=f"columns at fault: {', '.join(sorted(set(failures['column'])))}",
            next_step="This is a fault of woo_sync_pipeline or of a staged frame of another version: run the "
            "whole job again.",
        )
    columns = pd.DataFrame(
        {**more, "consent_basis": rows["meta"].isna().map({True: "", False: source.consent.basis})},
        index=rows.index,
    )
    fits = np.ones(len(rows), dtype=bool)
    fits[failures["row_index"].astype(int)] = False
    for name in columns:
        good[name] = columns[name].to_numpy()[fits]
    good.rename(columns={"raw_phone_masked": "phone_masked"}, inplace=True)
    return _Part(good, failures, len(rows))


def invalid_contacts(records: pd.DataFrame) -> list[SyncContact]:
    """The records that should hold a contact and have no phone that can receive messages, with the reason."""
    invalid = records[records["holds_contact"] & records["invalid_reason"].notna()]
    columns = ["record_type", "record_id", "phone_masked", "invalid_reason"]
    return [
        SyncContact(
            outcome="invalid",
            record_type=record_type,
            record_id=int(record_id),
            phone_masked=phone_masked,
            reason=reason,
        )
        for record_type, record_id, phone_masked, reason in invalid[columns].itertuples(
            index=False, name=None
        )
    ]
