"""From the records of a source to contacts-to-be: one row each, with a phone or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from woo_sync_pipeline.contacts.columns import Flags, Objects, each_distinct, is_empty, objects, texts
from woo_sync_pipeline.contacts.consent import ChoiceRead
from woo_sync_pipeline.contacts.names import clean_email, clean_name, clean_text
from woo_sync_pipeline.contacts.phones import InvalidReason, ParsedPhone, parse_phone, phone_at_a_glance
from woo_sync_pipeline.contacts.schemas import SourceRecord
from woo_sync_pipeline.privacy import mask_phone

UTC_TIME = pd.DatetimeTZDtype("us", "UTC")


@dataclass(frozen=True, kw_only=True)
class RawRecords:
    """Records of one type as a source gives them: a cell of each column for each record, all of the same length.

    record_ids: texts, unique within the type; those of persons within the source. person_ids: of the persons whom they
    belong to, "" for nobody, None where that cannot be read. is_person: whether they are persons' own records. phones:
    as they were typed, and countries (ISO 3166 alpha-2), names (first and last) and emails: one column or pair of
    columns for each place where they may stand, the preferred one first. choices: a `ChoiceRead` each. consent_basis:
    what was read for it, "" where the source withholds it. tags, item_ids: lists of texts, which rows may share; the
    tags of the items go to the person. status: for people to read. is_discarded: whether it was thrown away in the
    source. holds_contact: whether it makes a contact of its own. is_erased: whether it looks as one does whose person
    was erased in the source. hash: of everything that is used. Times are UTC. person_rule: the field and the rule that
    a report says to be broken by a record whose person cannot be read.
    """

    record_type: str
    record_ids: Objects
    person_ids: Objects
    is_person: bool
    phones: Sequence[pd.Series[Any]]
    countries: Sequence[pd.Series[Any]]
    names: Sequence[tuple[pd.Series[Any], pd.Series[Any]]]
    emails: Sequence[pd.Series[Any]]
    choices: Objects
    consent_basis: Objects
    tags: Objects
    item_ids: Objects
    status: Objects
    is_discarded: Flags
    holds_contact: Flags
    is_erased: Flags
    created_at: pd.Series[Any]
    modified_at: pd.Series[Any]
    hash: pd.Series[Any]
    read_at: pd.Series[Any]
    person_rule: tuple[str, str] = ("person_id", "not_nullable")

    def __len__(self) -> int:
        return len(self.record_ids)


def normalise(raw: RawRecords, default_region: str) -> DataFrame[SourceRecord]:
    """Normalise the records of a source, one output row per input row, in order.

    default_region: the ISO 3166 alpha-2 country of phones of records without a country. Whatever people and plugins
    wrote, nothing is raised; whether the result fits its model is not yet checked.
    """
    count, choices = len(raw), raw.choices
    regions = _regions(raw.countries, default_region)
    phones, reasons, masked = _phones([texts(column) for column in raw.phones], regions)
    first_names, last_names = _names(raw.names, count)
    emails, emails_dropped = _emails([texts(column) for column in raw.emails])
    records = pd.DataFrame(
        {
            "record_type": np.full(count, raw.record_type, dtype=object),
            "record_id": raw.record_ids,
            "person_id": raw.person_ids,
            "is_person": np.full(count, raw.is_person),
            "phone": phones,
            "region": regions,
            "phone_masked": masked,
            "first_name": first_names,
            "last_name": last_names,
            "email": emails,
            "email_dropped": emails_dropped,
            "consent": objects((choice.consent.value for choice in choices), count),
            "consent_origin": objects((_origin(raw.record_type, choice) for choice in choices), count),
            "consent_key": objects((choice.key for choice in choices), count),
            "consent_value": objects((choice.value for choice in choices), count),
            "consent_answers": objects((choice.answers for choice in choices), count),
            "consent_unread": objects((choice.unread for choice in choices), count),
            "consent_basis": raw.consent_basis,
            "said_at": pd.Series(
                objects((choice.said_at for choice in choices), count), dtype=UTC_TIME
            ).array,
            "tags": raw.tags,
            "item_ids": raw.item_ids,
            "status": raw.status,
            "is_discarded": raw.is_discarded,
            "holds_contact": raw.holds_contact,
            "created_at": raw.created_at.astype(UTC_TIME).array,
            "modified_at": raw.modified_at.astype(UTC_TIME).array,
            "invalid_reason": reasons,
            "is_erased": raw.is_erased,
            "hash": raw.hash.array,
            "read_at": raw.read_at.astype(UTC_TIME).array,
        }
    )
    return cast("DataFrame[SourceRecord]", records)


def _regions(countries: Iterable[pd.Series[Any]], default: str) -> Objects:
    """The country to read a row's phones with: the first that is one, else the default one, "" if there is none."""
    regions, *others = (each_distinct(_country, texts(column)) for column in countries)
    for column in others:
        regions = np.where(is_empty(regions), column, regions)
    return np.where(is_empty(regions), _country(default), regions)


