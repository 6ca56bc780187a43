"""Requests made up from the published description, thousands when run by hand: `pip install schemathesis` first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def test_the_platform_answers_as_described_whatever_it_is_asked(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    with DemoPlatform() as platform:
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", str(shared / "messagemedia" / "contacts-openapi.json")),
                *("--url", platform.url, "--auth", f"{platform.api_key}:{platform.api_secret}"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"),
                *("--checks", ",".join(CHECKS), "--warnings", "off", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
        statuses = {each.status for each in platform.requests.entries}
        assert statuses >= {200, 201, 400}
        assert len(platform.requests) > 300
