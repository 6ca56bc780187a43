"""Of a reading that is not stored, the opt-outs that are new in it: they are stored alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import sqlalchemy as sa

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.state.bulk import append_frame, copy_frame, read_copied
from woo_sync_pipeline.state.columns import RECORD_KEY, of_records
from woo_sync_pipeline.state.statements import statements

_OPTING_OUT = of_records("record_type record_id person_id phone consent_answers consent", place="int")
_KEPT = of_records(
    "phone phone_masked first_name last_name email status is_discarded tags item_ids invalid_reason"
)
"""What stays of a known record as it is stored."""

_NULL_LISTS = {name: f"coalesce(known.{name}, '{{}}') AS {name}" for name in ("tags", "item_ids")}

_SQL = statements("opt_outs", shown=", ".join(_NULL_LISTS.get(name, f"known.{name}") for name in _KEPT))

MARK_GONE_AGAIN = _SQL["mark_gone_again"]


def opt_outs_alone(
    connection: sa.Connection, part: pd.DataFrame, *, source: str, with_emptied: bool
) -> pd.DataFrame:
    """The records of a portion (columns `records.RECORD_COLUMNS`) that opt out anew, and of them nothing else.

    with_emptied: also persons whose key of consent has no answer any more, by which a yes is taken back.
    Known records are otherwise as they are stored. All are without their hash, so that they are read again. Those that
    were not there before are in the temporary table `only_opting_out`: see `MARK_GONE_AGAIN`.
    """
    opts_out = part["consent"] == Consent.opted_out.value
    if with_emptied:
        has_no_answer = (part["consent"] == Consent.unknown.value) & part["consent_key"].fillna("").ne("")
        opts_out |= has_no_answer & part["is_person"]
    part = part[opts_out].reset_index(drop=True)
    opting_out = part.assign(place=np.arange(len(part)))
    connection.execute(sa.text("DROP TABLE IF EXISTS opting_out"))
    copy_frame(connection, opting_out, "opting_out", _OPTING_OUT)
    columns = {"place": "int", "is_known": "boolean", "is_there": "boolean", **_KEPT}
    found = read_copied(connection, _SQL["new"], columns, {"source": source})
    chosen = part.iloc[found["place"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    is_known = found["is_known"].to_numpy(dtype=bool)
    phones = found["phone"].where(found["phone"].notna(), chosen["phone"])
    for name in _KEPT:
        chosen[name] = chosen[name].astype(object).where(~is_known, found[name].astype(object))
    for name in _NULL_LISTS:
        chosen[name] = found[name]
    chosen["phone"] = phones
    chosen.loc[phones.notna(), "invalid_reason"] = None
    append_frame(connection, chosen[~found["is_there"].to_numpy(dtype=bool)], "only_opting_out", RECORD_KEY)
    return chosen.assign(hash="")
