"""Staging in an object store, over HTTP to a local server that speaks the protocol of S3."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from woo_sync_pipeline.errors import StagingError
from woo_sync_pipeline.state.staging import StagedName, Staging

pytest.importorskip("s3fs", reason="staging at s3:// needs the extra s3")
moto_server = pytest.importorskip("moto.server", reason="a local S3 needs the extra test")

RUN = "00000001-0000-4000-8000-00000000000a"
OTHER_RUN = "00000002-0000-4000-8000-00000000000a"
NAME = StagedName("shop", "customers", "2026-11-01", "2026-11-03", RUN)
LOCATION = "s3://staging-bucket/deep/down"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def staging(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staging]:
    """A staging area in an empty bucket, reached by what the environment says."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(use_listings_cache=False)
    files.mkdir("staging-bucket")
    yield Staging(LOCATION)
    files.rm("staging-bucket", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def frame(*values: int) -> pd.DataFrame:
    return pd.DataFrame({"record_id": pd.Series(values, dtype="int64")})


def ids(staging: Staging, name: StagedName = NAME) -> list[int]:
    found: list[int] = staging.read(name).frame["record_id"].tolist()
    return found


def test_a_frame_passes_from_one_machine_to_another(staging: Staging) -> None:
    elsewhere = Staging(LOCATION)
    with pytest.raises(StagingError, match="there is none"):
        elsewhere.read(NAME)
    staging.write(NAME, frame(1, 2), notes={"read": 2})
    found = elsewhere.read(NAME)
    assert (found.frame["record_id"].tolist(), found.rows, found.notes) == ([1, 2], 2, {"read": 2})
    assert [len(part) for part in found.portions()] == [2]
    staging.write(NAME, frame(3))
    assert ids(elsewhere) == [3]
    assert ids(elsewhere, replace(NAME, root_run_id=OTHER_RUN)) == [3]


class _BrokenError(Exception):
    """The machine is about to die."""


@pytest.mark.parametrize("rows", [1, 800_000], ids=["one put", "several parts"])
def test_a_write_that_breaks_off_leaves_what_was_there_before(
    staging: Staging, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "default_block_size", 5 * 2**20)
    staging.write(NAME, frame(1))
    noise = pd.DataFrame({"record_id": np.random.default_rng(1).integers(0, 2**62, rows)})

    def break_off() -> None:
        with staging.writing(NAME) as staged:
            staged.add(noise)
            raise _BrokenError

    with pytest.raises(_BrokenError):
        break_off()
    assert ids(staging) == [1]
    uploads = s3fs.S3FileSystem(use_listings_cache=False).call_s3(
        "list_multipart_uploads", Bucket="staging-bucket"
    )
    assert uploads.get("Uploads", []) == []
    staging.write(NAME, noise)
    assert staging.read(NAME).rows == rows


def test_readers_see_all_of_a_frame_or_the_one_before_it_or_that_it_was_replaced(staging: Staging) -> None:
    rows = 20_000
    staging.write(NAME, pd.DataFrame({"record_id": np.full(rows, 0)}))
    is_over = threading.Event()
    seen: list[tuple[int, set[int]]] = []
    refused: list[str] = []

    def read() -> None:
        while not is_over.is_set():
            try:
                found = ids(staging)
            except StagingError as replaced:
                refused.append(replaced.got)
            else:
                seen.append((len(found), set(found)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 8):
        staging.write(NAME, pd.DataFrame({"record_id": np.full(rows, number)}))
    # On a busy machine each frame is replaced before it is read; nothing replaces the last one.
    last = time.monotonic() + 30
    while not seen and time.monotonic() < last:
        time.sleep(0.01)
    is_over.set()
    reader.join()
    assert seen
    assert all("no longer exists" in got for got in refused)
    assert all(length == rows and len(values) == 1 for length, values in seen)


def test_what_is_old_is_forgotten_there_as_well(staging: Staging) -> None:
    names = [NAME, replace(NAME, source="outlet"), replace(NAME, first_day="2026-10-01")]
    for name in names:
        staging.write(name, frame(1))
    now = datetime.now(UTC)
    assert staging.prune(now=now + timedelta(days=6)) == 0
    assert staging.prune(now=now + timedelta(days=8)) == 3
    Staging(LOCATION, kept=timedelta(seconds=-60)).write(NAME, frame(1))
    with pytest.raises(StagingError, match="there is none"):
        staging.read(NAME)


def test_objects_of_others_are_never_deleted(staging: Staging) -> None:
    import s3fs

    files = s3fs.S3FileSystem(use_listings_cache=False)
    own_folder = f"staging-bucket/{NAME.folder}"
    foreign = {
        "staging-bucket/annual-accounts.xlsx",
        f"staging-bucket/{RUN}.parquet",
        f"staging-bucket/deep/{NAME.folder}/{RUN}.parquet",
        f"{own_folder}/part-0.parquet",
        f"{own_folder}/.0123456789abcdef.tmp",
    }
    for path in foreign:
        files.pipe_file(path, b"not ours")
    whole_bucket = Staging("s3://staging-bucket", kept=timedelta(seconds=-60))
    whole_bucket.write(NAME, frame(1))
    files.pipe_file(f"{own_folder}/{OTHER_RUN}.parquet", b"a frame")
    assert whole_bucket.prune(now=datetime.now(UTC)) == 1
    assert set(files.find("staging-bucket")) == foreign


def test_a_bucket_that_is_not_there_is_named_with_what_to_do_and_not_made(staging: Staging) -> None:
    elsewhere = Staging("s3://nobody-s-bucket/staging")
    with pytest.raises(StagingError) as caught:
        elsewhere.write(NAME, frame(1))
    assert caught.value.source == "staging s3://nobody-s-bucket/staging"
    assert caught.value.tried == "stage the frame customers"
    assert "Check staging_url" in caught.value.next_step
    with pytest.raises(StagingError):
        elsewhere.write(NAME, frame(1))


def test_a_store_that_does_not_answer_is_said_so(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StagingError) as caught:
        Staging(LOCATION).write(NAME, frame(1))
    assert "127.0.0.1" in caught.value.got
    assert "hunter2" not in str(caught.value)
