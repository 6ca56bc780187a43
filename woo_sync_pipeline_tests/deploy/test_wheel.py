"""The wheel holds all of the package, and works where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from woo_sync_pipeline_tests.checkout import CHECKOUT

PACKAGE = "woo_sync_pipeline"

# Without the embedded database, which is tested elsewhere: what needs files other than modules.
_PROGRAM = """
from importlib.resources import files
from alembic.config import Config
from alembic.script import ScriptDirectory
from woo_sync_pipeline import cli, definitions
from woo_sync_pipeline.reports import html
from woo_sync_pipeline.state.database import newest_version

environment = html.Environment(loader=html.PackageLoader("woo_sync_pipeline.reports", "."))
environment.get_template("report.html.j2")
config = Config()
config.set_main_option("script_location", str(files("woo_sync_pipeline.state") / "migrations"))
assert ScriptDirectory.from_config(config).get_current_head() == newest_version()
print(cli.__file__, definitions.__file__, sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout and nothing that lies there is packed."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copy(CHECKOUT / name, source)
    shutil.copytree(CHECKOUT / PACKAGE, source / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "-w", str(built)]
    subprocess.run([*command, *_without_download()], check=True, capture_output=True)
    (found,) = built.glob("*.whl")
    return found


def _without_download() -> list[str]:
    try:
        is_new_enough = int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        is_new_enough = False
    return ["--no-build-isolation"] if is_new_enough else []


def test_the_wheel_holds_every_file_of_the_package_and_no_test(wheel: Path) -> None:
    files = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == files
    assert {f"{PACKAGE}/py.typed", f"{PACKAGE}/reports/report.html.j2"} <= packed


def test_what_is_unpacked_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site" / PACKAGE
    assert done.stdout.splitlines() == [str(site / "cli" / "__init__.py"), str(site / "definitions.py")]


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [each for each in packed.namelist() if each.endswith("/entry_points.txt")]
        assert f"woo-sync = {PACKAGE}.cli:main" in packed.read(name).decode()
