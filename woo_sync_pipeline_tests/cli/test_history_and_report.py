"""`woo-sync history` and `woo-sync report`, over two syncs of one store."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from woo_sync_pipeline.demo.world import DemoWorld
from woo_sync_pipeline.privacy import mask_phone
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld, small_store

_SYNCS = 2


@pytest.fixture(scope="module")
def world(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory, woo_sync: Command
) -> Iterator[DemoWorld]:
    """A world whose store was synced twice."""
    folder = tmp_path_factory.mktemp("synced")
    options = {"database_url": module_database_url}
    with DemoWorld(folder, {KEY: small_store()}, options=options) as world:
        for _ in range(_SYNCS):
            synced = woo_sync("--config", world.config, "sync")
            assert synced.code == 0, synced.out + synced.err
        yield world


def test_the_history_lists_the_newest_first_in_lines_that_are_not_squeezed(
    woo_sync: Command, world: DemoWorld
) -> None:
    result = woo_sync("--config", world.config, "history")

    rows = [line.split() for line in result.lines if KEY in line]
    count = len(world.platform.directory)
    assert result.code == 0
    assert [row[0] for row in rows] == ["2", "1"]
    assert rows[0][-6:-2] == ["succeeded", "0", "0", str(count)]
    assert rows[1][-6:-2] == ["succeeded", str(count), "0", "0"]
    assert "…" not in result.out
    assert "\x1b" not in result.out
    assert len([line for line in result.lines if line.strip()]) == 2 + _SYNCS


def test_the_history_as_json_has_every_field_of_each_sync(woo_sync: Command, world: DemoWorld) -> None:
    result = woo_sync("--config", world.config, "history", "--json")

    newest, oldest = json.loads(result.out)
    assert (newest["sync_id"], oldest["sync_id"]) == (2, 1)
    assert {"run_id", "source", "kind", "reading", "first_day", "last_day", "status", "started_at"} < set(
        newest
    )
    assert {"finished_at", "committed_at", "counts", "error"} < set(newest)
    assert oldest["kind"] == "first"
    assert oldest["counts"]["new"] == newest["counts"]["unchanged"] == len(world.platform.directory)
    assert oldest["started_at"].endswith("+00:00")


def test_the_history_can_be_limited_and_asked_for_one_source(woo_sync: Command, world: DemoWorld) -> None:
    limited = woo_sync("--config", world.config, "history", "--json", "--limit", "1", "--source", KEY)

    assert [each["sync_id"] for each in json.loads(limited.out)] == [2]
    assert woo_sync("--config", world.config, "history", "--source", "nowhere").code == 2


def test_a_history_without_a_sync_says_what_to_do(woo_sync: Command, make_world: MakeWorld) -> None:
    empty = make_world()

    assert (
        woo_sync("--config", empty.config, "history").out == "Nothing was synced yet. Run `woo-sync sync`.\n"
    )
    assert json.loads(woo_sync("--config", empty.config, "history", "--json").out) == []


def test_the_report_is_of_the_latest_sync_unless_a_number_is_given(
    woo_sync: Command, world: DemoWorld
) -> None:
    latest = woo_sync("--config", world.config, "report")
    first = woo_sync("--config", world.config, "report", 1)

    assert latest.lines[0].startswith("WooCommerce: sync 2 (manual), ")
    assert first.lines[0].startswith("WooCommerce: sync 1 (first), ")
    assert (latest.code, first.code) == (0, 0)


def test_phones_are_masked_in_the_table_and_whole_in_the_files(woo_sync: Command, world: DemoWorld) -> None:
    phones = set(world.platform.directory.snapshot())

    table = woo_sync("--config", world.config, "report", 1)
    as_csv = woo_sync("--config", world.config, "report", 1, "--csv")
    as_json = woo_sync("--config", world.config, "report", 1, "--json")

    assert not [phone for phone in phones if phone in table.out]
    assert [phone for phone in phones if mask_phone(phone) in table.out]
    rows = list(csv.DictReader(io.StringIO(as_csv.out)))
    assert {row["phone"] for row in rows if row["outcome"] == "new"} == phones
    report = json.loads(as_json.out)
    assert {each["phone"] for each in report["contacts"] if each["outcome"] == "new"} == phones
    assert report["sync_id"] == 1
    assert len(rows) == len(report["contacts"])


def test_the_files_say_why_a_record_is_invalid(woo_sync: Command, world: DemoWorld) -> None:
    report = json.loads(woo_sync("--config", world.config, "report", 1, "--json").out)

    invalid = [each for each in report["contacts"] if each["outcome"] == "invalid"]
    assert invalid
    assert len(invalid) == report["counts"]["invalid"]
    assert all(each["reason"] and each["record_id"] and each["phone"] is None for each in invalid)


def test_a_sync_that_is_not_there_is_one_clear_line(woo_sync: Command, world: DemoWorld) -> None:
    result = woo_sync("--config", world.config, "report", 999)

    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: There is no such sync. `woo-sync history` lists them.\n"


def test_a_report_as_a_page_names_the_source_and_masks_every_phone(
    woo_sync: Command, world: DemoWorld
) -> None:
    page = woo_sync("--config", world.config, "report", 1, "--html")

    assert page.code == 0
    assert page.out.startswith("<!doctype html>")
    assert "WooCommerce: sync 1 (first)" in page.out
    assert f"{world.stores[KEY].url}/wp-admin/" in page.out
    assert not [phone for phone in world.platform.directory.snapshot() if phone in page.out]


def test_the_console_script_writes_no_escape_sequences_into_a_pipe(world: DemoWorld) -> None:
    script = str(Path(sys.executable).parent / "woo-sync")
    for arguments in (["history"], ["report", "1"]):
        result = subprocess.run(
            [script, "--config", str(world.config), *arguments], capture_output=True, check=True
        )

        assert b"\x1b" not in result.stdout
        assert result.stderr == b""
