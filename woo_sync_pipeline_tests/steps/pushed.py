"""A push, and what it told of each contact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from woo_sync_pipeline.state.syncs import SyncContact
from woo_sync_pipeline.steps.batches import PushSummary


@dataclass(frozen=True)
class Pushed:
    counts: Counter[str]
    unsubscribed_on_platform: int
    contacts: list[SyncContact]
    groups_made: int = 0
    not_applied: int = 0


def pushed(push: Callable[..., PushSummary], *args: Any, **options: Any) -> Pushed:
    """Push (or plan) and keep what is told of contacts."""
    contacts: list[SyncContact] = []
    summary = push(*args, noted=contacts.extend, **options)
    return Pushed(
        summary.counts,
        summary.unsubscribed_on_platform,
        contacts,
        summary.groups_made,
        summary.not_applied,
    )
