from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from woo_sync_pipeline.errors import DiskFullError, StagingError
from woo_sync_pipeline.state import staging as staging_module
from woo_sync_pipeline.state.staging import StagedName, Staging
from woo_sync_pipeline_tests.disks import no_file_larger_than

RUNS = [f"{number:08x}-0000-4000-8000-00000000000a" for number in range(10)]
NAME = StagedName("shop", "customers", "2026-11-01", "2026-11-03", RUNS[1])
DAY = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staging"


@pytest.fixture
def staging(folder: Path) -> Staging:
    return Staging(str(folder))


def frame(*values: int) -> pd.DataFrame:
    return pd.DataFrame({"record_id": pd.Series(values, dtype="int64")})


def ids(staging: Staging, name: StagedName = NAME) -> Sequence[int]:
    found: list[int] = staging.read(name).frame["record_id"].tolist()
    return found


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def make_older(path: Path, seconds: float) -> None:
    past = time.time() - seconds
    os.utime(path, (past, past))


def test_a_frame_comes_back_with_its_types_and_notes(staging: Staging) -> None:
    moment = pd.Timestamp("2026-11-01T12:00:00.123456Z")
    written = pd.DataFrame(
        {
            "record_id": [1, 2],
            "phone": ["+61491570006", None],
            "tags": [["VIP", "é"], []],
            "at": pd.Series([moment, pd.NaT]).astype("datetime64[us, UTC]"),
        }
    )
    notes = {"read": 2, "started_at": moment.isoformat(), "nested": {"a": [1]}}
    staging.write(NAME, written, notes=notes)
    found = staging.read(NAME)
    assert found.notes == notes
    assert found.frame.dtypes.astype(str).to_dict() == {
        "record_id": "int64",
        "phone": "object",
        "tags": "object",
        "at": "datetime64[us, UTC]",
    }
    assert found.frame["tags"].map(list).tolist() == [["VIP", "é"], []]
    assert found.frame["at"].tolist()[0] == moment
    assert found.frame["phone"].tolist() == ["+61491570006", None]


def test_a_frame_without_rows_keeps_the_types_of_its_schema(staging: Staging) -> None:
    schema = pa.schema([("record_id", pa.int64()), ("at", pa.timestamp("us", tz="UTC"))])
    staging.write(NAME, schema.empty_table().to_pandas(), schema=schema)
    found = staging.read(NAME)
    assert found.frame.dtypes.astype(str).to_dict() == {"record_id": "int64", "at": "datetime64[us, UTC]"}
    assert found.notes == {}


def test_files_are_named_by_source_frame_range_and_run_and_are_the_owner_s_own(
    staging: Staging, folder: Path
) -> None:
    staging.write(NAME, frame(1))
    assert files(folder) == [f"shop/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet"]
    (path,) = folder.rglob("*.parquet")
    assert path.stat().st_mode & 0o777 == 0o600


def test_writing_again_replaces_the_run_s_own_frame(staging: Staging, folder: Path) -> None:
    staging.write(NAME, frame(1))
    staging.write(NAME, frame(2))
    assert ids(staging) == [2]
    assert len(files(folder)) == 1


def test_a_run_reads_its_own_frame_and_not_a_later_one(staging: Staging) -> None:
    staging.write(NAME, frame(1))
    staging.write(replace(NAME, root_run_id=RUNS[2]), frame(2))
    assert ids(staging) == [1]


def test_a_run_without_a_frame_reads_the_latest_of_the_same_range(staging: Staging, folder: Path) -> None:
    for number, age in (("1", 30), ("2", 10), ("3", 20)):
        name = replace(NAME, root_run_id=RUNS[int(number)])
        staging.write(name, frame(int(number)))
        make_older(folder / name.folder / f"{RUNS[int(number)]}.parquet", age)
    assert ids(staging, replace(NAME, root_run_id=RUNS[4])) == [2]


