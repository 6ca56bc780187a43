"""Requests made up from the published description: valid, invalid, and one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from woo_sync_pipeline.demo.platform import DemoPlatform

NOT_CHECKED = "positive_data_acceptance"
"""A request that fits the description may still be refused: its ids may refer to nothing, its phone be none."""


def test_the_platform_answers_as_described_whatever_it_is_asked(
    platform: DemoPlatform, shared: Path, tmp_path: Path
) -> None:
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", str(shared / "messagemedia" / "contacts-openapi.json")),
            *("--url", platform.url, "--auth", f"{platform.api_key}:{platform.api_secret}"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "5", "--seed", "1"),
            *("--checks", "all", "--exclude-checks", NOT_CHECKED, "--warnings", "off", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert "18 selected" in run.stdout or "18/18" in run.stdout
    statuses = {each.status for each in platform.requests.entries}
    assert statuses >= {200, 201, 204, 400, 401, 404, 405}
    assert len(platform.requests) > 300
