"""What a run shows of the requests that it took to read the store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from woo_sync_pipeline.automation.decisions import DayRange
from woo_sync_pipeline.demo.store import generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.resources import StateResource
from woo_sync_pipeline.runner import SyncRunner
from woo_sync_pipeline.sync.window import today

KEY = "woocommerce"
LATENCY = 0.02


def metadata(instance: dg.DagsterInstance, name: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(dg.AssetKey([KEY, name]))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def test_orders_customers_and_tags_show_their_requests_and_the_times_of_the_answers(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    data = generate_store(seed=2, customers=120, orders=30, now=before_today(), timezone=TIMEZONE)
    with (
        DemoWorld(tmp_path, {KEY: data}, options={"database_url": database_url}) as world,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        store, settings = world.stores[KEY], world.settings()
        store.faults.latency = LATENCY
        state = StateResource(settings)
        runner = SyncRunner(settings, state=state, instance=instance)
        days = DayRange(yesterday(), today(TIMEZONE, datetime.now(UTC)))
        outcome = runner.run(settings.source(KEY), days)
        state.close()
        assert outcome.error is None
        shown = {name: metadata(instance, name) for name in ("orders", "customers", "tags")}
        made = [request.path.rpartition("/wc/v3/")[2] for request in store.requests]
    assert shown["orders"]["requests"] == made.count("orders") + made.count("orders/statuses")
    assert shown["customers"]["requests"] == made.count("customers") >= 2
    assert shown["tags"]["requests"] == made.count("products") == 1
    for each in shown.values():
        assert each["answers"] == each["requests"]
        assert LATENCY <= each["answer_seconds_median"] <= each["answer_seconds_p95"]
        assert each["answer_seconds_p95"] <= each["answer_seconds_longest"] < 60
