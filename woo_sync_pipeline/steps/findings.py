"""What must be true of the frames of a sync: pure judgements that name counts and rows, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.schemas import MergedContact, are_phones, count_rules, validate
from woo_sync_pipeline.contacts.subscription import SubscriptionState
from woo_sync_pipeline.sources.base import Finding
from woo_sync_pipeline.state.syncs import SyncContact
from woo_sync_pipeline.steps.fit import NormalisedRecords, invalid_contacts

FEWEST_TO_JUDGE = 20
"""Of fewer records no share is told: one invalid record would be half of two."""

_ROWS_SHOWN = 20


def together(findings: Sequence[Finding]) -> Finding:
    """One finding of what was checked portion by portion; at least one portion."""
    numbers: Counter[str] = Counter()
    for finding in findings:
        numbers.update(finding.numbers)
    rows = chain.from_iterable(finding.rows for finding in findings)
    return Finding(
        all(finding.passed for finding in findings),
        findings[0].told,
        dict(numbers),
        tuple(islice(rows, _ROWS_SHOWN)),
    )


@dataclass
class RecordTally:
    """What is counted and checked of records, portion by portion."""

    records: int = 0
    contact_records: int = 0
    refused: int = 0
    emails_dropped: int = 0
    invalid: list[SyncContact] = field(default_factory=list)
    left_out: list[SyncContact] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    phones: list[Finding] = field(default_factory=list)
    models: list[Finding] = field(default_factory=list)

    def add(self, found: NormalisedRecords) -> None:
        """Count and check one portion."""
        self.records += len(found.records)
        self.contact_records += int(found.records["holds_contact"].sum())
        self.refused += found.refused
        self.emails_dropped += found.emails_dropped
        self.invalid += invalid_contacts(found.records)
        self.left_out += found.left_out
        self.unread.update(found.unread)
        self.phones.append(every_phone_is_e164(found.records))
        self.models.append(every_record_fits_its_model(found))


def every_row_is_accounted_for(*, rows_read: int, records: int, refused: int) -> Finding:
    """Each row that was read is a record, or is named as one that does not fit its model."""
    return Finding(
        records + refused == rows_read,
        "{rows_read:,} rows read, {records:,} records made, {refused:,} refused",
        {"rows_read": rows_read, "records": records, "refused": refused},
    )


def every_record_fits_its_model(found: NormalisedRecords) -> Finding:
    """No row was refused; the numbers say how many were, also by column and rule, the rows name the records."""
    return Finding(
        found.failures.empty,
        "{refused:,} rows do not fit the model of a record",
        {"refused": found.refused, **count_rules(found.failures)},
        tuple(f"{each.record_type} {each.record_id}" for each in found.left_out[:_ROWS_SHOWN]),
    )


def every_phone_is_e164(records: pd.DataFrame) -> Finding:
    """A phone is in E.164 or absent (columns record_type, record_id, phone)."""
    phones = records["phone"].dropna()
    wrong = records.loc[phones.index[~are_phones(phones)]]
    return Finding(
        wrong.empty,
        "{wrong:,} of {phones:,} phones are not in E.164",
        {"phones": len(phones), "wrong": len(wrong)},
        _records(wrong),
    )


def invalid_share_is_below_the_limit(*, records: int, invalid: int, limit: float) -> Finding:
    """Of the records that should hold a contact, not too many lack a phone that can receive messages.

    `limit` is a share between 0 and 1.
    """
    numbers = {"records": records, "invalid": invalid}
    told = "{invalid:,} of {records:,} records have no phone that can receive messages"
    if records < FEWEST_TO_JUDGE:
        return Finding(True, f"{told}; fewer than {FEWEST_TO_JUDGE} are not judged", numbers)
    share = invalid / records
    return Finding(
        share <= limit, f"{told} ({{share:.0%}}; the limit is {limit:.0%})", {**numbers, "share": share}
    )


def no_phone_twice(merged: pd.DataFrame, *, first_row: int = 0) -> Finding:
    """One row per phone. `first_row` is the place of the first row in the staged frame, as in the other checks."""
    twice = merged["phone"].duplicated()
    return Finding(
        not twice.any(),
        "{repeated:,} of {phones:,} rows repeat a phone",
        {"phones": len(merged), "repeated": int(twice.sum())},
        _places(twice, first_row),
    )


def every_contact_fits_its_model(merged: pd.DataFrame, *, first_row: int = 0) -> Finding:
    """Contacts have the columns and values of `MergedContact`; the numbers count what is at fault, by column and rule.

    Whether a phone comes twice is judged by `no_phone_twice` alone.
    """
    _, failures = validate(MergedContact, merged.drop_duplicates("phone"))
    refused = failures["row_index"].dropna().astype(int)
    at_fault = np.zeros(len(merged), dtype=bool)
    at_fault[np.flatnonzero(~merged["phone"].duplicated())[refused]] = True
    return Finding(
        failures.empty,
        "{refused:,} of {contacts:,} contacts do not fit their model",
        {"contacts": len(merged), "refused": int(at_fault.sum()), **count_rules(failures)},
        _places(at_fault, first_row),
    )


def consent_is_never_widened(
    merged: pd.DataFrame, *, explicit_sources: Collection[str], first_row: int = 0
) -> Finding:
    """Nobody whose newest choice is to opt out shall be subscribed, and nobody without a choice in a source that asks
    for one.

    Columns consent, sources (lists of names), status. `explicit_sources` are names.
    """
    subscribed = merged["status"] == SubscriptionState.SUBSCRIBED.value
    opted_out = subscribed & (merged["consent"] == Consent.opted_out.value)
    explicit = set(explicit_sources)
    must_ask = merged["sources"].map(lambda names: not explicit.isdisjoint(names)).astype(bool)
    unasked = subscribed & (merged["consent"] == Consent.unknown.value) & must_ask
    return Finding(
        not (opted_out | unasked).any(),
        "{opted_out_but_subscribed:,} who opted out and {unasked_but_subscribed:,} who never chose would be subscribed",
        {
            "contacts": len(merged),
            "opted_out_but_subscribed": int(opted_out.sum()),
            "unasked_but_subscribed": int(unasked.sum()),
        },
        _places(opted_out | unasked, first_row),
    )


def _records(frame: pd.DataFrame) -> tuple[str, ...]:
    shown = frame.head(_ROWS_SHOWN)
    return tuple(
        f"{kind} {record_id}"
        for kind, record_id in zip(shown["record_type"], shown["record_id"], strict=True)
    )


def _places(at_fault: pd.Series[bool] | npt.NDArray[np.bool_], first_row: int) -> tuple[str, ...]:
    return tuple(f"row {first_row + place}" for place in np.flatnonzero(at_fault)[:_ROWS_SHOWN])
