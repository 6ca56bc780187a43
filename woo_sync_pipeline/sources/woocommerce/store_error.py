"""What all failures of reading a store have in common."""

from __future__ import annotations

from typing import ClassVar

from woo_sync_pipeline.errors import WooSyncError


class StoreError(WooSyncError):
    """A store could not be read. The subclasses say why.

    `advice` is the next step unless one is given; `signs` are the words of a message by which it is known.
    """

    advice: ClassVar[str] = "Look at the store's error log (WooCommerce > Status > Logs)."
    signs: ClassVar[tuple[str, ...]] = ()
    retry_after: float | None = None
    """Seconds after which the store asked to be tried again, when it said so."""

    def __init__(self, *, source: str, tried: str, got: str, next_step: str | None = None) -> None:
        super().__init__(source=source, tried=tried, got=got, next_step=next_step or self.advice)
