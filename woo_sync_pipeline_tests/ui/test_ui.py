"""What people do and see in the Dagster UI, in a real browser."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import chain, pairwise

import dagster as dg
import pytest
from playwright.sync_api import Locator, expect

from woo_sync_pipeline.demo.scenario import play_second_day, shop_once
from woo_sync_pipeline.demo.store import StoreData
from woo_sync_pipeline.demo.world import TIMEZONE
from woo_sync_pipeline.orchestration.decisions import DayRange, days_to_sync
from woo_sync_pipeline.state.syncs import completed_sweeps, find_sync
from woo_sync_pipeline_tests.ui.pages import DagsterPage
from woo_sync_pipeline_tests.ui.served import (
    COLUMNS,
    DAYS_MISSED,
    KLAVIYO,
    KLAVIYO_COLUMNS,
    OUTLET,
    SHOP,
    ServedUi,
)

pytestmark = [pytest.mark.ui, pytest.mark.timeout(600)]

RUN_MILLISECONDS = 120_000
BACKFILL_MILLISECONDS = 240_000
"""The daemon looks after backfills every half minute: it starts one, and notices its end, so much later."""

ASSETS = tuple(chain.from_iterable(COLUMNS))
KLAVIYO_ASSETS = tuple(chain.from_iterable(KLAVIYO_COLUMNS))
LIMITS_CHECK = "changes_are_within_limits"
SHARE_CHECK = "invalid_share_is_below_the_limit"


def test_the_report_of_a_sync_shows_its_numbers_and_its_chart(ui: ServedUi, dagster: DagsterPage) -> None:
    page = dagster.page
    play_second_day(ui.store(SHOP))
    counts = ui.sync(SHOP).counts
    assert (counts["new"], counts["updated"]) == (2, 4)

    dagster.open_asset(SHOP, "sync_report", view="events")
    report = dagster.row("report")
    for label, number in {
        "new": 2,
        "updated": 4,
        "unchanged": counts["unchanged"],
        "failed": 0,
        "invalid store records": counts["invalid"],
        **counts["invalid_reasons"],
    }.items():
        expect(dagster.row(label, within=report).get_by_role("cell").nth(1)).to_have_text(f"{number:,}")
    shown = page.locator("body").inner_text()
    assert [phone for phone in ui.world.platform.directory.snapshot() if phone[-9:] in shown] == []
    page.set_viewport_size({"width": 1500, "height": 1500})
    heading = page.get_by_text("Metadata", exact=True)
    dagster.take_picture("sync-report.png", heading, report, dagster.row("failed"))

    dagster.row("chart").get_by_text("[Show Markdown]").click()
    chart = page.get_by_role("dialog").get_by_role("img", name="the last syncs, and why records are invalid")
    expect(chart).to_be_visible()
    chart.evaluate("image => image.decode()")
    assert chart.evaluate("image => image.naturalWidth") > 0
    dagster.take_picture("sync-chart.png", chart)


def test_a_day_that_is_materialised_in_the_ui_ends_green(ui: ServedUi, dagster: DagsterPage) -> None:
    phone = shop_once(ui.store(SHOP), random.Random(1))
    dagster.open_group(SHOP)
    dialog = dagster.open_launch_dialog()
    choose_days(dialog, ui.today.isoformat())
    expect(dialog).to_contain_text("1 partition")
    run_id = dagster.launch(dialog, "Launch 1 run")

    expect(dagster.page.get_by_text("Success", exact=True)).to_be_visible(timeout=RUN_MILLISECONDS)
    expect(dagster.page.get_by_text(f"partition: {ui.today}")).to_be_visible()
    expect(dagster.page.get_by_text(f"Succeeded ({len(ASSETS)})")).to_be_visible()
    expect(dagster.page.get_by_text("Errored (0)")).to_be_visible()
    sync = find_sync(ui.database, run_id=run_id)
    assert sync is not None
    assert (sync.source, sync.kind, sync.status) == (SHOP, "manual", "succeeded")
    assert phone in ui.world.platform.directory.snapshot()


def test_a_backfill_of_three_missing_days_is_one_run(ui: ServedUi, dagster: DagsterPage) -> None:
    page = dagster.page
    first, last = ui.days_ago(DAYS_MISSED), ui.days_ago(1)
    assert missing_days(ui) == DayRange(first, last)

    dagster.open_group(SHOP)
    dialog = dagster.open_launch_dialog()
    choose_days(dialog, f"[{first}...{last}]")
    dialog.get_by_text("Backfill only failed and missing partitions within selection").click()
    expect(dialog).to_contain_text(f"Only {DAYS_MISSED} failed and missing partitions")
    backfill_id = dagster.launch(dialog, "Launch backfill")

    expect(page.get_by_text("100% completed")).to_have_count(len(ASSETS), timeout=BACKFILL_MILLISECONDS)
    status = page.get_by_text("Succeeded", exact=True).and_(page.locator(":not(a, a *)"))
    expect(status).to_be_visible(timeout=BACKFILL_MILLISECONDS)
    page.set_viewport_size({"width": 1600, "height": 742})
    dagster.take_picture("backfill.png")
    [run] = ui.instance.get_runs(dg.RunsFilter.for_backfill(backfill_id))
    assert run.status is dg.DagsterRunStatus.SUCCESS
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator(f"a[href='/runs/{run.run_id}']").first).to_be_visible()
    runs = page.locator("a[href^='/runs/']", has_text=re.compile("^[0-9a-f]{8}$"))
    expect(runs).to_have_count(1)

    sync = find_sync(ui.database, run_id=run.run_id)
    assert sync is not None
    assert (sync.kind, sync.status, sync.first_day, sync.last_day) == ("backfill", "succeeded", first, last)
    days = {ui.days_ago(days).isoformat() for days in range(1, DAYS_MISSED + 1)}
    for asset in ASSETS:
        assert days <= ui.instance.get_materialized_partitions(dg.AssetKey([SHOP, asset]))
    assert missing_days(ui) is None


def test_a_check_that_failed_shows_its_counts(ui: ServedUi, dagster: DagsterPage) -> None:
    page = dagster.page
    dagster.open_asset(OUTLET, "contacts", view="checks", more=f"&checkDetail={SHARE_CHECK}")
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(page.get_by_text("Failed", exact=True)).to_have_count(0)

    people = spoil_phones(ui.store(OUTLET))
    ui.sync(OUTLET)
    page.reload()
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(page.get_by_text("Passed", exact=True)).to_have_count(0)
    told = f"{people} of {people} records have no phone that can receive messages (100%; the limit is 50%)"
    expect(page.get_by_text(told).first).to_be_visible()
    for name, number in {"records": people, "invalid": people, "share": 1}.items():
        expect(dagster.row(name).get_by_role("cell").nth(1)).to_have_text(str(number))


def test_a_sync_that_its_limits_stop_shows_what_would_have_changed(
    ui: ServedUi, dagster: DagsterPage
) -> None:
    page = dagster.page
    with hidden_customers(ui.store(SHOP), but=20) as hidden:
        message = ui.stopped_sync(SHOP)
    dagster.open_asset(SHOP, "merged_contacts", view="checks", more=f"&checkDetail={LIMITS_CHECK}")
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    assert f"{hidden} customers are gone from the store" in message
    expect(page.get_by_text(f"{hidden} customers are gone from the store").first).to_be_visible()
    expect(dagster.row("customers_gone").get_by_role("cell").nth(1)).to_have_text(str(hidden))
    expect(dagster.row("customers_gone_limit").get_by_role("cell").nth(1)).to_have_text("50")
    page.set_viewport_size({"width": 1800, "height": 1000})
    dagster.take_picture("limits.png")
    assert ui.sync(SHOP).status == "succeeded"


def test_changes_are_let_through_by_the_configuration_of_a_run(ui: ServedUi, dagster: DagsterPage) -> None:
    page = dagster.page
    dagster.open_launchpad(f"{SHOP}_daily_sync")
    config = f"ops:\n  {SHOP}__merged_contacts:\n    config:\n      accept_changes: true\n"
    dagster.write_config(config)
    expect(page.get_by_text("Errors Only")).to_be_visible()
    expect(page.get_by_text("No errors", exact=False).first).to_be_visible()
    page.set_viewport_size({"width": 1500, "height": 700})
    dagster.take_picture("accept-changes.png")


def test_the_graph_shows_a_group_for_each_source_that_reads_from_left_to_right(
    ui: ServedUi, dagster: DagsterPage
) -> None:
    dagster.open("/asset-groups")
    expect(dagster.nodes).to_have_count(3)
    for source, assets in ((SHOP, ASSETS), (OUTLET, ASSETS), (KLAVIYO, KLAVIYO_ASSETS)):
        expect(dagster.node(source)).to_contain_text(str(len(assets)))

    dagster.open_group(SHOP)
    expect(dagster.nodes).to_have_count(len(ASSETS))
    for asset in ASSETS:
        expect(dagster.node(asset)).to_contain_text("filled")
    expect(dagster.node("contacts")).to_contain_text("4 / 4 Passed")
    assert_from_left_to_right(dagster, COLUMNS)
    dagster.take_picture("asset-graph.png", dagster.nodes)


def test_the_graph_of_a_klaviyo_account_reads_like_that_of_a_store_and_stands_beside_it(
    ui: ServedUi, dagster: DagsterPage
) -> None:
    dagster.open_group(KLAVIYO)
    expect(dagster.nodes).to_have_count(len(KLAVIYO_ASSETS))
    for asset in KLAVIYO_ASSETS:
        expect(dagster.node(asset)).to_contain_text("filled")
    assert_from_left_to_right(dagster, KLAVIYO_COLUMNS)

    # In a smaller window the boxes have nothing but names in them.
    dagster.page.set_viewport_size({"width": 2400, "height": 1500})
    dagster.open_groups_expanded(SHOP, KLAVIYO)
    expect(dagster.node("contacts")).to_have_count(2)
    expect(dagster.node(OUTLET)).to_have_count(0)
    for asset in {*ASSETS, *KLAVIYO_ASSETS}:
        for each in dagster.node(asset).all():
            expect(each).to_contain_text("filled")
    dagster.take_picture("graph-klaviyo.png", dagster.nodes)


def assert_from_left_to_right(dagster: DagsterPage, names: Sequence[Sequence[str]]) -> None:
    columns = [[sides(dagster.node(asset)) for asset in column] for column in names]
    for column, following in pairwise(columns):
        assert max(right for _, right in column) < min(left for left, _ in following)


def choose_days(dialog: Locator, days: str) -> None:
    dialog.get_by_role("textbox").fill(days)
    dialog.get_by_role("textbox").press("Enter")


def missing_days(ui: ServedUi) -> DayRange | None:
    """What the daily schedule would ask for."""
    first: date = ui.days_ago(DAYS_MISSED)
    sweeps = completed_sweeps(ui.database, SHOP)
    return days_to_sync(start_date=first, today=ui.today, sweeps=sweeps, timezone=TIMEZONE)


@contextmanager
def hidden_customers(store: StoreData, *, but: int) -> Iterator[int]:
    """A plugin hides all but some customers from the API; how many."""
    with store.lock:
        hidden = [store.unindex_customer(each) for each in sorted(store.customers)[but:]]
        store.customers_version += 1
    try:
        yield len(hidden)
    finally:
        with store.lock:
            for customer in hidden:
                store.index_customer(customer)
            store.customers_version += 1


def spoil_phones(store: StoreData) -> int:
    """Let an import put text into the phone of every customer; returns how many there are."""
    for customer_id in store.customers:
        store.set_user_meta(customer_id, "billing_phone", "ask at the till")
        store.set_user_meta(customer_id, "shipping_phone", "")
    return len(store.customers)


def sides(node: Locator) -> tuple[float, float]:
    """Where a box begins and ends, from the left."""
    box = node.bounding_box()
    assert box is not None
    return box["x"], box["x"] + box["width"]
