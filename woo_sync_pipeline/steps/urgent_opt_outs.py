"""Sending the opt-outs of a reading that is stopped: they wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.errors import WooSyncError
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.models import CustomField
from woo_sync_pipeline.state.contacts import opting_out_phones
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.records import Reading, commit_opt_outs
from woo_sync_pipeline.steps.brake import OptOutsSent, stopped_by_another_account
from woo_sync_pipeline.steps.platform_losses import look_at_account
from woo_sync_pipeline.steps.push import push_pending


def send_opt_outs(
    database: Database,
    connect: Callable[[], PlatformClient],
    *,
    source: str,
    run_id: str,
    reading: Reading,
    sources: Mapping[str, MergeSource],
    accept: Callable[[pd.DataFrame], bool],
    with_emptied: bool,
    max_concurrency: int,
) -> OptOutsSent:
    """Store the opt-outs of a reading, and unsubscribe everybody who opted out, whatever else of them waits.

    The arguments are those of `commit_opt_outs` and `push_pending`. What the platform refuses stays for the next sync.
    """
    commit_opt_outs(
        database,
        source=source,
        run_id=run_id,
        reading=reading,
        sources=sources,
        accept=accept,
        with_emptied=with_emptied,
    )
    if not opting_out_phones(database):
        return OptOutsSent()
    try:
        with connect() as client:
            look = look_at_account(database, client)
            if look.is_another:
                return OptOutsSent(failure=str(stopped_by_another_account(source, look)))
            return push_opt_outs(
                database, client, run_id=run_id, max_concurrency=max_concurrency, known_fields=look.fields
            )
    except WooSyncError as failure:
        return OptOutsSent(failure=str(failure))


def push_opt_outs(
    database: Database,
    client: PlatformClient,
    *,
    run_id: str,
    max_concurrency: int,
    known_fields: Sequence[CustomField] | None,
) -> OptOutsSent:
    """Unsubscribe everybody who is subscribed and has opted out since; the arguments are those of `push_pending`."""
    try:
        summary = push_pending(
            database,
            client,
            opting_out_phones(database),
            run_id=run_id,
            max_concurrency=max_concurrency,
            progress=lambda _: None,
            noted=lambda _: None,
            known_fields=known_fields,
        )
    except WooSyncError as failure:
        return OptOutsSent(failure=str(failure))
    failed = summary.counts["failed"]
    return OptOutsSent(
        sum(summary.counts[outcome] for outcome in ("new", "updated", "unchanged")),
        f"MessageMedia refused {failed:,} of them." if failed else None,
    )
