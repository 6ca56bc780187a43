"""Frames on their way from one asset to the next: parquet files at a path or URL."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from woo_sync_pipeline.errors import StagingError

_NOTES = b"woo_sync_notes"
KEPT = timedelta(days=7)
"""How long a staged frame is kept unless the configuration says otherwise."""


@dataclass(frozen=True)
class StagedName:
    """What a staged frame is called: asset, range of partitions, and the run that wrote it.

    A run that re-executes a failed one has the same `root_run_id` and finds what the failed one left.
    """

    source: str
    frame: str
    first_day: str
    last_day: str
    root_run_id: str

    @property
    def folder(self) -> str:
        """Folder of all runs' frames of this asset and range."""
        return f"{self.source}/{self.frame}/{self.first_day}_{self.last_day}"


@dataclass(frozen=True)
class StagedFrame:
    """A frame and the small facts that travel with it."""

    frame: pd.DataFrame
    notes: Mapping[str, Any]


class Staging:
    """Reads and writes staged frames below a path or a URL that fsspec knows, and forgets those older than `kept`."""

    def __init__(self, location: str, *, kept: timedelta = KEPT) -> None:
        self._files, self._root = fsspec.core.url_to_fs(location)
        self._kept = kept

    def write(
        self,
        name: StagedName,
        frame: pd.DataFrame,
        *,
        schema: pa.Schema | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a frame so that a reader sees all of it or nothing; files are for the owner's eyes only."""
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        table = table.replace_schema_metadata(
            {**(table.schema.metadata or {}), _NOTES: json.dumps(notes or {})}
        )
        folder = f"{self._root}/{name.folder}"
        self._files.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        with self._files.open(temporary, "wb") as file:
            self._protect(temporary)
            pq.write_table(table, file)
        self._files.mv(temporary, self._path(name))
        self._forget_old(f"{self._root}/{name.source}/{name.frame}", time.time())

    def read(self, name: StagedName) -> StagedFrame:
        """The frame that this run wrote, else the latest one of the same range.

        Raises `StagingError` when there is none.
        """
        path = self._path(name)
        if not self._files.exists(path):
            path = self._latest(name)
        with self._files.open(path, "rb") as file:
            table = pq.read_table(file)
        notes = json.loads((table.schema.metadata or {}).get(_NOTES, b"{}"))
        return StagedFrame(table.to_pandas(), notes)

    def prune(self, *, now: datetime) -> int:
        """Delete the old frames of all sources, and what broken writes left; returns how many files.

        `now` is a moment with a time zone.
        """
        return self._forget_old(self._root, now.timestamp())

    def _path(self, name: StagedName) -> str:
        return f"{self._root}/{name.folder}/{name.root_run_id}.parquet"

    def _latest(self, name: StagedName) -> str:
        found = self._entries(f"{self._root}/{name.folder}")
        if not found:
            raise StagingError(
                source=name.source,
                tried=f"read the staged frame {name.frame} of {name.first_day} to {name.last_day}",
                got="there is none",
                next_step=f"Materialise {name.source}/{name.frame} for these days first, or the whole job.",
            )
        return str(max(found, key=self._modified)["name"])

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        if not self._files.exists(folder):
            return []
        self._files.invalidate_cache()
        return [entry for entry in self._files.ls(folder, detail=True) if entry["name"].endswith(".parquet")]

    def _forget_old(self, folder: str, now: float) -> int:
        # They hold personal data: what no run will read again goes, of all days, and what broken writes left.
        self._files.invalidate_cache()
        found = self._files.find(folder, detail=True) if self._files.exists(folder) else {}
        kept = self._kept.total_seconds()
        old = [path for path, entry in found.items() if now - self._modified(entry) > kept]
        for path in old:
            with suppress(FileNotFoundError):  # Another run was quicker.
                self._files.rm_file(path)
        return len(old)

    def _modified(self, entry: Mapping[str, Any]) -> float:
        """When a file was written, as Unix time; file systems name it differently."""
        for key in ("mtime", "LastModified", "last_modified", "updated"):
            if key in entry:
                return _unix_time(entry[key])
        return _unix_time(self._files.modified(entry["name"]))

    def _protect(self, path: str) -> None:
        if "file" in self._files.protocol:
            Path(path).chmod(0o600)


def _unix_time(value: Any) -> float:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return float(value.timestamp() if hasattr(value, "timestamp") else value)
