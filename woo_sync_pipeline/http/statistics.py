"""How many requests a reading took, and how long the store took to answer them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True)
class RequestStatistics:
    """Requests made, repeated ones included, and the times of those that were answered, in seconds.

    The time of an answer runs from the sending of the request until its last byte; waiting for one's turn is not
    part of it. Without any answer the times are None. `notices` of the answers had text before their JSON.
    """

    requests: int
    answers: int
    median: float | None
    p95: float | None
    longest: float | None
    notices: int = 0

    @classmethod
    def of(cls, *, requests: int, seconds: Sequence[float], notices: int = 0) -> Self:
        """Sum up the times of the answers, in seconds and any order. `p95` is of the nearest rank."""
        if not seconds:
            return cls(requests, 0, None, None, None, notices)
        ordered = sorted(seconds)
        rank = math.ceil(0.95 * len(ordered))
        return cls(requests, len(ordered), median(ordered), ordered[rank - 1], ordered[-1], notices)

    def to_metadata(self) -> dict[str, int | float]:
        """As flat numbers, which the UI can draw over time; what there is none of is left out."""
        times = {"median": self.median, "p95": self.p95, "longest": self.longest}
        return {
            "requests": self.requests,
            "answers": self.answers,
            **({"answers_behind_text": self.notices} if self.notices else {}),
            **{
                f"answer_seconds_{name}": round(value, 4)
                for name, value in times.items()
                if value is not None
            },
        }
