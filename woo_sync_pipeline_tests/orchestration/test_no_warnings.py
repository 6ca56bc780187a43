"""Nothing that we call is deprecated, superseded or on trial; a user's terminal shows no warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from woo_sync_pipeline.config.settings import CONFIG_ENV
from woo_sync_pipeline_tests.orchestration.conftest import World

WARNING = re.compile(r"\b\w*Warning\b.*")

# Dagster announces that its own command has a successor, whatever it validates.
OF_DAGSTERS_COMMAND_LINE = "SupersessionWarning: Function `definitions_validate_command` is superseded"

STRICT = """\
import warnings
from dagster import BetaWarning, PreviewWarning, SupersessionWarning

for kind in (DeprecationWarning, FutureWarning, BetaWarning, PreviewWarning, SupersessionWarning):
    warnings.filterwarnings("error", category=kind)
"""

SYNC = """\
from woo_sync_pipeline.cli import main
import sys
sys.argv = ["woo-sync", "sync"]
main()
"""


def _run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with every warning shown that would be hidden otherwise."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [found.group() for found in WARNING.finditer(done.stdout + done.stderr)]


def test_loading_and_syncing_call_nothing_that_is_deprecated_or_on_trial(
    world: World, tmp_path: Path
) -> None:
    done = _run(
        tmp_path,
        "-W",
        "error::DeprecationWarning",
        "-W",
        "error::FutureWarning",
        "-c",
        STRICT + SYNC,
        **{CONFIG_ENV: str(world.demo.config)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _warnings(done) == []
    assert len(world.directory) > 50


def test_dagster_validates_the_definitions_without_a_warning_of_ours(world: World, tmp_path: Path) -> None:
    done = _run(
        tmp_path,
        *("-W", "default", "-m", "dagster", "definitions", "validate", "-m", "woo_sync_pipeline.definitions"),
        **{CONFIG_ENV: str(world.demo.config)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr
    ours = [each for each in _warnings(done) if not each.startswith(OF_DAGSTERS_COMMAND_LINE)]
    assert ours == []


def test_a_warning_would_be_seen(tmp_path: Path) -> None:
    done = _run(tmp_path, "-c", f"{STRICT}\nwarnings.warn('x', BetaWarning)")
    assert done.returncode != 0
    assert _warnings(done) != []
