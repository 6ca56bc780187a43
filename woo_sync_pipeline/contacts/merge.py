"""Merging the records of all stores into one contact per phone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.columns import (
    EPOCH,
    NEVER,
    Flags,
    Microseconds,
    Objects,
    is_empty,
    microseconds,
    moments,
    objects,
)
from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.groups import DEFAULT_NAME_FORMAT, GroupNames
from woo_sync_pipeline.contacts.memberships import Positions, memberships, source_names
from woo_sync_pipeline.contacts.subscription import outweighs, store_status

# For types only: a question about one contact need not wait for the library of the models.
if TYPE_CHECKING:
    from pandera.typing.pandas import DataFrame

    from woo_sync_pipeline.contacts.schemas import MergedContact


@dataclass(frozen=True)
class MergeSource:
    """What merging must know of a source: its name on the platform, its consent mode, how its lists are named.

    repeats_count: whether an opt-in that repeats an older one is a new choice nevertheless.
    """

    name: str
    is_explicit: bool
    name_format: str = DEFAULT_NAME_FORMAT
    repeats_count: bool = False


@dataclass(frozen=True)
class MergeInput:
    """All that is known of some phones, over all sources; every frame has columns `phone` and `source` (key).

    holders: the records that hold a contact (persons, and what belongs to nobody): also `record_type`, `record_id`,
    `is_person`, `first_name`, `last_name`, `email`, `tags` (lists of str), `created_at`, `modified_at` (UTC, may be
    NaT).
    signals: choices that concern the phone: also `consent`, `choice_from` and `choice_until` (UTC, by our clock:
    between them it was made), `choice_returned_at` (when an opt-in came back that had given way to an opt-out),
    `choice_is_dated` (whether the time is the choice's own, and not that of our readings), `is_stop` (an
    unsubscription on the platform that came along from another phone), `consent_origin`.
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
    """One row per phone (columns of `MergedContact`), also for phones that no record holds any more, by phone.

    Each field comes from the first record that has it: persons before guests, then the most
    recently modified. Sources and groups are united; contacts with the same ones share a list. An opt-in decides the
    consent if it is surely later than every opt-out, and, where a STOP is among these, if it has a date of its own.
    `list_names` maps the case-folded names of lists that exist to their spelling: a tag written in another case is no
    other list. Records of sources that are not in `sources` do not count.
    """
    wanted = pd.Index(sorted(set(phones)), dtype=object)
    count = len(wanted)
    holders, held_by = _of_wanted(known.holders, wanted, sources)
    signals, signalled_by = _of_wanted(known.signals, wanted, sources)
    purchases, bought_by = _of_wanted(known.purchases, wanted, sources)
    first_name, last_name, email = _fields(holders, held_by, count)
    consent = _Consents.of(signals, signalled_by, count)
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
            "consent": consent.words,
            "consent_at": moments(consent.at),
            "consent_dated_at": moments(consent.dated_at),
            "consent_origin": consent.origins(signals),
            "status": _status(consent.words, _explicit(holders, held_by, sources, count)),
        },
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
    signals, positions = _of_wanted(known.signals, wanted, sources)
    deciding = _Consents.of(signals, positions, len(wanted)).deciding
    return signals.iloc[deciding[deciding >= 0]].reset_index(drop=True)


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
    changed_at = microseconds(holders["modified_at"])
    created_at = microseconds(holders["created_at"])
    changed_at = np.where(changed_at == NEVER, created_at, changed_at)
    is_guest = ~holders["is_person"].to_numpy(dtype=bool)
    # The last key counts most. The ids break ties, so that the order in which records are read never matters; of those
    # that are numbers the longer one is the higher one.
    order = np.lexsort(
        (
            _ranks(holders["record_id"]),
            holders["record_id"].str.len().to_numpy(dtype=np.int64),
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


@dataclass(frozen=True)
class _Consents:
    """What all choices come to, phone by phone. Times are microseconds since 1970, `NEVER` where there is none.

    deciding: the row of the signals that decides, -1 where there is none.
    """

    words: Objects
    at: Microseconds
    dated_at: Microseconds
    deciding: Positions

    @classmethod
    def of(cls, signals: pd.DataFrame, positions: Positions, count: int) -> _Consents:
        """Weigh the signals of `count` phones, whose positions are those of the rows."""
        consents = signals["consent"].to_numpy(dtype=object)
        opts_in = (consents == Consent.opted_in.value).astype(bool)
        opts_out = (consents == Consent.opted_out.value).astype(bool)
        dated = opts_in & signals["choice_is_dated"].to_numpy(dtype=bool)
        stops = opts_out & signals["is_stop"].to_numpy(dtype=bool)
        # An opt-in whose time is not known at all was made before everything that is.
        begins = np.maximum(microseconds(signals["choice_from"]), EPOCH)
        ends = microseconds(signals["choice_until"])
        newest_in = _newest(begins, opts_in, positions, count)
        # One that came back weighs as much as it did, and is news all the same.
        since = np.maximum(begins, microseconds(signals["choice_returned_at"]))
        newest_dated = _newest(begins, dated, positions, count)
        newest_out = _newest(ends, opts_out, positions, count)
        newest_stop = _newest(ends, stops, positions, count)
        dated_wins = outweighs(newest_dated, newest_out)
        # Without a date of its own an opt-in is no answer to a STOP. One that has such a date may have answered it.
        answered = (newest_stop == NEVER) | outweighs(newest_dated, newest_stop)
        opted_in = dated_wins | (outweighs(newest_in, newest_out) & answered)
        opted_out = ~opted_in & (newest_out != NEVER)
        words = np.where(opted_in, Consent.opted_in.value, Consent.unknown.value).astype(object)
        words[opted_out] = Consent.opted_out.value
        weight = np.where(opted_in, newest_in, newest_out)
        at = np.where(
            opted_in, _newest(since, opts_in, positions, count), np.where(opted_out, newest_out, NEVER)
        )
        decides = np.where(opts_in, begins, ends) == weight[positions]
        decides &= np.where(opts_in, opted_in[positions], opts_out & opted_out[positions])
        return cls(
            words, at, np.where(dated_wins, newest_dated, NEVER), _first(signals, decides, positions, count)
        )

    def origins(self, signals: pd.DataFrame) -> Objects:
        """Where the deciding choices were read, "" where there are none."""
        origins = objects([""] * len(self.deciding), len(self.deciding))
        known = self.deciding >= 0
        origins[known] = signals["consent_origin"].to_numpy(dtype=object)[self.deciding[known]]
        return origins


def _newest(times: Microseconds, chosen: Flags, positions: Positions, count: int) -> Microseconds:
    """The newest of the chosen times of each phone, `NEVER` where there is none."""
    newest = np.full(count, NEVER, dtype=np.int64)
    np.maximum.at(newest, positions[chosen], times[chosen])
    return newest


def _first(signals: pd.DataFrame, chosen: Flags, positions: Positions, count: int) -> Positions:
    """Of each phone the row of the chosen ones that comes last by source and origin, -1 where there is none."""
    rows = np.flatnonzero(chosen)
    part = signals.iloc[rows]
    order = np.lexsort((_ranks(part["consent_origin"]), _ranks(part["source"]), positions[rows]))
    found = np.full(count, -1, dtype=np.int64)
    found[positions[rows[order]]] = rows[order]
    return found


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


def _ranks(column: pd.Series[Any]) -> npt.NDArray[np.intp]:
    """Numbers in the order of the cells."""
    return pd.factorize(column.to_numpy(dtype=object), sort=True)[0]
