"""Frames on their way from one asset to the next: parquet files in a folder or an object store."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from woo_sync_pipeline.errors import StagingError
from woo_sync_pipeline.privacy import redact
from woo_sync_pipeline.state.bulk import PORTION
from woo_sync_pipeline.state.failures import FULL_DISK, chain_of, disk_full

Failures: TypeAlias = Callable[[], AbstractContextManager[None]]
"""A block in which what the file system reports becomes a `StagingError`."""

_NOTES = b"woo_sync_notes"
KEPT = timedelta(days=7)
"""How long a staged frame is kept unless the configuration says otherwise."""

# Whatever else is below the root belongs to somebody else: it may be a bucket or a folder that others use too.
_OWN_FILE = re.compile(
    r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*/\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d/"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet|\.[0-9a-f]{32}\.tmp)",
    re.ASCII,
)


@dataclass(frozen=True)
class StagedName:
    """What a staged frame is called: asset, range of partitions, and the run that wrote it.

    A run that re-executes a failed one has the same `root_run_id`, a UUID, and finds what the failed one left.
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

    def __init__(self, open_file: Callable[[], IO[bytes]], failures: Failures) -> None:
        self._open = open_file
        self._failures = failures
        with failures(), open_file() as file:
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
        with self._failures(), self._open() as file:
            parts = pq.ParquetFile(file)
            for batch in parts.iter_batches(PORTION):
                yield pa.Table.from_batches([batch]).to_pandas()
            if not self.rows:
                yield parts.schema_arrow.empty_table().to_pandas()

    def _read(self, columns: list[str] | None) -> pa.Table:
        with self._failures(), self._open() as file:
            return pq.read_table(file, columns=columns)


class StagedWriter:
    """A frame that is being staged, portion by portion, with `notes` that may be given until the last moment."""

    def __init__(self, file: IO[bytes], schema: pa.Schema | None, failures: Failures) -> None:
        self.notes: Mapping[str, Any] = {}
        self.rows = 0
        self._file = file
        self._schema = schema
        self._failures = failures
        self._parquet: pq.ParquetWriter | None = None

    def add(self, rows: pd.DataFrame | pa.Table) -> None:
        """Write more rows. Without a schema the first ones tell the types of all."""
        if isinstance(rows, pd.DataFrame):
            rows = pa.Table.from_pandas(rows, schema=self._schema, preserve_index=False)
        with self._failures():
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._file, self._schema or rows.schema)
            self._parquet.write_table(rows, row_group_size=PORTION)
        self.rows += rows.num_rows

    def finish(self) -> None:
        """Write the notes, and what readers need to find the rows."""
        with self._failures():
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._file, self._schema or pa.schema([]))
            self._parquet.add_key_value_metadata({_NOTES: json.dumps(self.notes)})
            self._parquet.close()

    def abandon(self) -> None:
        """Write no more to a file that nobody will read."""
        if self._parquet is not None:
            with suppress(Exception):
                self._parquet.close()


