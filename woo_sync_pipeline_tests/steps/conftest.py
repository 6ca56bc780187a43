"""Whole syncs, where a test is about all that one sends, and a client for those that push from a state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from woo_sync_pipeline.demo.platform import DemoPlatform
from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline_tests.orchestration.conftest import (
    _own_environment,
    _without_pictures,
    make_world,
    world,
)
from woo_sync_pipeline_tests.steps.pushes import connect

__all__ = ["_own_environment", "_without_pictures", "make_world", "world"]


@pytest.fixture
def client(platform: DemoPlatform) -> Iterator[PlatformClient]:
    """A client of the demo account."""
    with connect(platform) as opened:
        yield opened
