"""The shape of the frames of this folder, and a check that tells good rows from bad ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, pairwise
from typing import Annotated, Any, TypeVar

import pandas as pd
import pandera.pandas as pa
from pandera.engines import pandas_engine
from pandera.errors import SchemaErrors
from pandera.typing.pandas import DataFrame, Series

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.e164 import E164
from woo_sync_pipeline.contacts.phones import InvalidReason
from woo_sync_pipeline.contacts.subscription import SubscriptionState


def are_texts(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are `str`."""
    if pd.api.types.infer_dtype(cells, skipna=False) in ("string", "empty"):
        return _all(cells)
    return _flags([isinstance(cell, str) for cell in cells], cells)


def are_phones(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are phones in E.164."""
    fullmatch = E164.fullmatch
    return _flags([type(cell) is str and fullmatch(cell) is not None for cell in cells], cells)


def are_lists_of(kind: type, cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are lists with items of exactly this type."""
    if set(map(type, cells)) <= {list} and set(map(type, chain.from_iterable(_each_once(cells)))) <= {kind}:
        return _all(cells)
    return _flags(
        [isinstance(cell, list) and all(type(item) is kind for item in cell) for cell in cells], cells
    )


def are_sorted_distinct_texts(cells: pd.Series[Any]) -> Series[bool]:
    """Which cells are lists of `str`, each item once, in order."""
    lists = are_lists_of(str, cells)
    if lists.all() and all(map(_is_rising, _each_once(cells))):
        return _all(cells)
    return _flags([good and _is_rising(cell) for good, cell in zip(lists, cells, strict=True)], cells)


def _each_once(cells: pd.Series[Any]) -> Iterable[list[Any]]:
    """The lists, without repeating one that many rows share."""
    return {id(cell): cell for cell in cells}.values()


def _is_rising(names: Iterable[str]) -> bool:
    return all(name < following for name, following in pairwise(names))


def _all(cells: pd.Series[Any]) -> Series[bool]:
    return Series[bool](True, index=cells.index, dtype=bool)


def _flags(good: list[bool], cells: pd.Series[Any]) -> Series[bool]:
    return Series[bool](good, index=cells.index, dtype=bool)


_CONSENTS = [consent.value for consent in Consent]
_REASONS = [reason.value for reason in InvalidReason]

# Without a cache: whether one would help is found out by going through the cells.
UtcTime = Annotated[pandas_engine.DateTime, {"cache": False}, "us", "UTC", False, {}]


_TEXTS = (
    *("record_type", "record_id", "person_id", "region", "phone_masked", "first_name", "last_name", "email"),
    *("consent_origin", "consent_key", "consent_value", "consent_answers", "consent_unread", "consent_basis"),
    *("status", "hash"),
)


class ExactModel(pa.DataFrameModel):
    """The model of a frame that has no other columns."""

    class Config:
        """Exactly these columns, converted to these types."""

        strict = True
        coerce = True


class SourceRecord(ExactModel):
    """One row per record of a source, after normalising. Texts are never null but where said."""

    record_type: Series[object] = pa.Field(str_length={"min_value": 1})
    """What it is, in a word of the source, such as customer, order or profile."""
    record_id: Series[object] = pa.Field(str_length={"min_value": 1})
    """Its id within the source and its type."""
    person_id: Series[object]
    """The id within the source of the person whom it belongs to: of a person's own record its own; "" for nobody."""
    is_person: Series[bool]
    """Whether it is a person's own record."""
    phone: Series[object] = pa.Field(nullable=True)
    """E.164, null where `invalid_reason` says why."""
    region: Series[object]
    """The ISO 3166 alpha-2 country that the phone was read with, or ""."""
    phone_masked: Series[object]
    """What was typed, masked, where there is no phone; else ""."""
    first_name: Series[object]
    last_name: Series[object]
    email: Series[object]
    email_dropped: Series[bool]
    consent: Series[object] = pa.Field(isin=_CONSENTS)
    consent_origin: Series[object]
    consent_key: Series[object]
    consent_value: Series[object]
    consent_answers: Series[object]
    consent_unread: Series[object]
    consent_basis: Series[object]
    """What was read for the choice, "" where the source withholds it: what differs only by that is no new choice."""
    said_at: Series[UtcTime] = pa.Field(nullable=True)
    tags: Series[object]
    """A list of str."""
    item_ids: Series[object]
    """Ids of the things whose tags the person gets: a list of str."""
    status: Series[object]
    """In the words of the source, for people to read."""
    is_discarded: Series[bool]
    """Whether it was thrown away in the source: its yes counts for nothing."""
    holds_contact: Series[bool]
    """Whether it makes a contact of its own, rather than telling something of a person's."""
    created_at: Series[UtcTime] = pa.Field(nullable=True)
    modified_at: Series[UtcTime] = pa.Field(nullable=True)
    invalid_reason: Series[object] = pa.Field(nullable=True, isin=_REASONS)
    is_erased: Series[bool]
    """Whether it looks as a record whose person was erased in the store does."""
    hash: Series[object]
    read_at: Series[UtcTime]

    @pa.check(*_TEXTS, ignore_na=False, name="text")
    @classmethod
    def _texts(cls, cells: Series[object]) -> Series[bool]:
        return are_texts(cells)

    @pa.check("phone", name="e164")
    @classmethod
    def _phones(cls, phones: Series[object]) -> Series[bool]:
        return are_phones(phones)

    @pa.check("tags", "item_ids", ignore_na=False, name="list_of_str")
    @classmethod
    def _are_lists_of_texts(cls, lists: Series[object]) -> Series[bool]:
        return are_lists_of(str, lists)

    @pa.dataframe_check(name="phone_or_reason")
    @classmethod
    def _phone_or_reason(cls, frame: pd.DataFrame) -> Series[bool]:
        return Series[bool](frame["phone"].isna() != frame["invalid_reason"].isna())


class MergedContact(ExactModel):
    """One row per phone: its form merged over all stores, as `merge.merge_contacts` gives it. No text is null."""

    phone: Series[object] = pa.Field(unique=True)
    """E.164."""
    first_name: Series[object]
    last_name: Series[object]
    email: Series[object]
    sources: Series[object]
    """A sorted list of the distinct names of the sources that hold the contact; empty when it is gone from all."""
    groups: Series[object]
    """A sorted list of the distinct names of the platform lists it belongs to."""
    consent: Series[object] = pa.Field(isin=_CONSENTS)
    consent_at: Series[UtcTime] = pa.Field(nullable=True)
    consent_dated_at: Series[UtcTime] = pa.Field(nullable=True)
    consent_origin: Series[object]
    status: Series[object] = pa.Field(isin=[state.value for state in SubscriptionState])

    @pa.check("first_name", "last_name", "email", "consent_origin", ignore_na=False, name="text")
    @classmethod
    def _texts(cls, cells: Series[object]) -> Series[bool]:
        return are_texts(cells)

    @pa.check("phone", ignore_na=False, name="e164")
    @classmethod
    def _phones(cls, phones: Series[object]) -> Series[bool]:
        return are_phones(phones)

    @pa.check("sources", "groups", ignore_na=False, name="sorted_distinct_texts")
    @classmethod
    def _lists_are_sorted(cls, lists: Series[object]) -> Series[bool]:
        return are_sorted_distinct_texts(lists)

    @pa.dataframe_check(name="a_known_choice_has_a_time")
    @classmethod
    def _time_of_choice(cls, frame: pd.DataFrame) -> Series[bool]:
        return Series[bool](frame["consent_at"].isna() == (frame["consent"] == Consent.unknown.value))


_Failure = tuple[int | None, str, str]
_Model = TypeVar("_Model", bound=pa.DataFrameModel)


def validate(model: type[_Model], frame: pd.DataFrame) -> tuple[DataFrame[_Model], pd.DataFrame]:
    """Part the rows of `frame` that fit `model` from what is wrong with the others.

    Returns the good rows, converted to the types of the model and numbered from 0, and the failures: columns
    `row_index` (position in `frame`, Int64, <NA> for a fault of the whole frame, such as a missing column),
    `column` ("" for a rule over several columns) and `check` (the rule's name). Never a value: the cells are
    personal data. After a fault of the whole frame no row is good.
    """
    # Asked here and not of pandera, whose way of collecting these failures makes pandas warn.
    if found := _wrong_columns(model, frame):
        return model.empty(), _as_frame(found)
    if frame.empty:
        # Most syncs find nothing new of some kind of record, and pandera takes as long for no row as for a thousand.
        return model.empty()[list(frame.columns)], _as_frame(found)
    rows = frame.copy(deep=False)
    rows.index = pd.RangeIndex(len(rows))
    while True:
        try:
            # In place, because pandera replaces columns of this frame and never writes into their cells.
            good = model.validate(rows, lazy=True, inplace=True)
        except SchemaErrors as errors:
            failures = _failures(errors.failure_cases)
        else:
            good.index = pd.RangeIndex(len(good))
            return good, _as_frame(found)
        # A cell that cannot be converted also breaks the rules that expect the converted column, so the rows
        # at fault go first, and what is then still wrong with the frame is its own fault.
        of_rows = [failure for failure in failures if failure[0] is not None]
        found += of_rows or failures
        if not of_rows:
            return model.empty(), _as_frame(found)
        rows = rows.drop(index=sorted({row for row, _, _ in of_rows if row is not None}))


def count_rules(failures: pd.DataFrame) -> dict[str, int]:
    """How often each rule is broken, named by column and rule, given the failures that `validate` found."""
    rules = zip(failures["column"], failures["check"], strict=True)
    return dict(Counter(f"{column or 'row'}: {rule}" for column, rule in rules))


def _wrong_columns(model: type[pa.DataFrameModel], frame: pd.DataFrame) -> list[_Failure]:
    expected = list(model.to_schema().columns)
    missing = [name for name in expected if name not in frame.columns]
    surplus = [str(name) for name in frame.columns if name not in expected]
    return [
        *((None, name, "column_in_dataframe") for name in missing),
        *((None, name, "column_in_schema") for name in surplus),
    ]


def _failures(cases: pd.DataFrame) -> list[_Failure]:
    """Reduce pandera's failure cases to (row, column, check), each once, without the values."""
    found: dict[_Failure, None] = {}
    columns = (cases[name] for name in ("index", "schema_context", "column", "check"))
    for index, context, column, check in zip(*columns, strict=True):
        # A rule over several columns is reported once for each of them.
        place = str(column) if context == "Column" else ""
        found[(None if pd.isna(index) else int(index), place, str(check))] = None
    return list(found)


def _as_frame(found: list[_Failure]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row_index": pd.array([row for row, _, _ in found], dtype="Int64"),
            "column": pd.Series([column for _, column, _ in found], dtype=object),
            "check": pd.Series([check for _, _, check in found], dtype=object),
        }
    )
