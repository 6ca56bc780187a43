"""Hundreds of sources of both kinds in one configuration."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import dagster as dg
import yaml

from woo_sync_pipeline.config.settings import load_settings
from woo_sync_pipeline.definitions import build_definitions
from woo_sync_pipeline_tests.orchestration.test_definitions import CONFIG

FEW, MANY = 20, 200
MOST_SECONDS = 20
"""Of CPU: four times as long as on a machine that has nothing else to do."""
ACCOUNT = {"type": "klaviyo", "api_key": "pk_1", "start_date": "2026-11-01", "default_region": "AU"}


def write_config(folder: Path, sources: int) -> Path:
    file = folder / f"{sources}.yaml"
    template = CONFIG["sources"][0]  # type: ignore[index]
    kinds = itertools.cycle((template, ACCOUNT))
    entries = [
        {**kind, "name": f"Shop {number}", "key": f"shop_{number}"}
        for kind, number in zip(kinds, range(sources), strict=False)
    ]
    file.write_text(yaml.safe_dump({**CONFIG, "sources": entries}))
    return file


def load(file: Path) -> tuple[dg.RepositoryDefinition, float]:
    """The repository of a configuration, and the seconds of CPU that it took."""
    begun = time.process_time()
    repository = build_definitions(load_settings(file)).get_repository_def()
    return repository, time.process_time() - begun


def test_many_sources_load_as_fast_each_as_a_few(tmp_path: Path) -> None:
    load(write_config(tmp_path, 1))  # What is imported or compiled on first use does not count.
    _, few = load(write_config(tmp_path, FEW))
    repository, many = load(write_config(tmp_path, MANY))
    assert len(repository.sensor_defs) == MANY
    assert len(repository.asset_graph.get_all_asset_keys()) == (8 + 6) * MANY // 2
    assert many / MANY < 3 * few / FEW
    assert many < MOST_SECONDS
