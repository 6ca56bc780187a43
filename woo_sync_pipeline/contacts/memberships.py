"""Which platform lists each phone belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from woo_sync_pipeline.contacts.columns import Distinct, Objects, objects
from woo_sync_pipeline.contacts.groups import GroupNames

Positions = npt.NDArray[np.int64]
"""For each row the position of its phone among all phones."""


@dataclass(frozen=True)
class _Rows:
    """Phones, by position, and something that each of them has."""

    positions: Positions
    labels: Objects


def memberships(
    holders: pd.DataFrame,
    purchases: pd.DataFrame,
    *,
    positions: tuple[Positions, Positions],
    count: int,
    names: Mapping[str, GroupNames],
    list_names: Mapping[str, str],
) -> Objects:
    """For each of `count` phones the sorted names of its lists. Phones with the same lists share one object.

    holders: columns source, is_person, tags (lists of str). purchases: columns source, tag. `positions` are
    those of holders and of purchases; `names` has the keys of all sources. `list_names` maps the case-folded
    names of lists that exist to their spelling: a tag written in another case is no other list.
    """
    held_by, bought_by = positions
    sources = Distinct(holders["source"].to_numpy(dtype=object))
    is_guest = _are_guests(
        held_by * max(len(sources.cells), 1) + sources.codes,
        is_person=holders["is_person"].to_numpy(dtype=bool),
    )
    tags = holders["tags"].to_numpy(dtype=object)
    tag_counts = np.fromiter(map(len, tags), dtype=np.int64, count=len(tags))
    parts = [
        _Rows(held_by, sources.over_rows([names[source].everybody for source in sources.cells])),
        _Rows(
            held_by[is_guest],
            sources.over_rows([names[source].guests for source in sources.cells])[is_guest],
        ),
        _Rows(
            np.repeat(held_by, tag_counts),
            _tag_lists(
                np.repeat(holders["source"].to_numpy(dtype=object), tag_counts),
                objects(chain.from_iterable(tags), int(tag_counts.sum())),
                names,
            ),
        ),
        _Rows(
            bought_by,
            _tag_lists(
                purchases["source"].to_numpy(dtype=object), purchases["tag"].to_numpy(dtype=object), names
            ),
        ),
    ]
    all_positions = np.concatenate([part.positions for part in parts])
    lists = Distinct(np.concatenate([part.labels for part in parts]))
    spelled = _one_spelling(lists.cells, list_names)
    return _sorted_lists(all_positions, lists, [spelled[name] for name in lists.cells], count)


def source_names(
    holders: pd.DataFrame, *, positions: Positions, count: int, names: Mapping[str, GroupNames]
) -> Objects:
    """For each of `count` phones the sorted names of the sources that hold it, in shared lists."""
    sources = Distinct(holders["source"].to_numpy(dtype=object))
    return _sorted_lists(positions, sources, [names[source].everybody for source in sources.cells], count)


def _are_guests(phones_of_sources: Positions, *, is_person: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows are of a phone that no person's own record of the same source has."""
    return ~np.isin(phones_of_sources, phones_of_sources[is_person])


def _tag_lists(sources: Objects, tags: Objects, names: Mapping[str, GroupNames]) -> Objects:
    by_source, by_tag = Distinct(sources), Distinct(tags)
    pairs = Distinct(by_source.codes * max(len(by_tag.cells), 1) + by_tag.codes)
    return pairs.over_rows(
        [
            names[by_source.cells[pair // len(by_tag.cells)]].of_tag(by_tag.cells[pair % len(by_tag.cells)])
            for pair in pairs.cells
        ]
    )


def _one_spelling(names: Iterable[str], list_names: Mapping[str, str]) -> dict[str, str]:
    spelling = dict(list_names)
    return {name: spelling.setdefault(name.casefold(), name) for name in sorted(names)}


def _sorted_lists(positions: Positions, labels: Distinct, names: list[str], count: int) -> Objects:
    """For each phone the sorted distinct names of its rows; `names` go with the distinct labels."""
    ordered = sorted(set(names))
    rank = {name: number for number, name in enumerate(ordered)}
    ranks = np.array([rank[name] for name in names], dtype=np.int64)
    # A phone and one of its names as one number: sorting these sorts by both.
    pairs = np.sort(positions * max(len(ordered), 1) + ranks[labels.codes])
    pairs = pairs[
        np.diff(pairs, prepend=-1) > 0
    ]  # As np.unique, which takes twenty times as long on millions.
    sorted_positions, sorted_ranks = np.divmod(pairs, max(len(ordered), 1))
    bounds = np.searchsorted(sorted_positions, np.arange(count + 1))
    starts, lengths = bounds[:-1], np.diff(bounds)
    lists = objects([[]] * count, count)
    # Most phones are in one list only, or in none: these need no loop.
    alone = np.flatnonzero(lengths == 1)
    lists[alone] = objects(([name] for name in ordered), len(ordered))[sorted_ranks[starts[alone]]]
    shared: dict[tuple[int, ...], list[str]] = {}
    flat = sorted_ranks.tolist()
    several = np.flatnonzero(lengths > 1)
    for position, start, end in zip(
        several.tolist(), starts[several].tolist(), bounds[several + 1].tolist(), strict=True
    ):
        key = tuple(flat[start:end])
        if key not in shared:
            shared[key] = [ordered[number] for number in key]
        lists[position] = shared[key]
    return lists
