"""Merging the records of all stores into one contact per phone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.columns import Flags, Objects, is_empty, objects
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import store_status
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT, GroupNames
from woo_sync_pipeline.contacts.memberships import Positions, memberships, source_names

# For types only: who asks about one contact need not wait for the library of the models.
if TYPE_CHECKING:
    from pandera.typing.pandas import DataFrame

    from woo_sync_pipeline.contacts.schemas import MergedContact

Times: TypeAlias = npt.NDArray[np.datetime64]

MERGED_COLUMNS = (
    "phone",
    "first_name",
    "last_name",
    "email",
    "sources",
    "groups",
    "consent",
    "consent_at",
    "consent_origin",
    "status",
)


@dataclass(frozen=True)
class MergeSource:
    """What merging must know of a source: its name on the platform, its consent mode, how its lists are named."""

    name: str
    is_explicit: bool
    name_format: str = DEFAULT_NAME_FORMAT


@dataclass(frozen=True)
class MergeInput:
    """All that is known of some phones, over all sources; every frame has columns `phone` and `source` (key).

    holders: the records that hold a contact (customers, guest orders): also `record_type`, `record_id`,
    `first_name`, `last_name`, `email`, `tags` (lists of str), `created_at`, `modified_at` (UTC, may be NaT).
    signals: choices that concern the phone: also `consent`, `choice_at` (UTC), `consent_origin`.
    purchases: tags of bought products: also `tag`.
    """

    holders: pd.DataFrame
    signals: pd.DataFrame
    purchases: pd.DataFrame


def merge_contacts(
    known: MergeInput,
    *,
    phones: Iterable[str],
    sources: Mapping[str, MergeSource],
    list_names: Mapping[str, str],
) -> DataFrame[MergedContact]:
    """One row per phone (columns `MERGED_COLUMNS`), also for phones that no record holds any more, by phone.

    Each field comes from the first record that has it: registered customers before guests, then the most
    recently modified. Sources and groups are united; contacts with the same ones share a list. The newest known
    signal decides the consent; at the same time, opted_out wins. `list_names` maps the case-folded names of lists
    that exist to their spelling: a tag written in another case is no other list. Records of sources that are
    not in `sources` do not count.
    """
    wanted = pd.Index(sorted(set(phones)), dtype=object)
    count = len(wanted)
    holders, held_by = _of_wanted(known.holders, wanted, sources)
    signals, signalled_by = _of_wanted(known.signals, wanted, sources)
    purchases, bought_by = _of_wanted(known.purchases, wanted, sources)
    first_name, last_name, email = _fields(holders, held_by, count)
    consent, consent_at, consent_origin = _consent(signals, signalled_by, count)
    names = {key: GroupNames(source.name, source.name_format) for key, source in sources.items()}
    merged = pd.DataFrame(
        {
            "phone": wanted.to_numpy(),
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "sources": source_names(holders, positions=held_by, count=count, names=names),
            "groups": memberships(
                holders,
                purchases,
                positions=(held_by, bought_by),
                count=count,
                names=names,
                list_names=list_names,
            ),
            "consent": consent,
            "consent_at": pd.Series(consent_at).dt.tz_localize("UTC"),
            "consent_origin": consent_origin,
            "status": _status(consent, _explicit(holders, held_by, sources, count)),
        },
        columns=list(MERGED_COLUMNS),
        copy=False,
    )
    return cast("DataFrame[MergedContact]", merged)


def field_origins(known: MergeInput, *, phones: Iterable[str], sources: Collection[str]) -> pd.DataFrame:
    """Which record gave each field of a contact: a row for each phone and field that has a value, by phone.

    Columns phone, field, source (key), record_type, record_id. The rule is the one of `merge_contacts`; `sources`
    are the keys of those that count.
    """
    wanted = pd.Index(sorted(set(phones)), dtype=object)
    holders, held_by = _of_wanted(known.holders, wanted, sources)
    columns = ["phone", "field", "source", "record_type", "record_id"]
    given = [
        holders.iloc[rows].assign(field=field)[columns] for field, rows in _givers(holders, held_by).items()
    ]
    return pd.concat(given).sort_values("phone", kind="stable", ignore_index=True)


def deciding_signals(known: MergeInput, *, phones: Iterable[str], sources: Collection[str]) -> pd.DataFrame:
    """Which signal decided the consent of a contact: of each phone that has any, its row of `known.signals`, by phone.

    The rule is the one of `merge_contacts`; `sources` are the keys of those that count.
    """
    wanted = pd.Index(sorted(set(phones)), dtype=object)
    signals, positions = _chosen(*_of_wanted(known.signals, wanted, sources))
    return signals.iloc[_newest(signals, positions, len(wanted))].reset_index(drop=True)


def _of_wanted(
    frame: pd.DataFrame, wanted: pd.Index[str], sources: Collection[str]
) -> tuple[pd.DataFrame, Positions]:
    """The rows of known sources and wanted phones, and the position of each one's phone."""
    positions = wanted.get_indexer(pd.Index(frame["phone"])).astype(np.int64)
    counts = (positions >= 0) & frame["source"].isin(list(sources)).to_numpy()
    return (frame, positions) if counts.all() else (frame[counts], positions[counts])


