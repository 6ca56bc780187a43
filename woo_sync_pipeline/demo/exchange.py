"""What passed through a demo server, whole: for checks in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. Personal data stays out of its repr, credentials out of it altogether.

    `query` are the decoded pairs in their order. `request` and `response` are parsed JSON, None where there
    is no body or none that can be parsed. `status` and `response` are what the server decided even if
    a fault kept them from arriving. `headers` are those of the request that an API describes, in lower case.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    request: object = field(repr=False)
    status: int
    response: object = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
