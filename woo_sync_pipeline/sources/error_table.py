"""The ways in which a source cannot be read as a table for people, out of the error classes themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import TypeVar

from woo_sync_pipeline.http.failures import ServerError

E = TypeVar("E", bound=ServerError)

_HEAD = """\
| error | in the message | what it means | what to do | tried again |
|---|---|---|---|---|
"""


def errors_in(module: ModuleType, base: type[E]) -> list[type[E]]:
    """Every subclass of `base` in a module, in the order of their definition."""
    found = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]
    return [kind for kind in found if kind is not base]


def error_table(kinds: Iterable[type[ServerError]]) -> str:
    """A table in Markdown, one row for each kind of error."""
    return _HEAD + "".join(f"{_row(kind)}\n" for kind in kinds)


def _row(kind: type[ServerError]) -> str:
    cells = (
        f"`{kind.__name__}`",
        "<br>".join(f"`{sign}`" for sign in kind.signs),
        " ".join((inspect.getdoc(kind) or "").split()),
        kind.advice,
        "yes" if kind.transient else "no",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
