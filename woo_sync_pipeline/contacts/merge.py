"""Merging the records of all stores into one contact per phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.consent import Consent
from woo_sync_pipeline.contacts.decision import store_status
from woo_sync_pipeline.contacts.groups import group_name, guests_group

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
    """What merging must know of a source: its name on the platform and its consent mode."""

    name: str
    is_explicit: bool


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
    phones: Sequence[str],
    sources: Mapping[str, MergeSource],
    list_names: Mapping[str, str],
) -> pd.DataFrame:
    """One row per phone (columns `MERGED_COLUMNS`), also for phones that no record holds any more.

    Each field comes from the first record that has it: registered customers before guests, then the most
    recently modified. Sources and groups are united. The newest known signal decides the consent; at the same
    time, opted_out wins. `list_names` maps the case-folded names of lists that exist to their spelling: a tag
    written in another case is no other list. Records of sources that are not in `sources` do not count.
    """
    holders = known.holders[known.holders["source"].isin(list(sources))]
    signals = known.signals[known.signals["source"].isin(list(sources))]
    purchases = known.purchases[known.purchases["source"].isin(list(sources))]
    merged = pd.DataFrame({"phone": pd.Series(sorted(set(phones)), dtype=object)})
    merged = merged.join(_fields(holders), on="phone").join(_consent(signals), on="phone")
    for column in ("first_name", "last_name", "email", "consent_origin"):
        merged[column] = merged[column].fillna("")
    merged["consent"] = merged["consent"].fillna(Consent.unknown.value)
    names = {key: source.name for key, source in sources.items()}
    merged["sources"] = _lists_of(
        merged["phone"], holders["phone"], holders["source"].map(names).astype(object)
    )
    merged["groups"] = _groups(merged["phone"], holders, purchases, names, list_names)
    merged["status"] = _status(merged, holders, sources)
    return merged[list(MERGED_COLUMNS)]


def _fields(holders: pd.DataFrame) -> pd.DataFrame:
    created, modified = (pd.to_datetime(holders[name], utc=True) for name in ("created_at", "modified_at"))
    ranked = holders.assign(
        is_guest=holders["record_type"] != "customer",
        changed_at=modified.fillna(created),
    ).sort_values(
        # The ids break ties, so that the order in which records are read never matters.
        ["phone", "is_guest", "changed_at", "source", "record_type", "record_id"],
        ascending=[True, True, False, True, True, False],
        na_position="last",
    )
    columns = ["first_name", "last_name", "email"]
    values = ranked[columns].where(ranked[columns] != "")
    return values.groupby(ranked["phone"], sort=False).first()


def _consent(signals: pd.DataFrame) -> pd.DataFrame:
    signals = signals[signals["consent"] != Consent.unknown.value]
    newest = (
        signals.assign(
            choice_at=pd.to_datetime(signals["choice_at"], utc=True),
            opted_out=signals["consent"] == Consent.opted_out.value,
        )
        .sort_values(["phone", "choice_at", "opted_out", "source", "consent_origin"])
        .drop_duplicates("phone", keep="last")
        .set_index("phone")
    )
    return newest[["consent", "choice_at", "consent_origin"]].rename(columns={"choice_at": "consent_at"})


def _groups(
    phones: pd.Series[str],
    holders: pd.DataFrame,
    purchases: pd.DataFrame,
    names: Mapping[str, str],
    list_names: Mapping[str, str],
) -> list[list[str]]:
    held = holders[["phone", "source", "record_type"]].drop_duplicates()
    is_customer = held["record_type"] == "customer"
    customers = pd.MultiIndex.from_frame(held.loc[is_customer, ["phone", "source"]])
    guests = held.loc[~is_customer, ["phone", "source"]]
    guests = guests[~pd.MultiIndex.from_frame(guests).isin(customers)]
    tagged = holders[["phone", "source", "tags"]].explode("tags").rename(columns={"tags": "tag"})
    tagged = pd.concat([tagged.dropna(subset=["tag"]), purchases[["phone", "source", "tag"]]])
    memberships = pd.concat(
        [
            _named(held[["phone", "source"]], names),
            _named(guests, {key: guests_group(name) for key, name in names.items()}),
            _tag_groups(tagged, names),
        ]
    )
    spelling = _one_spelling(memberships["group"], list_names)
    return _lists_of(phones, memberships["phone"], memberships["group"].map(spelling).astype(object))


def _named(rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"phone": rows["phone"], "group": rows["source"].map(dict(names))})


def _tag_groups(tagged: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    pairs = tagged[["source", "tag"]].drop_duplicates()
    group = {
        (source, tag): group_name(names[source], tag)
        for source, tag in pairs.itertuples(index=False, name=None)
    }
    keys = zip(tagged["source"], tagged["tag"], strict=True)
    return pd.DataFrame({"phone": tagged["phone"], "group": [group[key] for key in keys]}, dtype=object)


def _one_spelling(groups: pd.Series[str], list_names: Mapping[str, str]) -> dict[str, str]:
    spelling = dict(list_names)
    chosen = {}
    for name in sorted(groups.unique()):
        chosen[name] = spelling.setdefault(name.casefold(), name)
    return chosen


def _status(merged: pd.DataFrame, holders: pd.DataFrame, sources: Mapping[str, MergeSource]) -> list[str]:
    # Where sources of both modes hold a contact, the one that sends fewer messages counts.
    explicit_sources = [key for key, source in sources.items() if source.is_explicit]
    explicit_phones = set(holders.loc[holders["source"].isin(explicit_sources), "phone"])
    return [
        store_status(Consent(consent), is_explicit=phone in explicit_phones).value
        for phone, consent in zip(merged["phone"], merged["consent"], strict=True)
    ]


def _lists_of(phones: pd.Series[str], keys: pd.Series[str], values: pd.Series[str]) -> list[list[str]]:
    """For each of the sorted `phones` the sorted distinct values; `keys` and `values` go together."""
    pairs = (
        pd.DataFrame({"key": keys.to_numpy(), "value": values.to_numpy()}, dtype=object)
        .drop_duplicates()
        .sort_values(["key", "value"])
    )
    ordered_keys = pairs["key"].to_numpy(dtype=object)
    ordered_values = pairs["value"].tolist()
    wanted = phones.to_numpy(dtype=object)
    starts = np.searchsorted(ordered_keys, wanted, side="left")
    ends = np.searchsorted(ordered_keys, wanted, side="right")
    return [ordered_values[start:end] for start, end in zip(starts, ends, strict=True)]
