"""The statements of the state: plain SQL in `sql/`, a file for each module that uses it, and beside each migration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.M)
_COMMENT = re.compile(r"^ *--.*\n", re.M)
_PART = re.compile(r"\{([a-z_]+)\}")


@cache
def statements(module: str, **parts: str) -> Mapping[str, str]:
    """The statements in `sql/<module>.sql`, by the names that stand above them, without their comments.

    In the place of `{name}` stands the part, or the other statement, of this name; what has neither stays.
    """
    named = _named((files(__package__) / "sql" / f"{module}.sql").read_text(encoding="utf-8"))
    known = {**named, **parts}
    return {
        name: _PART.sub(lambda found: known.get(found[1], found[0]), text) for name, text in named.items()
    }


def beside(module_file: str) -> Mapping[str, str]:
    """The statements of a migration, by their names: those in the file of SQL that is called as its module is."""
    return _named(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))


def _named(text: str) -> dict[str, str]:
    _, *parts = _NAME.split(text)
    return dict(zip(parts[::2], (_COMMENT.sub("", part).strip() for part in parts[1::2]), strict=True))
