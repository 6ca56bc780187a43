"""What must be true of the frames of a sync: pure judgements that name counts and rows, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import SubscriptionState
from woo_sync_pipeline.contacts.schemas import MergedContact, validate
from woo_sync_pipeline.sync.normalising import NormalisedRecords

E164 = r"\+[1-9][0-9]{5,14}"

FEWEST_TO_JUDGE = 20
"""Of fewer records no share is told: one invalid record would be half of two."""

_ROWS_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """Whether something is as it must be, in one line and in numbers.

    rows: what is at fault, the first ones: ids of store records, or places in a staged frame.
    """

    passed: bool
    description: str
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


def all_were_read(*, read: int, in_store: int | None) -> Finding:
    """A sweep has met at least as many customers as the store then counts among those it had a chance to meet.

    `in_store` counts after the walk, without who registered since: who was deleted meanwhile was read and is no
    longer counted, so a good walk never reads less. None: the store changed too fast to be counted.
    """
    if in_store is None:
        return Finding(True, "not judged: a hundred people or more registered while it was counted")
    return Finding(
        read >= in_store,
        f"read {read:,} customers of a store that holds {in_store:,} of them",
        {"read": read, "in_store": in_store},
    )


def every_row_is_accounted_for(found: NormalisedRecords, *, rows_read: int) -> Finding:
    """Each row that was read is a record, or is named as one that does not fit its model."""
    refused = int(found.failures["row_index"].dropna().nunique())
    return Finding(
        len(found.records) + refused == rows_read,
        f"{rows_read:,} rows read, {len(found.records):,} records made, {refused:,} refused",
        {"rows_read": rows_read, "records": len(found.records), "refused": refused},
    )


def every_record_fits_its_model(found: NormalisedRecords) -> Finding:
    """No row was refused; the numbers say how many were, by column and rule."""
    refused = int(found.failures["row_index"].dropna().nunique())
    return Finding(
        found.failures.empty, f"{refused:,} rows do not fit the model of a record", _by_rule(found.failures)
    )


def every_phone_is_e164(records: pd.DataFrame) -> Finding:
    """A phone is in E.164 or absent (columns record_type, record_id, phone)."""
    phones = records["phone"].dropna()
    wrong = records.loc[phones.index[~phones.astype(str).str.fullmatch(E164)]]
    return Finding(
        wrong.empty,
        f"{len(wrong):,} of {len(phones):,} phones are not in E.164",
        {"phones": len(phones), "wrong": len(wrong)},
        _records(wrong),
    )


def invalid_share_is_below_the_limit(records: pd.DataFrame, *, limit: float) -> Finding:
    """Of the records that should hold a contact, not too many lack a phone that can receive messages.

    Columns holds_contact, invalid_reason. `limit` is a share between 0 and 1.
    """
    holding = records[records["holds_contact"]]
    invalid = int(holding["invalid_reason"].notna().sum())
    numbers = {"records": len(holding), "invalid": invalid}
    told = f"{invalid:,} of {len(holding):,} records have no phone that can receive messages"
    if len(holding) < FEWEST_TO_JUDGE:
        return Finding(True, f"{told}; fewer than {FEWEST_TO_JUDGE} are not judged", numbers)
    share = invalid / len(holding)
    return Finding(
        share <= limit, f"{told} ({share:.0%}; the limit is {limit:.0%})", {**numbers, "share": share}
    )


def no_phone_twice(merged: pd.DataFrame) -> Finding:
    """One row per phone."""
    twice = merged["phone"].duplicated()
    return Finding(
        not twice.any(),
        f"{int(twice.sum()):,} of {len(merged):,} rows repeat a phone",
        {"phones": len(merged), "repeated": int(twice.sum())},
        _places(twice),
    )


def every_contact_fits_its_model(merged: pd.DataFrame) -> Finding:
    """Contacts have the columns and values of `MergedContact`; the numbers count what is at fault, by column and rule.

    Whether a phone comes twice is judged by `no_phone_twice` alone.
    """
    _, failures = validate(MergedContact, merged.drop_duplicates("phone"))
    refused = failures["row_index"].dropna().astype(int)
    at_fault = np.zeros(len(merged), dtype=bool)
    at_fault[np.flatnonzero(~merged["phone"].duplicated())[refused]] = True
    return Finding(
        failures.empty,
        f"{int(at_fault.sum()):,} of {len(merged):,} contacts do not fit their model",
        _by_rule(failures),
        _places(at_fault),
    )


def consent_is_never_widened(merged: pd.DataFrame, *, explicit_sources: Collection[str]) -> Finding:
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
        f"{int(opted_out.sum()):,} who opted out and {int(unasked.sum()):,} who never chose would be subscribed",
        {
            "contacts": len(merged),
            "opted_out_but_subscribed": int(opted_out.sum()),
            "unasked_but_subscribed": int(unasked.sum()),
        },
        _places(opted_out | unasked),
    )


def _by_rule(failures: pd.DataFrame) -> dict[str, int]:
    rules = zip(failures["column"], failures["check"], strict=True)
    return dict(Counter(f"{column or 'row'}: {rule}" for column, rule in rules))


def _records(frame: pd.DataFrame) -> tuple[str, ...]:
    shown = frame.head(_ROWS_SHOWN)
    return tuple(
        f"{kind} {number}" for kind, number in zip(shown["record_type"], shown["record_id"], strict=True)
    )


def _places(at_fault: pd.Series[bool] | npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(f"row {place}" for place in np.flatnonzero(at_fault)[:_ROWS_SHOWN])