def _fields(holders: pd.DataFrame, positions: Positions, count: int) -> list[Objects]:
    fields = []
    for column, givers in _givers(holders, positions).items():
        values = objects([""] * count, count)
        values[positions[givers]] = holders[column].to_numpy(dtype=object)[givers]
        fields.append(values)
    return fields


def _givers(holders: pd.DataFrame, positions: Positions) -> dict[str, Positions]:
    """For each field the rows that give it: of each phone the first that has it, in the order of precedence."""
    changed_at = _microseconds(holders["modified_at"])
    created_at = _microseconds(holders["created_at"])
    changed_at = np.where(changed_at == _NEVER, created_at, changed_at)
    is_guest = (holders["record_type"] != "customer").to_numpy()
    # The last key counts most. The ids break ties, so that the order in which records are read never matters.
    order = np.lexsort(
        (
            holders["record_id"].to_numpy(dtype=np.int64),
            _ranks(holders["source"]),
            -changed_at,
            positions * 2 + is_guest,
        )
    )
    givers = {}
    for column in ("first_name", "last_name", "email"):
        filled = order[~is_empty(holders[column].to_numpy(dtype=object)[order])]
        givers[column] = filled[np.flatnonzero(np.diff(positions[filled], prepend=-1))]
    return givers


def _consent(signals: pd.DataFrame, positions: Positions, count: int) -> tuple[Objects, Times, Objects]:
    signals, positions = _chosen(signals, positions)
    times = _microseconds(signals["choice_at"])
    newest = _newest(signals, positions, count)
    consent = objects([Consent.unknown.value] * count, count)
    consent_at = np.full(count, "NaT", dtype="datetime64[us]")
    origin = objects([""] * count, count)
    owners = positions[newest]
    consent[owners] = signals["consent"].to_numpy(dtype=object)[newest]
    dated = times[newest] != _NEVER
    consent_at[owners[dated]] = times[newest[dated]].astype("datetime64[us]")
    origin[owners] = signals["consent_origin"].to_numpy(dtype=object)[newest]
    return consent, consent_at, origin


def _chosen(signals: pd.DataFrame, positions: Positions) -> tuple[pd.DataFrame, Positions]:
    known = (signals["consent"] != Consent.unknown.value).to_numpy(dtype=bool)
    return signals[known], positions[known]


def _newest(signals: pd.DataFrame, positions: Positions, count: int) -> Positions:
    """The rows that decide: of each phone the newest, in the order of phones."""
    times = _microseconds(signals["choice_at"])
    opted_out = (signals["consent"] == Consent.opted_out.value).to_numpy(dtype=bool)
    order = np.lexsort(
        (_ranks(signals["consent_origin"]), _ranks(signals["source"]), opted_out, times, positions)
    )
    return order[np.flatnonzero(np.diff(positions[order], append=count))]


def _explicit(
    holders: pd.DataFrame, positions: Positions, sources: Mapping[str, MergeSource], count: int
) -> Flags:
    """Which phones a source with explicit consent holds.

    Where sources of both modes hold a contact, the one that sends fewer messages counts.
    """
    explicit_sources = [key for key, source in sources.items() if source.is_explicit]
    explicit = np.zeros(count, dtype=bool)
    explicit[positions[holders["source"].isin(explicit_sources).to_numpy()]] = True
    return explicit


def _status(consents: Objects, explicit: Flags) -> Objects:
    status = {
        (consent.value, is_explicit): store_status(consent, is_explicit=is_explicit).value
        for consent in Consent
        for is_explicit in (False, True)
    }
    rows = zip(consents.tolist(), explicit.tolist(), strict=True)
    return objects((status[row] for row in rows), len(consents))


def _microseconds(times: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Microseconds since 1970, `_NEVER` where there is no time."""
    # Converting what is converted already would go through all cells one by one.
    aware = times if isinstance(times.dtype, pd.DatetimeTZDtype) else pd.to_datetime(times, utc=True)
    numbers = aware.to_numpy(dtype="datetime64[us]").view(np.int64)
    return np.where(numbers == np.iinfo(np.int64).min, _NEVER, numbers)


_NEVER = -(2**62)
"""Before every time, and safe to negate."""


def _ranks(column: pd.Series[Any]) -> npt.NDArray[np.intp]:
    """Numbers in the order of the cells."""
    return pd.factorize(column.to_numpy(dtype=object), sort=True)[0]
