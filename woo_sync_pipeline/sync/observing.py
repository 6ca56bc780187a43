"""Seeing what happened on the platform to contacts that no store has touched: mostly, who unsubscribed there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.directory import subscription_states
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.platform_states import begin_directory_read, note_states

SELDOM_ENOUGH = timedelta(hours=12)
"""How long one look at the directory serves all sources: it shows everybody's contacts."""


def observe_directory(
    database: Database, client: PlatformClient, *, run_id: str, progress: Callable[[int], None]
) -> int:
    """Read the subscription states of all contacts and remember those that changed there; how many unsubscribed.

    Nothing is sent. One request per thousand contacts, and none where the platform has never confirmed anything or
    another sync has looked within `SELDOM_ENOUGH`. Contacts that are about to be pushed are left to the push, which
    reads them anew.
    """
    began = begin_directory_read(database, run_id=run_id, unless_within=SELDOM_ENOUGH)
    if began is None:
        return 0
    unsubscribed = 0
    for states in subscription_states(client):
        unsubscribed += note_states(database, states, run_id=run_id, read_at=began)
        progress(len(states))
    return unsubscribed