@pytest.mark.parametrize(
    "other",
    [
        replace(NAME, source="outlet"),
        replace(NAME, frame="orders"),
        replace(NAME, first_day="2026-11-02"),
        replace(NAME, last_day="2026-11-04"),
    ],
)
def test_a_frame_of_another_kind_is_never_taken_instead(staging: Staging, other: StagedName) -> None:
    staging.write(NAME, frame(1))
    with pytest.raises(StagingError) as caught:
        staging.read(other)
    assert caught.value.source == other.source
    assert f"the staged frame {other.frame} of {other.first_day} to {other.last_day}" in caught.value.tried
    assert f"Materialise {other.source}/{other.frame}" in caught.value.next_step


class _BrokenError(Exception):
    """The disk is full, or the process is about to die."""


def test_a_write_that_breaks_off_leaves_what_was_there_before(staging: Staging) -> None:
    staging.write(NAME, frame(1))

    def break_off(name: StagedName) -> None:
        with staging.writing(name) as staged:
            staged.add(frame(2))
            raise _BrokenError

    for name in (NAME, replace(NAME, root_run_id=RUNS[2])):
        with pytest.raises(_BrokenError):
            break_off(name)
    assert ids(staging) == [1]
    assert ids(staging, replace(NAME, root_run_id=RUNS[2])) == [1]


def test_a_frame_is_written_and_read_in_portions(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_module, "PORTION", 2)
    with staging.writing(NAME, schema=pa.schema([("record_id", pa.int64()), ("tag", pa.string())])) as staged:
        for values in ([1, 2, 3], [], [4]):
            staged.add(frame(*values).assign(tag="VIP"))
        staged.notes = {"rows": staged.rows}
    found = staging.read(NAME)
    assert (found.rows, found.notes) == (4, {"rows": 4})
    assert [len(part) for part in found.portions()] == [2, 2]
    assert pd.concat(found.portions())["record_id"].tolist() == [1, 2, 3, 4]
    assert found.columns("tag").columns.tolist() == ["tag"]
    assert found.table.num_rows == 4


def test_a_frame_without_rows_comes_in_one_portion_with_its_columns(staging: Staging) -> None:
    schema = pa.schema([("record_id", pa.int64())])
    with staging.writing(NAME, schema=schema):
        pass
    (part,) = staging.read(NAME).portions()
    assert part.columns.tolist() == ["record_id"]
    assert part.empty


