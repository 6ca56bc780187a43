"""The pipeline as a component of a Dagster project that is there already."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from woo_sync_pipeline_tests.checkout import CHECKOUT

_FILES = {
    "pyproject.toml": """
[project]
name = "merchant"
version = "1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "merchant"
""",
    "merchant/__init__.py": "",
    "merchant/defs/__init__.py": "",
    "merchant/definitions.py": """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
""",
    "merchant/defs/contacts/defs.yaml": """
type: woo_sync_pipeline.orchestration.component.WooSync
attributes:
  config: woo_sync.yaml
""",
}
_VARIABLES = {
    "WOO_SYNC_DATABASE_URL": "postgresql://sync:secret@db.example.com/sync",
    "MESSAGEMEDIA_API_KEY": "key",
    "MESSAGEMEDIA_API_SECRET": "secret",
    "WOO_KEY": "ck_0123",
    "WOO_SECRET": "cs_0123",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with nothing but the component."""
    for name, text in _FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(CHECKOUT / "woo_sync.example.yaml", tmp_path / "merchant/defs/contacts/woo_sync.yaml")
    for name, value in _VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_three_lines_bring_in_all_sources(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    importlib.invalidate_caches()
    found = dg.load_from_defs_folder(path_within_project=project / "merchant" / "defs")
    names = {spec.key.to_user_string() for spec in found.resolve_all_asset_specs()}
    assert {"woocommerce/customers", "woocommerce/merged_contacts", "woocommerce/sync_report"} <= names
    assert found.resolve_sensor_def("woocommerce_live").name == "woocommerce_live"
    assert found.resolve_job_def("woocommerce_daily_sync").name == "woocommerce_daily_sync"


@pytest.mark.parametrize("what", ["defs", "yaml"])
def test_dagsters_own_tool_finds_nothing_wrong_with_it(project: Path, what: str) -> None:
    tool = Path(sys.executable).with_name("dg")
    if not tool.exists():
        pytest.skip("the tool `dg` is not installed: pip install dagster-dg-cli")
    done = subprocess.run(
        [tool, "check", what],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(project)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "validated successfully" in done.stdout + done.stderr
