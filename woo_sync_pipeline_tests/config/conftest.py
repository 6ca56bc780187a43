"""A file for a configuration, and the variables that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from woo_sync_pipeline_tests.config.written import SECRETS


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def file(environment: None, tmp_path: Path) -> Path:
    return tmp_path / "woo_sync.yaml"
