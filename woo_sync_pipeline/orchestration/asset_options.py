"""What the assets of one source look like in the UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from woo_sync_pipeline.config.settings import SourceSettings
from woo_sync_pipeline.orchestration.step import RESOURCES

_PERSONAL = ("phone", "first_name", "last_name", "email", "meta")


def asset_options(
    source: SourceSettings,
    partitions: dg.PartitionsDefinition[str],
    *,
    kinds: set[str],
    columns: Mapping[str, str] | pa.Schema | None = None,
    upstream: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Options that every asset of a source shares, with the columns of its staged frame."""
    metadata = {"dagster/column_schema": _table_schema(columns)} if columns is not None else {}
    return {
        "key_prefix": source.key,
        "group_name": source.key,
        "partitions_def": partitions,
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "required_resource_keys": set(RESOURCES),
        "kinds": kinds,
        "owners": ["team:data-engineering"],
        "freshness_policy": _daily_freshness(),
        "metadata": metadata,
        "deps": [dg.AssetKey([source.key, name]) for name in upstream],
        **more,
    }


def _daily_freshness() -> dg.FreshnessPolicy:
    """Fresh within a day and a half; a warning after a day and two hours."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))


def _table_schema(columns: Mapping[str, str] | pa.Schema) -> dg.TableSchema:
    typed = (
        {field.name: str(field.type) for field in columns}
        if isinstance(columns, pa.Schema)
        else dict(columns)
    )
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, tags={"pii": ""} if _is_personal(name) else None)
            for name, kind in typed.items()
        ]
    )


def _is_personal(column: str) -> bool:
    return any(column == name or column.endswith(f"_{name}") for name in _PERSONAL)