class Staging:
    """Reads and writes staged frames below a folder or the URL of an object store, such as `s3://bucket/staging`.

    What fsspec knows of the store is asked for anew each time: other machines write there as well. Frames older
    than `kept` are forgotten; files of others are never deleted. Whatever fails raises `StagingError`.
    """

    def __init__(self, location: str, *, kept: timedelta = KEPT) -> None:
        self._kept = kept
        self._place = f"staging {location.rpartition('@')[2].partition('?')[0]}"
        with self._failures("open the staging area"):
            try:
                self._files, self._root = fsspec.core.url_to_fs(location, use_listings_cache=False)
            except ValueError:
                # What fsspec says of an address that it cannot read quotes it.
                raise self._failure(
                    "open the staging area",
                    "no kind of file system that is known here has such an address",
                    "Let staging_url be the path of a folder, or an address such as s3://bucket/prefix.",
                ) from None
        self._is_folder = "file" in self._files.protocol

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
        path, failures = self._path(name), partial(self._failures, f"stage the frame {name.frame}")
        new_file = self._new_folder_file if self._is_folder else self._new_object
        with new_file(path, failures) as file:
            staged = StagedWriter(file, schema, failures)
            try:
                yield staged
                staged.finish()
            except BaseException:
                staged.abandon()
                raise
        with failures():
            self._forget_old(f"{self._root}/{name.source}/{name.frame}", time.time())

    def read(self, name: StagedName) -> StagedFrame:
        """The frame that this run wrote, else the latest one of the same range.

        Raises `StagingError` when there is none.
        """
        path, failures = self._path(name), partial(self._failures, f"read the staged frame {name.frame}")
        with failures():
            if not self._files.exists(path):
                path = self._latest(name)
        return StagedFrame(partial(self._files.open, path, "rb"), failures)

    def prune(self, *, now: datetime) -> int:
        """Delete the old frames of all sources, and what broken writes left; returns how many files.

        `now` is a moment with a time zone.
        """
        with self._failures("forget old frames"):
            return self._forget_old(self._root, now.timestamp())

    def _path(self, name: StagedName) -> str:
        return f"{self._root}/{name.folder}/{name.root_run_id}.parquet"

    @contextmanager
    def _new_folder_file(self, path: str, failures: Failures) -> Iterator[IO[bytes]]:
        """A file that takes its name when it is complete."""
        folder = path.rpartition("/")[0]
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        with failures():
            self._files.makedirs(folder, exist_ok=True)
            file = self._files.open(temporary, "wb")
        try:
            with failures():
                Path(temporary).chmod(0o600)
            yield file
            with failures():
                # What is still in memory is written now, and there may be no room for it.
                file.close()
                self._files.mv(temporary, path)
        except BaseException:
            with suppress(OSError):
                file.close()
            # It may have filled the disk, and holds personal data.
            with suppress(OSError):
                Path(temporary).unlink()
            raise

    @contextmanager
    def _new_object(self, path: str, failures: Failures) -> Iterator[IO[bytes]]:
        """An object that is there when it is complete: such stores cannot rename, but what they put is atomic."""
        with failures():
            file = self._files.open(path, "wb", autocommit=False)
        try:
            yield file
            with failures():
                file.close()
                file.commit()
        except BaseException:
            # Closing would put what there is. Discarding has the store forget the parts that it got.
            file.closed = True
            with suppress(Exception):
                file.discard()
            raise

    def _latest(self, name: StagedName) -> str:
        try:
            entries = self._files.ls(f"{self._root}/{name.folder}", detail=True)
        except FileNotFoundError:
            entries = []
        found = [entry for entry in entries if entry["name"].endswith(".parquet")]
        if not found:
            raise StagingError(
                source=name.source,
                tried=f"read the staged frame {name.frame} of {name.first_day} to {name.last_day}",
                got="there is none",
                next_step=f"Materialise {name.source}/{name.frame} for these days first, or the whole job.",
            )
        return str(max(found, key=self._modified)["name"])

    def _forget_old(self, folder: str, now: float) -> int:
        # They hold personal data: what no run will read again goes, of all days, and what broken writes left.
        kept = self._kept.total_seconds()
        found = self._files.find(folder, detail=True)
        old = [
            path for path, entry in found.items() if self._is_own(path) and now - self._modified(entry) > kept
        ]
        for path in old:
            with suppress(FileNotFoundError):  # Another run was quicker.
                self._files.rm_file(path)
        return len(old)

    def _is_own(self, path: str) -> bool:
        """Whether it is a staged frame, or what a broken write left of one, by its place below the root."""
        root = f"{self._root.rstrip('/')}/"
        return path.startswith(root) and _OWN_FILE.fullmatch(path, len(root)) is not None

    def _modified(self, entry: Mapping[str, Any]) -> float:
        """When a file was written, as Unix time; file systems name it differently."""
        for key in ("mtime", "LastModified", "last_modified", "updated"):
            if key in entry:
                return _unix_time(entry[key])
        return _unix_time(self._files.modified(entry["name"]))

    @contextmanager
    def _failures(self, tried: str) -> Iterator[None]:
        try:
            yield
        except ImportError as missing:
            raise self._failure(
                tried,
                str(missing),
                "For s3:// install woo_sync_pipeline with its extra: woo_sync_pipeline[s3].",
            ) from None
        except Exception as error:
            if not isinstance(error, OSError) and not _is_of_object_store(error):
                raise
            for each in chain_of(error):
                if isinstance(each, OSError) and each.errno in FULL_DISK:
                    raise disk_full(each, source=self._place, tried=tried) from None
            raise self._failure(
                tried,
                f"{type(error).__name__}: {redact(str(error))}",
                "Check staging_url and what this process may do there (for s3:// its AWS_ variables or role: list, "
                "get, put and delete), then run the sync again: nothing is lost.",
            ) from None

    def _failure(self, tried: str, got: str, next_step: str) -> StagingError:
        return StagingError(source=self._place, tried=tried, got=got, next_step=next_step)


def _is_of_object_store(error: Exception) -> bool:
    """Whether it is one of the family of errors of the AWS client, which is installed only where it is used."""
    return any(kind.__module__.partition(".")[0] == "botocore" for kind in type(error).__mro__)


def _unix_time(value: Any) -> float:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return float(value.timestamp() if hasattr(value, "timestamp") else value)
