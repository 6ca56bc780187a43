"""Entries of `sources` that cannot be used: each is named, and none takes the others down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from woo_sync_pipeline.config.document import ConfigDocument, Problem
from woo_sync_pipeline.errors import ConfigurationError
from woo_sync_pipeline.privacy import looks_like_secret

SOURCE_KEY = r"^[a-z][a-z0-9_]{0,39}$"
"""What the key of a source looks like: it names an asset group, jobs, a schedule and a sensor."""


@dataclass(frozen=True)
class RefusedSource:
    """An entry of `sources` that nothing is read with until it is mended.

    key: None when the entry has none that could be one.
    """

    position: int
    key: str | None
    error: ConfigurationError

    @property
    def label(self) -> str:
        """What it is called in the UI and on the command line."""
        return self.key or f"source_{self.position + 1}"


def duplicates(values: Any) -> list[Problem]:
    """A problem for each source whose key or name another one has as well, in any case.

    Both are at fault: which of them the records in the state belong to, nobody can tell.
    """
    entries = _entries(values)
    problems = []
    for attribute in ("key", "name"):
        written = [_text(entry.get(attribute)) for entry in entries]
        folded = [text.casefold() for text in written]
        problems += [
            Problem(
                ("sources", position, attribute),
                f"two sources have the same {attribute}. Give each source a {attribute} of its own",
            )
            for position, text in enumerate(written)
            if text and folded.count(text.casefold()) > 1
        ]
    return problems


def refused_sources(
    document: ConfigDocument, problems: Iterable[Problem]
) -> tuple[RefusedSource, ...] | None:
    """The sources that these problems are about; None when they concern more than sources, or leave none."""
    by_position: dict[int, list[Problem]] = {}
    for problem in problems:
        match problem.key_path:
            case ("sources", int() as position, *_):
                by_position.setdefault(position, []).append(problem)
            case _:
                return None
    entries = _entries(document.values)
    if len(by_position) == len(entries):
        return None
    return tuple(
        _refused(document, position, entries[position], about)
        for position, about in sorted(by_position.items())
    )


def _refused(
    document: ConfigDocument, position: int, entry: dict[str, Any], problems: Sequence[Problem]
) -> RefusedSource:
    key = _text(entry.get("key"))
    # Whatever else stands there, and the name too, may be a secret that was put into the wrong place.
    known_key = key if re.fullmatch(SOURCE_KEY, key) and not looks_like_secret(key) else None
    error = ConfigurationError(
        source=known_key or f"sources[{position}]",
        tried=f"read its part of {document.path}",
        got=document.places(problems),
        next_step="Mend it, try `woo-sync check`, and restart the code server. Until then this source is not "
        "synced; the others are.",
    )
    return RefusedSource(position, known_key, error)


def _entries(values: Any) -> list[dict[str, Any]]:
    sources = values.get("sources")
    return (
        [entry if isinstance(entry, dict) else {} for entry in sources] if isinstance(sources, list) else []
    )


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
