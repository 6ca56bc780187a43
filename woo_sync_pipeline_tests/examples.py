"""How many cases are made up for what must hold of all."""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("WOO_SYNC_EXAMPLES", "1"))


def examples(count: int) -> int:
    """So many cases, or as many times more as `WOO_SYNC_EXAMPLES` says."""
    return count * _TIMES
