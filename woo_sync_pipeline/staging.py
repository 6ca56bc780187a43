"""Frames on their way from one asset to the next: parquet files at a path or URL."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from woo_sync_pipeline.errors import StagingError

_NOTES = b"woo_sync_notes"
PORTION = 50_000
"""Rows that are worked on at a time, so that what a step takes in memory does not grow with the store."""
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


class StagedFrame:
    """A staged frame: its rows, read when they are asked for, and the small facts that travel with it."""

    def __init__(self, open_file: Callable[[], IO[bytes]]) -> None:
        self._open = open_file
        with open_file() as file:
            metadata = pq.read_metadata(file)
        self.rows: int = metadata.num_rows
        self.notes: Mapping[str, Any] = json.loads((metadata.metadata or {}).get(_NOTES, b"{}"))

    @property
    def table(self) -> pa.Table:
        """All rows as Arrow holds them, which takes a fraction of the memory of a frame."""
        return self._read(None)

    @property
    def frame(self) -> pd.DataFrame:
        """All rows and columns."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def columns(self, *names: str) -> pd.DataFrame:
        """All rows of these columns."""
        frame: pd.DataFrame = self._read(list(names)).to_pandas()
        return frame

    def portions(self) -> Iterator[pd.DataFrame]:
        """The rows in portions, each numbered from 0; at least one, which may be empty."""
        with self._open() as file:
            parts = pq.ParquetFile(file)
            for batch in parts.iter_batches(PORTION):
                yield pa.Table.from_batches([batch]).to_pandas()
            if not self.rows:
                yield parts.schema_arrow.empty_table().to_pandas()

    def _read(self, columns: list[str] | None) -> pa.Table:
        with self._open() as file:
            return pq.read_table(file, columns=columns)


class StagedWriter:
    """A frame that is being staged, portion by portion, with `notes` that may be given until the last moment."""

    def __init__(self, file: IO[bytes], schema: pa.Schema | None) -> None:
        self.notes: Mapping[str, Any] = {}
        self.rows = 0
        self._file = file
        self._schema = schema
        self._parquet: pq.ParquetWriter | None = None

    def add(self, rows: pd.DataFrame | pa.Table) -> None:
        """Write more rows. Without a schema the first ones tell the types of all."""
        if isinstance(rows, pd.DataFrame):
            rows = pa.Table.from_pandas(rows, schema=self._schema, preserve_index=False)
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._file, self._schema or rows.schema)
        self._parquet.write_table(rows, row_group_size=PORTION)
        self.rows += rows.num_rows

    def finish(self) -> None:
        """Write the notes."""
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._file, self._schema or pa.schema([]))
        self._parquet.add_key_value_metadata({_NOTES: json.dumps(self.notes)})

    def close(self) -> None:
        """Write no more."""
        if self._parquet is not None:
            self._parquet.close()


class Staging:
    """Reads and writes staged frames below a path or a URL that fsspec knows, and forgets those older than `kept`."""

    def __init__(self, location: str, *, kept: timedelta = KEPT) -> None:
        self._files, self._root = fsspec.core.url_to_fs(location)
        self._kept = kept

    def write(
        self,
        name: StagedName,
        rows: pd.DataFrame | pa.Table,
        *,
        schema: pa.Schema | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a whole frame, as `writing` does."""
        with self.writing(name, schema=schema) as staged:
            staged.add(rows)
            staged.notes = notes or {}

    @contextmanager
    def writing(self, name: StagedName, *, schema: pa.Schema | None = None) -> Iterator[StagedWriter]:
        """Write a frame portion by portion. A reader sees all of it, once this is over, or nothing.

        Files are for the owner's eyes only. What breaks off leaves what was there before.
        """
        folder = f"{self._root}/{name.folder}"
        self._files.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        with self._files.open(temporary, "wb") as file:
            self._protect(temporary)
            staged = StagedWriter(file, schema)
            try:
                yield staged
                staged.finish()
            finally:
                staged.close()
        self._files.mv(temporary, self._path(name))
        self._forget_old(f"{self._root}/{name.source}/{name.frame}", time.time())

    def read(self, name: StagedName) -> StagedFrame:
        """The frame that this run wrote, else the latest one of the same range.

        Raises `StagingError` when there is none.
        """
        path = self._path(name)
        if not self._files.exists(path):
            path = self._latest(name)
        return StagedFrame(partial(self._files.open, path, "rb"))

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
