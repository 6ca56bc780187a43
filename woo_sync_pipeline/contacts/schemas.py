"""The shape of the frames of this folder, and a check that tells good rows from bad ones."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from pandera.typing.pandas import Series

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.phones import InvalidReason

_E164 = r"^\+[1-9][0-9]{5,14}\Z"
_RECORD_TYPES = ["customer", "order"]
_REASONS = [reason.value for reason in InvalidReason]

UtcTime = Annotated[pd.DatetimeTZDtype, "us", "UTC"]


class SourceRecord(pa.DataFrameModel):
    """One row per store record, customer or order, after normalising."""

    record_type: Series[str] = pa.Field(isin=_RECORD_TYPES)
    record_id: Series[int] = pa.Field(ge=0)
    customer_id: Series[pd.Int64Dtype] = pa.Field(ge=0)
    """The customer itself, or the customer that an order names; 0 for a guest's order."""
    phone: Series[str] = pa.Field(nullable=True, str_matches=_E164)
    region: Series[str]
    """The ISO 3166 alpha-2 country that the phone was read with, or ""."""
    raw_phone_masked: Series[str]
    first_name: Series[str]
    last_name: Series[str]
    email: Series[str]
    email_dropped: Series[bool]
    consent: Series[str] = pa.Field(isin=[consent.value for consent in Consent])
    consent_origin: Series[str]
    tags: Series[object]
    """A list of str."""
    product_ids: Series[object]
    """A list of int."""
    created_at: Series[UtcTime] = pa.Field(nullable=True)
    modified_at: Series[UtcTime] = pa.Field(nullable=True)
    invalid_reason: Series[str] = pa.Field(nullable=True, isin=_REASONS)
    hash: Series[str]
    read_at: Series[UtcTime]

    class Config:
        """Exactly these columns, converted to these types."""

        name = "SourceRecord"
        strict = True
        coerce = True

    @pa.check("tags", name="list_of_str")
    @classmethod
    def _tags_are_texts(cls, tags: Series[object]) -> Series[bool]:
        return _each(tags, str)

    @pa.check("product_ids", name="list_of_int")
    @classmethod
    def _product_ids_are_numbers(cls, ids: Series[object]) -> Series[bool]:
        return _each(ids, int)

    @pa.dataframe_check(name="phone_or_reason")
    @classmethod
    def _phone_or_reason(cls, frame: pd.DataFrame) -> Series[bool]:
        return Series[bool](frame["phone"].isna() != frame["invalid_reason"].isna())


class RejectedRecord(pa.DataFrameModel):
    """One row per store record without a phone that can be texted, as a report shows it."""

    record_type: Series[str] = pa.Field(isin=_RECORD_TYPES)
    record_id: Series[int] = pa.Field(ge=0)
    region: Series[str]
    raw_phone_masked: Series[str]
    invalid_reason: Series[str] = pa.Field(isin=_REASONS)
    explanation: Series[str]
    """One sentence for a person."""

    class Config:
        """Exactly these columns, converted to these types."""

        name = "RejectedRecord"
        strict = True
        coerce = True


def _each(lists: Series[object], kind: type) -> Series[bool]:
    good = [isinstance(items, list) and all(type(item) is kind for item in items) for items in lists]
    return Series[bool](good, index=lists.index, dtype=bool)


_Failure = tuple[int | None, str, str]


def validate(model: type[pa.DataFrameModel], frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the rows of `frame` that fit `model` from what is wrong with the others.

    Returns the good rows, converted to the types of the model and numbered from 0, and the failures: columns
    `row_index` (position in `frame`, Int64, <NA> for a fault of the whole frame, such as a missing column),
    `column` ("" for a rule over several columns) and `check` (the rule's name). Never a value: the cells are
    personal data. After a fault of the whole frame no row is good.
    """
    # Asked here and not of pandera, whose way of collecting these failures makes pandas warn.
    if found := _wrong_columns(model, frame):
        return model.empty(), _as_frame(found)
    rows = frame.reset_index(drop=True)
    while True:
        try:
            good = model.validate(rows, lazy=True)
        except SchemaErrors as errors:
            failures = _failures(errors.failure_cases)
        else:
            return good.reset_index(drop=True), _as_frame(found)
        # A cell that cannot be converted also breaks the rules that expect the converted column, so the rows
        # at fault go first, and what is then still wrong with the frame is its own fault.
        of_rows = [failure for failure in failures if failure[0] is not None]
        found += of_rows or failures
        if not of_rows:
            return model.empty(), _as_frame(found)
        rows = rows.drop(index=sorted({row for row, _, _ in of_rows if row is not None}))


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
