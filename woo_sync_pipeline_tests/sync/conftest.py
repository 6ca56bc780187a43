"""Whole syncs, where a test is about all that one sends."""

from __future__ import annotations

from woo_sync_pipeline_tests.dagster.conftest import _own_environment, make_world, world

__all__ = ["_own_environment", "make_world", "world"]
