"""The kinds of sources that there are: those of this package, and those that other packages bring along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from woo_sync_pipeline.config.source import SourceSettings
from woo_sync_pipeline.sources.base import SourceKind

ENTRY_POINTS = "woo_sync_pipeline.sources"
"""The group of entry points by which another package names its kinds."""

_OWN = (
    EntryPoint("woocommerce", "woo_sync_pipeline.sources.woocommerce.kind:WOOCOMMERCE", ENTRY_POINTS),
    EntryPoint("klaviyo", "woo_sync_pipeline.sources.klaviyo.kind:KLAVIYO", ENTRY_POINTS),
)


@cache
def source_kinds() -> Mapping[str, SourceKind[Any]]:
    """All kinds, by what stands as `type` in the configuration. One that comes later replaces none that is there."""
    found: dict[str, SourceKind[Any]] = {}
    for entry in (*_OWN, *entry_points(group=ENTRY_POINTS)):
        kind: SourceKind[Any] = entry.load()
        found.setdefault(kind.type_name, kind)
    return found


def kind_of(source: SourceSettings) -> SourceKind[Any]:
    """The kind that a source is of."""
    return source_kinds()[source.type]


def noun_of_all(sources: Sequence[SourceSettings]) -> str:
    """What all sources are, in a word: `store`, `account`, and `source` where they are of several kinds."""
    nouns = {kind_of(source).noun for source in sources}
    return nouns.pop() if len(nouns) == 1 else SourceKind.noun
