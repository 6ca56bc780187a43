"""Ids of records as JSON shows them."""

from __future__ import annotations

import re

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


def shown_id(record_id: str | None) -> int | str | None:
    """An id as a number where it is written as whole numbers below 2^63 are, else as the text that it is."""
    if record_id is None or not _WHOLE_NUMBER.fullmatch(record_id) or int(record_id) >= 2**63:
        return record_id
    return int(record_id)