def test_readers_see_all_of_a_frame_or_the_one_before_it(staging: Staging) -> None:
    rows = 20_000
    staging.write(NAME, pd.DataFrame({"record_id": np.full(rows, 0)}))
    is_over = threading.Event()
    seen: list[tuple[int, set[int]]] = []

    def read() -> None:
        while not is_over.is_set():
            found = ids(staging)
            seen.append((len(found), set(found)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 15):
        staging.write(NAME, pd.DataFrame({"record_id": np.full(rows, number)}))
    is_over.set()
    reader.join()
    assert seen
    assert all(length == rows and len(values) == 1 for length, values in seen)


def test_frames_that_no_run_will_read_again_go_whatever_their_days(staging: Staging, folder: Path) -> None:
    old_day = replace(NAME, first_day="2026-10-01", last_day="2026-10-01")
    old_run = replace(NAME, root_run_id=RUNS[0])
    kept = replace(NAME, root_run_id=RUNS[9])
    other_frame = replace(old_day, frame="orders")
    for name, age in ((old_day, 8 * DAY), (old_run, 8 * DAY), (kept, 6 * DAY), (other_frame, 6 * DAY)):
        staging.write(name, frame(1))
        make_older(folder / name.folder / f"{name.root_run_id}.parquet", age)

    staging.write(NAME, frame(2))

    assert files(folder) == [
        f"shop/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet",
        f"shop/customers/2026-11-01_2026-11-03/{RUNS[9]}.parquet",
        f"shop/orders/2026-10-01_2026-10-01/{RUNS[1]}.parquet",
    ]


def test_what_a_broken_write_left_behind_goes_as_well(staging: Staging, folder: Path) -> None:
    staging.write(NAME, frame(1))
    left = folder / NAME.folder / f".{uuid.uuid4().hex}.tmp"
    left.write_bytes(b"half a frame")
    staging.write(NAME, frame(2))
    assert left.exists()
    make_older(left, 8 * DAY)
    staging.write(NAME, frame(3))
    assert not left.exists()


def test_pruning_forgets_what_is_old_of_all_sources_and_says_how_much(folder: Path) -> None:
    staging = Staging(str(folder), kept=timedelta(days=3))
    assert staging.prune(now=datetime.now(UTC)) == 0
    outlet = replace(NAME, source="outlet")
    for name in (NAME, outlet, replace(outlet, frame="orders")):
        staging.write(name, frame(1))
    left = folder / NAME.folder / f".{uuid.uuid4().hex}.tmp"
    left.write_bytes(b"half a frame")
    make_older(left, 4 * DAY)
    make_older(folder / outlet.folder / f"{RUNS[1]}.parquet", 4 * DAY)
    assert staging.prune(now=datetime.now(UTC)) == 2
    assert files(folder) == [
        f"outlet/orders/2026-11-01_2026-11-03/{RUNS[1]}.parquet",
        f"shop/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet",
    ]
    assert staging.prune(now=datetime.now(UTC) + timedelta(days=4)) == 2
    assert files(folder) == []


@pytest.mark.parametrize(
    "foreign",
    [
        "customers.parquet",
        "annual-accounts/2026.xlsx",
        f"{RUNS[1]}.parquet",
        f"shop/customers/{RUNS[1]}.parquet",
        f"shop/customers/2026-11/{RUNS[1]}.parquet",
        f"archive/shop/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet",
        "shop/customers/2026-11-01_2026-11-03/customers.parquet",
        f"shop/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet.bak",
        f"shop/customers/2026-11-01_2026-11-03/{RUNS[1]}/part.parquet",
        "shop/customers/2026-11-01_2026-11-03/.nfs0123456789abcdef.tmp",
        f"shop/customers/2026-11-01_2026-11-03/{'0' * 32}.tmp",
        f"Shop Data/customers/2026-11-01_2026-11-03/{RUNS[1]}.parquet",
    ],
)
def test_files_of_others_are_never_deleted(folder: Path, foreign: str) -> None:
    staging = Staging(str(folder), kept=timedelta(days=3))
    theirs = folder / foreign
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"not ours")
    make_older(theirs, 400 * DAY)
    staging.write(replace(NAME, root_run_id=RUNS[2]), frame(1))
    assert staging.prune(now=datetime.now(UTC) + timedelta(days=400)) == 1
    assert files(folder) == [foreign]


def test_a_url_names_another_file_system() -> None:
    staging = Staging("memory://staging-tests/deep")
    with pytest.raises(StagingError):
        staging.read(NAME)
    staging.write(NAME, frame(1), notes={"read": 1})
    assert ids(Staging("memory://staging-tests/deep")) == [1]
    assert ids(staging, replace(NAME, root_run_id=RUNS[2])) == [1]
    assert staging.prune(now=datetime.now(UTC) + timedelta(days=8)) == 1


@pytest.mark.parametrize(("rows", "most_bytes"), [(100_000, 64 * 1024), (10, 100)], ids=["large", "small"])
def test_a_full_disk_is_named_and_leaves_what_was_there_before_and_nothing_else(
    staging: Staging, folder: Path, rows: int, most_bytes: int
) -> None:
    staging.write(NAME, frame(1, 2))
    before = files(folder)
    # What cannot be made smaller.
    random = frame(*np.random.default_rng(1).integers(0, 2**60, rows).tolist())
    with no_file_larger_than(most_bytes), pytest.raises(DiskFullError) as caught:
        staging.write(NAME, random)
    assert caught.value.source == f"staging {folder}"
    assert "there is no room left" in str(caught.value)
    assert not caught.value.transient
    assert files(folder) == before
    assert ids(staging) == [1, 2]
    staging.write(NAME, random)
    assert len(ids(staging)) == rows


def test_an_address_of_no_file_system_is_refused_without_being_repeated() -> None:
    with pytest.raises(StagingError) as caught:
        Staging("nowhere://key:hunter2@bucket/x")
    assert "no kind of file system" in str(caught.value)
    assert "hunter2" not in str(caught.value)
