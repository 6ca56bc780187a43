"""What a run shows of the requests that it took to read the store, and of what the store withholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from woo_sync_pipeline.days import today
from woo_sync_pipeline.demo.store import DemoStore, generate_store
from woo_sync_pipeline.demo.world import TIMEZONE, DemoWorld, before_today, yesterday
from woo_sync_pipeline.orchestration.decisions import DayRange
from woo_sync_pipeline.orchestration.runner import SyncRunner
from woo_sync_pipeline.steps.resources import StateResource
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER

KEY = "woocommerce"
LATENCY = 0.02
# Keys that begin with an underscore are never shown on customers, whoever asks.
ORDERS_ONLY = {"consent": {"meta_keys": ["_wc_other/woo/sms-opt-in"]}, "groups": {"meta_keys": []}}


def metadata(instance: dg.DagsterInstance, name: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(dg.AssetKey([KEY, name]))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


@dataclass(frozen=True)
class Run:
    """What a first sync left behind: metadata by asset, the paths that the store was asked for, the report."""

    shown: dict[str, dict[str, Any]]
    asked: list[str]
    report: str


def first_sync(
    folder: Path, database_url: str, prepare: Callable[[DemoStore], None], **source_options: Any
) -> Run:
    data = generate_store(seed=2, customers=120, orders=30, now=before_today(), timezone=TIMEZONE)
    data.keys.append(SHOP_MANAGER)
    options = {"database_url": database_url}
    with (
        DemoWorld(folder, {KEY: data}, options=options, source_options=source_options) as world,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        store, settings = world.stores[KEY], world.settings()
        prepare(store)
        state = StateResource(settings)
        runner = SyncRunner(settings, state=state, instance=instance)
        days = DayRange(yesterday(), today(TIMEZONE, datetime.now(UTC)))
        outcome = runner.run(settings.source(KEY), days)
        state.close()
        assert outcome.error is None
        shown = {name: metadata(instance, name) for name in ("orders", "customers", "tags", "sync_report")}
        asked = [request.path.rpartition("/wc/v3/")[2] for request in store.requests]
    return Run(shown, asked, shown["sync_report"]["report"])


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def test_orders_customers_and_tags_show_their_requests_and_the_times_of_the_answers(
    tmp_path: Path, database_url: str
) -> None:
    def slow_down(store: DemoStore) -> None:
        store.faults.latency = LATENCY

    run = first_sync(tmp_path, database_url, slow_down)
    assert run.shown["orders"]["requests"] == run.asked.count("orders") + run.asked.count("orders/statuses")
    assert run.shown["customers"]["requests"] == run.asked.count("customers") >= 2
    assert run.shown["tags"]["requests"] == run.asked.count("products") == 1
    for name in ("orders", "customers", "tags"):
        each = run.shown[name]
        assert each["answers"] == each["requests"]
        assert LATENCY <= each["answer_seconds_median"] <= each["answer_seconds_p95"]
        assert each["answer_seconds_p95"] <= each["answer_seconds_longest"] < 60
    assert "Warning" not in run.report


def test_answers_behind_text_are_counted(tmp_path: Path, database_url: str) -> None:
    def make_noisy(store: DemoStore) -> None:
        store.faults.rates = {"notice": 1.0}

    run = first_sync(tmp_path, database_url, make_noisy)
    for name in ("orders", "customers", "tags"):
        assert run.shown[name]["answers_behind_text"] == run.shown[name]["answers"]
    assert (
        run.report.count(
            "**Warning:** the store's JSON is not as it should be, and was read all the same: Warning: "
        )
        == 1
    )


@pytest.mark.parametrize(("needed", "warnings"), [({}, 1), (ORDERS_ONLY, 0)])
def test_that_the_key_hides_customers_meta_is_in_the_report_where_it_is_needed(
    tmp_path: Path, database_url: str, needed: dict[str, Any], warnings: int
) -> None:
    key = {"consumer_key": SHOP_MANAGER.consumer_key, "consumer_secret": SHOP_MANAGER.consumer_secret}
    run = first_sync(tmp_path, database_url, lambda store: None, **key, **needed)
    assert run.report.count("**Warning:** the store withholds the meta of customers") == warnings
