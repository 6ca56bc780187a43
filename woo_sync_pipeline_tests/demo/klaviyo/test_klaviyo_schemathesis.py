"""Requests made up from the published description: valid, invalid, and one after the other."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline.demo.klaviyo import DemoKlaviyo, generate_klaviyo
from woo_sync_pipeline_tests.descriptions import KLAVIYO
from woo_sync_pipeline_tests.openapi import OpenApiRecorder

NOT_CHECKED = "positive_data_acceptance,response_schema_conformance"
"""A request that fits the description may still be refused: its filter may be none. And of answers that are narrowed to
some fields the recorder knows what the description requires of the others.
"""


def test_the_account_answers_as_described_whatever_it_is_asked(shared: Path, tmp_path: Path) -> None:
    account = generate_klaviyo(seed=1, profiles=40, now=datetime.now(UTC))
    statuses: Counter[int] = Counter()
    recorder = OpenApiRecorder(description=KLAVIYO)
    with DemoKlaviyo(account) as server:
        server.limits.enforced = False

        def check(exchange: Exchange) -> None:
            recorder.check(exchange)
            statuses[exchange.status] += 1

        server.on_exchange = check
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", str(shared / "klaviyo" / "openapi.json"), "--url", server.url),
                *("-H", f"Authorization: Klaviyo-API-Key {account.keys[0].secret}"),
                *("-H", "revision: 2026-07-15"),
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
    assert "9/9" in run.stdout
    assert set(statuses) == {200, 400, 401, 404, 405}
    assert statuses[200] > 40
    assert recorder.answer_violations == []
    assert len(recorder.operations) == 9