def _country(text: str) -> str:
    code = text.strip().upper()
    # "Australia" or "??" is no country code: as good as none.
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _phones(columns: Sequence[Objects], regions: Objects) -> tuple[Objects, Objects, Objects]:
    """For each row the phone; where there is none, the reason and what was typed, masked."""
    count = len(regions)
    reasons: Objects = np.full(count, None, dtype=object)
    masked = objects([""] * count, count)
    phones = objects(map(phone_at_a_glance, columns[0].tolist(), regions.tolist()), count)
    for row in np.flatnonzero(phones == None):  # noqa: E711 - compares each cell
        phone, typed = _choose_phone([column[row] for column in columns], regions[row])
        phones[row] = phone.e164
        if phone.reason is not None:
            reasons[row] = phone.reason.value
            masked[row] = mask_phone(clean_text(typed))
    return phones, reasons, masked


def _choose_phone(typed: Sequence[str], region: str) -> tuple[ParsedPhone, str]:
    """Return the phone to use, or the reason to report, and the text that it was typed as.

    The first that can be used; else the first that is anything like a phone; else the last that is not empty.
    """
    read = []
    for text in typed:
        phone = parse_phone(text, region)
        if phone.e164:
            return phone, text
        read.append((phone, text))
    likely = [each for each in read if each[0].reason is not InvalidReason.missing_phone]
    filled = [each for each in read if each[1]]
    return (likely or filled[-1:] or read)[0]


def _names(pairs: Iterable[tuple[pd.Series[Any], pd.Series[Any]]], count: int) -> tuple[Objects, Objects]:
    """The first pair of names that is not empty; never the first name of one and the last of another."""
    chosen_first = chosen_last = objects([""] * count, count)
    for pair in pairs:
        first, last = (each_distinct(clean_name, texts(column)) for column in pair)
        missing = is_empty(chosen_first) & is_empty(chosen_last)
        chosen_first, chosen_last = (
            np.where(missing, first, chosen_first),
            np.where(missing, last, chosen_last),
        )
    return chosen_first, chosen_last


def _emails(columns: Sequence[Objects]) -> tuple[Objects, Flags]:
    """The first valid address of each row, "" if there is none, and whether one was given but none is valid."""
    count = len(columns[0])
    emails = objects(map(clean_email, columns[0].tolist()), count)
    for column in columns[1:]:
        missing = np.flatnonzero(is_empty(emails))
        emails[missing] = objects(map(clean_email, column[missing].tolist()), len(missing))
    missing = np.flatnonzero(is_empty(emails))
    dropped = np.zeros(count, dtype=bool)
    for column in columns:
        dropped[missing] |= ~is_empty(objects(map(clean_text, column[missing].tolist()), len(missing)))
    return emails, dropped


def _origin(record_type: str, choice: ChoiceRead) -> str:
    return f"{record_type} meta {choice.found_under}" if choice.found_under else ""
