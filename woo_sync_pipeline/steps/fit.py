"""From what was read to records fit for the state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from woo_sync_pipeline.contacts.normalise import RawRecords, normalise
from woo_sync_pipeline.contacts.schemas import SourceRecord, validate
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.bulk import arrow_schema
from woo_sync_pipeline.state.columns import RECORD_COLUMNS
from woo_sync_pipeline.state.syncs import DOES_NOT_FIT, SyncContact

RECORD_SCHEMA: pa.Schema = arrow_schema({**RECORD_COLUMNS, "holds_contact": "boolean"})


@dataclass(frozen=True)
class NormalisedRecords:
    """records: one row per store record (columns of `RECORD_SCHEMA`).

    failures: rows that do not fit the model of a record (columns row_index, column, check; never values). A
    record that is among them is in neither form in `records`, and is read again by the next sync.
    left_out: these rows, each once, as a report shows them.
    unread: answers under a consent key that nobody understands, as `key = value`, and in how many records.
    """

    records: pd.DataFrame
    failures: pd.DataFrame
    left_out: tuple[SyncContact, ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many rows do not fit the model of a record."""
        return int(self.failures["row_index"].dropna().nunique())

    @property
    def emails_dropped(self) -> int:
        """How many records have a text in place of an email address that is not one."""
        return int(self.records["email_dropped"].sum())


def fit_records(raw: RawRecords, *, source: str, default_region: str) -> NormalisedRecords:
    """The records of a source (key) that fit their model, normalised as by `normalise`; what the others fail.

    Raises `StateError` when whole columns are at fault.
    """
    records = normalise(raw, default_region)
    good, failures = validate(SourceRecord, records)
    if failures["row_index"].isna().any():
        raise StateError(
            source=source,
            tried="check the records against their model",
            got=f"columns at fault: {', '.join(sorted(set(failures['column'])))}",
            next_step="This is a fault of woo_sync_pipeline or of a staged frame of another version: run the "
            "whole job again.",
        )
    failures.loc[failures["column"] == "person_id", ["column", "check"]] = raw.person_rule
    failures = failures.drop_duplicates(ignore_index=True)
    unread = good.pop("consent_unread")
    counted = dict(Counter(unread[unread != ""].tolist()))
    return NormalisedRecords(good, failures, tuple(_left_out(records, failures)), counted)


def _left_out(records: pd.DataFrame, failures: pd.DataFrame) -> Iterator[SyncContact]:
    rules: dict[int, list[str]] = {}
    for row, column, rule in failures.itertuples(index=False, name=None):
        rules.setdefault(int(row), []).append(f"{column or 'row'}: {rule}")
    for row, broken in sorted(rules.items()):
        yield left_out_contact(
            records["record_type"].iloc[row],
            records["record_id"].iloc[row],
            f"{DOES_NOT_FIT} ({', '.join(broken)})",
        )


def left_out_contact(record_type: str, record_id: str, reason: str) -> SyncContact:
    """A store record that does not fit its model, as a report shows it: without the phone, which may be at fault."""
    return SyncContact(outcome="invalid", record_type=record_type, record_id=record_id, reason=reason)


def unreadable_contacts(record_type: str, rows: Iterable[Sequence[str]]) -> list[SyncContact]:
    """Rows of a store whose id cannot be read, as a report shows them: what the id is, and the phone, masked."""
    return [
        SyncContact(
            outcome="invalid",
            record_type=record_type,
            phone_masked=phone_masked,
            reason=f"{DOES_NOT_FIT} (id: {id_is})",
        )
        for id_is, phone_masked in rows
    ]


INVALID_COLUMNS = ("record_type", "record_id", "phone_masked", "invalid_reason", "holds_contact")


def invalid_contacts(records: pd.DataFrame) -> list[SyncContact]:
    """The records that should hold a contact and have no phone that can receive messages, with the reason.

    `records` has the columns `INVALID_COLUMNS`.
    """
    invalid = records[records["holds_contact"] & records["invalid_reason"].notna()]
    shown = invalid[list(INVALID_COLUMNS[:-1])].rename(columns={"invalid_reason": "reason"})
    return [
        SyncContact("invalid", **{str(name): row[name] for name in row}) for row in shown.to_dict("records")
    ]
