"""How an error of this project shows in Dagster."""

import dagster as dg

from woo_sync_pipeline.errors import WooSyncError


def failure_of(error: WooSyncError) -> dg.Failure:
    """The failure of a step, as the UI and alerts show it."""
    return dg.Failure(
        description=str(error),
        metadata={
            "source": error.source,
            "tried": error.tried,
            "came back": error.got,
            "what to do": error.next_step,
            "error": type(error).__name__,
        },
        allow_retries=error.transient,
    )
