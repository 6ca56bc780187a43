"""What merging must know of a source, as it was configured when something was last committed for it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from woo_sync_pipeline.contacts.merge import MergeSource
from woo_sync_pipeline.errors import StateError
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("sources")


def remember_source(
    connection: sa.Connection, key: str, source: MergeSource, settings: Mapping[str, Any]
) -> None:
    """Write down how a source is configured; `settings` are those that what its records mean depends on, by name."""
    values = {
        "key": key,
        "name": source.name,
        "is_explicit": source.is_explicit,
        "name_format": source.name_format,
        "settings": json.dumps(settings, sort_keys=True),
    }
    connection.execute(sa.text(_SQL["remember"]), values)


def changed_settings(connection: sa.Connection, key: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of settings that were otherwise when `remember_source` last wrote them down, sorted."""
    query = "SELECT settings FROM woo_sync.sources WHERE source = :key"
    known = connection.execute(sa.text(query), {"key": key}).scalar() or {}
    present = json.loads(json.dumps(settings))
    return tuple(sorted(name for name, value in known.items() if value != present.get(name)))


def change_consent_modes(connection: sa.Connection, configured: Mapping[str, MergeSource]) -> list[str]:
    """Write down the consent modes of all sources that were committed before; returns the keys that changed."""
    values = {"keys": list(configured), "modes": [each.is_explicit for each in configured.values()]}
    return list(connection.execute(sa.text(_SQL["change_modes"]), values).scalars())


def with_refused_sources(
    database: Database, configured: Mapping[str, MergeSource], refused: Collection[str] | None
) -> dict[str, MergeSource]:
    """All sources whose records count: the configured ones, and the refused ones as they were last.

    A source whose configuration cannot be read is not gone: what is known of its people, opt-outs above all, goes
    on to count. `refused` None: some key cannot be read, so every source that was ever synced may be the one.

    Raises `StateError` when it is not known how a refused source was configured.
    """
    if refused is not None and not refused:
        return dict(configured)
    values = {"configured": list(configured), "any": refused is None, "refused": list(refused or ())}
    remembered = {}
    for key, name, is_explicit, name_format in database.rows(_SQL["of_refused"], **values):
        if name is None:
            raise StateError(
                source=key,
                tried="merge its contacts with those of other sources",
                got="its part of the configuration cannot be read, and how it was configured before is not known",
                next_step="Mend the configuration of this source, restart the code server, and run the sync again.",
            )
        remembered[key] = MergeSource(name, is_explicit, name_format)
    return {**configured, **remembered}
