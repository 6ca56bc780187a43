"""What the last syncs sent, as bars of a page: nothing to wait for, unlike a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asinh

from woo_sync_pipeline.reports.report import SyncCounts
from woo_sync_pipeline.state.syncs import SyncRun

MOST_SYNCS = 30
COLOURS = {"new": "#2a9d8f", "updated": "#457b9d", "failed": "#c1121f"}
INVALID_COLOUR = "#e9c46a"
LINEAR_UP_TO = 10
"""Contacts. Above them the scale is logarithmic: on a straight one a first sync would hide all live ones."""


@dataclass(frozen=True)
class SyncBar:
    """One sync: its height, in percent of the highest, and of that the percentages by outcome."""

    sync_id: int
    text: str
    height: float
    shares: Mapping[str, float]


def shown_syncs(syncs: Sequence[SyncRun]) -> list[SyncRun]:
    """The last of these (oldest first) that sent what they planned: dry runs and what did not succeed are left out."""
    return [sync for sync in syncs if sync.status == "succeeded" and not sync.is_dry_run][-MOST_SYNCS:]


def sync_bars(syncs: Sequence[SyncRun]) -> list[SyncBar]:
    """A bar for each of the `shown_syncs`, oldest first."""
    shown = shown_syncs(syncs)
    sent = [_sent(sync) for sync in shown]
    highest = max((_height(sum(each.values())) for each in sent), default=0.0) or 1.0
    return [
        SyncBar(
            sync_id=sync.sync_id,
            text=f"sync {sync.sync_id}: "
            + ", ".join(f"{number:,} {outcome}" for outcome, number in each.items()),
            height=100 * _height(sum(each.values())) / highest,
            shares={outcome: 100 * number / max(1, sum(each.values())) for outcome, number in each.items()},
        )
        for sync, each in zip(shown, sent, strict=True)
    ]


def _sent(sync: SyncRun) -> dict[str, int]:
    counts = SyncCounts.from_json(sync.counts)
    return {outcome: int(getattr(counts, outcome)) for outcome in COLOURS}


def _height(contacts: int) -> float:
    return asinh(contacts / LINEAR_UP_TO)
