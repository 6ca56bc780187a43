"""What commands leave on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from woo_sync_pipeline_tests.cli.conftest import Command, MakeWorld


@pytest.fixture
def _open_umask() -> Iterator[None]:
    """New files may be read by everybody, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_umask")
def test_whatever_a_sync_writes_is_for_its_owner_only(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world()

    assert woo_sync("--config", world.config, "sync").code == 0

    written = [path for path in world.folder.rglob("*") if path != world.config]
    assert {"dagster.yaml", ".woo_sync", "staging"} <= {path.name for path in written}
    assert [path for path in written if path.stat().st_mode & 0o077] == []
    assert world.config.stat().st_mode & 0o077 == 0


def test_a_sync_leaves_nothing_in_the_home_of_dagster(woo_sync: Command, make_world: MakeWorld) -> None:
    """Retention deletes what the database holds of a run; files of runs would stay for ever."""
    world = make_world()

    assert woo_sync("--config", world.config, "sync").code == 0

    home = world.folder / ".woo_sync" / "dagster_home"
    assert _files(home) == [home / "dagster.yaml"]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
